import numpy
import pytest
from numpy.testing import assert_allclose
from sklearn.utils.class_weight import compute_class_weight

from spacy_longtail.losses.weighted import make_weighted_cross_entropy
from spacy_longtail.taxonomy import build_taxonomy

COUNTS = {"a": 6, "b": 2, "c": 4}


def get_weights(counts=COUNTS, min_count=0, **settings):
    taxonomy = build_taxonomy(counts, min_count=min_count)
    return make_weighted_cross_entropy(**settings)(taxonomy).weights


def test_weights_are_total_by_classes_times_count():
    """12 documents, 3 classes: 12 / (3 * 6), 12 / (3 * 2), 12 / (3 * 4)."""
    assert_allclose(get_weights(), [2 / 3, 2.0, 1.0], rtol=1e-6)


def test_weights_are_those_of_scikit_learn():
    counts = {"a/x": 100, "a/y": 31, "b": 7, "c/z": 1}
    gold = numpy.repeat(list(counts), list(counts.values()))
    expected = compute_class_weight("balanced", classes=numpy.unique(gold), y=gold)
    assert_allclose(get_weights(counts), expected, rtol=1e-6)


def test_loss_weighs_documents_by_class():
    """At even odds each document costs log(3) times its weight."""
    loss = make_weighted_cross_entropy()(build_taxonomy(COUNTS))
    value = loss.get_loss(numpy.zeros((2, 3)), numpy.eye(3)[[0, 1]])
    assert value == pytest.approx((2 / 3 + 2.0) / 2 * numpy.log(3))


def test_mean_loss_over_the_corpus_is_that_of_the_plain_loss():
    """At even odds, because the weights of the documents have a mean of 1.0."""
    loss = make_weighted_cross_entropy()(build_taxonomy(COUNTS))
    gold = numpy.repeat(range(3), list(COUNTS.values()))
    value = loss.get_loss(numpy.zeros((12, 3)), numpy.eye(3)[gold])
    assert value == pytest.approx(numpy.log(3))


def test_pooled_labels_weigh_with_their_mean_count():
    """They are 2 of 4 classes with 2 documents each: 16 / (4 * 2)."""
    counts = {"a": 8, "b": 1, "c": 3, "d": 4}
    weights = get_weights(counts, min_count=4)
    assert_allclose(weights, [0.5, 2.0, 2.0, 1.0], rtol=1e-6)


def test_power_of_a_half_gives_the_square_roots():
    assert_allclose(get_weights(power=0.5), numpy.sqrt([2 / 3, 2, 1]), rtol=1e-6)


def test_power_of_zero_gives_equal_weights():
    assert_allclose(get_weights(power=0.0), [1.0, 1.0, 1.0])


def test_cap_is_the_largest_weight():
    assert_allclose(get_weights(cap=1.5), [2 / 3, 1.5, 1.0], rtol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"power": 0.5}, {"cap": 0.9}, {"power": 2.0}, {"power": 0.0}]
)
def test_normalized_weights_have_a_mean_of_one_over_the_documents(settings):
    weights = get_weights(normalize=True, **settings)
    counts = list(COUNTS.values())
    assert numpy.average(weights, weights=counts) == pytest.approx(1.0, rel=1e-6)


def test_normalizing_keeps_the_ratios():
    plain, normalized = get_weights(cap=0.9), get_weights(cap=0.9, normalize=True)
    assert_allclose(normalized / normalized[0], plain / plain[0], rtol=1e-6)


def test_normalizing_changes_nothing_by_default():
    assert_allclose(get_weights(normalize=True), get_weights(), rtol=1e-6)


@pytest.mark.parametrize("normalize", [False, True])
def test_inverse_frequency_leaves_no_prior_in_the_logits(taxonomy, normalize):
    loss = make_weighted_cross_entropy(power=1.0, normalize=normalize)(taxonomy)
    assert_allclose(loss.log_prior, numpy.log(1 / 6), rtol=1e-6)


def test_no_weighting_leaves_the_prior_in_the_logits():
    loss = make_weighted_cross_entropy(power=0.0)(build_taxonomy(COUNTS))
    assert_allclose(numpy.exp(loss.log_prior), [0.5, 1 / 6, 1 / 3], rtol=1e-6)


def test_half_the_power_leaves_half_the_prior_in_the_logits():
    loss = make_weighted_cross_entropy(power=0.5)(build_taxonomy(COUNTS))
    odds = loss.log_prior - loss.log_prior[0]
    assert_allclose(odds, 0.5 * numpy.log([1.0, 2 / 6, 4 / 6]), rtol=1e-5)


@pytest.mark.parametrize("power", [-0.1, float("nan"), float("inf")])
def test_power_out_of_range_is_an_error(power):
    with pytest.raises(ValueError, match=r"\[L102\].*at least 0, but got"):
        make_weighted_cross_entropy(power=power)


@pytest.mark.parametrize("cap", [0.0, -1.0, float("nan")])
def test_cap_out_of_range_is_an_error(cap):
    with pytest.raises(ValueError, match=r"\[L103\].*above 0 or null"):
        make_weighted_cross_entropy(cap=cap)
