import json

import numpy
import pytest

from spacy_longtail.evaluation.evidence import collect
from spacy_longtail.scoring.metrics import Guesses
from spacy_longtail.tuning.folds import make_parts
from spacy_longtail.tuning.result import compare
from spacy_longtail.tuning.settings import Wish, read_settings
from spacy_longtail.tuning.tune import tune

NAME = "longtail_textcat"


def run(nlp, examples, *args, **settings):
    return tune(nlp, examples, Wish(*args, **settings), resamples=100)


def test_settings_are_applied(tickets_nlp, tickets_dev):
    result = run(tickets_nlp, tickets_dev)
    assert read_settings(tickets_nlp, NAME) == result.after
    assert result.before.temperature == 1.0 != result.after.temperature
    assert result.n_docs == len(tickets_dev)


def test_before_is_what_the_pipeline_scores(tickets_nlp, tickets_dev):
    scores = tickets_nlp.evaluate(tickets_dev)
    found = run(tickets_nlp, tickets_dev).scores
    for name in ("macro_f", "accuracy", "ece", "coverage"):
        expected = scores[f"longtail_{name}"]
        assert found[name].before.value == pytest.approx(expected, abs=1e-6)


def test_calibration_is_better_after(tickets_nlp, tickets_dev):
    pipe = tickets_nlp.get_pipe(NAME)
    pipe.temperature = 5.0
    result = run(tickets_nlp, tickets_dev, "calibration")
    assert result.scores["ece"].change.high < 0
    assert not result.scores["ece"].is_noise
    scores = tickets_nlp.evaluate(tickets_dev)
    assert scores["longtail_ece"] < result.scores["ece"].before.value


def test_given_prior_is_taken(tickets_nlp, tickets_dev):
    assert run(tickets_nlp, tickets_dev, prior="train").after.prior == "train"
    assert run(tickets_nlp, tickets_dev, prior=0.3).after.prior == 0.3


def test_no_document_is_scored_with_settings_it_was_part_of(tickets_nlp, tickets_dev):
    """Gold labels that are noise can't look better after tuning."""
    rng = numpy.random.default_rng(0)
    labels = tickets_nlp.get_pipe(NAME).labels
    for example in tickets_dev:
        example.reference.cats = {labels[rng.integers(len(labels))]: 1.0}
    result = run(tickets_nlp, tickets_dev, precision=0.9)
    assert result.scores["precision"].after.value < 0.6


def test_precision_is_reached(tickets_nlp, tickets_dev):
    result = run(tickets_nlp, tickets_dev, precision=0.95)
    assert set(result.after.thresholds) == {""}
    before, after, _ = result.scores["precision"]
    assert before.value < 0.94 < after.value
    assert result.kept["abstained"] >= result.kept["kept"] >= result.kept["right"]
    scores = tickets_nlp.evaluate(tickets_dev)
    accuracy, coverage = scores["longtail_accuracy"], scores["longtail_coverage"]
    assert accuracy / coverage >= 0.95


def test_thresholds_per_label(tickets_nlp, tickets_dev):
    result = run(tickets_nlp, tickets_dev, precision=0.95, per_label=True)
    assert {"", "money", "travel", "home"} <= set(result.after.thresholds)


def test_coverage_is_reached(tickets_nlp, tickets_dev):
    result = run(tickets_nlp, tickets_dev, coverage=0.8)
    assert result.scores["coverage"].after.value == pytest.approx(0.8, abs=0.06)
    found = tickets_nlp.evaluate(tickets_dev)["longtail_coverage"]
    assert found == pytest.approx(0.8, abs=0.01)


def test_result_is_json_and_the_same_again(tickets_nlp, tickets_dev):
    first = run(tickets_nlp, tickets_dev, "accuracy").to_dict()
    assert set(json.loads(json.dumps(first))["scores"]["ece"]) == {
        *("before", "after", "change", "is_noise")
    }
    pipe = tickets_nlp.get_pipe(NAME)
    pipe.prior, pipe.temperature = "uniform", 1.0
    assert run(tickets_nlp, tickets_dev, "accuracy").to_dict() == first


def test_parts_are_of_the_same_size():
    assert sorted(numpy.bincount(make_parts(23, 5, 0))) == [4, 4, 5, 5, 5]
    assert sorted(make_parts(3, 5, 0)) == [0, 1, 2]


def test_progress_sees_each_example(tickets_nlp, tickets_dev):
    seen = []

    def progress(examples):
        for example in examples:
            seen.append(example)
            yield example

    tune(tickets_nlp, tickets_dev, resamples=2, progress=progress)
    assert seen == tickets_dev


def test_same_system_is_within_noise(tickets_nlp, tickets_dev):
    evidence = collect(tickets_nlp, NAME, tickets_dev)
    P = evidence.get_probabilities("uniform", 1.0)
    guesses = Guesses(evidence.gold, P.argmax(axis=1), P.max(axis=1))
    scores = compare(guesses, guesses, resamples=10)
    assert all(scores[name].is_noise for name in scores)


def test_scores_of_training_are_replaced(tickets_nlp, tickets_dev):
    stale = {"longtail_accuracy": 0.5, "longtail_hier_f": 0.5, "tag_acc": 0.5}
    tickets_nlp.meta["performance"] = stale
    accuracy = run(tickets_nlp, tickets_dev).scores["accuracy"].after.value
    expected = {"longtail_accuracy": accuracy, "tag_acc": 0.5}
    assert tickets_nlp.meta["performance"] == expected


def test_scores_of_training_stay_if_the_settings_do(tickets_nlp, tickets_dev):
    run(tickets_nlp, tickets_dev)
    stale = {"longtail_accuracy": 0.5, "longtail_hier_f": 0.5}
    tickets_nlp.meta["performance"] = stale
    result = run(tickets_nlp, tickets_dev)
    assert result.after == result.before
    assert tickets_nlp.meta["performance"] == stale


def test_settings_of_an_earlier_tuning_are_known(tickets_nlp, tickets_dev):
    assert not run(tickets_nlp, tickets_dev, "accuracy").is_seen
    assert not run(tickets_nlp, tickets_dev[1:]).is_seen
    assert run(tickets_nlp, tickets_dev[1:], "accuracy").is_seen
    tickets_nlp.get_pipe(NAME).temperature = 3.0
    assert not run(tickets_nlp, tickets_dev[1:]).is_seen
