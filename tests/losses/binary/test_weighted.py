import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.losses.binary.logit_adjusted import make_binary_logit_adjusted
from spacy_longtail.losses.binary.weighted import make_weighted_binary_cross_entropy


@pytest.mark.parametrize(
    "power, cap, weights",
    [
        (1.0, None, [1.0, 9.0, 99.0]),
        (0.5, None, [1.0, 3.0, 99.0**0.5]),
        (1.0, 10.0, [1.0, 9.0, 10.0]),
        (0.0, None, [1.0, 1.0, 1.0]),
    ],
)
def test_weight_is_the_odds_of_not_having_the_label(flat_taxonomy, power, cap, weights):
    loss = make_weighted_binary_cross_entropy(power=power, cap=cap)(flat_taxonomy)
    value = loss.get_loss(numpy.zeros((1, 3)), numpy.ones((1, 3)))
    assert value == pytest.approx(sum(weights) * numpy.log(2))
    # Documents without the label have a weight of 1.
    value = loss.get_loss(numpy.zeros((1, 3)), numpy.zeros((1, 3)))
    assert value == pytest.approx(3 * numpy.log(2))


def test_power_of_zero_is_the_plain_loss(binary_taxonomy, binary_logits, binary_truths):
    plain = make_binary_logit_adjusted(tau=0.0)(binary_taxonomy)
    loss = make_weighted_binary_cross_entropy(power=0.0)(binary_taxonomy)
    d_expected, expected = plain(binary_logits, binary_truths)
    d_logits, value = loss(binary_logits, binary_truths)
    assert value == pytest.approx(expected)
    assert_allclose(d_logits, d_expected)


@pytest.mark.parametrize("cap", [None, 5.0])
@pytest.mark.parametrize("power", [0.5, 1.0])
def test_gradient_is_derivative_of_loss(
    binary_taxonomy, binary_logits, binary_truths, get_numeric_gradient, power, cap
):
    loss = make_weighted_binary_cross_entropy(power=power, cap=cap)(binary_taxonomy)
    numeric = get_numeric_gradient(loss, binary_logits, binary_truths)
    assert_allclose(loss.get_grad(binary_logits, binary_truths), numeric, atol=1e-7)


def test_full_weights_take_the_prior_out_of_the_logits(flat_taxonomy):
    loss = make_weighted_binary_cross_entropy(cap=None)(flat_taxonomy)
    assert_allclose(loss.log_prior, 0.0, atol=1e-12)
    capped = make_weighted_binary_cross_entropy(cap=9.0)(flat_taxonomy)
    assert_allclose(capped.log_prior, [0.0, 0.0, numpy.log(9 / 99)], atol=1e-12)


@pytest.mark.parametrize("power", [-0.1, float("nan"), float("inf")])
def test_power_out_of_range_is_an_error(power):
    with pytest.raises(ValueError, match=r"\[L108\].*'power' of at least 0"):
        make_weighted_binary_cross_entropy(power=power)


@pytest.mark.parametrize("cap", [0.0, -1.0, float("nan")])
def test_cap_out_of_range_is_an_error(cap):
    with pytest.raises(ValueError, match=r"\[L108\].*'cap' above 0"):
        make_weighted_binary_cross_entropy(cap=cap)
