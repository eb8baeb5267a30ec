import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.svm import LinearSVC

from spacy_longtail.encoders.terms import svm
from spacy_longtail.encoders.terms.reader import Weighted

N_DOCS, N_TERMS = 80, 30


@pytest.fixture
def data():
    """Sparse documents, one of them empty, and one of four labels each."""
    random = numpy.random.RandomState(0)
    dense = random.rand(N_DOCS, N_TERMS) * (random.rand(N_DOCS, N_TERMS) < 0.3)
    dense[7] = 0.0
    dense = dense.astype("float32")
    rows, columns = numpy.nonzero(dense)
    gold = (dense @ random.randn(N_TERMS, 4) + [0.0, 0.5, 0.0, -0.5]).argmax(axis=1)
    return dense, Weighted(rows, columns, dense[rows, columns]), gold


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(svm, "N_EPOCHS", 3000)
    monkeypatch.setattr(svm, "TOLERANCE", 1e-6)


@pytest.mark.parametrize("many", [0.0, 1.0])
@pytest.mark.parametrize("cost", [0.5, 2.0])
def test_weights_are_those_of_the_library(data, exact, monkeypatch, many, cost):
    monkeypatch.setattr(svm, "MANY", many)
    dense, X, gold = data
    W = svm.fit_svms(X, N_TERMS, numpy.eye(4)[gold], cost)
    library = LinearSVC(C=cost, class_weight="balanced", tol=1e-8, max_iter=100_000)
    library.fit(dense, gold)
    assert_allclose(W[:-1].T, library.coef_, atol=2e-3)
    assert_allclose(W[-1], library.intercept_, atol=2e-3)


def test_few_passes_come_close(data):
    dense, X, gold = data
    W = svm.fit_svms(X, N_TERMS, numpy.eye(4)[gold], 2.0)
    library = LinearSVC(C=2.0, class_weight="balanced").fit(dense, gold)
    guess = (dense @ W[:-1] + W[-1]).argmax(axis=1)
    assert (guess == library.predict(dense)).mean() > 0.95


def test_what_is_not_known_is_as_if_it_were_not_there(data, exact):
    dense, X, gold = data
    truths = numpy.eye(4)[gold]
    truths[40:, 1] = numpy.nan
    W = svm.fit_svms(X, N_TERMS, truths, 1.0)
    is_in = X.rows < 40
    first = Weighted(*(part[is_in] for part in X))
    alone = svm.fit_svms(first, N_TERMS, truths[:40], 1.0)
    assert_allclose(W[:, 1], alone[:, 1], atol=2e-3)


def test_label_that_tells_nothing_apart_has_no_weights(data):
    dense, X, gold = data
    truths = numpy.zeros((N_DOCS, 3))
    truths[:, 0], truths[:30, 1] = 1.0, 1.0
    W = svm.fit_svms(X, N_TERMS, truths, 1.0)
    assert_array_equal(W[:, [0, 2]], 0.0)
    assert W[:, 1].any()


def test_it_is_the_same_each_time(data):
    _, X, gold = data
    first, second = (svm.fit_svms(X, N_TERMS, numpy.eye(4)[gold], 1.0) for _ in "ab")
    assert_array_equal(first, second)
