import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.questions import EncodedQuestion, Question
from spacy_longtail.rankers import vector_ranker
from spacy_longtail.rankers.prototype import make_prototype_ranker

NEW = "travel/cruise"


@pytest.fixture
def ranker(cards, encode):
    ranker = make_prototype_ranker()
    ranker.set_labels(cards, encode)
    ranker.bind(encode)
    return ranker


def test_closest_candidate_gets_the_highest_score(ranker, ask):
    scores = ask(ranker, "money", "cost").scores
    assert scores[0][1] > scores[0][0]
    assert scores[1][0] > scores[1][1]


def test_candidates_can_differ_by_document(ranker, make_docs):
    candidates = [["bank/loan"], [], ["bank/loan", "bank/fee"]]
    prior = [numpy.zeros(len(c)) for c in candidates]
    docs = make_docs("money", "money", "money")
    found = ranker.rank(Question(docs, candidates, prior, [], ["bank/card"] * 3))
    assert [len(scores) for scores in found.scores] == [1, 0, 2]
    assert found.scores[0][0] == pytest.approx(found.scores[2][0], rel=1e-5)


@pytest.mark.parametrize("at_once", [True, False])
def test_ranking_does_not_depend_on_the_batch(ranker, make_docs, monkeypatch, at_once):
    """Whether all labels are compared with all documents, or the candidates only."""
    if not at_once:
        monkeypatch.setattr(vector_ranker, "MAX_AT_ONCE", 0)
    docs = make_docs(*["money cost", "card lost", "fee", "", "loan fee ship"] * 9)
    pairs = [["bank/loan"], [], ["bank/loan", "bank/fee"], ["bank/fee"]] * 12

    def ask(rows):
        candidates, best = [pairs[row] for row in rows], ["bank/card"] * len(rows)
        prior = [numpy.zeros(len(labels)) for labels in candidates]
        asked = [docs[row] for row in rows], candidates, prior, [NEW], best
        return ranker.rank(Question(*asked))

    whole = ask(range(len(docs)))
    for row in range(len(docs)):
        alone = ask([row])
        for field in ("scores", "margins", "similarity"):
            assert_array_equal(getattr(alone, field)[0], getattr(whole, field)[row])
    W, b = ranker.arrays["W"], ranker.arrays["b"]
    x = ranker.encode_docs(docs[:1])[0] / 2**0.5
    expected = (W[ranker.index["pooled"]["bank/loan"]] @ x + b[1]) / ranker.temperature
    assert whole.scores[0][0] == pytest.approx(expected, rel=1e-5)


def test_labels_that_are_learned_anew_are_compared_anew(ranker, cards, encode, ask):
    before = ask(ranker, "money").scores[0]
    ranker.set_labels([c._replace(examples=[]) for c in cards], encode)
    fresh = make_prototype_ranker()
    fresh.set_labels([c._replace(examples=[]) for c in cards], encode)
    fresh.bind(encode)
    assert_array_equal(ask(ranker, "money").scores[0], ask(fresh, "money").scores[0])
    assert (ask(ranker, "money").scores[0] != before).any()


def test_new_label_margins_where_its_name_is_closer(ranker, ask):
    margins = ask(ranker, "ship", "card", added=[NEW]).margins
    assert margins.shape == (2, 1)
    assert margins[0, 0] > 0 > margins[1, 0]


def test_similarity_is_the_highest_cosine(ranker, ask):
    similarity = ask(ranker, "card", "sea", "").similarity
    assert similarity[0] > 0.7
    assert similarity[1:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("added", [[], [NEW]])
def test_similarity_is_left_out_where_it_is_of_no_use(ranker, ask, make_docs, added):
    asked = [["bank/fee", "bank/loan"]], [numpy.zeros(2)], added, ["bank/card"]
    question = EncodedQuestion(make_docs("money"), *asked)
    question.asks_similarity = False
    found, whole = ranker.rank(question), ask(ranker, "money", added=added)
    assert_array_equal(found.scores[0], whole.scores[0])
    assert_array_equal(found.margins, whole.margins)
    # What margins are made of is known anyway.
    assert (found.similarity is None) == (not added)


def test_names_only_ignores_the_examples(cards, encode, ask):
    ranker = make_prototype_ranker(names_only=True, epochs=0)
    ranker.set_labels(cards, encode)
    ranker.bind(encode)
    scores = ask(ranker, "money").scores[0]
    assert scores[0] == scores[1] == 0.0


@pytest.mark.parametrize("margin", [None, 0.0, 0.3])
def test_margin_is_added_to_a_name_alone(cards, encode, ask, margin):
    ranker = make_prototype_ranker(margin=margin)
    ranker.set_labels(cards, encode)
    ranker.bind(encode)
    found = ranker.arrays["margins"]
    if margin is None:
        assert found[0] > 0.0
    else:
        assert found[0] == pytest.approx(margin)


def test_examples_of_a_new_label_shrink_its_margin(cards, encode, make_docs):
    ranker = make_prototype_ranker(margin=0.3)
    *others, new = cards
    ranker.set_labels(
        [*others, new._replace(examples=make_docs("sea", "ship"))], encode
    )
    assert ranker.arrays["margins"][0] == pytest.approx(0.1)


def test_only_added_labels_are_encoded(ranker, cards, encode, ask):
    texts = []

    def watch(docs):
        texts.extend(doc.text for doc in docs)
        return encode(docs)

    before = ask(ranker, "money", "ship", added=[NEW])
    ranker.set_labels(cards, watch, only_added=True)
    assert texts == ["ship"]
    after = ask(ranker, "money", "ship", added=[NEW])
    assert_allclose(after.scores, before.scores)
    assert_allclose(after.margins, before.margins)
    ranker.set_labels(cards[:-1], watch, only_added=True)
    assert texts == ["ship"]


def test_bytes_round_trip(ranker, encode, ask):
    loaded = make_prototype_ranker()
    loaded.from_bytes(ranker.to_bytes())
    loaded.bind(encode)
    before, after = (ask(r, "money", "ship", added=[NEW]) for r in (ranker, loaded))
    assert_allclose(after.scores, before.scores)
    assert_allclose(after.margins, before.margins)
    assert_allclose(after.similarity, before.similarity)
    assert loaded.to_bytes() == ranker.to_bytes()


def test_without_encoder(cards, encode, ask):
    ranker = make_prototype_ranker()
    ranker.set_labels(cards, encode)
    with pytest.raises(ValueError, match=r"\[L406\] PrototypeRanker"):
        ask(ranker, "money")


@pytest.mark.parametrize("name", ["kappa", "epochs", "learn_rate", "l2sp"])
@pytest.mark.parametrize("value", [-1, float("inf"), float("nan"), "1", True])
def test_setting_out_of_range(name, value):
    with pytest.raises(ValueError, match=rf"\[L405\] PrototypeRanker.*'{name}'"):
        make_prototype_ranker(**{name: value})


def test_no_pooled_label(cards, encode, ask):
    ranker = make_prototype_ranker(epochs=5)
    ranker.set_labels([card._replace(group=-1) for card in cards], encode)
    ranker.bind(encode)
    found = ask(ranker, "money", candidates=(), added=[NEW])
    assert found.margins.shape == (1, 1)
    assert ranker.temperature == 1.0
