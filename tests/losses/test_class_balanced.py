import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.losses.class_balanced import make_class_balanced
from spacy_longtail.taxonomy import build_taxonomy


def get_weights(counts, min_count=0, **settings):
    taxonomy = build_taxonomy(counts, min_count=min_count)
    return make_class_balanced(**settings)(taxonomy).weights


def test_weights_by_hand():
    """With beta 0.5, 1, 2 and 3 documents are worth 1, 1.5 and 1.75, so the weights
    are 1, 2/3 and 4/7, divided by their mean 47/63.
    """
    weights = get_weights({"a": 1, "b": 2, "c": 3}, beta=0.5)
    assert_allclose(weights, numpy.asarray([63, 42, 36]) / 47, rtol=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999, 0.9999])
def test_mean_weight_of_the_classes_is_one(beta):
    weights = get_weights({"a": 100, "b": 9, "c": 1}, beta=beta)
    assert weights.mean() == pytest.approx(1.0, rel=1e-6)


def test_beta_of_zero_gives_equal_weights():
    assert_allclose(get_weights({"a": 100, "b": 1}, beta=0.0), [1.0, 1.0])


def test_beta_close_to_one_gives_inverse_frequency():
    weights = get_weights({"a": 100, "b": 10, "c": 1}, beta=1 - 1e-8)
    assert_allclose(weights / weights[2], [0.01, 0.1, 1.0], rtol=1e-5)


def test_classes_with_many_documents_weigh_the_same():
    """Documents beyond 1 / (1 - beta) add nothing new."""
    weights = get_weights({"a": 1000, "b": 2000, "c": 1}, beta=0.9)
    assert weights[0] == pytest.approx(weights[1])
    assert weights[0] == pytest.approx(weights[2] / 10)


def test_pooled_labels_weigh_with_their_mean_count():
    pooled = get_weights({"a": 9, "b": 1, "c": 3}, min_count=4, beta=0.9)
    assert_allclose(pooled, get_weights({"a": 9, "b": 2, "c": 2}, beta=0.9))


def test_loss_weighs_documents_by_class():
    loss = make_class_balanced(beta=0.5)(build_taxonomy({"a": 1, "b": 2, "c": 3}))
    value = loss.get_loss(numpy.zeros((1, 3)), numpy.asarray([[0.0, 1.0, 0.0]]))
    assert value == pytest.approx(42 / 47 * numpy.log(3))


def test_log_prior_is_that_of_the_weighted_documents():
    """1, 2 and 3 documents of weights 63, 42 and 36."""
    loss = make_class_balanced(beta=0.5)(build_taxonomy({"a": 1, "b": 2, "c": 3}))
    expected = numpy.asarray([63, 84, 108]) / 255
    assert_allclose(numpy.exp(loss.log_prior), expected, rtol=1e-6)


@pytest.mark.parametrize("beta", [-0.1, 1.0, 1.5, float("nan"), float("inf")])
def test_beta_out_of_range_is_an_error(beta):
    with pytest.raises(ValueError, match=r"\[L104\].*below 1, but got"):
        make_class_balanced(beta=beta)
