from operator import is_
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy

from ..locks import LOCK
from .decision_writer import Batch

# Numbers that wait for the second stage at most, 32 MiB, or one batch; and batches.
MOST, MAX_BATCHES = 1 << 23, 64


class Part(NamedTuple):
    """Documents that belong to a batch.

    batch (Optional[Batch]): None if nothing is known but what is stored.
    rows (numpy.ndarray): Which of the documents asked about, int64.
    places (numpy.ndarray): Their places in the batch.
    """

    batch: Optional[Batch]
    rows: numpy.ndarray
    places: numpy.ndarray


class Handover:
    """Keeps what a first stage knows of its last documents, until a second stage takes
    it, so that the model needn't be run again for them. That can happen in another
    process, never, or for copies of the documents: nothing depends on it.
    """

    def __init__(self) -> None:
        # Whether there is anybody who takes what is kept.
        self.is_open = False
        # With how many documents nobody has asked about.
        self._batches: List[Tuple[Batch, int]] = []

    def __reduce__(self) -> Any:
        return Handover, ()

    def put(self, batch: Batch) -> None:
        with LOCK:
            if not self.is_open:
                return
            self._batches.append((batch, len(batch.stored)))
            sizes = [found.count_numbers() for found, _ in self._batches]
            while len(sizes) > MAX_BATCHES or (len(sizes) > 1 and sum(sizes) > MOST):
                sizes.pop(0)
                self._batches.pop(0)

    def take(self, stored: List[Any]) -> List[Part]:
        """RETURNS (List[Part]): Where the documents that store this belong, all of
        them. What everybody has asked about is forgotten.
        """
        with LOCK:
            batches = [batch for batch, _ in self._batches]
            parts = list(_find_parts(stored, batches))
            taken = {id(part.batch): len(part.rows) for part in parts}
            left = [(b, n - taken.get(id(b), 0)) for b, n in self._batches]
            self._batches = [pair for pair in left if pair[1] > 0]
        return parts


def _find_parts(stored: List[Any], batches: List[Batch]) -> Iterator[Part]:
    places = numpy.arange(len(stored))
    for batch in batches:
        # The second stage's batches are mostly those of the first one.
        if len(batch.stored) == len(stored) and all(map(is_, batch.stored, stored)):
            yield Part(batch, places, places)
            return
    index: Dict[int, Tuple[int, int]] = {}
    for i, batch in enumerate(batches):
        index.update((id(own), (i, place)) for place, own in enumerate(batch.stored))
    nowhere = (-1, -1)
    pairs = numpy.asarray([index.get(id(own), nowhere) for own in stored])
    pairs = pairs.reshape((-1, 2))
    for i in numpy.unique(pairs[:, 0]).tolist():
        rows = numpy.flatnonzero(pairs[:, 0] == i)
        yield Part(None if i < 0 else batches[i], rows, pairs[rows, 1])
