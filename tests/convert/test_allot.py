import numpy
import pytest
from numpy.testing import assert_array_equal

from spacy_longtail.convert.allot import (
    DEV,
    TEST,
    TRAIN,
    allot,
    check_shares,
    find_needed,
)
from spacy_longtail.texts import hash_text

HASHES = numpy.asarray([hash_text(f"text {i}") for i in range(4000)], dtype="uint64")
# Of the first texts, with shares of 0.2 and the seed 3.
EXPECTED = [TRAIN, TRAIN, TRAIN, TEST, *[TRAIN] * 7, DEV, TEST, *[TRAIN] * 7]


@pytest.mark.parametrize("shares", [(0.1, 0.1), (0.2, 0.0), (0.0, 0.3), (0.45, 0.45)])
def test_each_split_has_about_its_share(shares):
    splits = allot(HASHES, shares, seed=0)
    n_dev, n_test = (splits == DEV).sum(), (splits == TEST).sum()
    # Four standard deviations of 4,000 coins.
    for n, share in zip((n_dev, n_test), shares):
        assert abs(n - 4000 * share) <= 4 * (4000 * share * (1 - share)) ** 0.5


def test_a_text_has_the_same_split_in_any_company():
    splits = allot(HASHES, (0.2, 0.2), seed=3)
    rows = numpy.random.RandomState(0).permutation(4000)[:1000]
    assert_array_equal(allot(HASHES[rows], (0.2, 0.2), seed=3), splits[rows])
    # Releases and machines don't change it either.
    assert splits[:20].tolist() == EXPECTED


def test_a_share_changes_without_the_other():
    few, more = (allot(HASHES, (0.1, share), seed=0) for share in (0.1, 0.3))
    assert_array_equal(few == DEV, more == DEV)
    assert (more[few == TEST] == TEST).all()


def test_seeds_differ():
    splits = [allot(HASHES, (0.1, 0.1), seed=seed) for seed in (0, 1, 2, 2**63)]
    for i, first in enumerate(splits):
        for second in splits[:i]:
            # As many as by chance.
            assert 20 <= ((first == TEST) & (second == TEST)).sum() <= 65


# What the lowest and the highest number are drawn for.
@pytest.mark.parametrize("number", [0, 14959274266131672512])
def test_without_a_share_there_is_no_text(number):
    """The numbers next to the ends are rounded to them."""
    hashes = numpy.asarray([number] * 2, dtype="uint64")
    assert allot(hashes, (0.0, 0.0), seed=0).tolist() == [TRAIN, TRAIN]


def test_the_first_text_of_a_label_without_another_in_train_is_needed():
    splits = numpy.asarray([DEV, TEST, TEST, TRAIN, DEV])
    #          label 0: texts 0 and 1, label 1: texts 2 and 3, label 2: text 4, twice
    texts = numpy.asarray([0, 1, 2, 3, 4, 4])
    labels = numpy.asarray([0, 0, 1, 1, 2, 2])
    ranks = numpy.asarray([1, 0, 2, 3, 4])
    assert find_needed(splits, texts, labels, ranks).tolist() == [1, 4]
    nothing = numpy.zeros(0, dtype="int64")
    assert find_needed(splits, nothing, nothing, ranks).tolist() == []


@pytest.mark.parametrize("dev, test", [(-0.1, 0), (0, -0.1), (0.5, 0.5), (2, 0)])
def test_bad_shares(dev, test):
    with pytest.raises(ValueError, match=r"\[L623\]"):
        check_shares(dev, test)
