"""Documents that get no label."""

import numpy
import pytest

UNKNOWN = "papers zzxq wvut"


@pytest.mark.parametrize("route_threshold", [0.0, 1.0])
def test_document_that_fits_nothing_gets_no_label(nlp, fallback, route_threshold):
    """Whether it was ranked again or not."""
    fallback.settings.route_threshold = route_threshold
    before = nlp(UNKNOWN)
    low, high = before._.longtail.known, nlp("block my card")._.longtail.known
    assert low < high
    fallback.settings.abstain_threshold = (low + high) / 2
    doc = nlp(UNKNOWN)
    decision = doc._.longtail
    assert (decision.label, decision.labels) == (None, ())
    assert (decision.path, decision.levels, decision.probability) == ((), (), 0.0)
    assert decision.stage == "abstained"
    assert decision.reason.startswith("no label is close enough (known = 0.")
    assert decision.candidates == before._.longtail.candidates
    assert decision.first == before._.longtail.label
    share = low / before._.longtail.probability
    assert doc.cats == pytest.approx({k: p * share for k, p in before.cats.items()})
    assert nlp("block my card")._.longtail.label == "bank/card"


def test_broad_category_that_is_sure_enough_is_kept(nlp, fallback):
    text = "what does it cost to borrow"
    before = nlp(text)._.longtail
    share = before.known / before.probability
    node, mass = before.levels[0]
    assert before.known < mass * share
    fallback.settings.abstain_threshold = (before.known + mass * share) / 2
    decision = nlp(text)._.longtail
    assert (decision.label, decision.labels) == (None, ())
    assert decision.path == (node,) == ("bank",)
    assert decision.probability == pytest.approx(mass * share, rel=1e-4)


def test_abstention_works_where_nothing_is_pooled(kind):
    nlp = kind.load_pair(min_count=0, abstain_threshold=1.0)
    assert nlp("my card")._.longtail.stage == "abstained"


@pytest.mark.parametrize("coverage, n_kept", [(0.5, 3), (0.6, 3), (1.0, 5)])
def test_coverage_is_at_least_the_wished_share(nlp, fallback, kind, coverage, n_kept):
    """Of five documents, as in 'tune'."""
    texts = ["lost card", "a room", "a flight to Rome", "lend me money", UNKNOWN]
    data = [(text, ["bank/card"]) for text in texts]
    examples = kind.make_examples(nlp, data)
    threshold = fallback.fit_abstention(examples, coverage=coverage)
    assert fallback.settings.abstain_threshold == threshold
    labels = [doc._.longtail.label for doc in nlp.pipe(texts)]
    assert sum(label is not None for label in labels) == n_kept


def test_ranker_tells_how_close_unsure_documents_are(nlp, fallback, monkeypatch):
    rank = fallback.ranker.rank

    def rank_far(question):
        similarity = numpy.full(len(question.docs), 0.1)
        return rank(question)._replace(similarity=similarity)

    monkeypatch.setattr(fallback.ranker, "rank", rank_far)
    fallback.settings.route_below = 1.01
    decision = nlp("block my card")._.longtail
    assert decision.known == pytest.approx(0.1 * decision.probability, rel=1e-5)


@pytest.mark.parametrize(
    "wished",
    [
        {},
        {"precision": 0.9, "coverage": 0.9},
        {"precision": 1.1},
        {"precision": "0.9"},
        {"coverage": float("nan")},
    ],
)
def test_wish_that_is_none(fallback, wished):
    with pytest.raises(ValueError, match=r"\[L339\].*either a precision or a coverage"):
        fallback.fit_abstention([], **wished)
