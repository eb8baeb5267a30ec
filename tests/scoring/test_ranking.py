import numpy
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics

from spacy_longtail.scoring import ranking
from spacy_longtail.scoring.predictions import pair_scores
from spacy_longtail.scoring.ranking import (
    average_precision,
    get_lrap,
    get_macro_ap,
    get_ndcg_at,
    get_precision_at,
    get_propensities,
    get_propensity_scored_precision_at,
)

N_DOCS, N_LABELS = 60, 8
ONES = numpy.ones((1, N_DOCS))
COUNTS = numpy.asarray([90, 40, 20, 10, 5, 3, 2, 1])
LABELS = tuple("abcdefgh")


def make(truths, scores, **values):
    values = {"counts": COUNTS[: truths.shape[1]], "n_training": 171, **values}
    labels = LABELS[: truths.shape[1]]
    return pair_scores(truths, scores, scores >= 0.5, labels, **values)


@pytest.fixture(params=[False, True], ids=["distinct", "ties"])
def data(request):
    """The first documents have no label."""
    random = numpy.random.RandomState(0)
    scores = random.rand(N_DOCS, N_LABELS)
    if request.param:
        scores = scores.round(1)
    truths = random.rand(N_DOCS, N_LABELS) < 0.25
    truths[numpy.arange(N_DOCS), random.randint(N_LABELS, size=N_DOCS)] = True
    truths[:3] = False
    return truths.astype("f8"), scores


@pytest.mark.parametrize("few", [0, 1000])
def test_values_are_those_of_scikit_learn(data, few, monkeypatch):
    monkeypatch.setattr(ranking, "FEW", few)
    truths, scores = data
    found = make(*data)
    for weights in (numpy.ones(N_DOCS), numpy.random.RandomState(2).rand(N_DOCS)):
        expected = metrics.average_precision_score(
            truths, scores, average=None, sample_weight=weights
        )
        W = weights[None]
        assert_allclose(average_precision(found, W)[0], expected)
        assert get_macro_ap(found, W)[0] == pytest.approx(expected.mean())
        some = truths.any(axis=1)
        expected = metrics.label_ranking_average_precision_score(
            truths[some], scores[some], sample_weight=weights[some]
        )
        assert get_lrap(found, W)[0] == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 3, 5, 8])
def test_ndcg_is_that_of_scikit_learn(k):
    """Which averages over the orders of equal scores, so they are distinct here."""
    random = numpy.random.RandomState(1)
    scores = random.rand(N_DOCS, N_LABELS)
    truths = (random.rand(N_DOCS, N_LABELS) < 0.3).astype("f8")
    truths[:, 0] = 1.0
    expected = metrics.ndcg_score(truths, scores, k=k)
    assert get_ndcg_at(make(truths, scores), ONES, k)[0] == pytest.approx(expected)


def test_what_is_not_known_is_left_out():
    scores = numpy.asarray([[0.9, 0.5], [0.8, 0.5], [0.7, 0.5]])
    truths = numpy.asarray([[numpy.nan, 0.0], [1.0, 0.0], [0.0, numpy.nan]])
    found = average_precision(make(truths, scores), numpy.ones((1, 3)))
    assert_allclose(found[0], [1.0, numpy.nan])


def test_what_is_not_known_ranks_last():
    scores = numpy.asarray([[0.9, 0.5, 0.1]])
    truths = numpy.asarray([[numpy.nan, 1.0, 0.0]])
    assert get_precision_at(make(truths, scores), numpy.ones((1, 1)), 1) == [1.0]


def test_precision_at_k_by_hand():
    scores = numpy.asarray([[0.9, 0.8, 0.1], [0.1, 0.8, 0.9]])
    truths = numpy.asarray([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    found, ones = make(truths, scores), numpy.ones((1, 2))
    assert get_precision_at(found, ones, 1)[0] == 1.0
    assert get_precision_at(found, ones, 2)[0] == 0.5
    # There are only three labels.
    expected = (2 / 5 + 1 / 5) / 2
    assert get_precision_at(found, ones, 5)[0] == pytest.approx(expected)


def test_propensity_scored_precision_by_hand():
    """Found is the frequent label, where the rare one counts more."""
    scores = numpy.asarray([[0.9, 0.8], [0.9, 0.1]])
    truths = numpy.asarray([[1.0, 1.0], [0.0, 1.0]])
    found = make(truths, scores, counts=numpy.asarray([100, 1]), n_training=101)
    first, second = get_propensities(found.counts, 101)
    value = get_propensity_scored_precision_at(found, numpy.ones((1, 2)), 1)[0]
    assert value == pytest.approx((1 / first) / (1 / second + 1 / second))


def test_equal_propensities_give_the_precision_of_the_best_possible(data):
    truths, scores = data
    some = truths.any(axis=1)
    ones, counts = numpy.ones((1, some.sum())), numpy.full(N_LABELS, 9)
    found = make(truths[some], scores[some], counts=counts)
    best = make(truths[some], truths[some])
    value = get_propensity_scored_precision_at(found, ones, 3)[0]
    shares = [get_precision_at(part, ones, 3)[0] for part in (found, best)]
    assert value == pytest.approx(shares[0] / shares[1])


def test_propensity_is_that_of_the_paper():
    c = (numpy.log(1000) - 1) * 2.5**0.55
    expected = [1 / (1 + c * (n + 1.5) ** -0.55) for n in (0, 10, 1000)]
    found = get_propensities(numpy.asarray([0, 10, 1000]), 1000)
    assert_allclose(found, expected)
    assert (numpy.diff(found) > 0).all()
    assert (get_propensities(numpy.asarray([1, 2]), 1) == 1.0).all()


@pytest.mark.parametrize("few", [0, 1000])
def test_labels_without_weight_are_left_out(data, few, monkeypatch):
    monkeypatch.setattr(ranking, "FEW", few)
    truths, scores = data
    truths[:, 0] = 0.0
    truths[5, 0] = 1.0
    W = numpy.ones((2, N_DOCS))
    W[:, 5] = 0.0
    found = make(truths, scores)
    rest = numpy.delete(numpy.arange(N_DOCS), 5)
    part = found.select(rest)
    for metric in (get_macro_ap, get_lrap):
        assert_allclose(metric(found, W), metric(part, W[:, rest]))
