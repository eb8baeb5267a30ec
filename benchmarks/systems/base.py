"""What a system has to be able to do, and thresholds for those that have none."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
from harness.corpus import Task
from harness.measure import score


class System(ABC):
    """A classifier from texts to labels.

    settings (Dict[str, Any]): What its result depends on, for the results.
    costs (Dict[str, Any]): Parts of the costs of training, if they are known.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings: Dict[str, Any] = settings
        self.costs: Dict[str, Any] = {}

    def prepare(self, task: Task) -> None:  # noqa: B027  Most need nothing.
        """Import and convert what is needed. This isn't measured."""

    @abstractmethod
    def fit(self, task: Task) -> None:
        """Train, and choose on dev whatever is chosen there."""

    @abstractmethod
    def save(self, folder: Path) -> None: ...

    @abstractmethod
    def load(self, folder: Path) -> None: ...

    @abstractmethod
    def predict(self, texts: List[str]) -> List[List[str]]:
        """RETURNS (List[List[str]]): The labels of each text."""

    def choose_threshold(
        self,
        scores: numpy.ndarray,
        names: Sequence[str],
        task: Task,
        candidates: Sequence[float],
    ) -> float:
        """RETURNS (float): The threshold with the best macro-F1 on dev, which is noted
        in the settings.

        scores (numpy.ndarray): Those of the dev texts, (texts, labels).
        """

        def rate(threshold: float) -> float:
            given = cut(scores, names, threshold)
            return score(given, task.dev.labels, task.train)["macro"] or 0.0

        best = self.settings["threshold"] = max(candidates, key=rate)
        return best


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
