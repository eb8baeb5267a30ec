import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.losses.binary.logit_adjusted import make_binary_logit_adjusted


def test_logits_of_zero_mean_the_prior_in_training(flat_taxonomy):
    """So the loss is the entropy of the prior when the labels are."""
    loss = make_binary_logit_adjusted(tau=1.0)(flat_taxonomy)
    prior = numpy.asarray([0.5, 0.1, 0.01])
    expected = -numpy.log(prior).sum()
    value = loss.get_loss(numpy.zeros((1, 3)), numpy.ones((1, 3)))
    assert value == pytest.approx(expected)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 1.5])
def test_loss_plus_its_prior_is_the_plain_loss(
    binary_taxonomy, binary_logits, binary_truths, tau
):
    """What a model with another tau has to say for the same probabilities."""
    plain = make_binary_logit_adjusted(tau=0.0)(binary_taxonomy)
    loss = make_binary_logit_adjusted(tau=tau)(binary_taxonomy)
    moved = binary_logits + loss.log_prior - plain.log_prior
    expected = plain.get_loss(binary_logits, binary_truths)
    assert loss.get_loss(moved, binary_truths) == pytest.approx(expected)


@pytest.mark.parametrize("tau", [0.0, 0.7, 1.0])
def test_gradient_is_derivative_of_loss(
    binary_taxonomy, binary_logits, binary_truths, get_numeric_gradient, tau
):
    loss = make_binary_logit_adjusted(tau=tau)(binary_taxonomy)
    numeric = get_numeric_gradient(loss, binary_logits, binary_truths)
    assert_allclose(loss.get_grad(binary_logits, binary_truths), numeric, atol=1e-8)


@pytest.mark.parametrize("tau", [-0.1, float("nan"), float("inf")])
def test_tau_out_of_range_is_an_error(tau):
    with pytest.raises(ValueError, match=r"\[L108\].*'tau' of at least 0"):
        make_binary_logit_adjusted(tau=tau)
