"""Decide for each text of new tables what becomes of it in a corpus that is there,
knowing only hashes and numbers of sets of labels.
"""

from typing import Callable, Dict, FrozenSet, List, NamedTuple, Sequence, Set, Tuple

import numpy

from ..gold import find_leaves
from ..tables.columns import DELETED, REJECTED
from .allot import TRAIN, allot, draw, find_needed
from .known import KnownTexts
from .plan import ANSWERS, DROPPED, NOT_GIVEN, Rows, pair_labels

# In place of the number of a set of labels: as it is, or gone.
LEFT, GONE = -1, -2


class Edits(NamedTuple):
    """What rows say about texts, as if each was read after the one before.

    hashes (numpy.ndarray): Of each text, ascending, (texts,).
    sets (numpy.ndarray): Number of its set of labels, LEFT or GONE.
    rows (numpy.ndarray): The row that says so, -1 for none.
    given (numpy.ndarray): The split that a row names, or NOT_GIVEN.
    rejected (Dict[int, FrozenSet[str]]): Labels that are wrong of texts that are LEFT.
    n_conflicts (int): Texts with different labels in different rows.
    """

    hashes: numpy.ndarray
    sets: numpy.ndarray
    rows: numpy.ndarray
    given: numpy.ndarray
    rejected: Dict[int, FrozenSet[str]]
    n_conflicts: int


class Outcome(NamedTuple):
    """What becomes of documents and texts.

    edits (Edits): What the rows say.
    texts (numpy.ndarray): Index of each document's text among the edits, -1 for none.
    before, after (numpy.ndarray): Number of the set of labels of each document, or
        GONE.
    new (numpy.ndarray): Indices of new texts among the edits.
    new_splits (numpy.ndarray): The split of each of these.
    n_needed (int): How many of them are in train for the sake of a label.
    """

    edits: Edits
    texts: numpy.ndarray
    before: numpy.ndarray
    after: numpy.ndarray
    new: numpy.ndarray
    new_splits: numpy.ndarray
    n_needed: int


def rename_sets(
    rows: Rows, known: KnownTexts, rename: Callable[[str], str], separator: str
) -> None:
    """Give all sets of labels their new names, without nodes above other labels, which
    are part of their paths. Sets that are the same then get the same number.
    """
    label_sets: Dict[Tuple[str, ...], int] = {}
    numbers = []
    for labels in rows.label_sets:
        leaves = sorted(find_leaves(dict.fromkeys(map(rename, labels)), separator))
        numbers.append(label_sets.setdefault(tuple(leaves), len(label_sets)))
    rows.label_sets = label_sets
    table = numpy.asarray([*numbers, DROPPED])
    for sets in (rows.sets, known.sets):
        found = numpy.frombuffer(sets, dtype=f"i{sets.itemsize}")
        # The last one is that of what is dropped.
        found[:] = table[found]


def collect_edits(rows: Rows, has_lists: bool) -> Edits:
    """Find what the rows say about each text in the end.

    has_lists (bool): Whether a document can have no label.
    """
    sets = numpy.asarray(rows.sets, dtype="int64")
    kept = numpy.flatnonzero(sets != DROPPED)
    distinct, texts = numpy.unique(
        numpy.asarray(rows.hashes, dtype="uint64")[kept], return_inverse=True
    )
    answers = numpy.asarray(rows.answers, dtype="int8")[kept]
    is_last_word = answers != ANSWERS.index(REJECTED)
    last = numpy.full(len(distinct), -1)
    numpy.maximum.at(last, texts[is_last_word], kept[is_last_word])
    given = numpy.asarray(rows.given, dtype="int8")[kept]
    first_given = numpy.full(len(distinct), numpy.iinfo("int8").max, dtype="int8")
    is_given = given != NOT_GIVEN
    numpy.minimum.at(first_given, texts[is_given], given[is_given])
    first_given[first_given == numpy.iinfo("int8").max] = NOT_GIVEN
    said = numpy.full(len(distinct), LEFT)
    has_word = last >= 0
    said[has_word] = sets[last[has_word]]
    all_answers = numpy.asarray(rows.answers, dtype="int8")
    deleted = all_answers[last] == ANSWERS.index(DELETED)
    said[has_word & deleted] = GONE
    is_answer = answers == ANSWERS.index("")
    differs = is_answer & (sets[kept] != said[texts]) & (said[texts] >= 0)
    late = numpy.flatnonzero(~is_last_word & (kept > last[texts]))
    rejected = _reject(rows, texts[late], sets[kept[late]], said, has_lists)
    n_conflicts = len(numpy.unique(texts[differs]))
    return Edits(distinct, said, last, first_given, rejected, n_conflicts)


def _reject(
    rows: Rows,
    texts: numpy.ndarray,
    sets: numpy.ndarray,
    said: numpy.ndarray,
    has_lists: bool,
) -> Dict[int, FrozenSet[str]]:
    """Take back what rows before have said, and collect what is left of rejections."""
    label_sets = list(rows.label_sets)
    rejected: Dict[int, Set[str]] = {}
    for text, number in zip(texts.tolist(), sets.tolist()):
        rejected.setdefault(text, set()).update(label_sets[number])
    for text, labels in list(rejected.items()):
        if said[text] != LEFT:
            del rejected[text]
        if said[text] >= 0:
            before = label_sets[said[text]]
            left = tuple(label for label in before if label not in labels)
            is_gone = before and not left and not has_lists
            number = rows.label_sets.setdefault(left, len(rows.label_sets))
            said[text] = GONE if is_gone else number
    return {text: frozenset(labels) for text, labels in rejected.items()}


def decide(
    rows: Rows,
    known: KnownTexts,
    has_lists: bool,
    shares: Sequence[float],
    *,
    seed: int,
) -> Outcome:
    """Find what becomes of the documents of a corpus, and of the texts of rows.

    rows, known: See rename_sets.
    has_lists (bool): Whether a document can have no label.
    shares (Sequence[float]): Shares of dev and test among new texts.
    seed (int): Of the split of new texts.
    """
    edits = collect_edits(rows, has_lists)
    texts, after = _apply(edits, known, rows, has_lists)
    is_known = numpy.zeros(len(edits.hashes), dtype=bool)
    is_known[texts[texts >= 0]] = True
    new = numpy.flatnonzero(~is_known & (edits.sets >= 0))
    label_sets = list(rows.label_sets)
    in_train = after[numpy.asarray(known.splits, dtype="int8") == TRAIN]
    labels = {label for n in set(in_train.tolist()) - {GONE} for label in label_sets[n]}
    splits, n_needed = _place(edits, new, labels, rows, shares, seed)
    return Outcome(edits, texts, numpy.array(known.sets), after, new, splits, n_needed)


def _apply(
    edits: Edits, known: KnownTexts, rows: Rows, has_lists: bool
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    hashes = numpy.asarray(known.hashes, dtype="uint64")
    after = numpy.array(known.sets, dtype="int64")
    texts = numpy.searchsorted(edits.hashes, hashes)
    is_hit = texts < len(edits.hashes)
    is_hit[is_hit] = edits.hashes[texts[is_hit]] == hashes[is_hit]
    texts[~is_hit] = -1
    said = numpy.full(len(hashes), LEFT)
    said[is_hit] = edits.sets[texts[is_hit]]
    after[said != LEFT] = said[said != LEFT]
    label_sets = list(rows.label_sets)
    for i in numpy.flatnonzero(numpy.isin(texts, list(edits.rejected))).tolist():
        before, labels = label_sets[after[i]], edits.rejected[int(texts[i])]
        left = tuple(label for label in before if label not in labels)
        if left != before:
            number = rows.label_sets.setdefault(left, len(rows.label_sets))
            after[i] = number if left or has_lists else GONE
    return texts, after


def _place(
    edits: Edits,
    new: numpy.ndarray,
    in_train: Set[str],
    rows: Rows,
    shares: Sequence[float],
    seed: int,
) -> Tuple[numpy.ndarray, int]:
    """Assign the texts that are new to splits, each by itself, see allot. Where a label
    has no text in train, one of them goes there.

    new (numpy.ndarray): Their indices among the edits.
    in_train (Set[str]): Labels that known texts have in train.
    RETURNS (Tuple[numpy.ndarray, int]): Split of each new text, and how many are in
        train for the sake of a label.
    """
    hashes, given = edits.hashes[new], edits.given[new]
    splits = numpy.where(
        given == NOT_GIVEN, allot(hashes, shares, seed=seed), given
    ).astype("int8")
    ranks = numpy.empty(len(hashes), dtype="int64")
    ranks[numpy.argsort(draw(hashes, seed))] = numpy.arange(len(hashes))
    # Where a row says what belongs where, it stays there.
    ranks[given != NOT_GIVEN] += len(hashes)
    texts, labels = pair_labels(rows, numpy.arange(len(hashes)), edits.sets[new])
    is_there = numpy.asarray([label in in_train for label in rows.labels], dtype=bool)
    is_lacking = ~is_there[labels] if len(labels) else numpy.zeros(0, dtype=bool)
    needed = find_needed(splits, texts[is_lacking], labels[is_lacking], ranks)
    needed = needed[given[needed] == NOT_GIVEN]
    splits[needed] = TRAIN
    return splits, len(needed)


def count_sets(
    sets: Sequence[int], splits: Sequence[int], label_sets: List[Tuple[str, ...]]
) -> List[Dict[str, int]]:
    """RETURNS (List[Dict[str, int]]): Documents of each label, split by split."""
    counts: List[Dict[str, int]] = [{}, {}, {}]
    pairs, n = numpy.unique(
        numpy.asarray([splits, sets], dtype="int64"), axis=1, return_counts=True
    )
    for (split, number), n_docs in zip(pairs.T.tolist(), n.tolist()):
        for label in label_sets[number] if number >= 0 else ():
            counts[split][label] = counts[split].get(label, 0) + n_docs
    return counts
