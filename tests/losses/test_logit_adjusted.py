import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.losses.logit_adjusted import make_logit_adjusted
from spacy_longtail.taxonomy import build_taxonomy

COUNTS = {"a": 6, "b": 1, "c": 3}
PRIOR = numpy.asarray([0.6, 0.1, 0.3])


def test_loss_by_hand():
    """At even odds the adjusted probability is the prior itself."""
    loss = make_logit_adjusted()(build_taxonomy(COUNTS))
    d_logits, value = loss(numpy.zeros((1, 3)), numpy.asarray([[0.0, 1.0, 0.0]]))
    assert value == pytest.approx(-numpy.log(0.1))
    assert_allclose(d_logits, [[0.6, -0.9, 0.3]], rtol=1e-6)


def test_full_adjustment_is_the_balanced_softmax():
    """-log(n_y exp(z_y) / sum of n exp(z)), Ren et al. (2020), equation 4."""
    logits = numpy.random.RandomState(0).randn(3, 3)
    terms = numpy.asarray([6, 1, 3]) * numpy.exp(logits)
    expected = -numpy.log(numpy.diag(terms) / terms.sum(axis=1)).mean()
    loss = make_logit_adjusted(tau=1.0)(build_taxonomy(COUNTS))
    assert loss.get_loss(logits, numpy.eye(3)) == pytest.approx(expected)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_loss_equals_slow_loop(get_slow_loss, tau):
    logits = numpy.random.RandomState(1).randn(4, 3)
    truths = numpy.asarray([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0]], "float64")
    loss = make_logit_adjusted(tau=tau)(build_taxonomy(COUNTS))
    expected = get_slow_loss(logits, truths, shifts=tau * numpy.log(PRIOR))
    assert loss.get_loss(logits, truths) == pytest.approx(expected, rel=1e-6)


def test_other_competes_as_the_labels_it_pools():
    """Two pooled labels with 4 documents: 2 of 20 each, not 4 of 20 for one."""
    taxonomy = build_taxonomy({"a": 16, "b": 1, "c": 3}, min_count=4)
    loss = make_logit_adjusted()(taxonomy)
    assert_allclose(numpy.exp(loss.shifts), [0.8, 0.1, 0.1], rtol=1e-6)


def test_full_adjustment_leaves_no_prior_in_the_logits():
    loss = make_logit_adjusted(tau=1.0)(build_taxonomy(COUNTS))
    assert_allclose(loss.log_prior, [0.0, 0.0, 0.0])


@pytest.mark.parametrize("tau", [0.0, 0.25])
def test_rest_of_the_prior_stays_in_the_logits(tau):
    loss = make_logit_adjusted(tau=tau)(build_taxonomy(COUNTS))
    assert_allclose(loss.log_prior, (1 - tau) * numpy.log(PRIOR), rtol=1e-6)


def test_tau_above_one_favours_the_rare_labels():
    """On purpose, so the prediction doesn't take it out again."""
    loss = make_logit_adjusted(tau=1.5)(build_taxonomy(COUNTS))
    assert_allclose(loss.shifts, 1.5 * numpy.log(PRIOR), rtol=1e-6)
    assert_allclose(loss.log_prior, [0.0, 0.0, 0.0])


@pytest.mark.parametrize("tau", [-0.1, float("nan"), float("inf")])
def test_tau_out_of_range_is_an_error(tau):
    with pytest.raises(ValueError, match=r"\[L105\].*at least 0, but got"):
        make_logit_adjusted(tau=tau)
