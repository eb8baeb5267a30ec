import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.losses.binary.core import BinaryCrossEntropy
from spacy_longtail.ops import sigmoid


@pytest.fixture
def loss(binary_taxonomy):
    return BinaryCrossEntropy(binary_taxonomy, log_odds=binary_taxonomy.log_odds)


def get_slow_loss(logits, truths):
    """By the formula, one document and one class at a time; a/y and a/z are pooled."""
    total, n_docs = 0.0, 0
    for z, y in zip(logits, truths):
        pooled = numpy.log(numpy.exp(z[1]) + numpy.exp(z[2]))
        is_pooled = 1.0 if 1.0 in (y[1], y[2]) else y[1] + y[2]
        classes = [(z[0], y[0]), (pooled, is_pooled), (z[3], y[3]), (z[4], y[4])]
        known = [(z, y) for z, y in classes if not numpy.isnan(y)]
        for z, y in known:
            p = 1.0 / (1.0 + numpy.exp(-z))
            total -= numpy.log(p if y else 1.0 - p)
        n_docs += bool(known)
    return total / n_docs


def test_loss_by_hand(flat_taxonomy):
    """Even odds of three labels."""
    loss = BinaryCrossEntropy(flat_taxonomy, log_odds=flat_taxonomy.log_odds)
    value = loss.get_loss(numpy.zeros((1, 3)), numpy.asarray([[1.0, 0.0, 0.0]]))
    assert value == pytest.approx(3 * numpy.log(2))


def test_loss_equals_the_formula(loss, binary_logits, binary_truths):
    expected = get_slow_loss(binary_logits, binary_truths)
    assert loss.get_loss(binary_logits, binary_truths) == pytest.approx(expected)


def test_gradient_is_derivative_of_loss(
    loss, binary_logits, binary_truths, get_numeric_gradient
):
    numeric = get_numeric_gradient(loss, binary_logits, binary_truths)
    assert_allclose(loss.get_grad(binary_logits, binary_truths), numeric, atol=1e-8)


def test_what_is_not_known_has_no_gradient(loss, binary_logits, binary_truths):
    d_logits = loss.get_grad(binary_logits, binary_truths)
    assert_array_equal(d_logits[3], 0.0)
    # Of the members of an Other one is unknown and the other one false.
    assert_array_equal(d_logits[4, :3], 0.0)
    assert (d_logits[4, 3:] != 0.0).all()


def test_nothing_known_at_all_is_no_loss(loss):
    d_logits, value = loss(numpy.ones((2, 5)), numpy.full((2, 5), numpy.nan))
    assert value == 0.0
    assert_array_equal(d_logits, 0.0)


def test_members_of_an_other_share_its_gradient_by_their_odds(loss):
    logits = numpy.asarray([[0.0, 2.0, 1.0, 0.0, 0.0]])
    d_logits = loss.get_grad(logits, numpy.asarray([[0.0, 0.0, 1.0, 0.0, 0.0]]))[0]
    assert d_logits[1] / d_logits[2] == pytest.approx(numpy.exp(1.0))
    p = sigmoid(numpy.log(numpy.exp([2.0]) + numpy.exp([1.0])))[0]
    assert d_logits[1] + d_logits[2] == pytest.approx(p - 1.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_logits_are_no_problem(loss, dtype):
    logits = numpy.asarray([[1e4, -1e4, 1e4, -1e4, 0.0]], dtype)
    truths = numpy.asarray([[0.0, 0.0, 0.0, 1.0, 1.0]])
    d_logits, value = loss(logits, truths)
    assert value == pytest.approx(3e4 + numpy.log(2))
    assert_allclose(d_logits, [[1.0, 0.0, 1.0, -1.0, -0.5]])
    assert d_logits.dtype == dtype


def test_shapes_that_do_not_fit_are_an_error(loss):
    with pytest.raises(ValueError, match=r"\[L101\].*Expected 5 leaves"):
        loss(numpy.zeros((2, 4)), numpy.zeros((2, 4)))
