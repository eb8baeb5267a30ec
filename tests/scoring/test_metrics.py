import math
from functools import partial

import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_longtail.scoring.exclusive import ABSTAINED, longtail_score
from spacy_longtail.scoring.metrics import (
    METRICS,
    Guesses,
    bootstrap,
    get_expected_macro_f,
    get_interval,
    get_macro_f,
    get_precision,
    get_value,
)
from spacy_longtail.tuning.result import compare

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


def simulate(n_labels, n_docs, *, seed):
    """Make two systems that are equally good: each finds half of the documents."""
    gold = numpy.repeat(numpy.arange(n_labels), n_docs)
    rng = numpy.random.default_rng(seed)
    systems = []
    for _ in range(2):
        guess = numpy.where(rng.random(len(gold)) < 0.5, gold, ABSTAINED)
        systems.append(Guesses(gold, guess, numpy.ones(len(gold))))
    return systems


@pytest.mark.parametrize("n_labels, n_docs", [(30, 1), (15, 2), (8, 20)])
def test_interval_of_macro_f_covers_what_it_says(n_labels, n_docs):
    """A label with one document has an F1 of 0 or 1, whatever its weight."""
    expected = numpy.mean(
        [get_f(simulate(n_labels, n_docs, seed=1000 + i)) for i in range(2000)]
    )
    found = []
    for seed in range(5000, 5400):
        before, after = simulate(n_labels, n_docs, seed=seed)
        macro = {"macro_f": get_macro_f}
        scores = compare(before, after, macro, resamples=300)["macro_f"]
        is_inside = scores.after.low <= expected <= scores.after.high
        found.append((scores.is_noise, is_inside))
    shares = numpy.mean(found, axis=0)
    assert (shares > 0.91).all() and (shares <= 0.99).all(), shares


def get_f(systems):
    return get_value(get_macro_f, systems[0])


@pytest.mark.parametrize("n_changed, is_noise", [(1, True), (4, True), (8, False)])
def test_a_few_documents_are_noise(n_changed, is_noise):
    """As with a sign test: it takes six changes to the same side."""
    before, _ = simulate(30, 1, seed=0)
    guess = before.guess.copy()
    changed = numpy.flatnonzero(guess == ABSTAINED)[:n_changed]
    guess[changed] = before.gold[changed]
    after = before._replace(guess=guess)
    for seed in range(20):
        scores = compare(before, after, resamples=300, seed=seed)
        assert scores["macro_f"].is_noise == is_noise


def test_single_label_with_a_single_document_says_nothing():
    gold = numpy.asarray([0, 1, 1, 1, 1, 1, 1, 1])
    before, after = (Guesses(gold, g, gold / 1) for g in (gold * 0 + 1, gold))
    rare = {"tail_f": partial(get_macro_f, among=numpy.asarray([True, False]))}
    scores = compare(before, after, rare)["tail_f"]
    assert scores.after == (1.0, 0.0, 1.0)
    assert scores.change == (1.0, -1.0, 1.0)
    assert scores.is_noise
