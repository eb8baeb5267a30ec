from typing import Any, List, NamedTuple, Tuple

import numpy

from . import stored
from .decision import Decision, read_stored
from .stored import HEAD, LENGTH, pack_decision

HEAD_TYPE = stored.get_row_type(0, 0)


class TextSlices(NamedTuple):
    """TextSlices that lie somewhere in a buffer, as UTF-8.

    buffer (numpy.ndarray): Bytes, uint8.
    starts, sizes (numpy.ndarray): Where each begins, and its bytes, int64, (texts,).
    is_there (numpy.ndarray): Whether there is one, bool, (texts,).
    """

    buffer: numpy.ndarray
    starts: numpy.ndarray
    sizes: numpy.ndarray
    is_there: numpy.ndarray


class StoredBatch:
    """What many documents store of their decisions, read all at once: an array for each
    field, where unpack_decision makes Python objects of each document.

    decisions (List[Any]): What documents store, or what get_stored returns.
    RAISES (ValueError): L305 if a newer version wrote one.
    """

    def __init__(self, decisions: List[Any]) -> None:
        own = [found if _is_packed(found) else _pack(found) for found in decisions]
        size = HEAD.size
        heads = b"".join([found[:size] for found in own])
        self.heads = numpy.frombuffer(heads, dtype=HEAD_TYPE)
        self.buffer = numpy.frombuffer(b"".join(own), dtype="uint8")
        sizes = numpy.asarray([*map(len, own)], dtype="int64")
        ends = numpy.cumsum(sizes)
        self.n_levels = self.heads["n_levels"].astype("int64")
        self.n_candidates = self.heads["n_candidates"].astype("int64")
        self._numbers = ends - sizes + size
        starts = self._numbers + 8 * (self.n_levels + self.n_candidates)
        self._find_texts(starts, ends)

    def _find_texts(self, starts: numpy.ndarray, ends: numpy.ndarray) -> None:
        """Go from text to text, in all documents at the same time."""
        places, sizes = [], []
        while (is_there := starts < ends).any():
            at = numpy.where(is_there, starts, 0)
            found = numpy.where(is_there, self._read(at, "<u4"), 0).astype("int64")
            places.append(starts + LENGTH.size)
            sizes.append(found)
            starts = numpy.where(is_there, starts + LENGTH.size + found, starts)
        shape = (len(places), len(self.heads))
        self._starts = numpy.asarray(places, dtype="int64").reshape(shape)
        self._sizes = numpy.asarray(sizes, dtype="int64").reshape(shape)

    def _read(self, starts: numpy.ndarray, kind: str) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): A number at each place, whatever its alignment."""
        size = numpy.dtype(kind).itemsize
        found = self.buffer[starts[:, None] + numpy.arange(size)]
        return found.view(kind)[:, 0]

    def has(self, flag: int) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Whether a flag of `stored` is set, bool, (docs,)."""
        return (self.heads["flags"] & flag) > 0

    def get_texts(self, numbers: numpy.ndarray, is_there: numpy.ndarray) -> TextSlices:
        """numbers (numpy.ndarray): Which of the texts of each document, int64, (docs,).
        is_there (numpy.ndarray): Whether the document has it, bool, (docs,).
        """
        rows, at = numpy.arange(len(numbers)), numpy.where(is_there, numbers, 0)
        starts, sizes = self._starts[at, rows], self._sizes[at, rows]
        return TextSlices(
            self.buffer, starts, numpy.where(is_there, sizes, 0), is_there
        )

    @property
    def stages(self) -> TextSlices:
        """RETURNS (TextSlices): See Decision."""
        n = len(self.heads)
        return self.get_texts(numpy.full(n, 1), numpy.ones(n, dtype=bool))

    @property
    def reasons(self) -> TextSlices:
        """RETURNS (TextSlices): See Decision."""
        n = len(self.heads)
        return self.get_texts(numpy.full(n, 2), numpy.ones(n, dtype=bool))

    def get_level(self, depth: int) -> TextSlices:
        """RETURNS (TextSlices): The node of each document's path at a depth, from 0."""
        n = len(self.heads)
        return self.get_texts(numpy.full(n, 3 + depth), self.n_levels > depth)

    def get_candidate(self, rank: int) -> TextSlices:
        """RETURNS (TextSlices): The candidate of a rank, from 0."""
        return self.get_texts(self._first_candidate + rank, self.n_candidates > rank)

    def get_candidate_probability(self, rank: int) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): That of the candidate, NaN if there is none."""
        is_there = self.n_candidates > rank
        found = self._read(numpy.where(is_there, self._numbers + 8 * rank, 0), "<f8")
        return numpy.where(is_there, found, numpy.nan)

    @property
    def labels(self) -> TextSlices:
        """RETURNS (TextSlices): The label of each document."""
        is_best = self.has(stored.BEST)
        end = self._first_candidate + self.n_candidates
        numbers = numpy.where(is_best, self._first_candidate, end)
        return self.get_texts(numbers, is_best | self.has(stored.LABEL))

    def get_all_labels(self) -> Tuple[numpy.ndarray, TextSlices]:
        """RETURNS (Tuple[numpy.ndarray, TextSlices]): How many labels each document
        has, int64, (docs,), and all of them, one document after the other.
        """
        several = self.has(stored.LABELS)
        alone = (self.labels.is_there & ~several).astype("int64")
        counts = self.heads["n_labels"].astype("int64") + alone
        has_own = self.has(stored.LABEL) & ~self.has(stored.BEST)
        firsts = self._first_candidate + self.n_candidates + has_own
        rows = numpy.repeat(numpy.arange(len(counts)), counts)
        inner = numpy.arange(len(rows)) - (numpy.cumsum(counts) - counts)[rows]
        numbers = firsts[rows] + inner
        single = self.labels
        is_single = ~several[rows]
        at = numpy.where(is_single, 0, numbers)
        starts = numpy.where(is_single, single.starts[rows], self._starts[at, rows])
        sizes = numpy.where(is_single, single.sizes[rows], self._sizes[at, rows])
        is_there = numpy.ones(len(rows), dtype=bool)
        return counts, TextSlices(self.buffer, starts, sizes, is_there)

    @property
    def _first_candidate(self) -> numpy.ndarray:
        return 3 + self.n_levels + self.has(stored.OTHER)


def _is_packed(found: Any) -> bool:
    return isinstance(found, bytes) and found[:1] == bytes([stored.FORMAT])


def _pack(found: Any) -> bytes:
    """RETURNS (bytes): What others have set, or old releases have stored."""
    data = read_stored(found)
    return pack_decision(Decision.from_dict(data).to_user_data())
