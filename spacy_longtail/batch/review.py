"""Which rows are worth a person's time, and in which order."""

import heapq
import re
from dataclasses import dataclass, field, replace
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Sequence,
    Tuple,
)

import numpy

from ..similar import find_copies, print_texts

# Rows that are kept while reading, for each that is wanted, and at least.
SPARE, LEAST = 10, 10_000
# Copies differ in numbers: of orders, amounts, dates.
NUMBERS = re.compile(r"\b\d+\b")
# Of the probabilities of labels.
N_BINS = 512


@dataclass(frozen=True)
class ReviewRow:
    """A row that nobody should believe unseen.

    number (int): Of the row, from 1.
    text (str): What it says.
    candidates (Tuple[Tuple[str, float], ...]): The most probable labels.
    answer (Dict[str, Any]): What else was said of it, by the names of the columns.
    others (Dict[str, Any]): What the table says of it.
    copies (int): How many rows are nearly the same, itself included.
    """

    number: int
    text: str
    candidates: Tuple[Tuple[str, float], ...]
    answer: Dict[str, Any] = field(default_factory=dict)
    others: Dict[str, Any] = field(default_factory=dict)
    copies: int = 1


class ReviewQueue:
    """Collects rows in bounded memory, and orders them.

    counts (Mapping[str, float]): Training texts of each label.
    most (int): Rows that are wanted.
    weigh (Callable[[float], float]): How much a candidate of a probability counts, by
        default that.
    """

    def __init__(
        self,
        counts: Mapping[str, float],
        most: int,
        weigh: Callable[[float], float] = float,
    ) -> None:
        self.counts = counts
        self.most = most
        self.weigh = weigh
        # Rows that were added, also if they weren't kept.
        self.n_rows = 0
        self._rows: List[ReviewRow] = []

    def add(self, rows: Iterable[ReviewRow]) -> None:
        """Add rows. Of many, those are kept that are worth the most by themselves."""
        for row in rows:
            self.n_rows += 1
            self._rows.append(row)
            if len(self._rows) >= 2 * self._limit:
                self._prune()

    @property
    def _limit(self) -> int:
        return max(SPARE * self.most, LEAST)

    def _prune(self) -> None:
        joined: Dict[str, ReviewRow] = {}
        for row in self._rows:
            plain = NUMBERS.sub("0", row.text)
            first = joined.setdefault(plain, row)
            if first is not row:
                joined[plain] = replace(first, copies=first.copies + row.copies)
        self._rows = list(joined.values())
        worth = [-self._find_worth(row, {}) for row in self._rows]
        order = numpy.argsort(worth, kind="stable")[: self._limit]
        self._rows = [self._rows[i] for i in sorted(order.tolist())]

    def _find_worth(self, row: ReviewRow, seen: Mapping[str, float]) -> float:
        """How much a label gains by one more text falls with those that it has: by
        1 / (1 + n), as the mean of its texts moves with each of them. Which label it
        is isn't known, so it's the expected value.
        """
        return sum(
            self.weigh(share) / (1.0 + self.counts.get(label, 0) + seen.get(label, 0.0))
            for label, share in row.candidates
        )

    def rank(self, known: Sequence[str] = ()) -> List[ReviewRow]:
        """Order the rows: always the next is the one whose label gains the most by it,
        after those before it. Of rows that are nearly the same, only the first is left.

        known (Sequence[str]): Texts whose copies are left out, too.
        """
        rows = list(self._join_copies(known))
        seen: Dict[str, float] = {}
        # What is worth less by now is found out when its turn has come.
        heap = [(-self._find_worth(row, seen), i) for i, row in enumerate(rows)]
        heapq.heapify(heap)
        ranked: List[ReviewRow] = []
        while heap and len(ranked) < self.most:
            _, i = heap[0]
            worth = -self._find_worth(rows[i], seen)
            if worth > heap[0][0]:
                heapq.heapreplace(heap, (worth, i))
                continue
            heapq.heappop(heap)
            ranked.append(rows[i])
            for label, share in rows[i].candidates:
                seen[label] = seen.get(label, 0.0) + share
        return ranked

    def _join_copies(self, known: Sequence[str]) -> Iterator[ReviewRow]:
        texts = [*known, *(row.text for row in self._rows)]
        first = find_copies(print_texts([NUMBERS.sub("0", text) for text in texts]))
        copies = [*[0] * len(known), *(row.copies for row in self._rows)]
        counts = numpy.bincount(first, copies, minlength=len(first))[len(known) :]
        for row, n in zip(self._rows, counts.astype(int).tolist()):
            if n:
                yield replace(row, copies=n)


class Confidence:
    """How probable the labels of many rows are, in bounded memory."""

    def __init__(self) -> None:
        self._counts = numpy.zeros(N_BINS + 1)
        self._sums = numpy.zeros(N_BINS + 1)

    def add(self, probabilities: numpy.ndarray) -> None:
        """probabilities (numpy.ndarray): Of labels, from 0.0 to 1.0, (rows,)."""
        bins = (probabilities * N_BINS).astype("int64")
        self._counts += numpy.bincount(bins, minlength=N_BINS + 1)
        self._sums += numpy.bincount(bins, probabilities, minlength=N_BINS + 1)

    def to_list(self) -> List[List[float]]:
        """RETURNS (List[List[float]]): JSON values for add_list: bin, labels in it, and
        the sum of their probabilities.
        """
        bins = numpy.flatnonzero(self._counts)
        columns = bins, self._counts[bins], self._sums[bins]
        return [list(row) for row in zip(*(part.tolist() for part in columns))]

    def add_list(self, found: List[List[float]]) -> None:
        """Add what to_list has returned."""
        for number, n, total in found:
            self._counts[int(number)] += n
            self._sums[int(number)] += total

    def find_threshold(self, precision: float) -> float:
        """Find from which probability on the labels can be left alone.

        precision (float): Share of these that are right, as expected by their
            probabilities. Above 0.0, at most 1.0.
        RETURNS (float): The lowest such threshold, above 1.0 if none is left.
        """
        counts = numpy.cumsum(self._counts[::-1])
        means = numpy.cumsum(self._sums[::-1]) / numpy.maximum(counts, 1.0)
        good = numpy.flatnonzero((means >= precision) & (counts > 0))
        return 2.0 if not len(good) else float(N_BINS - good[-1]) / N_BINS
