import math

import numpy
import pytest

from spacy_longtail.scoring.bootstrap import bootstrap, get_interval, measure
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
