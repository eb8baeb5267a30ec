"""spaCy's own text categorizer: `spacy train` with the config of the quickstart."""

from pathlib import Path
from typing import Any, Dict, List

from harness.corpus import Split, Task
from harness.measure import Clock

from .base import System, cut
from .commands import run_spacy
from .linear import CHANCES


class TextCat(System):
    """model (str): "quickstart" (a bag of words), "ensemble" (the component's default,
    with the same training) or "minilm" (the quickstart for a GPU, with MiniLM).
    more (Any): Settings of [training], for example max_steps.
    """

    def __init__(self, model: str, **more: Any) -> None:
        super().__init__(model=model, **more)
        self.kind, self.more = model, more

    def prepare(self, task: Task) -> None:
        import spacy

        names = task.names
        for split in ("train", "dev"):
            write_corpus(task, split, names)
        self.pipe = "textcat_multilabel" if task.several else "textcat"
        self.make_config(task.lang, task.seed).to_disk(task.work / "config.cfg")
        self.nlp: Any = spacy.blank(task.lang)

    def make_config(self, lang: str, seed: int) -> Any:
        from spacy.cli.init_config import init_config

        on_gpu = self.kind == "minilm"
        config = init_config(
            lang=lang,
            pipeline=[self.pipe],
            optimize="efficiency",
            gpu=on_gpu,
            silent=True,
        )
        config["training"]["seed"] = config["system"]["seed"] = seed
        config["training"].update(self.more)
        if self.kind == "ensemble":
            # Its default model comes with the factory.
            config["components"] = {self.pipe: {"factory": self.pipe}}
            config["nlp"]["pipeline"] = [self.pipe]
        if on_gpu:
            from .minilm import find_minilm

            config["components"]["transformer"]["model"]["name"] = find_minilm()
            config["training"]["gpu_allocator"] = None
            config["system"]["gpu_allocator"] = None
        return config

    def fit(self, task: Task) -> None:
        import spacy

        paths = {f"--paths.{x}": task.work / f"{x}.spacy" for x in ("train", "dev")}
        pairs = [text for pair in paths.items() for text in pair]
        config, out = task.work / "config.cfg", task.work / "out"
        with Clock() as clock:
            run_spacy("train", config, "--output", out, *pairs)
        self.costs = {"spacy_train_cpu_s": clock.cpu}
        self.nlp = spacy.load(out / "model-best")
        self.threshold = None
        if task.several:
            names = list(self.nlp.get_pipe(self.pipe).labels)
            scores = self.rate(task.dev.texts)
            self.threshold = self.choose_threshold(scores, names, task, CHANCES)

    def rate(self, texts: List[str]) -> Any:
        import numpy

        docs = self.nlp.pipe(texts)
        return numpy.asarray([list(doc.cats.values()) for doc in docs])

    def save(self, folder: Path) -> None:
        self.nlp.to_disk(folder)

    def load(self, folder: Path) -> None:
        import spacy

        self.nlp = spacy.load(folder)

    def predict(self, texts: List[str]) -> List[List[str]]:
        names = list(self.nlp.get_pipe(self.pipe).labels)
        if self.threshold is not None:
            return cut(self.rate(texts), names, self.threshold)
        return [
            [max(doc.cats, key=doc.cats.__getitem__)] for doc in self.nlp.pipe(texts)
        ]


def write_corpus(task: Task, split: str, names: List[str]) -> None:
    """Write a .spacy file in which each document has a value for each label."""
    import spacy
    from spacy.tokens import DocBin

    nlp, docs = spacy.blank(task.lang), DocBin()
    found: Split = getattr(task, split)
    nothing: Dict[str, float] = dict.fromkeys(names, 0.0)
    for text, labels in zip(found.texts, found.labels):
        doc = nlp.make_doc(text)
        own = {label: 1.0 for label in labels if label in nothing}
        doc.cats = {**nothing, **own}
        # A document whose label is nowhere else can't be learned from or scored.
        if own or task.several:
            docs.add(doc)
    docs.to_disk(task.work / f"{split}.spacy")
