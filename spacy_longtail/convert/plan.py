"""Decide for each row which split it goes to, knowing only hashes and label ids."""

import hashlib
import unicodedata
from array import array
from collections import Counter
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
        self.labels: Dict[str, int] = {}
        self.label_sets: List[Tuple[int, ...]] = []
        self._set_ids: Dict[Tuple[str, ...], int] = {}

    def add(self, record: Record) -> None:
        """Remember a row, dropped or not, so that rows keep their numbers."""
        reason = self._get_reason(record)
        if reason:
            self.dropped[reason] += 1
        labels = () if reason else record.labels or ()
        self.hashes.append(0 if reason else hash_text(record.text))
        self.sets.append(DROPPED if reason else self._get_set(labels))
        split = NOT_GIVEN if record.split is None else SPLITS.index(record.split)
        self.given.append(split)

    def _get_reason(self, record: Record) -> Optional[str]:
        if not record.text.strip():
            return "no_text"
        if record.labels is None:
            return "no_label"
        return "too_long" if len(record.text) > self.max_length else None

    def _get_set(self, labels: Tuple[str, ...]) -> int:
        labels = tuple(sorted(labels))
        found = self._set_ids.get(labels)
        if found is None:
            found = self._set_ids[labels] = len(self.label_sets)
            ids = [self.labels.setdefault(name, len(self.labels)) for name in labels]
            self.label_sets.append(tuple(ids))
        return found


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


class TextGroups(NamedTuple):
    """The distinct texts.

    inverse (numpy.ndarray): Text of each kept row.
    first (numpy.ndarray): The first kept row of each text.
    has_conflict (numpy.ndarray): Whether its rows have different labels.
    """

    inverse: numpy.ndarray
    first: numpy.ndarray
    has_conflict: numpy.ndarray


def make_plan(
    rows: Rows, shares: Sequence[float], *, seed: int, has_lists: bool
) -> Plan:
    """Assign each row to a split.

    If the rows say where they belong they stay there, but a text that is in an earlier
    split (in the order train, dev, test) is dropped from the later ones. Otherwise all
    rows of one text go to the same split, those with different labels to train.

    rows (Rows): The rows.
    shares (Sequence[float]): Shares of dev and test.
    seed (int): Of the split.
    has_lists (bool): Whether a row has a list of labels.
    """
    sets = numpy.asarray(rows.sets, dtype="int64")
    kept = numpy.flatnonzero(sets != DROPPED)
    hashes, sets = numpy.asarray(rows.hashes, dtype="uint64")[kept], sets[kept]
    given = numpy.asarray(rows.given, dtype="int8")[kept]
    texts = find_texts(hashes, sets)
    splits = numpy.full(len(rows.sets), DROPPED, dtype="int8")
    if (given != NOT_GIVEN).any():
        # The first split that has a text keeps it.
        earliest = numpy.full(len(texts.first), len(SPLITS), dtype="int8")
        numpy.minimum.at(earliest, texts.inverse, given)
        splits[kept] = numpy.where(given == earliest[texts.inverse], given, DROPPED)
    elif has_lists:
        of_text = stratify_sets(merge_sets(rows, sets, texts), shares, seed=seed)
        splits[kept] = of_text[texts.inverse]
    else:
        of_text = numpy.full(len(texts.first), TRAIN, dtype="int8")
        clear = numpy.flatnonzero(~texts.has_conflict)
        of_text[clear] = stratify(sets[texts.first[clear]], shares, seed=seed)
        splits[kept] = of_text[texts.inverse]
    n_leaked = int((splits[kept] == DROPPED).sum())
    places = splits[kept].astype("int64") + 3 * texts.inverse
    n_distinct = len(numpy.unique(places[splits[kept] != DROPPED]))
    return Plan(
        splits=splits,
        n_duplicates=len(kept) - n_leaked - n_distinct,
        n_conflicts=int(texts.has_conflict.sum()),
        n_leaked=n_leaked,
    )


def find_texts(hashes: numpy.ndarray, sets: numpy.ndarray) -> TextGroups:
    """Group rows by their text.

    hashes (numpy.ndarray): Of the text of each row.
    sets (numpy.ndarray): Id of the label set of each row.
    """
    _, first, inverse = numpy.unique(hashes, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    differs = sets != sets[first[inverse]]
    has_conflict = numpy.zeros(len(first), dtype="bool")
    has_conflict[inverse[differs]] = True
    return TextGroups(inverse, first, has_conflict)


def merge_sets(
    rows: Rows, sets: numpy.ndarray, texts: TextGroups
) -> List[Sequence[int]]:
    """RETURNS (List[Sequence[int]]): The labels that each text has in any row."""
    merged: List[Sequence[int]] = [rows.label_sets[i] for i in sets[texts.first]]
    in_conflict = numpy.flatnonzero(texts.has_conflict[texts.inverse])
    for row in in_conflict:
        text = texts.inverse[row]
        union = {*merged[text], *rows.label_sets[sets[row]]}
        merged[text] = sorted(union)
    return merged


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
    names = list(rows.labels)
    counts: List["Counter[str]"] = [Counter() for _ in SPLITS]
    pairs = Counter(zip(splits, rows.sets))
    for (split, label_set), n_rows in pairs.items():
        if split != DROPPED:
            for label in rows.label_sets[label_set]:
                counts[split][names[label]] += n_rows
    return counts
