"""HiClass: a classifier for each parent node of the label tree."""

from pathlib import Path
from typing import Any, List

from harness.corpus import Task

from .base import System
from .linear import make_features


class HiClass(System):
    def __init__(self, model: str) -> None:
        super().__init__(local_classifier=model)
        self.kind = model

    def make_local(self, task: Task) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC

        if self.kind == "svc":
            return LinearSVC(class_weight="balanced", random_state=task.seed)
        return LogisticRegression(max_iter=1000)

    def prepare(self, task: Task) -> None:
        from hiclass import LocalClassifierPerParentNode

        make_features(True, task.several)
        self.make = LocalClassifierPerParentNode

    def fit(self, task: Task) -> None:
        paths = [label.split("/") for (label,) in task.train.labels]
        depth = max(map(len, paths))
        Y = [[*path, *[""] * (depth - len(path))] for path in paths]
        features = make_features(True, task.several)
        model = self.make(local_classifier=self.make_local(task), verbose=40)
        self.parts = (features, model.fit(features.fit_transform(task.train.texts), Y))

    def save(self, folder: Path) -> None:
        import joblib

        joblib.dump(self.parts, folder / "model.joblib")

    def load(self, folder: Path) -> None:
        import joblib

        self.parts = joblib.load(folder / "model.joblib")

    def predict(self, texts: List[str]) -> List[List[str]]:
        features, model = self.parts
        found = model.predict(features.transform(texts))
        return [["/".join(x for x in map(str, path) if x)] for path in found]
