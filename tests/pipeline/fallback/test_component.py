"""What the fallback does whatever the kind of labels."""

import numpy
import pytest
from numpy.testing import assert_allclose
from spacy.tokens import Doc, DocBin

from spacy_longtail.questions import Question

BOTH = "borrow money, and papers for China"
TEXTS = ["lend me some money", BOTH, "my card", "", "a room and a train", "zzxq wvut"]
TEXTS += ["borrow", "what is the cost", "a room"]
RANKERS = ["Prototype", "Lexical", "NoOp", "Combined"]


def name_ranker(name):
    block = {"@misc": f"spacy-longtail.{name}Ranker.v1"}
    if name == "Combined":
        block["rankers"] = {"a": name_ranker("Prototype"), "b": name_ranker("Lexical")}
    return block


def get_answers(nlp):
    return [(dict(doc.cats), doc._.longtail) for doc in nlp.pipe(TEXTS)]


def test_pipe_is_added_without_settings(kind):
    nlp = kind.make_nlp()
    config = {} if kind.name == "exclusive" else {"source": kind.factory}
    nlp.add_pipe("zero_shot_fallback", after=kind.factory, config=config)
    kind.train(nlp, n_updates=2)
    assert nlp.pipe_names == [kind.factory, "zero_shot_fallback"]
    assert nlp.get_pipe("zero_shot_fallback").kind.name == kind.name
    cats = nlp("I want to borrow money").cats
    assert set(cats) == set(nlp.get_pipe(kind.factory).labels)


@pytest.mark.parametrize("name", RANKERS)
def test_batch_and_order_make_no_difference(kind, name):
    nlp = kind.load_pair(ranker=name_ranker(name))
    nlp.get_pipe("zero_shot_fallback").add_label("bank/gold")
    single = [list(nlp(text).cats.values()) for text in TEXTS]
    batched = [list(doc.cats.values()) for doc in nlp.pipe(TEXTS, batch_size=4)]
    turned = [list(doc.cats.values()) for doc in nlp.pipe(TEXTS[::-1])]
    assert_allclose(batched, single, atol=1e-6)
    assert_allclose(turned[::-1], single, atol=1e-6)
    assert batched[0] != batched[2]


def rank(pipe, docs, labels):
    n, prior = len(docs), numpy.zeros(2)
    question = Question(docs, [labels] * n, [prior] * n, [], labels[:1] * n)
    return pipe.ranker.rank(question).scores


@pytest.mark.parametrize("weight", [0.0, 0.7, 1.0])
def test_leaf_is_mass_of_other_times_share_in_other(nlp, fallback, run_first, weight):
    fallback.settings.mixture_weight = weight
    docs, firsts = list(nlp.pipe(TEXTS)), run_first(nlp, TEXTS)
    leaves, others = fallback.taxonomy.leaves, fallback.taxonomy.others
    pooled = [[leaves[column] for column in other.members] for other in others]
    n_ranked, routed = 0, set()
    for members in pooled:
        scores = rank(fallback, firsts, members)
        for row, (doc, first) in enumerate(zip(docs, firsts)):
            own = numpy.asarray([first.cats[label] for label in members])
            shares = [doc.cats[label] for label in members]
            if own.sum() < fallback.settings.route_threshold:
                assert shares == own.tolist()
                continue
            n_ranked += 1
            routed.add(row)
            odds = numpy.exp(scores[row]) * own**weight
            assert_allclose(shares, own.sum() * odds / odds.sum(), rtol=1e-5)
    assert n_ranked == 6
    assert 0 < len(routed) == fallback.stats["routed"] < len(TEXTS)
    for doc, first in zip(docs, firsts):
        for label in set(doc.cats).difference(*pooled):
            assert doc.cats[label] == first.cats[label]
        assert doc._.longtail.other == first._.longtail.other


def test_decision_is_that_of_the_refined_probabilities(nlp):
    doc = nlp("lend me money for a house")
    decision = doc._.longtail
    best = max(doc.cats, key=doc.cats.get)
    assert decision.label == best == "bank/loan"
    assert decision.probability == doc.cats[best]
    assert decision.stage == "zero_shot_fallback"
    assert decision.path == ("bank", "bank/loan")
    assert decision.levels[0][1] >= decision.levels[1][1] == doc.cats[best]
    assert decision.candidates[0] == (best, doc.cats[best])
    assert all(type(value) is float for value in doc.cats.values())


def test_decision_without_pooled_labels_keeps_its_stage_and_reason(
    nlp, fallback, kind, run_first
):
    (first,) = run_first(nlp, ["block my card"])
    decision = nlp("block my card")._.longtail
    assert decision.label == "bank/card"
    assert decision.stage == first._.longtail.stage == kind.factory
    assert decision.reason == first._.longtail.reason == fallback.kind.reason


def test_document_that_is_not_routed_costs_nothing(
    nlp, fallback, run_first, monkeypatch
):
    fallback.settings.route_threshold = 1.0
    expected = [(doc.cats, doc._.longtail) for doc in run_first(nlp, TEXTS)]

    def rank(*args, **kwargs):
        raise AssertionError("the ranker was asked")

    monkeypatch.setattr(fallback.ranker, "rank", rank)
    assert get_answers(nlp) == expected
    assert fallback.stats["routed"] == fallback.stats["routed_share"] == 0
    assert fallback.stats["candidates_per_routed_doc"] == 0.0


def test_usage_is_counted(nlp, fallback):
    texts = ["lend me some money", "borrow", "my card", "", "what is the cost"]
    list(nlp.pipe(texts))
    stats = fallback.stats
    assert stats["docs"] == len(texts)
    assert stats["routed_share"] == stats["routed"] / len(texts)
    assert stats["candidates_per_routed_doc"] == 2.0
    assert stats["ms_per_routed_doc"] > stats["ms_per_doc"] > 0.0


def test_label_vectors_are_worked_out_once(kind, monkeypatch):
    nlp = kind.make_pair()
    kind.train(nlp, n_updates=2)
    pipe = nlp.get_pipe("zero_shot_fallback")
    n_calls = []
    ranker_type = type(pipe.ranker)
    set_labels = ranker_type.set_labels

    def count(*args, **kwargs):
        n_calls.append(kwargs)
        set_labels(*args, **kwargs)

    monkeypatch.setattr(ranker_type, "set_labels", count)
    for text in TEXTS * 2:
        nlp(text)
    assert len(n_calls) == 1
    pipe.add_label("bank/gold")
    list(nlp.pipe(TEXTS))
    assert n_calls[1:] == [{"only_added": True}]


def test_labels_are_learned_again_after_more_training(nlp, fallback, kind):
    before = nlp("borrow").cats
    nlp.update(kind.make_examples(nlp), sgd=nlp.resume_training())
    old = fallback.ranker.arrays["known"]
    assert nlp("borrow").cats != before
    assert numpy.abs(fallback.ranker.arrays["known"] - old).max() > 1e-6


def test_keys_of_others_stay(nlp):
    doc = nlp.make_doc("borrow")
    doc.cats = {"sentiment": 0.5}
    assert nlp(doc).cats["sentiment"] == 0.5


def test_document_without_decision_is_left_alone(nlp, fallback, run_first):
    bare, decided = nlp.make_doc("borrow"), run_first(nlp, ["borrow"])[0]
    with pytest.warns(UserWarning, match=r"\[LW402\]"):
        docs = list(fallback.pipe([bare, decided]))
    assert docs[0].cats == {}
    # The others of its batch aren't.
    assert docs[1].cats == pytest.approx(nlp("borrow").cats)


def test_no_documents(nlp):
    assert list(nlp.pipe([])) == []


def test_score_reports_what_was_fixed_and_broken(nlp, kind, run_first):
    """Labels a document, gained or lost."""
    examples = kind.make_examples(nlp)
    scores = nlp.evaluate(examples)
    firsts = run_first(nlp, [eg.text for eg in examples])
    fixed = broken = 0
    for eg, first in zip(examples, firsts):
        gold = {label for label, value in eg.reference.cats.items() if value}
        was = gold ^ set(first._.longtail.labels)
        now = gold ^ set(nlp(eg.text)._.longtail.labels)
        if kind.name == "exclusive":
            # A wrong label is one mistake, not two.
            was, now = was & gold, now & gold
        fixed, broken = fixed + len(was - now), broken + len(now - was)
    assert scores["longtail_refined_fixed"] == fixed / len(examples)
    assert scores["longtail_refined_broken"] == broken / len(examples)
    gain = (fixed - broken) / len(examples)
    assert scores["longtail_refined_gain"] == pytest.approx(gain)


def test_component_without_scorer_has_no_scores(kind):
    assert kind.load_pair(scorer=None).get_pipe("zero_shot_fallback").score([]) == {}


def test_decision_survives_docbin(nlp):
    doc = nlp(TEXTS[0])
    assert doc._.longtail.first_labels is not None
    data = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (copy,) = DocBin().from_bytes(data).get_docs(nlp.make_doc("").vocab)
    assert copy._.longtail == doc._.longtail


def test_top_k_limits_the_keys(nlp, first):
    full = get_answers(nlp)
    first.cats_top_k = 3
    for (found, decision), (cats, expected) in zip(get_answers(nlp), full):
        top = sorted(cats, key=cats.get, reverse=True)[:3]
        assert set(found) == set(top)
        assert [found[k] for k in top] == pytest.approx([cats[k] for k in top])
        assert decision.labels == expected.labels


def test_listener_encoder(kind):
    """The label vectors are made with the component that is listened to."""
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    encoder = {
        "@architectures": "spacy-longtail.PooledTok2Vec.v1",
        "tok2vec": listener,
    }
    model = {"@architectures": "spacy-longtail.TaxonomyTextCat.v1", "encoder": encoder}
    model["output"] = {"@layers": "spacy-longtail.PrototypeSoftmax.v1"}
    nlp = kind.make_pair(first={"model": model})
    nlp.add_pipe("tok2vec", first=True)
    kind.train(nlp, n_updates=3)
    docs = list(nlp.pipe(TEXTS[:3]))
    assert all(isinstance(doc, Doc) for doc in docs)
    arrays = nlp.get_pipe("zero_shot_fallback").ranker.arrays
    assert_allclose(numpy.linalg.norm(arrays["known"], axis=1), 1.0, rtol=1e-4)
