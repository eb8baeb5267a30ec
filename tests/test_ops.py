import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from thinc.api import NumpyOps

from spacy_longtail import ops
from spacy_longtail.ops import (
    RowStack,
    find_cells,
    get_chance,
    get_log_odds,
    log_softmax_groups,
    mean_by_class,
    normalize_rows,
    sigmoid,
    softmax,
    softplus,
    spread_groups,
    spread_runs,
    sum_groups,
    top_columns,
    unit_rows,
)

OPS = NumpyOps()
LENGTHS = numpy.asarray([2, 1, 3], dtype="int32")
# The columns of each group of LENGTHS.
GROUPS = [[0, 1], [2], [3, 4, 5]]


@pytest.fixture
def X():
    return numpy.random.RandomState(0).randn(4, 6)


def test_unit_rows_have_length_one():
    assert_allclose(unit_rows(numpy.asarray([[3.0, 4.0]])), [[0.6, 0.8]])


def test_row_of_zeros_stays_zero():
    X = numpy.asarray([[0.0, 0.0], [0.0, 5.0]])
    assert_array_equal(unit_rows(X), [[0.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_rows", [0, 2])
def test_unit_rows_keep_type_and_shape(dtype, n_rows):
    Y = unit_rows(numpy.ones((n_rows, 3), dtype=dtype))
    assert (Y.dtype, Y.shape) == (dtype, (n_rows, 3))


def test_backprop_of_unit_rows_is_the_derivative(X):
    """Compare with central differences of the sum of dY * unit_rows(X)."""
    dY = numpy.random.RandomState(1).randn(*X.shape)
    numeric = numpy.zeros_like(X)
    for index in numpy.ndindex(*X.shape):
        step = numpy.zeros_like(X)
        step[index] = 1e-6
        change = unit_rows(X + step) - unit_rows(X - step)
        numeric[index] = (dY * change).sum() / 2e-6
    Y, backprop = normalize_rows(X)
    assert_allclose(Y, unit_rows(X), rtol=1e-12)
    assert_allclose(backprop(dY), numeric, atol=1e-8)


def test_sum_groups_equals_slow_loop(X):
    expected = [[sum(row[c] for c in group) for group in GROUPS] for row in X]
    assert_allclose(sum_groups(OPS, X, LENGTHS), expected)


def test_spread_groups_repeats_the_value_of_each_group():
    X = numpy.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    expected = [[1, 1, 2, 3, 3, 3], [4, 4, 5, 6, 6, 6]]
    assert_array_equal(spread_groups(OPS, X, LENGTHS), expected)


def test_log_softmax_groups_equals_slow_loop(X):
    expected = numpy.zeros_like(X)
    for row in range(len(X)):
        for group in GROUPS:
            exps = numpy.exp(X[row, group])
            expected[row, group] = numpy.log(exps / exps.sum())
    assert_allclose(log_softmax_groups(OPS, X, LENGTHS), expected)


def test_group_of_one_column_has_probability_one(X):
    assert_array_equal(log_softmax_groups(OPS, X, LENGTHS)[:, 2], 0.0)


@pytest.mark.parametrize("offset", [-1e4, 1e4])
def test_group_far_from_the_others_does_not_underflow(X, offset):
    """Each group is normalized by its own maximum, not by that of the row."""
    shifted = X.copy()
    shifted[:, 3:] += offset
    log_P = log_softmax_groups(OPS, shifted, LENGTHS)
    assert_allclose(log_P, log_softmax_groups(OPS, X, LENGTHS), atol=1e-10)


@pytest.mark.parametrize("function", [sum_groups, log_softmax_groups])
def test_groups_keep_float32(X, function):
    assert function(OPS, X.astype("float32"), LENGTHS).dtype == "float32"


def test_softmax_by_hand():
    Z = numpy.log(numpy.asarray([[1.0, 1.0, 2.0], [3.0, 1.0, 0.0 + 1e-300]]))
    assert_allclose(softmax(Z), [[0.25, 0.25, 0.5], [0.75, 0.25, 0.0]], atol=1e-12)


def test_softmax_of_extreme_logits_is_finite():
    Z = numpy.asarray([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]])
    assert_allclose(softmax(Z), [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])


def test_class_mean_by_hand():
    """Two documents at (1, 0) and one for the name at (0, 1): (2, 1) / sqrt(5)."""
    sums, names = numpy.asarray([[2.0, 0.0]]), numpy.asarray([[0.0, 1.0]])
    mean = mean_by_class(sums, numpy.asarray([2.0]), names, kappa=1.0)
    assert_allclose(mean, numpy.asarray([[2.0, 1.0]]) / numpy.sqrt(5))


def test_class_mean_ignores_the_name_without_kappa():
    sums, names = numpy.asarray([[3.0, 4.0]]), numpy.asarray([[0.0, 1.0]])
    mean = mean_by_class(sums, numpy.asarray([9.0]), names, kappa=0.0)
    assert_allclose(mean, [[0.6, 0.8]])


@pytest.mark.parametrize("kappa", [1e-12, 1.0, 100.0])
def test_class_without_documents_is_its_name(kappa):
    names = numpy.asarray([[0.6, 0.8]])
    mean = mean_by_class(numpy.zeros((1, 2)), numpy.zeros(1), names, kappa=kappa)
    assert_allclose(mean, names, rtol=1e-3)


def test_class_without_documents_and_kappa_is_zero():
    names = numpy.asarray([[0.6, 0.8]])
    mean = mean_by_class(numpy.zeros((1, 2)), numpy.zeros(1), names, kappa=0.0)
    assert_array_equal(mean, [[0.0, 0.0]])


def test_spreads_runs_to_their_places():
    places = spread_runs(numpy.asarray([5, 0, 2, 9]), numpy.asarray([2, 0, 3, 1]))
    assert places.tolist() == [5, 6, 2, 3, 4, 9]


def test_top_columns_come_largest_first():
    P = numpy.asarray([[0.1, 0.5, 0.4], [0.7, 0.1, 0.2]])
    assert_array_equal(top_columns(P, 2), [[1, 2], [0, 2]])


@pytest.mark.parametrize("k", [3, 10])
def test_top_columns_are_no_more_than_there_are(k):
    assert_array_equal(top_columns(numpy.asarray([[0.2, 0.5, 0.3]]), k), [[1, 2, 0]])


def test_top_columns_break_ties_by_column():
    """Also where the last place is shared: the members of an Other may be equal."""
    P = numpy.full((2, 50), 0.01)
    P[0, 30] = 0.5
    assert_array_equal(top_columns(P, 4), [[30, 0, 1, 2], [0, 1, 2, 3]])


@settings(derandomize=True, deadline=None)
@given(arrays("float64", (3, 12), elements=st.integers(0, 4)), st.integers(1, 14))
def test_top_columns_equal_a_stable_sort(P, k):
    expected = numpy.argsort(-P, axis=1, kind="stable")[:, :k]
    assert_array_equal(top_columns(P, k), expected)


@pytest.mark.parametrize("n_values", [2, 30, 10_000, 10**9])
@pytest.mark.parametrize("n_columns", [4096, 5003])
def test_top_of_many_columns_equals_a_stable_sort(n_columns, n_values):
    """The fewer values there are, the more are the same."""
    random = numpy.random.RandomState(0)
    P = random.randint(n_values, size=(9, n_columns)).astype("float32")
    P[0, :-4] = P[1] = 0
    expected = numpy.argsort(-P, axis=1, kind="stable")
    for k in (1, 7, 64, 200):
        assert_array_equal(top_columns(P, k), expected[:, :k])


def test_top_columns_of_no_rows():
    assert top_columns(numpy.zeros((0, 5)), 2).shape == (0, 2)


def test_log_odds_of_nothing_and_all_are_finite():
    found = get_log_odds(numpy.asarray([0.0, 0.2, 0.5, 1.0]))
    assert_allclose(found[1:3], [numpy.log(0.25), 0.0], atol=1e-12)
    assert found[3] == pytest.approx(-found[0], rel=1e-9) and 13 < found[3] < 14


def test_softplus_is_the_log_of_the_sigmoid():
    Z = numpy.linspace(-15, 15, 7)
    assert_allclose(softplus(Z), -numpy.log(sigmoid(-Z)), rtol=1e-6)


@pytest.mark.parametrize(
    "numbers, expected",
    [((0, 0), 0.5), ((1, 0), 0.25), ((3, 0), 1 / 16), ((1, 1), 0.5), ((2, 1), 0.3125)],
)
def test_chance_of_the_sign_test(numbers, expected):
    """3 of 3: 1/8, half of which counts. 2 of 3: 3/8, half of it, and 1/8 for more."""
    assert get_chance(*numbers) == pytest.approx(expected)
    assert get_chance(*numbers) + get_chance(*numbers[::-1]) == pytest.approx(1.0)
    assert get_chance(600, 500) < 0.01 < get_chance(510, 500)
    assert get_chance(60, 41) == pytest.approx(get_chance(59, 41), abs=0.01)


@pytest.mark.parametrize("n_rows", [0, 2])
def test_top_columns_of_many_equal_ones(n_rows):
    """As of an empty document, whose probabilities are all 0.0."""
    top = top_columns(numpy.zeros((n_rows, 5000)), 3)
    assert top.tolist() == [[0, 1, 2]] * n_rows


def test_cells_are_found_in_slices(X, monkeypatch):
    monkeypatch.setattr(ops, "SLICE", 6)
    found = find_cells(X.shape, lambda part: X[part] > 0.0)
    assert_array_equal(found, numpy.nonzero(X > 0.0))


def test_no_rows_have_no_cells():
    rows, columns = find_cells((0, 3), lambda part: numpy.zeros((0, 3), dtype=bool))
    assert rows.dtype == columns.dtype == "int64" and len(rows) == len(columns) == 0


@pytest.mark.parametrize("n_rows", [0, 1, 16, 17, 400])
def test_stacked_rows_stay_as_they_are(n_rows):
    expected = numpy.arange(3 * n_rows, dtype="f4").reshape(n_rows, 3)
    stack = RowStack(3, "f4")
    for row in expected:
        stack.append(row)
    found = stack.take()
    assert_array_equal(found, expected)
    assert found.dtype == "f4" and stack.n_rows == n_rows
