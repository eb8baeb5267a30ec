import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_longtail.scorer import ABSTAINED, longtail_score
from spacy_longtail.tuning.metrics import (
    METRICS,
    Guesses,
    bootstrap,
    get_expected_macro_f,
    get_interval,
    get_macro_f,
    get_precision,
    get_value,
)

LABELS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def guesses():
    rng = numpy.random.default_rng(0)
    gold = rng.integers(0, 4, 60)
    guess = numpy.where(rng.random(60) < 0.6, gold, rng.integers(0, 5, 60))
    guess[rng.random(60) < 0.1] = ABSTAINED
    return Guesses(gold, guess, rng.random(60))


def score(guesses):
    """Score with the scorer of the component."""
    nlp, examples = spacy.blank("en"), []
    for gold, guess, confidence in zip(*guesses):
        cats = {"cats": {LABELS[gold]: 1.0}}
        example = Example.from_dict(nlp.make_doc("text"), cats)
        label = None if guess == ABSTAINED else LABELS[guess]
        decision = {"label": label, "probability": float(confidence), "levels": []}
        example.predicted.user_data["longtail"] = decision
        examples.append(example)
    return longtail_score(examples, labels=LABELS)


@pytest.mark.parametrize("name", ["macro_f", "accuracy", "ece", "coverage"])
def test_metric_is_that_of_the_scorer(guesses, name):
    expected = score(guesses)[f"longtail_{name}"]
    assert get_value(METRICS[name], guesses) == pytest.approx(expected)


@pytest.mark.parametrize("name", METRICS)
def test_weight_of_two_is_a_document_twice(guesses, name):
    W = numpy.ones((2, 60))
    W[1, :10] = 2.0
    twice = Guesses(*(numpy.concatenate([x, x[:10]]) for x in guesses))
    found = METRICS[name](guesses, W)
    assert found[0] == pytest.approx(get_value(METRICS[name], guesses))
    assert found[1] == pytest.approx(get_value(METRICS[name], twice))


def test_macro_f_of_some_labels(guesses):
    per_label = score(guesses)["longtail_f_per_label"]
    among = numpy.asarray([True, False, True, False, True])
    found = get_macro_f(guesses, numpy.ones((1, 60)), among)[0]
    # The label "e" has no gold document.
    assert found == pytest.approx((per_label["a"]["f"] + per_label["c"]["f"]) / 2)


def test_expected_macro_f_is_that_of_sure_probabilities(guesses):
    """If each gold label is certain, there is nothing to expect."""
    P = numpy.eye(4)[guesses.gold]
    known = guesses._replace(guess=numpy.where(guesses.guess == 4, 0, guesses.guess))
    W = numpy.random.default_rng(1).random((3, 60))
    numpy.testing.assert_allclose(
        get_expected_macro_f(known, W, P), get_macro_f(known, W)
    )


def test_expected_macro_f_counts_labels_without_documents():
    P = numpy.asarray([[0.5, 0.5, 0.0], [0.5, 0.25, 0.25]])
    guess = numpy.asarray([0, 2])
    found = get_expected_macro_f(Guesses(guess, guess, P[:, 0]), numpy.ones((1, 2)), P)
    assert found[0] == pytest.approx((1.0 / 2 + 0.0 + 0.5 / 1.25) / 3)


def test_precision_without_a_label_is_one():
    nothing = Guesses(numpy.zeros(3, int), numpy.full(3, ABSTAINED), numpy.zeros(3))
    assert get_value(get_precision, nothing) == 1.0
    assert get_value(METRICS["ece"], nothing) == 0.0


def test_bootstrap_is_paired_and_seeded(guesses):
    first = bootstrap([guesses, guesses], METRICS, resamples=20, seed=3)
    again = bootstrap([guesses, guesses], METRICS, resamples=20, seed=3)
    other = bootstrap([guesses, guesses], METRICS, resamples=20, seed=4)
    for name, draws in first.items():
        assert draws.shape == (2, 20)
        numpy.testing.assert_array_equal(draws[0], draws[1])
        numpy.testing.assert_array_equal(draws, again[name])
    assert not numpy.array_equal(first["accuracy"], other["accuracy"])


def test_interval_of_accuracy_has_the_width_of_theory():
    rng = numpy.random.default_rng(0)
    gold = numpy.zeros(400, dtype=int)
    guess = (rng.random(400) < 0.3).astype(int)
    system = Guesses(gold, guess, numpy.ones(400))
    accuracy = METRICS["accuracy"]
    draws = bootstrap([system], {"accuracy": accuracy}, resamples=2000)["accuracy"][0]
    value = get_value(accuracy, system)
    interval = get_interval(value, draws)
    half = 1.96 * (value * (1 - value) / 400) ** 0.5
    assert interval.low == pytest.approx(value - half, abs=0.01)
    assert interval.high == pytest.approx(value + half, abs=0.01)


def test_interval_is_around_the_value():
    assert get_interval(0.5, numpy.asarray([0.2, 0.3, 0.4])) == pytest.approx(
        (0.5, 0.405, 0.595)
    )
