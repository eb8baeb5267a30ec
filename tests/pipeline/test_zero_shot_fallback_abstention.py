import numpy
import pytest

from spacy_longtail.questions import Ranking

UNKNOWN = "zzxq wvut"


@pytest.fixture
def fallback(pair):
    return pair.get_pipe("zero_shot_fallback")


def get_known(nlp, text):
    return nlp(text)._.longtail.known


def test_ranker_that_finds_none_of_the_candidates_good(pair, fallback, monkeypatch):
    """Only where a pooled label would win; a head label is none of its business."""

    def rank(question):
        scores = [numpy.full(len(labels), -3.0) for labels in question.candidates]
        return Ranking(scores, none_score=0.0)

    monkeypatch.setattr(fallback.ranker, "rank", rank)
    fallback.settings.route_threshold = 0.0
    docs = list(pair.pipe(["lend me money for a house", "block my card at once"]))
    assert docs[0]._.longtail.stage == "abstained"
    assert docs[0]._.longtail.reason.startswith("no candidate fits, by the ranker")
    assert docs[0]._.longtail.label is None
    assert sum(docs[0].cats.values()) < 1.0
    assert docs[1]._.longtail.label == "bank/card"


def test_ranker_tells_how_close_unsure_documents_are(pair, fallback, monkeypatch):
    rank = fallback.ranker.rank

    def rank_far(question):
        similarity = numpy.full(len(question.docs), 0.1)
        return rank(question)._replace(similarity=similarity)

    monkeypatch.setattr(fallback.ranker, "rank", rank_far)
    fallback.settings.route_below = 1.01
    decision = pair("block my card")._.longtail
    assert decision.known == pytest.approx(0.1 * decision.probability, rel=1e-5)


def test_abstention_counts_in_coverage(pair, fallback, make_examples):
    examples = make_examples(pair)
    known = sorted(get_known(pair, eg.text) for eg in examples)
    fallback.settings.abstain_threshold = (known[3] + known[4]) / 2
    coverage = pair.evaluate(examples)["longtail_coverage"]
    assert coverage == pytest.approx(1 - 4 / len(examples))


def test_threshold_for_a_wished_precision(pair, fallback, make_examples):
    """Documents without a label are wrong whatever they get."""
    data = [(UNKNOWN, None), ("block my card", "bank/card"), ("a room", "travel/hotel")]
    fallback.fit_abstention(make_examples(pair, data), precision=1.0)
    assert pair(UNKNOWN)._.longtail.label is None
    assert pair("block my card")._.longtail.label == "bank/card"
    assert pair("a room")._.longtail.label == "travel/hotel"


@pytest.mark.parametrize(
    "wished", [{}, {"precision": 0.9, "coverage": 0.9}, {"precision": 1.1}]
)
def test_wish_that_is_none(fallback, wished):
    with pytest.raises(ValueError, match=r"\[L339\].*either a precision or a coverage"):
        fallback.fit_abstention([], **wished)


def test_precision_out_of_reach_changes_nothing(pair, fallback, make_examples):
    fallback.settings.abstain_threshold = 0.01
    with pytest.raises(ValueError, match=r"\[L339\].*precision of 0.9"):
        fallback.fit_abstention(make_examples(pair, [("x", None)]), precision=0.9)
    assert fallback.settings.abstain_threshold == 0.01
