import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.losses.focal import make_focal
from spacy_longtail.losses.logit_adjusted import make_logit_adjusted
from spacy_longtail.taxonomy import build_taxonomy


def test_loss_by_hand(taxonomy):
    """Even odds between two of six leaves: (1 - 1/2) ** 2 * log(2)."""
    logits = numpy.asarray([[0.0, -99.0, -99.0, -99.0, -99.0, 0.0]])
    truths = numpy.asarray([[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    loss = make_focal(gamma=2.0)(taxonomy)
    assert loss.get_loss(logits, truths) == pytest.approx(0.25 * numpy.log(2))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_loss_equals_the_formula(taxonomy, logits, truths, gamma):
    """p of a set of leaves is the sum over the set."""
    P = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    p = (P * truths).sum(axis=1)[:4]
    expected = (-((1 - p) ** gamma) * numpy.log(p)).mean()
    loss = make_focal(gamma=gamma)(taxonomy)
    assert loss.get_loss(logits, truths) == pytest.approx(expected)


def test_gamma_of_zero_is_the_plain_loss(taxonomy, logits, truths):
    plain = make_logit_adjusted(tau=0.0)(taxonomy)
    d_expected, expected = plain(logits, truths)
    d_logits, value = make_focal(gamma=0.0)(taxonomy)(logits, truths)
    assert value == pytest.approx(expected)
    assert_allclose(d_logits, d_expected)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_gradient_is_derivative_of_loss(
    taxonomy, logits, truths, get_numeric_gradient, gamma, scale
):
    """From documents that are nearly even to ones that are nearly certain."""
    loss = make_focal(gamma=gamma)(taxonomy)
    numeric = get_numeric_gradient(loss, scale * logits, truths)
    assert_allclose(loss.get_grad(scale * logits, truths), numeric, atol=1e-7)


def test_certain_documents_have_less_weight_than_doubtful_ones(taxonomy):
    plain, focal = make_focal(gamma=0.0)(taxonomy), make_focal(gamma=2.0)(taxonomy)
    logits = numpy.asarray([[5.0, 0, 0, 0, 0, 0], [0.0, 0, 0, 0, 0, 0]])
    truths = numpy.eye(6)[[0, 0]]
    ratio = focal.get_grad(logits, truths)[:, 0] / plain.get_grad(logits, truths)[:, 0]
    assert ratio[0] < 0.01
    assert ratio[1] > 0.5


@pytest.mark.parametrize("gamma", [0.25, 0.5, 1.0, 3.0])
def test_certain_gold_label_has_no_gradient(taxonomy, gamma):
    logits = numpy.asarray([[1e4, 0, 0, 0, 0, 0]], "float32")
    d_logits, loss = make_focal(gamma=gamma)(taxonomy)(logits, numpy.eye(6)[:1])
    assert loss == 0.0
    assert_array_equal(d_logits, numpy.zeros((1, 6)))


def test_impossible_gold_label_has_the_plain_gradient(taxonomy):
    logits = numpy.asarray([[1e4, -1e4, 0, 0, 0, 0]], "float32")
    d_logits, loss = make_focal(gamma=2.0)(taxonomy)(logits, numpy.eye(6)[1:2])
    assert loss == 2e4
    assert_array_equal(d_logits, [[1.0, -1.0, 0.0, 0.0, 0.0, 0.0]])


def test_probability_that_rounds_to_more_than_one_is_no_problem():
    """NumPy's float32 logarithm sometimes gives less for the next larger number, here
    for 1 + exp(z) and 1 + exp(z) + exp(-16). A root of 1 - p would be NaN then.
    """
    logits = numpy.zeros((20_000, 3), "float32")
    logits[:, 1] = numpy.linspace(-0.88, -0.78, len(logits))
    logits[:, 2] = -16.0
    truths = numpy.zeros_like(logits)
    truths[:, :2] = 1.0
    taxonomy = build_taxonomy({"a/x": 1, "a/y": 1, "b": 1})
    d_logits, loss = make_focal(gamma=0.5)(taxonomy)(logits, truths)
    assert numpy.isfinite(loss) and loss >= 0.0
    assert numpy.isfinite(d_logits).all()


def test_prior_stays_in_the_logits(taxonomy):
    log_prior = make_focal()(taxonomy).log_prior
    assert_allclose(numpy.exp(log_prior), [0.5, 0.02, 0.02, 0.09, 0.04, 0.33], 1e-5)


@pytest.mark.parametrize("gamma", [-0.1, float("nan"), float("inf")])
def test_gamma_out_of_range_is_an_error(gamma):
    with pytest.raises(ValueError, match=r"\[L106\].*at least 0, but got"):
        make_focal(gamma=gamma)
