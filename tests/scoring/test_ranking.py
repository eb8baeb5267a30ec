import numpy
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics

from spacy_longtail.scoring.ranking import (
    average_precision,
    get_propensities,
    label_ranking_average_precision,
    mean_or_none,
    ndcg_at_k,
    precision_at_k,
    propensity_scored_precision_at_k,
)


@pytest.fixture(params=[False, True], ids=["distinct", "ties"])
def data(request):
    """60 documents, 8 labels, each document has at least one."""
    random = numpy.random.RandomState(0)
    scores = random.rand(60, 8)
    if request.param:
        scores = scores.round(1)
    truths = random.rand(60, 8) < 0.25
    truths[numpy.arange(60), random.randint(8, size=60)] = True
    return scores, truths


def test_lrap_is_that_of_scikit_learn(data):
    scores, truths = data
    expected = metrics.label_ranking_average_precision_score(truths, scores)
    assert label_ranking_average_precision(scores, truths) == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 3, 5, 8])
def test_ndcg_is_that_of_scikit_learn(k):
    """Which averages over the orders of equal scores, so they are distinct here."""
    random = numpy.random.RandomState(1)
    scores, truths = random.rand(60, 8), random.rand(60, 8) < 0.3
    truths[:, 0] = True
    expected = metrics.ndcg_score(truths, scores, k=k)
    assert ndcg_at_k(scores, truths, k) == pytest.approx(expected)


def test_average_precision_is_that_of_scikit_learn(data):
    scores, truths = data
    expected = metrics.average_precision_score(truths, scores, average=None)
    assert_allclose(average_precision(scores, truths.astype("f8")), expected)


def test_average_precision_leaves_out_what_is_not_known():
    scores = numpy.asarray([[0.9, 0.5], [0.8, 0.5], [0.7, 0.5]])
    truths = numpy.asarray([[numpy.nan, 0.0], [1.0, 0.0], [0.0, numpy.nan]])
    assert_allclose(average_precision(scores, truths), [1.0, numpy.nan])


def test_precision_at_k_by_hand():
    scores = numpy.asarray([[0.9, 0.8, 0.1], [0.1, 0.8, 0.9]])
    truths = numpy.asarray([[True, False, True], [False, False, True]])
    assert precision_at_k(scores, truths, 1) == 1.0
    assert precision_at_k(scores, truths, 2) == 0.5
    # There are only three labels.
    assert precision_at_k(scores, truths, 5) == pytest.approx((2 / 5 + 1 / 5) / 2)


def test_propensity_scored_precision_by_hand():
    """The rare label counts four times as much."""
    scores = numpy.asarray([[0.9, 0.8], [0.9, 0.1]])
    truths = numpy.asarray([[True, True], [False, True]])
    score = propensity_scored_precision_at_k(
        scores, truths, numpy.asarray([0.8, 0.2]), 1
    )
    assert score == pytest.approx((1 / 0.8) / (1 / 0.2 + 1 / 0.2))


def test_equal_propensities_give_the_precision_of_the_best_possible(data):
    scores, truths = data
    found = propensity_scored_precision_at_k(scores, truths, numpy.full(8, 0.5), 3)
    best = precision_at_k(truths.astype("f8"), truths, 3)
    assert found == pytest.approx(precision_at_k(scores, truths, 3) / best)


def test_propensity_is_that_of_the_paper():
    c = (numpy.log(1000) - 1) * 2.5**0.55
    expected = [1 / (1 + c * (n + 1.5) ** -0.55) for n in (0, 10, 1000)]
    found = get_propensities(numpy.asarray([0, 10, 1000]), 1000)
    assert_allclose(found, expected)
    assert (numpy.diff(found) > 0).all()
    assert (get_propensities(numpy.asarray([1, 2]), 1) == 1.0).all()


def test_mean_of_nothing_is_none():
    assert mean_or_none(numpy.zeros(0)) is None
    assert mean_or_none(numpy.asarray([1.0, 2.0])) == 1.5
