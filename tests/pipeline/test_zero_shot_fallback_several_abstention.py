"""Documents that get no label where they could have several."""

import numpy
import pytest

from spacy_longtail.rankers.base import Ranking

NAME = "longtail_textcat_multilabel"
UNKNOWN = "papers zzxq wvut"


@pytest.fixture
def fallback(several):
    return several.get_pipe("zero_shot_fallback")


@pytest.mark.parametrize("route_threshold", [0.0, 1.0])
def test_document_that_fits_nothing_gets_no_label(several, fallback, route_threshold):
    """Whether it was ranked again or not."""
    fallback.settings.route_threshold = route_threshold
    several.get_pipe(NAME).settings.threshold = 0.001
    before = several(UNKNOWN)
    low, high = before._.longtail.known, several("block my card")._.longtail.known
    assert before._.longtail.labels and low < high
    fallback.settings.abstain_threshold = (low + high) / 2
    doc = several(UNKNOWN)
    decision = doc._.longtail
    assert (decision.label, decision.labels) == (None, ())
    assert (decision.path, decision.levels, decision.probability) == ((), (), 0.0)
    assert decision.stage == "abstained"
    assert decision.reason.startswith("no label is close enough (known = 0.")
    assert decision.candidates == before._.longtail.candidates
    # Closeness, by which all are multiplied.
    share = low / before._.longtail.probability
    expected = {label: p * share for label, p in before.cats.items()}
    assert doc.cats == pytest.approx(expected)
    assert several("block my card")._.longtail.labels[0] == "bank/card"


def test_broad_category_that_is_sure_enough_is_kept(several, fallback):
    doc = several("what does it cost to borrow")
    decision = doc._.longtail
    share = decision.known / decision.probability
    node, mass = decision.levels[0]
    assert decision.known < mass * share
    fallback.settings.abstain_threshold = (decision.known + mass * share) / 2
    decision = several("what does it cost to borrow")._.longtail
    assert (decision.label, decision.labels) == (None, ())
    assert decision.path == (node,) == ("bank",)
    assert decision.probability == pytest.approx(mass * share, rel=1e-4)


def test_abstention_works_where_nothing_is_pooled(make_several_pair, train_several):
    nlp = make_several_pair(min_count=0, abstain_threshold=1.0)
    train_several(nlp)
    assert nlp("my card")._.longtail.stage == "abstained"


def test_ranker_that_finds_none_of_the_candidates_good(several, fallback, monkeypatch):
    """The document's other labels are none of its business."""
    text = "I want to borrow for a hotel by the sea"
    fallback.settings.route_threshold = 0.4
    before = several(text)
    assert before._.longtail.labels[:2] == ("bank/loan", "travel/hotel")

    def rank(docs, candidates, **kwargs):
        return Ranking([numpy.full(len(c), -3.0) for c in candidates], none_score=0.0)

    monkeypatch.setattr(fallback.ranker, "rank", rank)
    doc = several(text)
    assert doc._.longtail.labels == ("travel/hotel", *before._.longtail.labels[2:])
    assert doc._.longtail.stage == "zero_shot_fallback"
    assert doc._.longtail.reason == "ranked in the Other of 'bank'"
    pooled = doc.cats["bank/fee"] + doc.cats["bank/loan"]
    mass = before.cats["bank/fee"] + before.cats["bank/loan"]
    assert pooled == pytest.approx(mass * numpy.exp(-3.0))
    for label in set(doc.cats) - {"bank/fee", "bank/loan"}:
        assert doc.cats[label] == before.cats[label]


def test_abstained_documents_are_scored_as_without_labels(
    several, fallback, make_several_examples
):
    examples = make_several_examples(several)
    assert several.evaluate(examples)["longtail_micro_r"] == 1.0
    fallback.settings.abstain_threshold = 1.0
    several.get_pipe(NAME).settings.threshold = 0.001
    scores = several.evaluate(examples)
    assert scores["longtail_micro_r"] == 0.0
    # The order of what they could have is still there.
    assert scores["longtail_lrap"] == 1.0
    assert scores["longtail_refined_broken"] == 0.0


def test_threshold_for_a_wished_coverage(several, fallback, make_several_examples):
    examples = make_several_examples(several)
    fallback.fit_abstention(examples, coverage=0.5)
    docs = list(several.pipe([eg.text for eg in examples]))
    share = sum(doc._.longtail.label is not None for doc in docs) / len(docs)
    assert 0.5 <= share <= 0.5 + 1 / len(examples)


def test_threshold_for_a_wished_precision(several, fallback, make_several_examples):
    """What isn't known about a document is neither right nor wrong."""
    unknown = several(UNKNOWN)._.longtail
    several.get_pipe(NAME).thresholds = {unknown.label: unknown.probability / 2}
    assert several(UNKNOWN)._.longtail.labels == (unknown.label,)
    data = [
        (UNKNOWN, []),
        ("block my card", ["bank/card"]),
        ("a room", {"travel/hotel": 1.0, "bank/loan": 0.0}),
        ("thank you for the room", None),
    ]
    examples = make_several_examples(several, data)
    threshold = fallback.fit_abstention(examples, precision=1.0)
    assert fallback.settings.abstain_threshold == threshold > unknown.known
    assert several(UNKNOWN)._.longtail.labels == ()
    assert "bank/card" in several("block my card")._.longtail.labels
    assert "travel/hotel" in several("a room")._.longtail.labels
