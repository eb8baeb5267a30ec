import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.losses.ldam import make_ldam
from spacy_longtail.losses.logit_adjusted import make_logit_adjusted
from spacy_longtail.taxonomy import build_taxonomy


def test_margins_by_hand():
    """20 * 0.5 for the rarest label, half of it for 16 times as many documents."""
    loss = make_ldam(max_margin=0.5, scale=20.0)(build_taxonomy({"a": 16, "b": 1}))
    assert_allclose(loss.margins, [5.0, 10.0])


def test_rarest_label_has_the_largest_margin_whatever_its_count():
    loss = make_ldam(max_margin=0.3, scale=10.0)(build_taxonomy({"a": 80, "b": 5}))
    assert_allclose(loss.margins, [1.5, 3.0], rtol=1e-6)


def test_pooled_labels_have_the_margin_of_their_mean_count():
    pooled = build_taxonomy({"a": 32, "b": 1, "c": 3}, min_count=4)
    assert_allclose(make_ldam()(pooled).margins, [5.0, 10.0, 10.0])


def test_loss_by_hand():
    """The logit of the gold label is 5 too high, so the odds are even."""
    loss = make_ldam()(build_taxonomy({"a": 16, "b": 1}))
    d_logits, value = loss(numpy.asarray([[5.0, 0.0]]), numpy.asarray([[1.0, 0.0]]))
    assert value == pytest.approx(numpy.log(2))
    assert_allclose(d_logits, [[-0.5, 0.5]])


def test_only_gold_labels_have_a_margin(taxonomy, logits, truths):
    """Every leaf that the gold label allows has its own."""
    loss = make_ldam(max_margin=0.1)(taxonomy)
    plain = make_logit_adjusted(tau=0.0)(taxonomy)
    lowered = logits.copy()
    for row, column in numpy.argwhere(truths):
        lowered[row, column] -= loss.margins[column]
    d_expected, expected = plain(lowered, truths)
    d_logits, value = loss(logits, truths)
    assert value == pytest.approx(expected)
    assert_allclose(d_logits, d_expected)


@pytest.mark.parametrize("max_margin", [0.01, 0.1, 0.5])
def test_gradient_is_derivative_of_loss(
    taxonomy, logits, truths, get_numeric_gradient, max_margin
):
    loss = make_ldam(max_margin=max_margin)(taxonomy)
    numeric = get_numeric_gradient(loss, logits, truths)
    assert_allclose(loss.get_grad(logits, truths), numeric, atol=1e-7)


def test_document_within_the_margin_still_learns():
    """Plain cross-entropy is content with it."""
    taxonomy = build_taxonomy({"a": 16, "b": 1})
    logits, truths = numpy.asarray([[0.0, 9.0]]), numpy.asarray([[0.0, 1.0]])
    plain = make_logit_adjusted(tau=0.0)(taxonomy)
    assert abs(plain.get_grad(logits, truths)).max() < 0.001
    assert abs(make_ldam()(taxonomy).get_grad(logits, truths)).max() > 0.5


def test_document_without_label_has_no_margin():
    loss = make_ldam()(build_taxonomy({"a": 16, "b": 1}))
    d_logits, value = loss(numpy.asarray([[1.0, 2.0]]), numpy.zeros((1, 2)))
    assert value == 0.0
    assert_array_equal(d_logits, [[0.0, 0.0]])


def test_prior_stays_in_the_logits():
    loss = make_ldam()(build_taxonomy({"a": 16, "b": 4}))
    assert_allclose(numpy.exp(loss.log_prior), [0.8, 0.2], rtol=1e-6)


@pytest.mark.parametrize("name", ["max_margin", "scale"])
@pytest.mark.parametrize("value", [0.0, -0.5, float("nan"), float("inf")])
def test_settings_out_of_range_are_an_error(name, value):
    with pytest.raises(ValueError, match=rf"\[L107\].*'{name}' above 0, but got"):
        make_ldam(**{name: value})
