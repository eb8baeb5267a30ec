import time

import numpy
import pytest
from sklearn.metrics import f1_score, log_loss, precision_score, recall_score

from spacy_longtail.scoring.metrics import bootstrap, get_value
from spacy_longtail.scoring.multilabel import score_answers
from spacy_longtail.tuning.multilabel.metrics import (
    METRICS,
    get_macro_f,
    make_group_metrics,
    make_guesses,
)
from spacy_longtail.tuning.result import compare

N_DOCS, N_LABELS = 60, 7
COUNTS = numpy.asarray([90, 60, 50, 20, 10, 9, 2])


@pytest.fixture
def truths():
    truths = (numpy.random.default_rng(0).random((N_DOCS, N_LABELS)) < 0.3).astype(
        float
    )
    truths[:, 6] = 0.0
    return truths


@pytest.fixture
def P():
    return numpy.random.default_rng(1).random((N_DOCS, N_LABELS))


@pytest.fixture
def thresholds():
    return numpy.linspace(0.3, 0.9, N_LABELS)


def hide(truths):
    """Let some labels be unknown."""
    hidden = numpy.random.default_rng(2).random(truths.shape) < 0.2
    return numpy.where(hidden, numpy.nan, truths)


def test_metrics_are_those_of_scikit_learn(truths, P, thresholds):
    guesses = make_guesses(truths, P, thresholds)
    pair = (truths, guesses.guess)
    some = truths.any(axis=0)
    expected = {
        "macro_f": f1_score(*pair, average=None, zero_division=0.0)[some].mean(),
        "micro_f": f1_score(*pair, average="micro"),
        "micro_p": precision_score(*pair, average="micro"),
        "micro_r": recall_score(*pair, average="micro"),
        "macro_p": precision_score(*pair, average="macro"),
        "n_labels": guesses.guess.sum() / N_DOCS,
        "log_loss": sum(
            log_loss(truths[:, i], P[:, i], labels=[0, 1]) for i in range(7)
        ),
    }
    for name, value in expected.items():
        assert get_value(METRICS[name], guesses) == pytest.approx(value), name


def test_metrics_are_those_of_the_scorer(truths, P, thresholds, make_answers):
    truths = hide(truths)
    answers = make_answers(truths, P, COUNTS, 150)
    assert answers.labels == [*"abcdefg"]
    numpy.testing.assert_array_equal(answers.truths, truths)
    scores = score_answers(answers, thresholds)
    guesses = make_guesses(truths, P, thresholds)
    for name in ("macro_f", "micro_f", "micro_p", "micro_r"):
        expected = scores[f"longtail_{name}"]
        assert get_value(METRICS[name], guesses) == pytest.approx(expected)
    groups = make_group_metrics(answers, 50, 10)
    for name, (metric, _) in groups.items():
        expected = scores[f"longtail_{name}"]
        assert get_value(metric, guesses) == pytest.approx(expected)
    # The label "g" has no gold document.
    assert [n_labels for _, n_labels in groups.values()] == [3, 2, 1]


@pytest.mark.parametrize("name", METRICS)
def test_weight_of_two_is_a_document_twice(truths, P, thresholds, name):
    W = numpy.ones((2, N_DOCS))
    W[1, :10] = 2.0
    guesses = make_guesses(hide(truths), P, thresholds)
    twice = type(guesses)(*(numpy.concatenate([x, x[:10]]) for x in guesses))
    found = METRICS[name](guesses, W)
    assert found[0] == pytest.approx(get_value(METRICS[name], guesses))
    assert found[1] == pytest.approx(get_value(METRICS[name], twice))


def test_calibration_error_by_hand():
    """Bins are 1/15 wide: 0.01 and 0.05 share one, 0.9 and 0.92 another one."""
    P = numpy.asarray([[0.01, 0.9], [0.05, 0.92], [0.5, 0.5]])
    truths = numpy.asarray([[0.0, 1.0], [1.0, 1.0], [numpy.nan, 0.0]])
    guesses = make_guesses(truths, P, numpy.asarray([0.5, 0.5]))
    gaps = abs(0.06 - 1.0) + abs(1.82 - 2.0) + 0.5
    assert get_value(METRICS["ece"], guesses) == pytest.approx(gaps / 5)


def test_unknown_labels_are_not_given(P, thresholds):
    guesses = make_guesses(numpy.full(P.shape, numpy.nan), P, thresholds)
    assert not guesses.guess.any()
    assert get_value(METRICS["micro_p"], guesses) == 1.0
    assert get_value(METRICS["macro_p"], guesses) == 1.0
    assert get_value(METRICS["macro_f"], guesses) == 0.0


def test_macro_f_of_some_labels(truths, P, thresholds):
    guesses = make_guesses(truths, P, thresholds)
    among = numpy.asarray([True, False, True, False, False, False, True])
    each = f1_score(truths, guesses.guess, average=None, zero_division=0.0)
    found = get_macro_f(guesses, numpy.ones((1, N_DOCS)), among)[0]
    assert found == pytest.approx((each[0] + each[2]) / 2)


def test_bootstrap_of_the_same_system_has_no_difference(truths, P, thresholds):
    guesses = make_guesses(truths, P, thresholds)
    for draws in bootstrap([guesses, guesses], METRICS, resamples=20).values():
        assert draws.shape == (2, 20)
        numpy.testing.assert_array_equal(draws[0], draws[1])


def simulate(n_labels, seed):
    """Make two systems that are equally good, of labels with one document each."""
    rng = numpy.random.default_rng(seed)
    truths = numpy.zeros((150, n_labels))
    truths[rng.choice(150, n_labels, replace=False), numpy.arange(n_labels)] = 1.0
    systems = []
    for _ in range(2):
        P = truths * (rng.random(n_labels) < 0.5)
        systems.append(make_guesses(truths, P, numpy.full(n_labels, 0.5)))
    return systems


def test_interval_of_rare_labels_covers_what_it_says():
    found = []
    for seed in range(200):
        before, after = simulate(30, seed)
        macro = {"macro_f": get_macro_f}
        scores = compare(before, after, macro, resamples=300)["macro_f"]
        is_inside = scores.after.low <= 0.5 <= scores.after.high
        found.append((scores.is_noise, is_inside))
    shares = numpy.mean(found, axis=0)
    assert (shares > 0.91).all() and (shares <= 0.995).all(), shares


def test_half_without_anything_to_measure_has_no_value():
    truths = numpy.asarray([[1.0, 0.0], [numpy.nan, 0.0]])
    guesses = make_guesses(truths, numpy.ones((2, 2)), numpy.asarray([0.5, 2.0]))
    W = numpy.asarray([[1.0, 1.0], [0.0, 1.0]])
    for name in ("macro_f", "micro_f", "micro_p", "micro_r", "macro_p"):
        values = METRICS[name](guesses, W)
        assert values[0] == 1.0 and numpy.isnan(values[1]), name


@pytest.mark.slow
def test_bootstrap_of_many_labels_is_fast():
    rng = numpy.random.default_rng(0)
    truths = (rng.random((5000, 1000)) < 0.002).astype(float)
    P = 0.9 * truths * (rng.random(truths.shape) < 0.7)
    guesses = make_guesses(truths, P, numpy.full(1000, 0.5))
    start = time.perf_counter()
    bootstrap([guesses, guesses], METRICS, resamples=1000)
    assert time.perf_counter() - start < 60
