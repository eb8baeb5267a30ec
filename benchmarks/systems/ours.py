"""spacy-longtail, the README's way: convert, init-config, train and tune."""

import json
import shutil
from pathlib import Path
from typing import Any, Dict, List, Optional

from harness.corpus import SPLITS, Task
from harness.measure import Clock

from .base import System
from .commands import run_spacy

PIPES = {False: "longtail_textcat", True: "longtail_textcat_multilabel"}
LOSSES: Dict[str, Dict[str, Any]] = {
    "plain": {"@losses": "spacy-longtail.LogitAdjusted.v1", "tau": 0.0},
    "weighted": {"@losses": "spacy-longtail.WeightedCrossEntropy.v1"},
    "class-balanced": {"@losses": "spacy-longtail.ClassBalanced.v1"},
    "focal": {"@losses": "spacy-longtail.Focal.v1"},
    "ldam": {"@losses": "spacy-longtail.LDAM.v1"},
    "logit-adjusted": {"@losses": "spacy-longtail.LogitAdjusted.v1", "tau": 1.0},
    "generalized": {"@losses": "spacy-longtail.GeneralizedCrossEntropy.v1"},
    "binary-weighted": {"@losses": "spacy-longtail.WeightedBinaryCrossEntropy.v1"},
    "asymmetric": {"@losses": "spacy-longtail.Asymmetric.v1"},
    "distribution-balanced": {"@losses": "spacy-longtail.DistributionBalanced.v1"},
}
RATE = "training.optimizer.learn_rate"
FALLBACK = "zero_shot_fallback"
# Documents in a batch of the configs.
BATCH_SIZE = {"accuracy": 32}


class Longtail(System):
    """What isn't given is left as `init-config` chooses it.

    optimize (str): "efficiency", "cascade" or "accuracy", as for `init-config`.
    tune (bool): Whether to tune at the end.
    prior (Any): A prior for `tune`, instead of looking for one.
    descriptions (bool): Whether to use descriptions.jsonl, if there is one.
    fallback (bool): Whether to keep the second stage.
    loss (Optional[str]): One of LOSSES.
    passes (Optional[float]): Passes over the training texts.
    steps (Optional[int]): Batches to train on, instead.
    frozen (bool): Whether a transformer stays as it is.
    gpu_id (int): -1 for the CPU.
    more (Any): Settings of the component, for example min_count or model.output.other.
    """

    def __init__(
        self,
        optimize: str = "efficiency",
        tune: bool = True,
        prior: Any = None,
        descriptions: bool = True,
        fallback: bool = True,
        loss: Optional[str] = None,
        passes: Optional[float] = None,
        steps: Optional[int] = None,
        frozen: bool = False,
        gpu_id: int = -1,
        **more: Any,
    ) -> None:
        super().__init__(optimize=optimize)
        self.optimize, self.tune, self.prior = optimize, tune, prior
        self.descriptions, self.fallback, self.loss = descriptions, fallback, loss
        self.passes, self.steps = passes, steps
        self.frozen, self.gpu = frozen, ["--gpu-id", gpu_id]
        self.more = more

    def prepare(self, task: Task) -> None:
        self.pipe = PIPES[task.several]
        raw = task.work / "raw"
        raw.mkdir()
        for split in SPLITS:
            path = task.folder / f"{split}.jsonl"
            if path.exists():
                shutil.copy(path, raw / path.name)
        several = ["--labels", "labels"] if task.several else []
        corpus = task.work / "corpus"
        self.time("convert", raw, corpus, "--lang", task.lang, *several)

    def fit(self, task: Task) -> None:
        corpus, config = task.work / "corpus", task.work / "config.cfg"
        train, dev = corpus / "train.spacy", corpus / "dev.spacy"
        optimize = ["--optimize", self.optimize, "--lang", task.lang]
        self.time("init-config", train, config, *optimize)
        self.edit_config(config)
        words: List[Any] = ["--paths.train", train, "--paths.dev", dev, *self.gpu]
        described = task.folder / "descriptions.jsonl"
        if self.descriptions and described.exists():
            words += ["--paths.descriptions", described]
        for key, value in self.make_overrides(task).items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{key}", text]
        self.time("train", config, "--output", task.work / "out", *words)
        self.trained = task.work / "out" / "model-best"
        if self.tune:
            tuned = task.work / "tuned"
            prior = [] if self.prior is None else ["--prior", self.prior]
            more = ["--output", tuned, *prior, *self.gpu]
            self.time("tune", self.trained, dev, *more)
            self.trained = tuned

    def time(self, command: str, *words: Any) -> None:
        with Clock() as clock:
            first = [] if command == "train" else ["longtail"]
            run_spacy(*first, command, *words)
        self.costs[f"{command}_cpu_s"] = clock.cpu

    def make_overrides(self, task: Task) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Values of the config, for the command line."""
        pipe = f"components.{self.pipe}"
        found: Dict[str, Any] = {"system.seed": task.seed}
        found.update({f"{pipe}.{key}": value for key, value in self.more.items()})
        if self.frozen:
            found[f"{pipe}.model.encoder.trainable_layers"] = 0
            found[f"{pipe}.model.output.learn_rate"] = 200.0
        if self.optimize == "accuracy":
            from .minilm import find_minilm

            found["paths.encoder"] = find_minilm()
        return {**found, **self.make_schedule(len(task.train.texts))}

    def make_schedule(self, n_docs: int) -> Dict[str, Any]:
        steps = self.steps
        if self.passes is not None:
            steps = round(self.passes * n_docs / BATCH_SIZE.get(self.optimize, 128))
        if steps is None:
            return {}
        found = {"training.max_steps": steps, f"{RATE}.total_steps": steps}
        if self.optimize == "accuracy":
            found[f"{RATE}.warmup_steps"] = steps // 10
        return {**found, "training.eval_frequency": -(-steps // 2)}

    def edit_config(self, path: Path) -> None:
        """Replace the block of the loss, take the second stage out."""
        from spacy.util import load_config

        config = load_config(path, interpolate=False)
        if self.loss is not None:
            config["components"][self.pipe]["loss"] = LOSSES[self.loss]
        if not self.fallback and FALLBACK in config["components"]:
            config["components"].pop(FALLBACK)
            config["nlp"]["pipeline"].remove(FALLBACK)
            config["initialize"]["components"].pop(FALLBACK, None)
        config.to_disk(path)

    def save(self, folder: Path) -> None:
        shutil.copytree(self.trained, folder, dirs_exist_ok=True)

    def load(self, folder: Path) -> None:
        import spacy

        self.nlp: Any = spacy.load(folder)
        pipe = self.nlp.get_pipe(self.pipe)
        self.settings.update(prior=pipe.prior, temperature=pipe.temperature)

    def predict(self, texts: List[str]) -> List[List[str]]:
        docs = self.nlp.pipe(texts) if len(texts) > 1 else map(self.nlp, texts)
        return [list(doc._.longtail.labels) for doc in docs]
