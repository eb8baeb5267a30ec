"""What the fallback does only where the labels of a document exclude each other."""

import numpy
import pytest
from numpy.testing import assert_allclose
from spacy.training import Example

from spacy_longtail.questions import Ranking

NEW = "travel/cruise"
UNKNOWN = "zzxq wvut"


@pytest.fixture
def fallback(pair):
    return pair.get_pipe("zero_shot_fallback")


def test_refined_decision_says_why_and_its_levels_are_sums(pair):
    doc = pair("lend me money for a house")
    assert doc._.longtail.reason == "ranked first in the Other of 'bank'"
    below = sum(p for label, p in doc.cats.items() if label.startswith("bank/"))
    assert doc._.longtail.levels[0][1] == pytest.approx(below)


def test_probabilities_still_sum_to_1(pair):
    docs = pair.pipe(["", " ", "\n", "I want to borrow money"])
    assert_allclose([sum(doc.cats.values()) for doc in docs], 1.0, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.4, 0.5, 0.6])
def test_no_probability_is_above_1(pair, exclusive, temperature):
    """Also where nearly all of it is in one Other, a sum of numbers of 32 bits."""
    pair.get_pipe("longtail_textcat").temperature = temperature
    docs = list(pair.pipe([text for text, _ in exclusive.data]))
    assert max(max(doc.cats.values()) for doc in docs) <= 1.0
    assert max(doc._.longtail.probability for doc in docs) <= 1.0


def test_added_label_takes_the_same_share_from_all_others(pair, fallback):
    texts = ["a cruise on a ship", "block my card", "lend me money", ""]
    before = [dict(doc.cats) for doc in pair.pipe(texts)]
    fallback.add_label(NEW)
    docs = list(pair.pipe(texts))
    reason = "closest to a label that was added at run time"
    assert docs[0]._.longtail.reason == reason
    for doc, old in zip(docs, before):
        assert sum(doc.cats.values()) == pytest.approx(1.0)
        left = numpy.asarray([doc.cats[label] for label in old])
        assert_allclose(left / left.sum(), list(old.values()), rtol=1e-4)


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


def test_abstention_counts_in_coverage(pair, fallback, make_examples):
    examples = make_examples(pair)
    known = sorted(pair(eg.text)._.longtail.known for eg in examples)
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


def test_precision_out_of_reach_changes_nothing(pair, fallback, make_examples):
    fallback.settings.abstain_threshold = 0.01
    with pytest.raises(ValueError, match=r"\[L339\].*precision of 0.9"):
        fallback.fit_abstention(make_examples(pair, [("x", None)]), precision=0.9)
    assert fallback.settings.abstain_threshold == 0.01


def test_gold_of_several_labels(pair, fallback, make_examples):
    data = [("a card and a room", {"bank/card": 1.0, "travel/hotel": 1.0})]
    examples = make_examples(pair, data)
    with pytest.raises(ValueError, match=r"\[L302\].*'longtail_textcat_multilabel'"):
        fallback.fit_mixture(examples)
    with pytest.raises(ValueError, match=r"\[L302\].*'longtail_textcat_multilabel'"):
        fallback.initialize(lambda: examples)


def change_decisions(nlp, examples, *, n_broken, n_fixed):
    """Let it seem that the fallback has broken the first examples, fixed the next."""
    labels, pairs = nlp.get_pipe("longtail_textcat").labels, []
    for row, eg in enumerate(examples[: n_broken + n_fixed]):
        (gold,) = eg.reference.cats
        wrong = next(label for label in labels if label != gold)
        first, label = (gold, wrong) if row < n_broken else (wrong, gold)
        doc = nlp(eg.reference.copy())
        changes = {"first": first, "first_labels": [first]}
        changes.update(label=label, labels=[label])
        doc._.longtail = {**doc._.longtail, **changes}
        pairs.append(Example(doc, eg.reference))
    return pairs


def test_score_warns_if_more_is_broken_than_fixed(pair, fallback, make_examples):
    pairs = change_decisions(pair, make_examples(pair), n_broken=8, n_fixed=2)
    with pytest.warns(UserWarning, match=r"\[LW403\].*broke 0.8000 .* fixed only 0.2"):
        scores = fallback.score(pairs)
    assert scores["longtail_refined_gain"] == pytest.approx(-0.6)


@pytest.mark.parametrize("n_broken, n_fixed", [(3, 2), (4, 0)])
def test_score_does_not_warn_of_what_can_be_chance(
    pair, fallback, make_examples, n_broken, n_fixed
):
    numbers = {"n_broken": n_broken, "n_fixed": n_fixed}
    pairs = change_decisions(pair, make_examples(pair), **numbers)
    found = fallback.score(pairs)["longtail_refined_gain"]
    assert found == pytest.approx((n_fixed - n_broken) / len(pairs))
