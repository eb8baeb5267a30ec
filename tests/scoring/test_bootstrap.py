import math

import numpy
import pytest

from spacy_longtail.scoring.bootstrap import (
    bootstrap,
    compare_labels,
    get_interval,
    get_share_interval,
    measure,
)
from spacy_longtail.scoring.metrics import find_metrics
from spacy_longtail.scoring.predictions import pair_columns

METRICS = find_metrics("tune", False)


@pytest.fixture
def predictions():
    rng = numpy.random.default_rng(0)
    gold, given = rng.integers(0, 5, (2, 60))
    return pair_columns(gold, given, rng.random(60), "abcde")


def test_bootstrap_is_paired_and_seeded(predictions):
    systems = [predictions, predictions.select(numpy.arange(60))]
    first = bootstrap(systems, METRICS, resamples=20, seed=3)
    again = bootstrap(systems, METRICS, resamples=20, seed=3)
    other = bootstrap(systems, METRICS, resamples=20, seed=4)
    for name, draws in first.items():
        assert draws.shape == (2, 20)
        numpy.testing.assert_array_equal(draws[0], draws[1])
        numpy.testing.assert_array_equal(draws, again[name])
    assert not numpy.array_equal(first["accuracy"], other["accuracy"])


def test_interval_of_accuracy_has_the_width_of_theory():
    rng = numpy.random.default_rng(0)
    gold = numpy.zeros(400, dtype=int)
    given = (rng.random(400) < 0.3).astype(int)
    system = pair_columns(gold, given, numpy.ones(400), "ab")
    accuracy = METRICS["accuracy"]
    draws = bootstrap([system], {"accuracy": accuracy}, resamples=2000)["accuracy"][0]
    value = measure(accuracy, system)
    interval = get_interval(value, draws)
    half = 1.96 * (value * (1 - value) / 400) ** 0.5
    assert interval.low == pytest.approx(value - half, abs=0.01)
    assert interval.high == pytest.approx(value + half, abs=0.01)


def test_interval_is_around_the_value():
    values = numpy.linspace(0.2, 0.4, 1001)
    value, low, high = get_interval(0.5, values)
    assert (value, low, high) == pytest.approx((0.5, 0.405, 0.595), abs=1e-3)


def test_bias_that_can_be_chance_stays():
    values = numpy.asarray([0.0, 1.0] * 50)
    assert get_interval(0.6, values, (-9.0, 9.0))[1:] == (0.0, 1.0)
    assert get_interval(0.7, values, (-9.0, 9.0))[1:] == pytest.approx((0.2, 1.2))


def test_interval_stays_within_what_is_possible():
    values = numpy.asarray([0.0, 0.5, 1.0] * 100)
    assert get_interval(0.9, values)[1:] == pytest.approx((0.4, 1.0), abs=0.1)
    assert get_interval(0.9, values)[2] == 1.0
    assert get_interval(0.1, values)[1] == 0.0
    assert get_interval(0.1, values - 1.0, (-1.0, 1.0))[1] < 0.0


def test_resamples_without_anything_to_measure_could_have_any_value():
    values = numpy.full(1000, 0.7)
    values[:20] = numpy.nan
    assert get_interval(0.7, values) == pytest.approx((0.7, 0.7, 0.7))
    values[:30] = numpy.nan
    assert get_interval(0.7, values) == (0.7, 0.0, 1.0)
    assert get_interval(0.7, numpy.full(9, numpy.nan)) == (0.7, 0.0, 1.0)
    # There is no end to a log loss.
    assert numpy.isfinite(get_interval(0.7, values, (0.0, math.inf))).all()


def compare_slowly(before, after, column, weights):
    """F1 of a label after less before, None where nothing is of it."""

    def get_f(system, w):
        gold, given = system.gold_columns == column, system.given_columns == column
        total = (w * gold).sum() + (w * given).sum()
        return 2 * (w * (gold & given)).sum() / max(total, 1e-12), total

    (old, n_old), (new, n_new) = get_f(before, weights), get_f(after, weights)
    return new - old if n_old or n_new else None


def test_intervals_of_labels_are_those_of_a_slow_loop():
    rng = numpy.random.default_rng(2)
    gold, given, other = rng.integers(0, 4, (3, 40))
    # The last label is rare, so that it is absent from many halves.
    gold[gold == 3], given[given == 3], other[other == 3] = 0, 1, 2
    gold[0] = other[0] = 3
    before = pair_columns(gold, given, numpy.ones(40), "abcd")
    after = pair_columns(gold, other, numpy.ones(40), "abcd")
    found = compare_labels(before, after, numpy.arange(4), resamples=200, seed=1)
    drawn = 2.0 * numpy.random.default_rng(1).integers(0, 2, (200, 40), dtype="int8")
    for column, interval in enumerate(found):
        changes = [compare_slowly(before, after, column, w) for w in drawn]
        lower = sorted(-1.0 if change is None else change for change in changes)
        upper = sorted(1.0 if change is None else change for change in changes)
        value = compare_slowly(before, after, column, numpy.ones(40))
        expected = value, lower[int(0.025 * 199)], upper[int(0.975 * 199) + 1]
        assert interval == pytest.approx(expected)
    assert found[3].low == -1.0 and found[3].high == 1.0


@pytest.mark.parametrize("n, is_better", [(5, False), (7, True)])
def test_it_takes_more_than_a_few_documents_to_call_a_label_better(n, is_better):
    gold = numpy.zeros(20, dtype=int)
    given = numpy.where(numpy.arange(20) < n, 1, 0)
    before = pair_columns(gold, given, numpy.ones(20), "ab")
    after = pair_columns(gold, gold, numpy.ones(20), "ab")
    (found,) = compare_labels(before, after, numpy.asarray([0]), resamples=2000)
    assert (found.low > 0.0) == is_better


def test_label_of_two_documents_is_not_called_better():
    """Nothing has changed in many a half of the documents, whatever the mean says."""
    gold, before, after = numpy.ones((3, 20), dtype=int)
    gold[:2] = 0
    before[2:7] = 0
    after[0] = 0
    systems = [pair_columns(gold, x, numpy.ones(20), "ab") for x in (before, after)]
    (found,) = compare_labels(*systems, numpy.asarray([0]))
    assert found.value == pytest.approx(2 / 3)
    assert found.low <= 0.0


@pytest.mark.parametrize(
    "n, n_all, low, high",
    [(17, 17, 0.8157, 1.0), (0, 10, 0.0, 0.2775), (50, 100, 0.4038, 0.5962)],
)
def test_interval_of_a_share_is_wilsons(n, n_all, low, high):
    found = get_share_interval(n, n_all)
    assert found == pytest.approx((n / n_all, low, high), abs=1e-4)
