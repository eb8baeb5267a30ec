"""Decide for each row which split it goes to, knowing only hashes and label ids."""

from array import array
from collections import Counter
from itertools import chain
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy

from ..tables.columns import DELETED, REJECTED, SPLITS, Record
from ..texts import hash_text
from .allot import DEV, TEST, TRAIN, allot, draw, find_needed

DROPPED = -1
NOT_GIVEN = -1
# What a row says of its text: its labels, that they are wrong, or that it's to go.
ANSWERS = ("", REJECTED, DELETED)


class Rows:
    """What is remembered of each row: some 18 bytes.

    max_length (int): Most characters of a text; a longer one is dropped.
    """

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self.hashes = array("Q")
        self.sets = array("l")
        self.given = array("b")
        self.answers = array("b")
        self.dropped: "Counter[str]" = Counter()
        # The number of each set of labels, which are sorted.
        self.label_sets: Dict[Tuple[str, ...], int] = {}

    def add(self, record: Record) -> None:
        """Remember a row, dropped or not, so that rows keep their numbers."""
        reason = self._get_reason(record)
        if reason:
            self.dropped[reason] += 1
            self.hashes.append(0)
            self.sets.append(DROPPED)
        else:
            labels = tuple(sorted(record.labels or ()))
            self.hashes.append(hash_text(record.text))
            self.sets.append(self.label_sets.setdefault(labels, len(self.label_sets)))
        split = NOT_GIVEN if record.split is None else SPLITS.index(record.split)
        self.given.append(split)
        self.answers.append(ANSWERS.index(record.answer))

    @property
    def labels(self) -> List[str]:
        """RETURNS (List[str]): All labels, in the order in which they came."""
        return list(dict.fromkeys(chain.from_iterable(self.label_sets)))

    def _get_reason(self, record: Record) -> Optional[str]:
        if not record.text.strip():
            return "no_text"
        if record.labels is None and record.answer != DELETED:
            return "no_label"
        return "too_long" if len(record.text) > self.max_length else None


class Plan(NamedTuple):
    """Where each row goes.

    splits (numpy.ndarray): int8 array of shape (rows,), DROPPED if nowhere.
    n_duplicates (int): Rows whose text was in an earlier row of the same split.
    n_conflicts (int): Texts that stand in several rows with different labels.
    n_leaked (int): Rows dropped because an earlier split has the text.
    n_needed (int): Texts that are in train for the sake of a label.
    empty (List[str]): Splits with a share, but without a text.
    """

    splits: numpy.ndarray
    n_duplicates: int
    n_conflicts: int
    n_leaked: int
    n_needed: int
    empty: List[str]


def make_plan(rows: Rows, shares: Sequence[float], *, seed: int) -> Plan:
    """Assign each row to a split.

    If the rows say where they belong they stay there, but a text that is in an earlier
    split (in the order train, dev, test) is dropped from the later ones. Otherwise
    each text is assigned by itself, see allot, with all its rows. Where a label would
    have no text in train then, one of its texts goes there.

    shares (Sequence[float]): Shares of dev and test.
    """
    sets = numpy.asarray(rows.sets, dtype="int64")
    kept = numpy.flatnonzero(sets != DROPPED)
    hashes, sets = numpy.asarray(rows.hashes, dtype="uint64")[kept], sets[kept]
    given = numpy.asarray(rows.given, dtype="int8")[kept]
    # The first row of each text, and the text of each row.
    distinct, first, texts = numpy.unique(
        hashes, return_index=True, return_inverse=True
    )
    has_conflict = numpy.zeros(len(first), dtype="bool")
    has_conflict[texts[sets != sets[first[texts]]]] = True
    n_needed, empty = 0, []
    if (given != NOT_GIVEN).any():
        # The first split that has a text keeps it.
        earliest = numpy.full(len(first), len(SPLITS), dtype="int8")
        numpy.minimum.at(earliest, texts, given)
        splits = numpy.where(given == earliest[texts], given, DROPPED)
    else:
        of_text = allot(distinct, shares, seed=seed)
        ranks = numpy.empty(len(first), dtype="int64")
        # A text whose label isn't sure is the last that a label needs.
        order = numpy.lexsort((draw(distinct, seed), has_conflict))
        ranks[order] = numpy.arange(len(order))
        needed = find_needed(of_text, *pair_labels(rows, texts, sets), ranks)
        of_text[needed] = TRAIN
        n_needed, splits = len(needed), of_text[texts]
        wanted = [split for split, share in zip((DEV, TEST), shares) if share > 0]
        empty = [SPLITS[split] for split in wanted if split not in of_text]
    left = numpy.flatnonzero(splits != DROPPED)
    n_distinct = len(numpy.unique(splits[left] + len(SPLITS) * texts[left]))
    split_of_row = numpy.full(len(rows.sets), DROPPED, dtype="int8")
    split_of_row[kept] = splits
    return Plan(
        splits=split_of_row,
        n_duplicates=len(left) - n_distinct,
        n_conflicts=int(has_conflict.sum()),
        n_leaked=len(kept) - len(left),
        n_needed=n_needed,
        empty=empty,
    )


def pair_labels(
    rows: Rows, texts: numpy.ndarray, sets: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The text of each row, given with
    its set of labels, as often as it has labels, and the number of each of these.
    """
    ids = {label: i for i, label in enumerate(rows.labels)}
    flat = [ids[label] for labels in rows.label_sets for label in labels]
    sizes = numpy.asarray(list(map(len, rows.label_sets)), dtype="int64")
    starts = numpy.cumsum(sizes) - sizes
    n = sizes[sets]
    places = numpy.arange(n.sum()) + numpy.repeat(starts[sets] - numpy.cumsum(n) + n, n)
    return numpy.repeat(texts, n), numpy.asarray(flat, dtype="int64")[places]


def count_by_split(rows: Rows, splits: Iterable[int]) -> List["Counter[str]"]:
    """RETURNS (List[Counter[str]]): Rows of each label in train, dev and test."""
    label_sets = list(rows.label_sets)
    counts: List["Counter[str]"] = [Counter() for _ in SPLITS]
    for (split, i), n_rows in Counter(zip(splits, rows.sets)).items():
        if split != DROPPED:
            counts[split].update(dict.fromkeys(label_sets[i], n_rows))
    return counts
