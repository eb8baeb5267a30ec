"""Tuning of a second stage, with one that stands in for zero_shot_fallback."""

from types import SimpleNamespace
from typing import Any, List, NamedTuple

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.training import Example

from spacy_longtail.pipeline.decision import KEY
from spacy_longtail.tuning import settings
from spacy_longtail.tuning.settings import Wish, read_settings
from spacy_longtail.tuning.tune import tune

NAME = "longtail_textcat"


class Judged(NamedTuple):
    rows: numpy.ndarray
    P: numpy.ndarray
    others: List[List[int]]
    scores: List[numpy.ndarray]
    similarity: numpy.ndarray
    is_none: numpy.ndarray


class SecondStage:
    """Knows by the words of a text which pooled label it has."""

    source = NAME

    def __init__(self, nlp: Any, is_right: bool) -> None:
        self.nlp = nlp
        self.is_right = is_right
        self.n_asked = 0
        self.settings = SimpleNamespace(
            route_threshold=0.9, mixture_weight=1.0, abstain_threshold=0.0
        )
        self.settings.thresholds = {}

    @property
    def taxonomy(self):
        return self.nlp.get_pipe(NAME).taxonomy

    def __call__(self, doc):
        return doc

    def predict(self, docs):
        self.n_asked += len(docs)
        tree = self.taxonomy
        P = [[doc.cats[leaf] for leaf in tree.leaves] for doc in docs]
        masses = numpy.asarray([doc.user_data[KEY]["other"][1] for doc in docs])
        rows = numpy.flatnonzero(masses >= self.settings.route_threshold)
        members = list(tree.others[0].members)
        names = [tree.leaves[member] for member in members]
        scores = [[self.rate(docs[row], name) for name in names] for row in rows]
        return Judged(
            rows=rows,
            P=numpy.asarray(P)[rows],
            others=[[0]] * len(rows),
            scores=list(numpy.asarray(scores).reshape(len(rows), len(members))),
            similarity=numpy.ones(len(rows)),
            is_none=numpy.zeros(len(rows), dtype=bool),
        )

    def rate(self, doc, label):
        words = {"money/fee": "fee charge cost price", "money/tax": "tax form revenue"}
        n_words = sum(word in doc.text for word in words[label].split())
        return 5.0 * n_words * (1 if self.is_right else -1)

    def refine(self, judged):
        P, members = judged.P.copy(), list(self.taxonomy.others[0].members)
        for row, (others, scores) in enumerate(zip(judged.others, judged.scores)):
            if others:
                own = P[row, members]
                weight = self.settings.mixture_weight
                new = numpy.exp(scores - scores.max()) * own**weight
                P[row, members] = own.sum() * new / new.sum()
        return P


@pytest.fixture
def make_nlp(tickets_nlp, monkeypatch):
    monkeypatch.setattr(settings, "FALLBACK", "second_stage")
    pipe = tickets_nlp.get_pipe(NAME)
    members, run = list(pipe.taxonomy.others[0].members), pipe.get_raw_scores

    def get_raw_scores(docs):
        """The first stage can't tell pooled labels apart."""
        raw = run(docs)
        raw.logits[:, members] = raw.logits[:, members].mean(axis=1, keepdims=True)
        return raw

    def make(is_right):
        def create(nlp, name, route_threshold: float = 0.9):
            return SecondStage(nlp, is_right)

        Language.factory("second_stage", func=create)
        tickets_nlp.add_pipe("second_stage")
        monkeypatch.setattr(pipe, "get_raw_scores", get_raw_scores)
        return tickets_nlp

    return make


def test_good_second_stage_is_asked_more_often(make_nlp, tickets_dev):
    nlp = make_nlp(True)
    result = tune(nlp, tickets_dev, resamples=50)
    assert result.after.fallback["route_threshold"] < 0.9
    assert result.scores["macro_f"].change.value > 0
    assert read_settings(nlp, NAME) == result.after
    # Once with the settings as they were, once with the new ones of the first stage.
    assert nlp.get_pipe("second_stage").n_asked == 2 * len(tickets_dev)


def test_bad_second_stage_is_not_asked_more_often(make_nlp, tickets_dev):
    result = tune(make_nlp(False), tickets_dev, resamples=50)
    assert result.after.fallback == result.before.fallback


def test_abstention_is_left_to_the_second_stage(make_nlp, tickets_dev):
    result = tune(make_nlp(True), tickets_dev, Wish(precision=0.97), resamples=50)
    assert result.after.thresholds == {}
    assert result.after.fallback["abstain_threshold"] > 0
    before, after, _ = result.scores["precision"]
    assert after.value > before.value


def test_documents_are_left_as_they_were(make_nlp, tickets_dev):
    nlp = make_nlp(True)
    tune(nlp, tickets_dev, Wish("calibration", coverage=0.9), resamples=5)
    assert all(not example.predicted.cats for example in tickets_dev)


@pytest.mark.parametrize("per_label", [False, True])
def test_real_fallback(tickets_nlp, tickets_dev, tmp_path, per_label):
    tickets_nlp.add_pipe("zero_shot_fallback")
    fallback = tickets_nlp.get_pipe("zero_shot_fallback")
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
