"""Documents that get no label where they could have several."""

import numpy
import pytest

from spacy_longtail.questions import Ranking

NAME = "longtail_textcat_multilabel"
UNKNOWN = "papers zzxq wvut"


@pytest.fixture
def fallback(several):
    return several.get_pipe("zero_shot_fallback")


def test_ranker_that_finds_none_of_the_candidates_good(several, fallback, monkeypatch):
    """The document's other labels are none of its business."""
    text = "I want to borrow for a hotel by the sea"
    fallback.settings.route_threshold = 0.4
    before = several(text)
    assert before._.longtail.labels[:2] == ("bank/loan", "travel/hotel")

    def rank(question):
        scores = [numpy.full(len(labels), -3.0) for labels in question.candidates]
        return Ranking(scores, none_score=0.0)

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
