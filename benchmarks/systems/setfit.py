"""SetFit: contrastive fine-tuning of a sentence encoder, then a logistic regression."""

from pathlib import Path
from typing import Any, List

import numpy
from harness.corpus import Task

from .base import System, cut
from .linear import CHANCES
from .minilm import find_minilm


class SetFit(System):
    """num_iterations (int): Pairs a text, each way. Without it, all pairs of texts are
    trained on, which are millions.
    """

    def __init__(self, num_iterations: int = 20, max_steps: int = -1) -> None:
        super().__init__(num_iterations=num_iterations, max_steps=max_steps)

    def prepare(self, task: Task) -> None:
        from datasets import Dataset
        from setfit import SetFitModel

        self.names = task.names
        column = {name: i for i, name in enumerate(self.names)}
        labels: List[Any] = [column[labels[0]] for labels in task.train.labels]
        if task.several:
            several = numpy.zeros((len(labels), len(self.names)), dtype=int)
            for row, own in enumerate(task.train.labels):
                several[row, [column[label] for label in own]] = 1
            labels = several.tolist()
        self.data = Dataset.from_dict({"text": task.train.texts, "label": labels})
        strategy = {"multi_target_strategy": "one-vs-rest"} if task.several else {}
        self.model = SetFitModel.from_pretrained(
            find_minilm(), device="cpu", **strategy
        )

    def fit(self, task: Task) -> None:
        from setfit import Trainer, TrainingArguments

        arguments = TrainingArguments(
            output_dir=str(task.work / "setfit"),
            seed=task.seed,
            report_to="none",
            save_strategy="no",
            show_progress_bar=False,
            **self.settings,
        )
        Trainer(model=self.model, args=arguments, train_dataset=self.data).train()
        self.threshold = None
        if task.several:
            scores = self.rate(task.dev.texts)
            self.threshold = self.choose_threshold(scores, self.names, task, CHANCES)

    def rate(self, texts: List[str]) -> numpy.ndarray:
        return self.model.predict_proba(texts, as_numpy=True, show_progress_bar=False)

    def save(self, folder: Path) -> None:
        self.model.save_pretrained(str(folder))

    def load(self, folder: Path) -> None:
        from setfit import SetFitModel

        self.model = SetFitModel.from_pretrained(str(folder), device="cpu")

    def predict(self, texts: List[str]) -> List[List[str]]:
        if self.threshold is not None:
            return cut(self.rate(texts), self.names, self.threshold)
        found = self.model.predict(texts, as_numpy=True, show_progress_bar=False)
        return [[self.names[int(column)]] for column in found]
