"""Tuning of a second stage, where labels exclude each other."""

import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_longtail.questions import Ranking
from spacy_longtail.rankers.base import LabelRanker
from spacy_longtail.tuning import Wish, tune
from spacy_longtail.tuning.settings import read_settings

NAME, FALLBACK = "longtail_textcat", "zero_shot_fallback"
WORDS = {"money/fee": "fee charge cost price", "money/tax": "tax form revenue"}


class WordRanker(LabelRanker):
    """Knows by the words of a text which pooled label it has, or which it hasn't."""

    def __init__(self, sign):
        self.sign, self.n_asked = sign, 0

    def rank(self, question):
        self.n_asked += len(question.docs)
        scores = [
            [self.rate(doc, label) for label in labels]
            for doc, labels in zip(question.docs, question.candidates)
        ]
        return Ranking([numpy.asarray(values, dtype="float64") for values in scores])

    def rate(self, doc, label):
        words = WORDS.get(label, "").split()
        return 5.0 * self.sign * sum(word in doc.text for word in words)


@spacy.registry.misc("tests.WordRanker")
def make_word_ranker(sign: float):
    return WordRanker(sign)


@pytest.fixture
def make_nlp(tickets_nlp, tickets_dev, monkeypatch):
    pipe = tickets_nlp.get_pipe(NAME)
    members, run = list(pipe.taxonomy.others[0].members), pipe.get_raw_scores

    def get_raw_scores(docs):
        """The first stage can't tell pooled labels apart."""
        raw = run(docs)
        raw.logits[:, members] = raw.logits[:, members].mean(axis=1, keepdims=True)
        return raw

    def make(sign, route_threshold=0.9):
        ranker = {"@misc": "tests.WordRanker", "sign": sign}
        config = {"ranker": ranker, "route_threshold": route_threshold}
        fallback = tickets_nlp.add_pipe(FALLBACK, config=config)
        fallback.initialize(lambda: tickets_dev[::3], nlp=tickets_nlp)
        monkeypatch.setattr(pipe, "get_raw_scores", get_raw_scores)
        return tickets_nlp

    return make


def test_good_second_stage_is_asked_more_often(make_nlp, tickets_dev):
    nlp = make_nlp(1.0, route_threshold=0.99)
    result = tune(nlp, tickets_dev, resamples=50)
    assert result.after.fallback["route_threshold"] < 0.99
    assert result.scores["macro_f"].change.value > 0
    assert read_settings(nlp, NAME) == result.after
    rows = dict(row[:2] for row in result.describe_settings())
    assert rows["fallback route_threshold"] == "0.990"


def test_ranker_is_asked_once_more_for_all_trials(make_nlp, tickets_dev):
    nlp = make_nlp(1.0, route_threshold=0.0)
    tune(nlp, tickets_dev, resamples=5)
    asked = nlp.get_pipe(FALLBACK).ranker.n_asked
    assert len(tickets_dev) < asked <= 2 * len(tickets_dev)


def test_bad_second_stage_is_not_asked_more_often(make_nlp, tickets_dev):
    result = tune(make_nlp(-1.0), tickets_dev, resamples=50)
    assert result.after.fallback == result.before.fallback


def test_abstention_is_left_to_the_second_stage(make_nlp, tickets_dev):
    result = tune(make_nlp(1.0), tickets_dev, Wish(precision=0.97), resamples=50)
    assert result.after.thresholds == {}
    assert result.after.fallback["abstain_threshold"] > 0
    before, after, _ = result.scores["precision"]
    assert after.value > before.value


def test_documents_are_left_as_they_were(make_nlp, tickets_dev):
    nlp = make_nlp(1.0)
    tune(nlp, tickets_dev, Wish("calibration", coverage=0.9), resamples=5)
    assert all(not example.predicted.cats for example in tickets_dev)


def test_at_least_the_wished_share_is_covered(make_nlp, tickets_dev):
    nlp = make_nlp(1.0)
    tune(nlp, tickets_dev, Wish(coverage=0.901), resamples=5)
    fresh = [Example(nlp.make_doc(eg.text), eg.reference) for eg in tickets_dev]
    assert 0.901 <= nlp.evaluate(fresh)["longtail_coverage"] < 0.92


@pytest.mark.parametrize("goal", ["macro", "calibration"])
def test_gold_labels_added_at_run_time_are_known(make_nlp, tickets_dev, goal, recwarn):
    nlp = make_nlp(1.0)
    fallback = nlp.get_pipe(FALLBACK)
    fallback.ranker = LabelRanker()
    fallback.add_label("home/attic", examples=["attic roof"])
    tickets_dev[0].reference.cats = {"home/attic": 1.0}
    result = tune(nlp, tickets_dev, Wish(goal), resamples=5)
    assert result.n_docs == len(tickets_dev)
    assert not [w for w in recwarn if "LW501" in str(w.message)]


@pytest.mark.parametrize("per_label", [False, True])
def test_real_fallback(tickets_nlp, tickets_dev, tmp_path, per_label):
    fallback = tickets_nlp.add_pipe(FALLBACK)
    fallback.initialize(lambda: tickets_dev[::3], nlp=tickets_nlp)
    before = tickets_nlp.evaluate(tickets_dev)
    wish = Wish(precision=0.97, per_label=per_label)
    fresh = [eg.reference.copy() for eg in tickets_dev]
    examples = [Example(tickets_nlp.make_doc(doc.text), doc) for doc in fresh]
    result = tune(tickets_nlp, examples, wish, resamples=20)
    old = result.scores["macro_f"].before.value
    assert old == pytest.approx(before["longtail_macro_f"], abs=1e-6)
    tickets_nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert read_settings(loaded, NAME) == result.after
    assert bool(result.after.fallback["thresholds"]) == per_label
    scores = loaded.evaluate(examples)
    coverage = scores["longtail_coverage"]
    assert 0 < coverage < 1
    assert scores["longtail_accuracy"] / coverage >= 0.97
