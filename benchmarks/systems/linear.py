"""scikit-learn: a linear model on TF-IDF, the first thing to try."""

from pathlib import Path
from typing import Any, List

import numpy
from harness.corpus import Task

from .base import System, cut

MARGINS = [round(x, 1) for x in numpy.arange(-1.0, 0.5, 0.1).tolist()]
CHANCES = [round(x, 2) for x in numpy.arange(0.05, 0.95, 0.05).tolist()]


def make_features(tuned: bool, several: bool) -> Any:
    """TF-IDF at its defaults, or of words, pairs of words and character n-grams."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    if not tuned:
        return TfidfVectorizer()
    # What a model per label takes in seconds instead of hours.
    few = {"min_df": 2, "max_features": 60000} if several else {}
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, **few),
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, **few
        ),
    )


def make_model(model: str, tuned: bool, several: bool, seed: int, **more: Any) -> Any:
    """A linear SVM or a logistic regression, balanced if tuned, one for each label if
    there are several.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import LinearSVC

    weight = "balanced" if tuned else None
    if model == "svc":
        found = LinearSVC(class_weight=weight, random_state=seed, **more)
        return OneVsRestClassifier(found) if several else found
    if tuned:
        # One vs rest: with a thousand labels, all at once don't fit into memory.
        more = {"C": 10.0, **more}
        found = LogisticRegression(
            class_weight=weight, solver="liblinear", random_state=seed, **more
        )
        return OneVsRestClassifier(found)
    found = LogisticRegression(max_iter=1000, **more)
    return OneVsRestClassifier(found) if several else found


class Linear(System):
    def __init__(self, model: str, tuned: bool, **more: Any) -> None:
        super().__init__(model=model, tuned=tuned, **more)
        self.make = lambda task: make_model(
            model, tuned, task.several, task.seed, **more
        )
        self.tuned = tuned
        self.candidates = MARGINS if model == "svc" else CHANCES

    def prepare(self, task: Task) -> None:
        make_features(self.tuned, task.several), self.make(task)

    def fit(self, task: Task) -> None:
        features = make_features(self.tuned, task.several)
        model = self.make(task)
        X = features.fit_transform(task.train.texts)
        self.parts = {"features": features, "model": model, "threshold": None}
        if not task.several:
            model.fit(X, [label for (label,) in task.train.labels])
            self.parts["names"] = model.classes_.tolist()
            return
        from sklearn.preprocessing import MultiLabelBinarizer

        binarizer = MultiLabelBinarizer()
        model.fit(X, binarizer.fit_transform(task.train.labels))
        self.parts["names"] = names = binarizer.classes_.tolist()
        scores = self.rate(task.dev.texts)
        threshold = self.choose_threshold(scores, names, task, self.candidates)
        self.parts["threshold"] = threshold

    def rate(self, texts: List[str]) -> numpy.ndarray:
        X = self.parts["features"].transform(texts)
        model = self.parts["model"]
        if self.candidates is MARGINS:
            return model.decision_function(X)
        return model.predict_proba(X)

    def save(self, folder: Path) -> None:
        import joblib

        joblib.dump(self.parts, folder / "model.joblib")

    def load(self, folder: Path) -> None:
        import joblib

        self.parts = joblib.load(folder / "model.joblib")

    def predict(self, texts: List[str]) -> List[List[str]]:
        if self.parts["threshold"] is None:
            X = self.parts["features"].transform(texts)
            return [[label] for label in self.parts["model"].predict(X)]
        return cut(self.rate(texts), self.parts["names"], self.parts["threshold"])
