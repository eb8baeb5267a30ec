import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.losses.binary.asymmetric import make_asymmetric
from spacy_longtail.losses.binary.logit_adjusted import make_binary_logit_adjusted


def test_loss_by_hand(flat_taxonomy):
    """Even odds: (1/2) log 2 with the label, 0.45 ** 4 * -log(0.55) without."""
    loss = make_asymmetric()(flat_taxonomy)
    value = loss.get_loss(numpy.zeros((1, 3)), numpy.asarray([[1.0, 0.0, 0.0]]))
    expected = 0.5 * numpy.log(2) - 2 * 0.45**4 * numpy.log(0.55)
    assert value == pytest.approx(expected)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("margin", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("gammas", [(0.0, 0.0), (1.0, 4.0), (2.0, 1.0), (0.5, 0.5)])
def test_gradient_is_derivative_of_loss(
    binary_taxonomy,
    binary_logits,
    binary_truths,
    get_numeric_gradient,
    gammas,
    margin,
    scale,
):
    make = make_asymmetric(
        gamma_positive=gammas[0], gamma_negative=gammas[1], margin=margin
    )
    loss, logits = make(binary_taxonomy), scale * binary_logits
    numeric = get_numeric_gradient(loss, logits, binary_truths)
    assert_allclose(loss.get_grad(logits, binary_truths), numeric, atol=1e-7)


def test_neutral_settings_are_the_plain_loss(
    binary_taxonomy, binary_logits, binary_truths
):
    plain = make_binary_logit_adjusted(tau=0.0)(binary_taxonomy)
    make = make_asymmetric(gamma_positive=0.0, gamma_negative=0.0, margin=0.0)
    d_expected, expected = plain(binary_logits, binary_truths)
    d_logits, value = make(binary_taxonomy)(binary_logits, binary_truths)
    assert value == pytest.approx(expected)
    assert_allclose(d_logits, d_expected)


def test_easy_negatives_are_ignored(flat_taxonomy):
    loss = make_asymmetric(margin=0.05)(flat_taxonomy)
    logits = numpy.log(numpy.asarray([[0.04, 0.049, 0.06]]) / 0.95)
    d_logits = loss.get_grad(logits, numpy.zeros((1, 3)))[0]
    assert d_logits[0] == d_logits[1] == 0.0
    assert d_logits[2] > 0.0


@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 4.0])
def test_extreme_logits_are_no_problem(flat_taxonomy, gamma, margin):
    make = make_asymmetric(gamma_positive=gamma, gamma_negative=gamma, margin=margin)
    logits = numpy.asarray([[1e4, -1e4, 1e4], [-1e4, 1e4, -1e4]], "float32")
    d_logits, value = make(flat_taxonomy)(logits, numpy.eye(3)[:2])
    assert numpy.isfinite(value)
    assert numpy.isfinite(d_logits).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"gamma_positive": -1.0},
        {"gamma_negative": float("inf")},
        {"margin": 1.0},
        {"margin": float("nan")},
    ],
)
def test_setting_out_of_range_is_an_error(settings):
    with pytest.raises(ValueError, match=rf"\[L108\].*'{list(settings)[0]}'"):
        make_asymmetric(**settings)
