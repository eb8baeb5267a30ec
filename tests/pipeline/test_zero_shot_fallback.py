"""What the fallback does to the documents that the first stage has decided."""

import numpy
import pytest
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from spacy.training import Example

from spacy_longtail.questions import Question

TEXTS = ["lend me some money", "borrow", "my card", "", "a room", "what is the cost"]
POOLED = ["bank/fee", "bank/loan"]
RANKERS = ["Prototype", "Lexical", "NoOp", "Combined"]


def name_ranker(name):
    block = {"@misc": f"spacy-longtail.{name}Ranker.v1"}
    if name == "Combined":
        block["rankers"] = {"a": name_ranker("Prototype"), "b": name_ranker("Lexical")}
    return block


def run_first(nlp, texts):
    with nlp.select_pipes(disable=["zero_shot_fallback"]):
        return list(nlp.pipe(texts))


def test_pipe_is_added_without_settings(make_nlp, train):
    nlp = make_nlp()
    nlp.add_pipe("zero_shot_fallback", after="longtail_textcat")
    train(nlp, n_updates=2)
    assert nlp.pipe_names == ["longtail_textcat", "zero_shot_fallback"]
    cats = nlp("I want to borrow money").cats
    assert sum(cats.values()) == pytest.approx(1.0)
    assert set(cats) == set(nlp.get_pipe("longtail_textcat").labels)


@pytest.mark.parametrize("weight", [0.0, 0.7, 1.0])
def test_leaf_is_mass_of_other_times_share_in_other(pair, weight):
    pipe = pair.get_pipe("zero_shot_fallback")
    pipe.settings.mixture_weight = weight
    docs, firsts = list(pair.pipe(TEXTS)), run_first(pair, TEXTS)
    n, prior = len(TEXTS), numpy.zeros(2)
    asked = Question(firsts, [POOLED] * n, [prior] * n, [], ["bank/fee"] * n)
    scores = pipe.ranker.rank(asked).scores
    n_routed = 0
    for doc, first, values in zip(docs, firsts, scores):
        mass = sum(first.cats[label] for label in POOLED)
        if mass < pipe.settings.route_threshold:
            assert doc.cats == first.cats
            continue
        n_routed += 1
        own = [first.cats[label] ** weight for label in POOLED]
        odds = numpy.exp(values) * own
        shares = [doc.cats[label] for label in POOLED]
        assert_allclose(shares, mass * odds / odds.sum(), rtol=1e-5)
        for label in set(doc.cats) - set(POOLED):
            assert doc.cats[label] == first.cats[label]
        assert doc._.longtail.other == first._.longtail.other
    assert 0 < n_routed == pipe.stats["routed"] < len(TEXTS)


def test_decision_is_that_of_the_refined_probabilities(pair):
    doc = pair("lend me money for a house")
    decision = doc._.longtail
    best = max(doc.cats, key=doc.cats.get)
    assert decision.label == best == "bank/loan"
    assert decision.probability == doc.cats[best]
    assert decision.stage == "zero_shot_fallback"
    assert decision.reason == "ranked first in the Other of 'bank'"
    assert decision.path == ("bank", "bank/loan")
    below = sum(p for label, p in doc.cats.items() if label.startswith("bank/"))
    assert decision.levels[0][1] == pytest.approx(below)
    assert decision.candidates[0] == (best, doc.cats[best])
    assert all(type(value) is float for value in doc.cats.values())


def test_head_decision_keeps_its_stage_and_reason(pair):
    doc = pair("block my card")
    assert doc._.longtail.label == "bank/card"
    assert doc._.longtail.stage == "longtail_textcat"
    assert doc._.longtail.reason == "most probable label"


def test_documents_only_of_white_space(pair):
    docs = list(pair.pipe(["", " ", "\n"]))
    assert_allclose([sum(doc.cats.values()) for doc in docs], 1.0, rtol=1e-5)
    assert list(pair.pipe([])) == []


def test_document_that_is_not_routed_costs_nothing(pair, monkeypatch):
    pipe = pair.get_pipe("zero_shot_fallback")
    pipe.settings.route_threshold = 1.0
    expected = [doc.cats for doc in run_first(pair, TEXTS)]

    def rank(*args, **kwargs):
        raise AssertionError("the ranker was asked")

    monkeypatch.setattr(pipe.ranker, "rank", rank)
    assert [doc.cats for doc in pair.pipe(TEXTS)] == expected
    assert pipe.stats["routed_share"] == 0.0
    assert pipe.stats["candidates_per_routed_doc"] == 0.0


def test_usage_is_counted(pair):
    pipe = pair.get_pipe("zero_shot_fallback")
    list(pair.pipe(TEXTS))
    stats = pipe.stats
    assert stats["docs"] == len(TEXTS)
    assert stats["routed_share"] == stats["routed"] / len(TEXTS)
    assert stats["candidates_per_routed_doc"] == 2.0
    assert stats["ms_per_routed_doc"] > stats["ms_per_doc"] > 0.0


def test_label_vectors_are_worked_out_once(pair, monkeypatch):
    pipe = pair.get_pipe("zero_shot_fallback")
    n_calls = []
    set_labels = pipe.ranker.set_labels

    def count(*args, **kwargs):
        n_calls.append(kwargs)
        set_labels(*args, **kwargs)

    monkeypatch.setattr(pipe.ranker, "set_labels", count)
    for text in TEXTS * 2:
        pair(text)
    assert len(n_calls) == 1
    pipe.add_label("bank/gold")
    list(pair.pipe(TEXTS))
    assert n_calls[1:] == [{"only_added": True}]


def test_labels_are_learned_again_after_more_training(pair, make_examples):
    before = pair("borrow").cats
    pair.update(make_examples(pair), sgd=pair.resume_training())
    ranker = pair.get_pipe("zero_shot_fallback").ranker
    old = ranker.arrays["known"]
    assert pair("borrow").cats != before
    assert numpy.abs(ranker.arrays["known"] - old).max() > 1e-6


def test_keys_of_others_stay(pair):
    doc = pair.make_doc("borrow")
    doc.cats = {"sentiment": 0.5}
    assert pair(doc).cats["sentiment"] == 0.5


def test_document_without_decision_is_left_alone(pair):
    pipe = pair.get_pipe("zero_shot_fallback")
    bare, decided = pair.make_doc("borrow"), run_first(pair, ["borrow"])[0]
    with pytest.warns(UserWarning, match=r"\[LW402\]"):
        docs = list(pipe.pipe([bare, decided]))
    assert docs[0].cats == {}
    # The others of its batch aren't.
    assert docs[1].cats == pytest.approx(pair("borrow").cats)


def test_score_reports_what_was_fixed_and_broken(pair, make_examples):
    examples = make_examples(pair)
    scores = pair.evaluate(examples)
    firsts = run_first(pair, [eg.text for eg in examples])
    fixed = broken = 0
    for eg, first in zip(examples, firsts):
        (gold,) = eg.reference.cats
        was, now = (
            first._.longtail.label == gold,
            pair(eg.text)._.longtail.label == gold,
        )
        fixed += now and not was
        broken += was and not now
    assert scores["longtail_refined_fixed"] == fixed / len(examples)
    assert scores["longtail_refined_broken"] == broken / len(examples)
    gain = (fixed - broken) / len(examples)
    assert scores["longtail_refined_gain"] == pytest.approx(gain)


def change_decisions(nlp, examples, *, n_broken, n_fixed):
    """Let it seem that the fallback has broken the first examples, fixed the next."""
    labels, pairs = nlp.get_pipe("longtail_textcat").labels, []
    for row, eg in enumerate(examples[: n_broken + n_fixed]):
        (gold,) = eg.reference.cats
        wrong = next(label for label in labels if label != gold)
        first, label = (gold, wrong) if row < n_broken else (wrong, gold)
        doc = nlp(eg.reference.copy())
        doc.user_data["longtail"].update(first=first, label=label)
        pairs.append(Example(doc, eg.reference))
    return pairs


def test_score_warns_if_more_is_broken_than_fixed(pair, make_examples):
    pipe = pair.get_pipe("zero_shot_fallback")
    pairs = change_decisions(pair, make_examples(pair), n_broken=8, n_fixed=2)
    with pytest.warns(UserWarning, match=r"\[LW403\].*broke 0.8000 .* fixed only 0.2"):
        scores = pipe.score(pairs)
    assert scores["longtail_refined_gain"] == pytest.approx(-0.6)


def test_score_does_not_warn_of_what_can_be_chance(pair, make_examples):
    pipe = pair.get_pipe("zero_shot_fallback")
    pairs = change_decisions(pair, make_examples(pair), n_broken=3, n_fixed=2)
    assert pipe.score(pairs)["longtail_refined_gain"] == pytest.approx(-0.2)


def test_component_without_scorer_has_no_scores(make_pair):
    assert make_pair(scorer=None).get_pipe("zero_shot_fallback").score([]) == {}


def test_listener_encoder(make_pair, train):
    """The label vectors are made with the component that is listened to."""
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    encoder = {
        "@architectures": "spacy-longtail.PooledTok2Vec.v1",
        "tok2vec": listener,
    }
    model = {"@architectures": "spacy-longtail.TaxonomyTextCat.v1", "encoder": encoder}
    model["output"] = {"@layers": "spacy-longtail.PrototypeSoftmax.v1"}
    nlp = make_pair(first={"model": model})
    nlp.add_pipe("tok2vec", first=True)
    train(nlp, n_updates=3)
    docs = list(nlp.pipe(TEXTS[:3]))
    assert all(isinstance(doc, Doc) for doc in docs)
    arrays = nlp.get_pipe("zero_shot_fallback").ranker.arrays
    assert_allclose(numpy.linalg.norm(arrays["known"], axis=1), 1.0, rtol=1e-4)
