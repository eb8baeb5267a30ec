"""Decide for each row which split it goes to, knowing only hashes and label ids."""

import hashlib
import unicodedata
from array import array
from collections import Counter
from itertools import chain
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy

from ..tables.columns import SPLITS, Record
from .allot import TRAIN, stratify, stratify_sets

DROPPED = -1
NOT_GIVEN = -1


class Rows:
    """What is remembered of each row: some 13 bytes.

    max_length (int): Most characters of a text; a longer one is dropped.
    """

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self.hashes = array("Q")
        self.sets = array("l")
        self.given = array("b")
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

    @property
    def labels(self) -> List[str]:
        """RETURNS (List[str]): All labels, in the order in which they came."""
        return list(dict.fromkeys(chain.from_iterable(self.label_sets)))

    def _get_reason(self, record: Record) -> Optional[str]:
        if not record.text.strip():
            return "no_text"
        if record.labels is None:
            return "no_label"
        return "too_long" if len(record.text) > self.max_length else None


class Plan(NamedTuple):
    """Where each row goes.

    splits (numpy.ndarray): int8 array of shape (rows,), DROPPED if nowhere.
    n_duplicates (int): Rows whose text was in an earlier row of the same split.
    n_conflicts (int): Texts that stand in several rows with different labels.
    n_leaked (int): Rows dropped because an earlier split has the text.
    """

    splits: numpy.ndarray
    n_duplicates: int
    n_conflicts: int
    n_leaked: int


def make_plan(
    rows: Rows, shares: Sequence[float], *, seed: int, has_lists: bool
) -> Plan:
    """Assign each row to a split.

    If the rows say where they belong they stay there, but a text that is in an earlier
    split (in the order train, dev, test) is dropped from the later ones. Otherwise all
    rows of one text go to the same split, those with different labels to train.

    shares (Sequence[float]): Shares of dev and test.
    has_lists (bool): Whether a row has a list of labels.
    """
    sets = numpy.asarray(rows.sets, dtype="int64")
    kept = numpy.flatnonzero(sets != DROPPED)
    hashes, sets = numpy.asarray(rows.hashes, dtype="uint64")[kept], sets[kept]
    given = numpy.asarray(rows.given, dtype="int8")[kept]
    # The first row of each text, and the text of each row.
    _, first, texts = numpy.unique(hashes, return_index=True, return_inverse=True)
    differing = numpy.flatnonzero(sets != sets[first[texts]])
    has_conflict = numpy.zeros(len(first), dtype="bool")
    has_conflict[texts[differing]] = True
    if (given != NOT_GIVEN).any():
        # The first split that has a text keeps it.
        earliest = numpy.full(len(first), len(SPLITS), dtype="int8")
        numpy.minimum.at(earliest, texts, given)
        splits = numpy.where(given == earliest[texts], given, DROPPED)
    elif has_lists:
        # A text has the labels that it has in any row.
        ids = {label: i for i, label in enumerate(rows.labels)}
        label_sets = [{ids[label] for label in labels} for labels in rows.label_sets]
        merged = [label_sets[i] for i in sets[first]]
        for row in differing:
            merged[texts[row]] = merged[texts[row]] | label_sets[sets[row]]
        splits = stratify_sets(merged, shares, seed=seed)[texts]
    else:
        of_text = numpy.full(len(first), TRAIN, dtype="int8")
        clear = numpy.flatnonzero(~has_conflict)
        of_text[clear] = stratify(sets[first[clear]], shares, seed=seed)
        splits = of_text[texts]
    left = numpy.flatnonzero(splits != DROPPED)
    n_distinct = len(numpy.unique(splits[left] + len(SPLITS) * texts[left]))
    split_of_row = numpy.full(len(rows.sets), DROPPED, dtype="int8")
    split_of_row[kept] = splits
    return Plan(
        splits=split_of_row,
        n_duplicates=len(left) - n_distinct,
        n_conflicts=int(has_conflict.sum()),
        n_leaked=len(kept) - len(left),
    )


def hash_text(text: str) -> int:
    """RETURNS (int): 64-bit hash, equal for texts that differ in case, in white space
    or in how Unicode writes them.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    # Python's own hash() differs from process to process.
    digest = hashlib.blake2b(plain.encode("utf8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def count_by_split(rows: Rows, splits: Iterable[int]) -> List["Counter[str]"]:
    """RETURNS (List[Counter[str]]): Rows of each label in train, dev and test."""
    label_sets = list(rows.label_sets)
    counts: List["Counter[str]"] = [Counter() for _ in SPLITS]
    for (split, i), n_rows in Counter(zip(splits, rows.sets)).items():
        if split != DROPPED:
            counts[split].update(dict.fromkeys(label_sets[i], n_rows))
    return counts
