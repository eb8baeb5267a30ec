"""model2vec: a static table, distilled from a sentence encoder, under a perceptron."""

import logging
from pathlib import Path
from typing import Any, List

from harness.corpus import Task

from .base import System, cut
from .linear import CHANCES
from .minilm import find_minilm


class Model2Vec(System):
    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.more = more

    def prepare(self, task: Task) -> None:
        """Distil the table, which its users load instead."""
        from model2vec.distill import distill
        from model2vec.train import StaticModelForClassification

        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        table = distill(find_minilm(), device="cpu")
        self.model = StaticModelForClassification.from_static_model(model=table)

    def fit(self, task: Task) -> None:
        labels: Any = task.train.labels
        if not task.several:
            labels = [label for (label,) in labels]
        self.model.fit(
            task.train.texts, labels, device="cpu", random_seed=task.seed, **self.more
        )
        self.threshold = None
        if task.several:
            names = list(self.model.classes_)
            scores = self.model.predict_proba(task.dev.texts)
            self.threshold = self.choose_threshold(scores, names, task, CHANCES)

    def save(self, folder: Path) -> None:
        self.model.to_pipeline().save_pretrained(str(folder))

    def load(self, folder: Path) -> None:
        from model2vec.inference import StaticModelPipeline

        StaticModelPipeline.from_pretrained(str(folder))

    def predict(self, texts: List[str]) -> List[List[str]]:
        # By what was trained: with several labels, the pipeline that was exported of it
        # has other probabilities (0.8.2 with scikit-learn 1.9.1).
        if self.threshold is None:
            return [[str(label)] for label in self.model.predict(texts)]
        names = [str(name) for name in self.model.classes_]
        return cut(self.model.predict_proba(texts), names, self.threshold)
