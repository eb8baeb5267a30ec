from typing import List, Sequence

import numpy

from ..errors import Errors

TRAIN, DEV, TEST = range(3)


def check_shares(dev: float, test: float) -> None:
    """RAISES (ValueError): L623 if what is left for training isn't a share."""
    if not (dev >= 0.0 and test >= 0.0 and dev + test < 1.0):
        raise ValueError(Errors.L623.format(dev=dev, test=test))


def allot(counts: Sequence[int], shares: Sequence[float]) -> numpy.ndarray:
    """Decide how many texts of each label go to each split.

    Train gets one first, then dev, then test, as long as there are any. Beyond that,
    a label's numbers in dev and test differ from its shares by less than one text.
    Which labels are rounded up is decided by the largest remainder, so that the totals
    are right as well.

    counts (Sequence[int]): Texts of each label.
    shares (Sequence[float]): Shares of dev and test, together below 1.0.
    RETURNS (numpy.ndarray): int64 array of shape (labels, 3): train, dev, test.
    """
    n = numpy.asarray(counts, dtype="int64")
    alloted = numpy.zeros((len(n), 3), dtype="int64")
    left = numpy.maximum(n - 1, 0)
    for split, share in zip((DEV, TEST), shares):
        if share > 0.0:
            wanted = numpy.maximum(round_to_total(n * share), 1)
            alloted[:, split] = numpy.minimum(wanted, left)
            left = left - alloted[:, split]
    alloted[:, TRAIN] = n - alloted.sum(axis=1)
    return alloted


def round_to_total(values: numpy.ndarray) -> numpy.ndarray:
    """Round up the largest remainders, so many that the total is right.

    RETURNS (numpy.ndarray): int64 array, each value less than 1 from its own.
    """
    floors = numpy.floor(values + 1e-9)
    n_more = int(round(float((values - floors).sum())))
    order = numpy.argsort(floors - values, kind="stable")
    rounded = floors.astype("int64")
    rounded[order[: max(n_more, 0)]] += 1
    return rounded


def stratify(
    labels: numpy.ndarray, shares: Sequence[float], *, seed: int
) -> numpy.ndarray:
    """Split texts with one label each, exactly as alloted and otherwise at random.

    labels (numpy.ndarray): Label of each text, integers from 0, of shape (texts,).
    shares (Sequence[float]): Shares of dev and test, see allot.
    seed (int): The same seed and labels give the same split.
    RETURNS (numpy.ndarray): int8 array of TRAIN, DEV and TEST, of shape (texts,).
    """
    if not len(labels):
        return numpy.zeros(0, dtype="int8")
    counts = numpy.bincount(labels)
    alloted = allot(counts, shares)
    # RandomState is the generator whose numbers NumPy promises not to change.
    shuffled = numpy.random.RandomState(seed).permutation(len(labels))
    by_label = shuffled[numpy.argsort(labels[shuffled], kind="stable")]
    splits = numpy.tile(numpy.arange(3, dtype="int8"), len(counts))
    result = numpy.empty(len(labels), dtype="int8")
    result[by_label] = numpy.repeat(splits, alloted.ravel())
    return result


def stratify_sets(
    sets: Sequence[Sequence[int]], shares: Sequence[float], *, seed: int
) -> numpy.ndarray:
    """Split texts with any number of labels each, so that each label is divided as
    allot would, as nearly as its company allows. Every label is in train.

    Source: Sechidis, Tsoumakas & Vlahavas (2011), "On the Stratification of
        Multi-Label Data", algorithm 1, with the numbers of allot as what is desired.
        https://doi.org/10.1007/978-3-642-23808-6_10

    sets (Sequence[Sequence[int]]): Labels of each text, integers from 0.
    shares (Sequence[float]): Shares of dev and test, see allot.
    seed (int): The same seed and labels give the same split.
    RETURNS (numpy.ndarray): int8 array of TRAIN, DEV and TEST, of shape (texts,).
    """
    order = numpy.random.RandomState(seed).permutation(len(sets)).tolist()
    rows_of = _invert(sets, order)
    counts = [len(rows) for rows in rows_of]
    desired: List[List[float]] = allot(counts, shares).tolist()
    total: List[float] = allot([len(sets)], shares)[0].tolist()
    result = numpy.full(len(sets), -1, dtype="int8")
    queue = LabelQueue(counts)
    while queue:
        label = queue.pop()
        for row in rows_of[label]:
            if result[row] >= 0:
                continue
            split = _choose(desired[label], total)
            result[row] = split
            total[split] -= 1
            for other in sets[row]:
                desired[other][split] -= 1
                queue.decrease(other)
    for row in order:
        if result[row] < 0:
            split = _choose(total, total)
            result[row] = split
            total[split] -= 1
    _put_all_in_train(result, rows_of)
    return result


class LabelQueue:
    """Labels by how many of their texts are left, the fewest first, then by number."""

    def __init__(self, counts: Sequence[int]) -> None:
        self._counts = list(counts)
        self._buckets: List[set] = [set() for _ in range(max(counts, default=0) + 1)]
        for label, count in enumerate(counts):
            self._buckets[count].add(label)
        self._lowest = 1

    def __bool__(self) -> bool:
        while self._lowest < len(self._buckets) and not self._buckets[self._lowest]:
            self._lowest += 1
        return self._lowest < len(self._buckets)

    def pop(self) -> int:
        """RETURNS (int): The first label. All of its texts are to be dealt with."""
        return min(self._buckets[self._lowest])

    def decrease(self, label: int) -> None:
        """Take away one text of a label."""
        count = self._counts[label]
        self._buckets[count].discard(label)
        self._counts[label] = count - 1
        self._buckets[count - 1].add(label)
        self._lowest = max(1, min(self._lowest, count - 1))


def _invert(sets: Sequence[Sequence[int]], order: Sequence[int]) -> List[List[int]]:
    n_labels = max((max(labels) for labels in sets if labels), default=-1) + 1
    rows_of: List[List[int]] = [[] for _ in range(n_labels)]
    for row in order:
        for label in sets[row]:
            rows_of[label].append(row)
    return rows_of


def _choose(desired: Sequence[float], total: Sequence[float]) -> int:
    # Train is first, so it wins where everything is equal.
    return max(range(3), key=lambda split: (desired[split], total[split], -split))


def _put_all_in_train(result: numpy.ndarray, rows_of: Sequence[Sequence[int]]) -> None:
    """A rare label can be drawn out of train by the labels beside it."""
    for rows in rows_of:
        if rows and not (result[list(rows)] == TRAIN).any():
            result[rows[0]] = TRAIN
