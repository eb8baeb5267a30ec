import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.outputs import scores
from spacy_longtail.outputs.scores import compare_blocks, cut_rows, score_blocks

RNG = numpy.random.RandomState(0)
W = RNG.randn(45, 8).astype("float32")
BIASES = RNG.randn(45).astype("float32")
X = RNG.randn(70, 8).astype("float32")
X[3] = 0.0
COSINES = W @ X.T / numpy.linalg.norm(W, axis=1)[:, None]
COSINES /= numpy.maximum(numpy.linalg.norm(X, axis=1), 1e-9)
# In the second case some blocks have no row that stands for a leaf.
LEAVES = {"all": numpy.arange(45), "some": numpy.asarray([44, 3, 3, 5, 0])}


@pytest.fixture(params=["whole", "in blocks"])
def how(request, monkeypatch):
    if request.param == "in blocks":
        monkeypatch.setattr(scores, "MOST_AT_ONCE", 20)
        monkeypatch.setattr(scores, "MOST_ROWS", 10)
        monkeypatch.setattr(scores, "MOST_SCORES", 320)
    return request.param


@pytest.mark.parametrize("leaves", LEAVES)
def test_scores_are_products_and_the_highest_cosine_to_a_leaf(how, leaves):
    blocks = cut_rows(W, BIASES, LEAVES[leaves])
    assert len(blocks) == (1 if how == "whole" else 5)
    Z, closest = score_blocks(blocks, X)
    assert_allclose(Z, X @ W.T + BIASES, atol=1e-5)
    assert_allclose(closest, COSINES[LEAVES[leaves]].max(axis=0), atol=1e-6)
    assert_allclose(compare_blocks(blocks, X), COSINES.T, atol=1e-6)


def test_scores_do_not_depend_on_the_batch(how):
    blocks = cut_rows(W, BIASES, LEAVES["some"])
    Z, closest = score_blocks(blocks, X)
    for row in range(len(X)):
        alone = score_blocks(blocks, X[row : row + 1])
        assert_array_equal(alone[0][0], Z[row])
        assert alone[1][0] == closest[row]
