from functools import partial
from typing import Any, Callable, NamedTuple, Tuple

import numpy

from ...locks import LOCK
from ...ops import spread_runs
from .key_index import KeyIndex


class Runs(NamedTuple):
    """Where the runs of keys are among rows.

    rows (numpy.ndarray): Theirs and others'. The first is zeros.
    starts (numpy.ndarray): First row of each key, int64, (keys,). 0 if it has no run.
    lengths (numpy.ndarray): Rows of each key, int64, (keys,).
    """

    rows: numpy.ndarray
    starts: numpy.ndarray
    lengths: numpy.ndarray

    def get(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The rows of all keys, one key after another."""
        return self.rows[spread_runs(self.starts, self.lengths)]


# Different keys, how many rows each has, and these, one key after another.
RunsT = Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]
FindT = Callable[[numpy.ndarray], RunsT]


class RunCache:
    """Keeps a run of rows for each key, in bounded memory. What is found doesn't depend
    on which are kept. Threads can share it.

    row_shape (Tuple[int, ...]): Of a row: (), a number, or (width,).
    dtype (str): Of their numbers.
    max_keys (int): From that many on, all are forgotten.
    max_numbers (int): The same by the numbers in all rows.
    """

    def __init__(
        self,
        row_shape: Tuple[int, ...],
        dtype: str,
        *,
        max_keys: int,
        max_numbers: int,
    ) -> None:
        self.row_shape = row_shape
        self.dtype = dtype
        self.max_keys = max_keys
        self.max_numbers = max_numbers
        self._clear(None)

    def look_up(
        self,
        keys: numpy.ndarray,
        find: Callable[[numpy.ndarray], RunsT],
        state: Any = None,
    ) -> Runs:
        """Look up keys, uint64, and keep what is found.

        find (FindT): Finds keys that aren't kept, uint64, which can have repeats. Those
            that it leaves out have no rows, and aren't kept.
        state (Any): All are forgotten when it isn't equal to that of the last time.
        """
        with LOCK:
            is_full = self._n_rows >= self._max_rows or len(self) >= self.max_keys
            if is_full or self._state != state:
                self._clear(state)
            numbers = self._index.find(keys)
            missing = (numbers < 0).nonzero()[0]
            if len(missing) and self._add(*find(keys[missing])):
                numbers[missing] = self._index.find(keys[missing])
            numbers += 1
            # Whatever is added later, their rows stay what they are.
            return Runs(self._rows, self._starts[numbers], self._lengths[numbers])

    def __len__(self) -> int:
        return len(self._index)

    @property
    def _max_rows(self) -> int:
        return max(self.max_numbers // max(*self.row_shape, 1, 1), 1)

    def _clear(self, state: Any) -> None:
        self._state = state
        self._index = KeyIndex(numpy.zeros(0, dtype="uint64"))
        # What isn't found has the first number, and what has no row the first row.
        self._starts = numpy.zeros(1, dtype="int64")
        self._lengths = numpy.zeros(1, dtype="int64")
        self._rows = numpy.zeros((1, *self.row_shape), dtype=self.dtype)
        self._n_rows = 1

    def _add(
        self, keys: numpy.ndarray, lengths: numpy.ndarray, rows: numpy.ndarray
    ) -> int:
        if not len(keys):
            return 0
        first, start = 1 + len(self), self._n_rows
        end, self._n_rows = first + len(keys), start + len(rows)
        self._starts = _grow(self._starts, end, 1 + self.max_keys)
        self._lengths = _grow(self._lengths, end, 1 + self.max_keys)
        # Another thread may still read the old ones.
        self._rows = _grow(self._rows, self._n_rows, self._max_rows)
        self._starts[first:end] = start + numpy.cumsum(lengths) - lengths
        self._lengths[first:end] = lengths
        self._rows[start : self._n_rows] = rows
        return len(self._index.add(keys))

    def __reduce__(self) -> Any:
        sizes = {"max_keys": self.max_keys, "max_numbers": self.max_numbers}
        return partial(RunCache, self.row_shape, self.dtype, **sizes), ()


def _grow(rows: numpy.ndarray, n_rows: int, max_rows: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): At least so many rows, a copy if there are less."""
    if n_rows <= len(rows):
        return rows
    size = max(n_rows, min(2 * n_rows, max_rows))
    grown = numpy.zeros((size, *rows.shape[1:]), dtype=rows.dtype)
    grown[: len(rows)] = rows
    return grown
