import numpy
import pytest
from sklearn.metrics import (
    average_precision_score,
    label_ranking_average_precision_score,
    ndcg_score,
)

from spacy_longtail.report.multilabel import ranks
from spacy_longtail.report.multilabel.ranks import make_rank_metrics
from spacy_longtail.scoring.multilabel import score_answers

N_DOCS, N_LABELS = 40, 6
COUNTS = numpy.asarray([90, 40, 20, 10, 5, 1])


@pytest.fixture
def answers(make_answers):
    rng = numpy.random.default_rng(0)
    truths = (rng.random((N_DOCS, N_LABELS)) < 0.4).astype(float)
    truths[:3] = 0.0
    # Rounded, so that there are ties.
    scores = rng.random((N_DOCS, N_LABELS)).round(1)
    return make_answers(truths, scores, COUNTS, 166)


def get_values(answers, W):
    metrics = make_rank_metrics(answers, (1, 3))
    return {name: metric(None, W)[0] for name, metric in metrics.items()}


def test_values_are_those_of_the_scorer(answers):
    hidden = numpy.random.default_rng(1).random(answers.truths.shape) < 0.2
    truths = numpy.where(hidden, numpy.nan, answers.truths)
    for found in (answers, answers._replace(truths=truths)):
        scores = score_answers(found, numpy.full(N_LABELS, 0.5), ks=(1, 3))
        for name, value in get_values(found, numpy.ones((1, N_DOCS))).items():
            assert value == pytest.approx(scores[f"longtail_{name}"]), name


@pytest.mark.parametrize("few", [0, 1000])
def test_weighted_values_are_those_of_scikit_learn(answers, few, monkeypatch):
    monkeypatch.setattr(ranks, "FEW", few)
    weights = numpy.random.default_rng(2).random(N_DOCS)
    values = get_values(answers, weights[None])
    truths, scores = answers.truths, answers.scores
    each = [
        average_precision_score(truths[:, i], scores[:, i], sample_weight=weights)
        for i in range(N_LABELS)
    ]
    assert values["macro_ap"] == pytest.approx(numpy.mean(each))
    some, weights = truths.any(axis=1), weights[truths.any(axis=1)]
    expected = label_ranking_average_precision_score(
        truths[some], scores[some], sample_weight=weights
    )
    assert values["lrap"] == pytest.approx(expected)
    # With ties, nDCG depends on which of them comes first.
    scores = scores + numpy.arange(N_LABELS) / 1000
    values = get_values(answers._replace(scores=scores), numpy.ones((1, N_DOCS)))
    expected = ndcg_score(truths[some], scores[some], k=3)
    assert values["ndcg_at_3"] == pytest.approx(expected)


def test_weight_of_two_is_a_document_twice(answers):
    W = numpy.ones((1, N_DOCS))
    W[:, :10] = 2.0
    twice = answers._replace(
        truths=numpy.concatenate([answers.truths, answers.truths[:10]]),
        scores=numpy.concatenate([answers.scores, answers.scores[:10]]),
    )
    expected = get_values(twice, numpy.ones((1, N_DOCS + 10)))
    assert get_values(answers, W) == pytest.approx(expected)


@pytest.mark.parametrize("few", [0, 1000])
def test_labels_without_weight_are_left_out(answers, few, monkeypatch):
    monkeypatch.setattr(ranks, "FEW", few)
    answers.truths[:, 0] = 0.0
    answers.truths[5, 0] = 1.0
    W = numpy.ones((2, N_DOCS))
    W[:, 5] = 0.0
    rest = numpy.delete(numpy.arange(N_DOCS), 5)
    part = answers._replace(truths=answers.truths[rest], scores=answers.scores[rest])
    found, expected = get_values(answers, W), get_values(part, W[:, rest])
    assert found["macro_ap"] == pytest.approx(expected["macro_ap"])
    assert found["lrap"] == pytest.approx(expected["lrap"])
