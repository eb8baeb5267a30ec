"""What a system has to be able to do, and thresholds for those that have none."""

from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
from harness.corpus import Task
from harness.measure import score


class System:
    """A classifier from texts to labels.

    settings (Dict[str, Any]): What its result depends on, for the results.
    costs (Dict[str, Any]): Parts of the costs of training, if they are known.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings: Dict[str, Any] = settings
        self.costs: Dict[str, Any] = {}

    def prepare(self, task: Task) -> None:
        """Import and convert what is needed. This isn't measured."""

    def fit(self, task: Task) -> None:
        """Train, and choose on dev whatever is chosen there."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        raise NotImplementedError

    def predict(self, texts: List[str]) -> List[List[str]]:
        """RETURNS (List[List[str]]): The labels of each text."""
        raise NotImplementedError


def cut(
    scores: numpy.ndarray, names: Sequence[str], threshold: float
) -> List[List[str]]:
    """Give a text the labels with more than the threshold, or else the best one.

    scores (numpy.ndarray): Array of shape (texts, labels).
    """
    found = []
    for row in scores:
        above = numpy.flatnonzero(row > threshold)
        columns = above if len(above) else [int(row.argmax())]
        found.append([names[column] for column in columns])
    return found


def choose_threshold(
    scores: numpy.ndarray, names: Sequence[str], task: Task, candidates: Sequence[float]
) -> float:
    """RETURNS (float): The threshold with the best macro-F1 on dev."""

    def rate(threshold: float) -> float:
        given = cut(scores, names, threshold)
        return score(given, task.dev.labels, task.train)["macro"] or 0.0

    return max(candidates, key=rate)
