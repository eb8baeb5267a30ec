from collections import Counter

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from spacy_longtail.convert.allot import (
    DEV,
    TEST,
    TRAIN,
    allot,
    check_shares,
    stratify,
    stratify_sets,
)

SHARES = st.sampled_from([(0.1, 0.1), (0.2, 0.0), (0.0, 0.3), (0.45, 0.45), (0.0, 0.0)])
COUNTS = st.lists(st.integers(0, 300), min_size=1, max_size=40)


def test_rare_labels_go_to_train_then_dev_then_test():
    alloted = allot([1, 2, 3, 10, 100], (0.1, 0.1))
    assert alloted.tolist() == [
        [1, 0, 0],
        [1, 1, 0],
        [1, 1, 1],
        [8, 1, 1],
        [80, 10, 10],
    ]


@given(counts=COUNTS, shares=SHARES)
def test_each_label_has_its_share(counts, shares):
    alloted = allot(counts, shares)
    n = numpy.asarray(counts)
    assert_array_equal(alloted.sum(axis=1), n)
    assert (alloted[n > 0, TRAIN] > 0).all()
    left = n - 1
    for split, share in ((DEV, shares[0]), (TEST, shares[1])):
        if share == 0:
            assert not alloted[:, split].any()
            continue
        assert (alloted[left > 0, split] > 0).all()
        enough = left * share > 1.5
        assert (abs(alloted[:, split] - n * share)[enough] < 1).all()
        left = left - alloted[:, split]


@given(counts=COUNTS, shares=SHARES, seed=st.integers(0, 5))
def test_stratify_follows_allot(counts, shares, seed):
    labels = numpy.repeat(numpy.arange(len(counts)), counts)
    splits = stratify(labels, shares, seed=seed)
    assert_array_equal(splits, stratify(labels, shares, seed=seed))
    alloted = allot(counts, shares)
    for label in set(labels.tolist()):
        found = numpy.bincount(splits[labels == label], minlength=3)
        assert_array_equal(found, alloted[label])


def test_seeds_differ():
    labels = numpy.zeros(100, dtype="int64")
    first, second = (stratify(labels, (0.1, 0.1), seed=seed) for seed in (0, 1))
    assert (first != second).any()


@pytest.mark.parametrize("dev, test", [(-0.1, 0), (0, -0.1), (0.5, 0.5), (2, 0)])
def test_bad_shares(dev, test):
    with pytest.raises(ValueError, match=r"\[L623\]"):
        check_shares(dev, test)


class SlowStratifier:
    """The algorithm as the paper writes it: count everything again in each round."""

    def __init__(self, sets, shares, seed):
        self.sets = sets
        self.order = numpy.random.RandomState(seed).permutation(len(sets)).tolist()
        self.n_labels = max((max(s) for s in sets if s), default=-1) + 1
        counts = [len(self.find(label)) for label in range(self.n_labels)]
        self.desired = allot(counts, shares).tolist()
        self.total = allot([len(sets)], shares)[0].tolist()
        self.result = {}

    def find(self, label):
        return [row for row in self.order if label in self.sets[row]]

    def put(self, row, wishes):
        best = max(range(3), key=lambda j: (wishes[j], self.total[j], -j))
        self.result[row] = best
        self.total[best] -= 1
        for label in self.sets[row]:
            self.desired[label][best] -= 1

    def run(self):
        while left := self.count_left():
            rarest = min(left, key=lambda label: (left[label], label))
            for row in self.find(rarest):
                if row not in self.result:
                    self.put(row, self.desired[rarest])
        for row in self.order:
            if row not in self.result:
                self.put(row, self.total)
        for rows in map(self.find, range(self.n_labels)):
            if rows and all(self.result[row] != TRAIN for row in rows):
                self.result[rows[0]] = TRAIN
        return [self.result[row] for row in range(len(self.sets))]

    def count_left(self):
        rows = [row for row in self.order if row not in self.result]
        return Counter(label for row in rows for label in self.sets[row])


SETS = st.lists(
    st.sets(st.integers(0, 7), max_size=4).map(sorted), min_size=1, max_size=40
)


@given(sets=SETS, shares=SHARES, seed=st.integers(0, 3))
def test_several_labels_like_the_slow_algorithm(sets, shares, seed):
    splits = stratify_sets(sets, shares, seed=seed)
    assert splits.tolist() == SlowStratifier(sets, shares, seed).run()


@given(sets=SETS, shares=SHARES)
def test_every_label_of_several_is_in_train(sets, shares):
    splits = stratify_sets(sets, shares, seed=0)
    in_train = {
        label for row, labels in enumerate(sets) if splits[row] == 0 for label in labels
    }
    assert in_train == {label for labels in sets for label in labels}


def test_several_labels_are_divided_evenly():
    random = numpy.random.RandomState(0)
    chances = 0.5 / numpy.arange(1, 21)
    matrix = random.rand(2000, 20) < chances
    sets = [numpy.flatnonzero(row).tolist() for row in matrix]
    splits = stratify_sets(sets, (0.1, 0.1), seed=0)
    for split in (DEV, TEST):
        assert abs((splits == split).sum() - 200) <= 20
        wanted = allot(matrix.sum(axis=0), (0.1, 0.1))[:, split]
        assert abs(matrix[splits == split].sum(axis=0) - wanted).max() <= 3
