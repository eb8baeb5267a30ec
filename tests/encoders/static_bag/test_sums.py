import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.encoders.static_bag.sums import CHUNK, sum_rows, sum_runs

TABLE = numpy.random.RandomState(0).randn(50, 6).astype("float32")
TABLE[0] = 0.0
LENGTHS = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 0, 5 * CHUNK + 3, 2, 0]


def make_rows(lengths=LENGTHS):
    # One in five brings nothing.
    rows = numpy.random.RandomState(1).randint(0, 50, sum(lengths))
    rows[::5] = 0
    return rows, numpy.asarray(lengths, dtype="int64")


def test_equals_a_loop_over_runs():
    rows, lengths = make_rows()
    sums = sum_rows(TABLE, rows, lengths)
    for total, run in zip(sums, numpy.split(rows, numpy.cumsum(lengths)[:-1])):
        assert_allclose(total, TABLE[run].sum(axis=0), atol=1e-5)
    owners = numpy.arange(len(lengths)).repeat(lengths)
    assert_allclose(sum_runs(TABLE[rows], owners, len(lengths)), sums, atol=1e-5)


def test_sum_of_a_run_is_the_same_whatever_others_there_are():
    rows, lengths = make_rows()
    sums = sum_rows(TABLE, rows, lengths)
    for total, run in zip(sums, numpy.split(rows, numpy.cumsum(lengths)[:-1])):
        alone = sum_rows(TABLE, run, numpy.asarray([len(run)]))
        assert_array_equal(alone, total[None])


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_runs_without_rows_are_zeros(lengths):
    rows, lengths = make_rows(lengths)
    assert_array_equal(sum_rows(TABLE, rows, lengths), numpy.zeros((len(lengths), 6)))


def test_rows_that_bring_nothing_are_zeros():
    sums = sum_rows(TABLE, numpy.zeros(20, "int64"), numpy.asarray([20]))
    assert_array_equal(sums, numpy.zeros((1, 6)))
