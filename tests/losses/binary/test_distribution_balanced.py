import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.losses.binary.distribution_balanced import (
    make_distribution_balanced,
)
from spacy_longtail.losses.binary.logit_adjusted import make_binary_logit_adjusted


def get_slow_loss(logits, truths, counts, n_docs, alpha, beta, mu, kappa, scale):
    """By the formulas of the docstring, one document and one label at a time."""
    total = 0.0
    for z_row, y_row in zip(logits, truths):
        own = sum(1.0 / n for n, y in zip(counts, y_row) if y)
        for z, y, n in zip(z_row, y_row, counts):
            r = (1.0 / n) / own if own else 1.0
            weight = alpha + 1.0 / (1.0 + numpy.exp(-beta * (r - mu)))
            z = z - kappa * numpy.log(n_docs / n - 1.0)
            if y:
                total += weight * numpy.log(1.0 + numpy.exp(-z))
            else:
                total += weight * numpy.log(1.0 + numpy.exp(scale * z)) / scale
    return total / len(logits)


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": 0.1, "beta": 10.0, "mu": 0.2, "kappa": 0.05, "scale": 2.0},
        {"alpha": 0.0, "beta": 2.0, "mu": 0.9, "kappa": 0.5, "scale": 5.0},
    ],
)
def test_loss_equals_the_formula(flat_taxonomy, settings):
    logits = numpy.random.RandomState(1).randn(3, 3)
    truths = numpy.asarray([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    expected = get_slow_loss(logits, truths, [50, 10, 1], 100, **settings)
    loss = make_distribution_balanced(**settings)(flat_taxonomy)
    assert loss.get_loss(logits, truths) == pytest.approx(expected)


@pytest.mark.parametrize("mu", [0.1, 0.9])
@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("kappa", [0.0, 0.3])
def test_gradient_is_derivative_of_loss(
    binary_taxonomy,
    binary_logits,
    binary_truths,
    get_numeric_gradient,
    kappa,
    scale,
    mu,
):
    make = make_distribution_balanced(kappa=kappa, scale=scale, mu=mu)
    loss = make(binary_taxonomy)
    numeric = get_numeric_gradient(loss, binary_logits, binary_truths)
    assert_allclose(loss.get_grad(binary_logits, binary_truths), numeric, atol=1e-7)


def test_neutral_settings_are_the_plain_loss(
    binary_taxonomy, binary_logits, binary_truths
):
    """With a beta of 0 each weight is 1/2."""
    plain = make_binary_logit_adjusted(tau=0.0)(binary_taxonomy)
    make = make_distribution_balanced(alpha=0.5, beta=0.0, kappa=0.0, scale=1.0)
    d_expected, expected = plain(binary_logits, binary_truths)
    d_logits, value = make(binary_taxonomy)(binary_logits, binary_truths)
    assert value == pytest.approx(expected)
    assert_allclose(d_logits, d_expected)


def test_head_label_counts_less_where_a_rare_one_brought_the_document(flat_taxonomy):
    loss = make_distribution_balanced()(flat_taxonomy)
    truths = numpy.asarray([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0]])
    d_logits = loss.get_grad(numpy.zeros((2, 3)), truths)
    assert abs(d_logits[1, 0]) < 0.3 * abs(d_logits[0, 0])


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": -0.1},
        {"beta": float("nan")},
        {"mu": float("inf")},
        {"kappa": -1.0},
        {"scale": 0.0},
    ],
)
def test_setting_out_of_range_is_an_error(settings):
    with pytest.raises(ValueError, match=rf"\[L108\].*'{list(settings)[0]}'"):
        make_distribution_balanced(**settings)
