import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.losses.generalized import make_generalized_cross_entropy
from spacy_longtail.losses.logit_adjusted import make_logit_adjusted
from spacy_longtail.taxonomy import build_taxonomy


def test_loss_by_hand():
    """At even odds the adjusted probability is the prior itself: (1 - 0.25 ** 0.5) /
    0.5, and the gradient of the cross-entropy times 0.25 ** 0.5.
    """
    loss = make_generalized_cross_entropy(q=0.5)(build_taxonomy({"a": 3, "b": 1}))
    d_logits, value = loss(numpy.zeros((1, 2)), numpy.asarray([[0.0, 1.0]]))
    assert value == pytest.approx(1.0)
    assert_allclose(d_logits, [[0.375, -0.375]], rtol=1e-6)


@pytest.mark.parametrize("q", [0.1, 0.3, 1.0])
def test_loss_equals_the_formula(taxonomy, logits, truths, q):
    """p of a set of leaves is the sum over the set."""
    P = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    p = (P * truths).sum(axis=1)[:4]
    loss = make_generalized_cross_entropy(q=q, tau=0.0)(taxonomy)
    assert loss.get_loss(logits, truths) == pytest.approx(((1 - p**q) / q).mean())


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_q_of_zero_is_the_logit_adjusted_loss(taxonomy, logits, truths, tau):
    expected = make_logit_adjusted(tau=tau)(taxonomy)
    loss = make_generalized_cross_entropy(q=0.0, tau=tau)(taxonomy)
    assert_allclose(loss.log_prior, expected.log_prior)
    assert loss.get_loss(logits, truths) == expected.get_loss(logits, truths)
    assert_allclose(loss.get_grad(logits, truths), expected.get_grad(logits, truths))


def test_loss_approaches_the_cross_entropy_as_q_approaches_zero(
    taxonomy, logits, truths
):
    expected = make_logit_adjusted()(taxonomy).get_loss(logits, truths)
    loss = make_generalized_cross_entropy(q=1e-9)(taxonomy)
    assert loss.get_loss(logits, truths) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("q", [0.1, 0.3, 1.0])
def test_gradient_is_derivative_of_loss(
    taxonomy, logits, truths, get_numeric_gradient, q, scale
):
    """From documents that are nearly even to ones that are nearly certain."""
    loss = make_generalized_cross_entropy(q=q)(taxonomy)
    numeric = get_numeric_gradient(loss, scale * logits, truths)
    assert_allclose(loss.get_grad(scale * logits, truths), numeric, atol=1e-7)


def test_improbable_gold_labels_pull_less_than_doubtful_ones():
    """The cross-entropy pulls hardest where a label is wrong."""
    logits, truths = numpy.asarray([[9.0, 0, 0], [0.5, 0, 0]]), numpy.eye(3)[[1, 1]]
    taxonomy = build_taxonomy(dict.fromkeys("abc", 1))
    plain = make_logit_adjusted()(taxonomy).get_grad(logits, truths)
    robust = make_generalized_cross_entropy(q=0.5)(taxonomy).get_grad(logits, truths)
    assert plain[0, 1] < plain[1, 1] < 0.0
    assert robust[1, 1] < robust[0, 1] < 0.0


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan"), float("inf")])
def test_q_out_of_range_is_an_error(q):
    with pytest.raises(ValueError, match=r"\[L109\].*from 0 to 1, but got"):
        make_generalized_cross_entropy(q=q)


def test_tau_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r"\[L105\].*at least 0, but got -1"):
        make_generalized_cross_entropy(tau=-1)


def test_other_competes_as_the_labels_it_pools():
    taxonomy = build_taxonomy({"a": 16, "b": 1, "c": 3}, min_count=4)
    loss = make_generalized_cross_entropy()(taxonomy)
    assert_allclose(numpy.exp(loss.shifts), [0.8, 0.1, 0.1], rtol=1e-6)
    assert_allclose(loss.log_prior, 0.0)
