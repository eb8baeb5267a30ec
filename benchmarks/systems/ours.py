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
    "binary-weighted": {"@losses": "spacy-longtail.WeightedBinaryCrossEntropy.v1"},
    "asymmetric": {"@losses": "spacy-longtail.Asymmetric.v1"},
    "distribution-balanced": {"@losses": "spacy-longtail.DistributionBalanced.v1"},
}
OUTPUTS = {
    "flat": "spacy-longtail.PrototypeSoftmax.v1",
    "siblings": "spacy-longtail.SiblingSoftmax.v1",
}
RATE = "training.optimizer.learn_rate"


class Longtail(System):
    """Everything but the first option is for experiments: what isn't given is left as
    `init-config` chooses it.

    optimize (str): "efficiency", "cascade" or "accuracy", as for `init-config`.
    tune (bool): Whether to tune at the end.
    prior (Optional[str]): A prior for `tune`, instead of looking for one.
    descriptions (bool): Whether to use descriptions.jsonl, if there is one.
    fallback (bool): Whether to keep the second stage.
    loss, output (Optional[str]): A name of LOSSES, of OUTPUTS.
    prototypes (Optional[bool]): Whether to start at prototypes.
    other (Optional[str]): "mixture" or "single": what an Other is made of.
    min_count (Optional[int]): Labels with fewer documents are pooled.
    passes (Optional[float]): Passes over the training data.
    steps (Optional[int]): Batches to train on, instead.
    frozen (bool): Whether a transformer stays as it is.
    """

    def __init__(
        self,
        optimize: str = "efficiency",
        tune: bool = True,
        prior: Optional[str] = None,
        descriptions: bool = True,
        fallback: bool = True,
        loss: Optional[str] = None,
        output: Optional[str] = None,
        prototypes: Optional[bool] = None,
        other: Optional[str] = None,
        min_count: Optional[int] = None,
        passes: Optional[float] = None,
        steps: Optional[int] = None,
        frozen: bool = False,
        gpu_id: int = -1,
    ) -> None:
        wishes = {key: value for key, value in locals().items() if key[0] != "_"}
        del wishes["self"]
        super().__init__(**{key: x for key, x in wishes.items() if x is not None})
        self.wishes = wishes

    def prepare(self, task: Task) -> None:
        raw = task.work / "raw"
        raw.mkdir()
        for split in SPLITS:
            path = task.folder / f"{split}.jsonl"
            if path.exists():
                shutil.copy(path, raw / path.name)
        several = ["--labels", "labels"] if task.several else []
        corpus = task.work / "corpus"
        with Clock() as clock:
            run_spacy("longtail", "convert", raw, corpus, "--lang", task.lang, *several)
        self.costs["convert_cpu_s"] = clock.cpu

    def fit(self, task: Task) -> None:
        corpus, config = task.work / "corpus", task.work / "config.cfg"
        train, dev = corpus / "train.spacy", corpus / "dev.spacy"
        gpu = ["--gpu-id", self.wishes["gpu_id"]]
        optimize = ["--optimize", self.wishes["optimize"], "--lang", task.lang]
        self.time("init-config", "longtail", "init-config", train, config, *optimize)
        words: List[Any] = ["--paths.train", train, "--paths.dev", dev, *gpu]
        described = task.folder / "descriptions.jsonl"
        if self.wishes["descriptions"] and described.exists():
            words += ["--paths.descriptions", described]
        for key, value in self.make_overrides(task).items():
            words += [
                f"--{key}",
                value if isinstance(value, str) else json.dumps(value),
            ]
        edit_config(config, self.make_blocks(task))
        self.time("train", "train", config, "--output", task.work / "out", *words)
        self.trained = task.work / "out" / "model-best"
        if self.wishes["tune"]:
            tuned = task.work / "tuned"
            prior = self.wishes["prior"]
            more = [] if prior is None else ["--prior", prior]
            command = ["longtail", "tune", self.trained, dev, "--output", tuned]
            self.time("tune", *command, *more, *gpu)
            self.trained = tuned

    def time(self, name: str, *words: Any) -> None:
        with Clock() as clock:
            run_spacy(*words)
        self.costs[f"{name}_cpu_s"] = clock.cpu

    def make_overrides(self, task: Task) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Values of the config, for the command line."""
        pipe = f"components.{PIPES[task.several]}"
        found: Dict[str, Any] = {"system.seed": task.seed}
        wishes = self.wishes
        if wishes["min_count"] is not None:
            found[f"{pipe}.min_count"] = wishes["min_count"]
        if wishes["other"] is not None:
            found[f"{pipe}.model.output.other"] = wishes["other"]
        if wishes["prototypes"] is not None:
            found[f"{pipe}.model.output.use_prototypes"] = wishes["prototypes"]
        if wishes["output"] is not None:
            found[f"{pipe}.model.output.@layers"] = OUTPUTS[wishes["output"]]
        if wishes["frozen"]:
            found[f"{pipe}.model.encoder.trainable_layers"] = 0
            found[f"{pipe}.model.output.learn_rate"] = 200.0
        if wishes["optimize"] == "accuracy":
            from .minilm import find_minilm

            found["paths.encoder"] = find_minilm()
        return {**found, **self.make_schedule(len(task.train.texts))}

    def make_schedule(self, n_docs: int) -> Dict[str, Any]:
        steps, passes = self.wishes["steps"], self.wishes["passes"]
        if passes is not None:
            size = 32 if self.wishes["optimize"] == "accuracy" else 128
            steps = round(passes * n_docs / size)
        if steps is None:
            return {}
        found: Dict[str, Any] = {"training.max_steps": steps}
        found[f"{RATE}.total_steps"] = steps
        if self.wishes["optimize"] == "accuracy":
            found[f"{RATE}.warmup_steps"] = steps // 10
        found["training.eval_frequency"] = -(-steps // 2)
        return found

    def make_blocks(self, task: Task) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Blocks of the config to replace as a whole."""
        if self.wishes["loss"] is None:
            return {} if self.wishes["fallback"] else {"fallback": False}
        pipe = PIPES[task.several]
        block = {pipe: LOSSES[self.wishes["loss"]]}
        return {"loss": block, "fallback": self.wishes["fallback"]}

    def save(self, folder: Path) -> None:
        shutil.copytree(self.trained, folder, dirs_exist_ok=True)

    def load(self, folder: Path) -> None:
        import spacy

        self.nlp: Any = spacy.load(folder)

    def predict(self, texts: List[str]) -> List[List[str]]:
        docs = self.nlp.pipe(texts) if len(texts) > 1 else map(self.nlp, texts)
        return [list(doc._.longtail.labels) for doc in docs]


def edit_config(path: Path, blocks: Dict[str, Any]) -> None:
    """Replace the block of a loss, and take the second stage out."""
    if not blocks:
        return
    from spacy.util import load_config

    config = load_config(path, interpolate=False)
    for pipe, loss in blocks.get("loss", {}).items():
        config["components"][pipe]["loss"] = loss
    name = "zero_shot_fallback"
    if not blocks["fallback"] and name in config["components"]:
        config["components"].pop(name)
        config["nlp"]["pipeline"].remove(name)
        config["initialize"]["components"].pop(name, None)
    config.to_disk(path)
