from heapq import heapify, heappop, heappush
from itertools import chain
from typing import Collection, List, Sequence, Set

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
    shares (Sequence[float]): Shares of dev and test, together below 1.0.
    seed (int): The same seed and labels give the same split.
    RETURNS (numpy.ndarray): int8 array of TRAIN, DEV and TEST, of shape (texts,).
    """
    alloted = allot(numpy.bincount(labels), shares)
    # RandomState is the generator whose numbers NumPy promises not to change.
    shuffled = numpy.random.RandomState(seed).permutation(len(labels))
    by_label = shuffled[numpy.argsort(labels[shuffled], kind="stable")]
    splits = numpy.tile(numpy.arange(3, dtype="int8"), len(alloted))
    result = numpy.empty(len(labels), dtype="int8")
    result[by_label] = numpy.repeat(splits, alloted.ravel())
    return result


def stratify_sets(
    sets: Sequence[Collection[int]], shares: Sequence[float], *, seed: int
) -> numpy.ndarray:
    """Split texts with any number of labels each, so that each label is divided as
    allot would, as nearly as its company allows. Every label is in train.

    Source: Sechidis, Tsoumakas & Vlahavas (2011), "On the Stratification of
        Multi-Label Data", algorithm 1, with the numbers of allot as what is desired.
        https://doi.org/10.1007/978-3-642-23808-6_10

    sets (Sequence[Collection[int]]): Labels of each text, integers from 0.
    shares (Sequence[float]): Shares of dev and test, see allot.
    seed (int): The same seed and labels give the same split.
    RETURNS (numpy.ndarray): int8 array of TRAIN, DEV and TEST, of shape (texts,).
    """
    order = numpy.random.RandomState(seed).permutation(len(sets)).tolist()
    rows_of = _list_rows(sets, order)
    n_left = [len(rows) for rows in rows_of]
    desired: List[List[float]] = allot(n_left, shares).tolist()
    total: List[float] = allot([len(sets)], shares)[0].tolist()
    result = numpy.full(len(sets), -1, dtype="int8")

    def put(row: int, wishes: List[float]) -> None:
        # Train is first, so it wins where everything is equal.
        split = max(range(3), key=list(zip(wishes, total)).__getitem__)
        result[row] = split
        total[split] -= 1
        for label in sets[row]:
            desired[label][split] -= 1
            n_left[label] -= 1

    # The label with the fewest texts left is the first.
    queue = [(n, label) for label, n in enumerate(n_left)]
    heapify(queue)
    while queue:
        n, label = heappop(queue)
        if n != n_left[label]:
            # It is in there again, with fewer.
            continue
        changed: Set[int] = set()
        for row in rows_of[label]:
            if result[row] < 0:
                put(row, desired[label])
                changed.update(sets[row])
        for other in changed:
            heappush(queue, (n_left[other], other))
    for row in order:
        if result[row] < 0:
            put(row, total)
    _put_all_in_train(result, rows_of)
    return result


def _put_all_in_train(result: numpy.ndarray, rows_of: Sequence[List[int]]) -> None:
    # A rare label can be drawn out of train by the labels beside it.
    for rows in filter(None, rows_of):
        if TRAIN not in result[rows]:
            result[rows[0]] = TRAIN


def _list_rows(
    sets: Sequence[Collection[int]], order: Sequence[int]
) -> List[List[int]]:
    n_labels = max(chain.from_iterable(sets), default=-1) + 1
    rows_of: List[List[int]] = [[] for _ in range(n_labels)]
    for row in order:
        for label in sets[row]:
            rows_of[label].append(row)
    return rows_of
