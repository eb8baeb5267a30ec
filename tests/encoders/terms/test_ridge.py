import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.encoders.terms import ridge
from spacy_longtail.encoders.terms.reader import Weighted

N_DOCS, N_TERMS, N_LABELS = 60, 30, 4


@pytest.fixture
def data():
    """Documents, dense and sparse, and centered labels."""
    random = numpy.random.RandomState(0)
    dense = random.rand(N_DOCS, N_TERMS) * (random.rand(N_DOCS, N_TERMS) < 0.3)
    dense[7] = 0.0
    dense = dense.astype("float32")
    rows, columns = numpy.nonzero(dense)
    Y = (dense @ random.randn(N_TERMS, N_LABELS) > 0).astype("float32")
    return dense, Weighted(rows, columns, dense[rows, columns]), Y - Y.mean(axis=0)


def make_postings(dense):
    rows, columns = numpy.nonzero(dense)
    sizes = numpy.bincount(rows, minlength=len(dense))
    starts, values = numpy.cumsum(sizes) - sizes, dense[rows, columns]
    return ridge.Postings(starts, sizes, columns, values, dense.shape[1])


@pytest.mark.parametrize("most", [4_000_000, 50, 1])
def test_product_is_that_of_dense_matrices(data, monkeypatch, most):
    monkeypatch.setattr(ridge, "MAX_PRODUCTS", most)
    dense, X, _ = data
    W = numpy.random.RandomState(1).randn(N_TERMS, 5).astype("float32")
    W[numpy.abs(W) < 0.5] = 0.0
    found = ridge.multiply(X, N_DOCS, make_postings(W))
    assert_allclose(found, dense @ W, atol=1e-5)


@pytest.mark.parametrize("most", [4_000_000, 50, 1])
def test_product_with_codes_is_that_of_dense_matrices(data, monkeypatch, most):
    monkeypatch.setattr(ridge, "MAX_PRODUCTS", most)
    dense, X, _ = data
    codes = numpy.random.RandomState(1).randint(-127, 128, (N_TERMS, 5)).astype("int8")
    scales = numpy.asarray([0.1, 0.0, 1.0, 0.01, 2.0], dtype="float32")
    found = ridge.multiply_codes(X, N_DOCS, codes, scales)
    assert_allclose(found, dense @ (codes * scales), rtol=1e-4, atol=1e-3)
    for row in range(N_DOCS):
        is_in = X.rows == row
        alone = Weighted(X.rows[is_in] - row, X.columns[is_in], X.values[is_in])
        assert_array_equal(ridge.multiply_codes(alone, 1, codes, scales)[0], found[row])


def test_row_of_a_product_does_not_depend_on_the_others(data):
    dense, X, _ = data
    postings = make_postings(numpy.random.RandomState(1).randn(N_TERMS, 5))
    whole = ridge.multiply(X, N_DOCS, postings)
    for row in range(N_DOCS):
        is_in = X.rows == row
        alone = Weighted(X.rows[is_in] - row, X.columns[is_in], X.values[is_in])
        assert_array_equal(ridge.multiply(alone, 1, postings)[0], whole[row])


def test_weights_are_those_of_ridge_regression(data):
    dense, X, Y = data
    postings = ridge.transpose(X, N_DOCS, N_TERMS)
    duals, _ = ridge.fit_dual(X, postings, Y, 0.2)
    W, terms = ridge.get_largest_weights(postings, duals, N_TERMS)
    expected = numpy.linalg.solve(
        dense.T @ dense + 0.2 * numpy.eye(N_TERMS), dense.T @ Y
    )
    assert_array_equal(terms, numpy.tile(numpy.arange(N_TERMS), (N_LABELS, 1)))
    assert_allclose(W, expected.T, atol=1e-3)


@pytest.mark.parametrize("most", [8_000_000, 1])
def test_largest_weights_are_kept(data, monkeypatch, most):
    monkeypatch.setattr(ridge, "MAX_NUMBERS", most)
    _, X, Y = data
    postings = ridge.transpose(X, N_DOCS, N_TERMS)
    duals, _ = ridge.fit_dual(X, postings, Y, 0.2)
    every, _ = ridge.get_largest_weights(postings, duals, 1000)
    W, terms = ridge.get_largest_weights(postings, duals, 5)
    for label in range(N_LABELS):
        top = numpy.sort(numpy.argsort(-numpy.abs(every[label]))[:5])
        assert_array_equal(terms[label], top)
        assert_allclose(W[label], every[label, top])


def test_held_out_predictions_are_those_without_the_document(data):
    dense, X, Y = data
    postings = ridge.transpose(X, N_DOCS, N_TERMS)
    _, found = ridge.fit_dual(X, postings, Y, 0.5)
    expected = []
    for row in range(N_DOCS):
        left = numpy.arange(N_DOCS) != row
        A = dense[left].T @ dense[left] + 0.5 * numpy.eye(N_TERMS)
        expected.append(dense[row] @ numpy.linalg.solve(A, dense[left].T @ Y[left]))
    # The diagonal is estimated.
    assert numpy.abs(found - expected).mean() < 0.1
    assert numpy.corrcoef(found.ravel(), numpy.ravel(expected))[0, 1] > 0.95


def test_calibrated_scores_are_log_odds():
    random = numpy.random.RandomState(0)
    prior, scores = numpy.asarray([-3.0, -1.0, 0.5]), random.randn(5000, 3)
    odds = 2.0 * scores + 0.5 * prior - 1.0
    truths = (random.rand(*odds.shape) < 1 / (1 + numpy.exp(-odds))).astype(float)
    truths[::7, 1] = numpy.nan
    found = ridge.calibrate(scores.astype("float32"), truths, prior)
    assert_allclose(found, [2.0, 0.5, -1.0], atol=0.15)
