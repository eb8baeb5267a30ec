"""Scores of given labels, and what a computation costs."""

import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from .corpus import Split

# Labels by how many training texts have them.
BANDS = {"head": (50, 10**9), "mid": (10, 49), "tail": (1, 9)}
N_SINGLE, N_BATCHED, ROUNDS = 100, 1000, 2


def score(
    given: List[List[str]], gold: List[List[str]], train: Split
) -> Dict[str, Optional[float]]:
    """Score labels, over those that occur in the gold and in the training labels.

    RETURNS (Dict[str, Optional[float]]): "macro", the same for each of BANDS (None
        without such labels), "micro", "accuracy" (all labels of a text are right) and
        "per_doc", labels given to a text.
    """
    counts = Counter(label for labels in train.labels for label in labels)
    known = {label for labels in gold for label in labels} & set(counts)
    right: Counter = Counter()
    guessed: Counter = Counter()
    support: Counter = Counter()
    for found, own in zip(given, gold):
        right.update(known & set(found) & set(own))
        guessed.update(known & set(found))
        support.update(known & set(own))
    f1 = {
        label: 2 * right[label] / (guessed[label] + support[label]) for label in known
    }
    scores = {"macro": mean(f1.values())}
    for band, (low, high) in BANDS.items():
        scores[band] = mean(
            f1[label] for label in known if low <= counts[label] <= high
        )
    total = sum(guessed.values()) + sum(support.values())
    scores["micro"] = 2 * sum(right.values()) / max(total, 1)
    scores["accuracy"] = mean(set(a) == set(b) for a, b in zip(given, gold))
    scores["per_doc"] = mean(len(found) for found in given)
    return scores


def mean(values: Iterable[float]) -> Optional[float]:
    found = list(values)
    return sum(found) / len(found) if found else None


def get_cpu_seconds() -> float:
    """RETURNS (float): Of this process and of those it started that have ended."""
    children = os.times()
    # Of this process in nanoseconds, of the others in hundredths of a second.
    return time.process_time() + children.children_user + children.children_system


@dataclass
class Clock:
    """What a block of code took: seconds of all processors, and those on the wall."""

    cpu: float = 0.0
    wall: float = 0.0
    start: Tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def __enter__(self) -> "Clock":
        self.start = (get_cpu_seconds(), time.perf_counter())
        return self

    def __exit__(self, *error: Any) -> None:
        self.cpu = get_cpu_seconds() - self.start[0]
        self.wall = time.perf_counter() - self.start[1]


def get_peak_megabytes() -> float:
    """RETURNS (float): The most memory that this process, or one that it started, has
    had at a time.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(x).ru_maxrss for x in who) * unit / 1e6


def get_disk_megabytes(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6


def measure_speed(
    predict: Callable[[List[str]], List[List[str]]], texts: List[str]
) -> Dict[str, float]:
    """Texts per second of a processor, one by one and all together; the best round."""
    single, batched = 0.0, 0.0
    for _ in range(ROUNDS):
        with Clock() as clock:
            for text in texts[:N_SINGLE]:
                predict([text])
        single = max(single, len(texts[:N_SINGLE]) / max(clock.cpu, 1e-3))
        with Clock() as clock:
            predict(texts[:N_BATCHED])
        batched = max(batched, len(texts[:N_BATCHED]) / max(clock.cpu, 1e-3))
    return {"single": single, "batched": batched}
