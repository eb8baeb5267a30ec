"""What the fallback does where a document can have several labels."""

import numpy
import pytest
import srsly
from numpy.testing import assert_allclose
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import fix_random_seed

from spacy_longtail.questions import Question
from spacy_longtail.scoring.multilabel import longtail_multilabel_score

NAME = "longtail_textcat_multilabel"
BANK = ["bank/fee", "bank/loan"]
TRAVEL = ["travel/train", "travel/visa"]
BOTH = "borrow money, and papers for China"
TEXTS = ["lend me some money", BOTH, "my card", "", "a room and a train", "zzxq wvut"]
RANKERS = ["Prototype", "Lexical", "NoOp"]


@pytest.fixture
def fallback(several):
    return several.get_pipe("zero_shot_fallback")


def run_first(nlp, texts):
    with nlp.select_pipes(disable=["zero_shot_fallback"]):
        return list(nlp.pipe(texts))


def get_answers(nlp, **settings):
    docs = nlp.pipe(TEXTS, **settings)
    return [(dict(doc.cats), doc._.longtail) for doc in docs]


def rank(pipe, docs, labels):
    n, prior = len(docs), numpy.zeros(2)
    question = Question(docs, [labels] * n, [prior] * n, [], labels[:1] * n)
    return pipe.ranker.rank(question).scores


@pytest.mark.parametrize("weight", [0.0, 0.7, 1.0])
def test_each_other_is_spread_and_nothing_else_changes(several, fallback, weight):
    fallback.settings.mixture_weight = weight
    docs, firsts = list(several.pipe(TEXTS)), run_first(several, TEXTS)
    n_ranked = 0
    for members in (BANK, TRAVEL):
        scores = rank(fallback, firsts, members)
        for doc, first, values in zip(docs, firsts, scores):
            mass = sum(first.cats[label] for label in members)
            if mass < fallback.settings.route_threshold:
                assert [doc.cats[m] for m in members] == [
                    first.cats[m] for m in members
                ]
                continue
            n_ranked += 1
            own = [first.cats[label] ** weight for label in members]
            odds = numpy.exp(values) * own
            shares = [doc.cats[label] for label in members]
            assert_allclose(shares, mass * odds / odds.sum(), rtol=1e-5)
    assert n_ranked == 4
    for doc, first in zip(docs, firsts):
        for label in set(doc.cats) - {*BANK, *TRAVEL}:
            assert doc.cats[label] == first.cats[label]
        assert doc._.longtail.other == first._.longtail.other


def test_several_others_of_a_document_are_ranked(several, fallback):
    doc = several(BOTH)
    assert doc._.longtail.labels == ("bank/loan", "travel/visa")
    assert doc._.longtail.reason == (
        "ranked in the Other of 'bank'; ranked in the Other of 'travel'"
    )
    assert fallback.stats["candidates_per_routed_doc"] == 4.0


def test_decision_is_that_of_the_refined_probabilities(several):
    several.get_pipe(NAME).thresholds = {"travel/visa": 0.01, "bank/loan": 0.99}
    doc = several(BOTH)
    decision, cats = doc._.longtail, doc.cats
    needed = several.get_pipe(NAME).get_thresholds(list(cats)).tolist()
    thresholds = dict(zip(cats, needed))
    above = [label for label in cats if cats[label] >= thresholds[label]]
    assert decision.labels == tuple(sorted(above, key=cats.get, reverse=True))
    assert "travel/visa" in decision.labels
    assert decision.label == max(cats, key=cats.get) == "bank/loan"
    assert decision.label not in decision.labels
    assert decision.probability == cats["bank/loan"]
    assert decision.stage == "zero_shot_fallback"
    assert decision.path == ("bank", "bank/loan")
    assert decision.levels[0][1] >= decision.levels[1][1] == cats["bank/loan"]
    assert decision.candidates[0] == ("bank/loan", cats["bank/loan"])
    assert all(type(value) is float for value in cats.values())


def test_decision_without_pooled_labels_keeps_its_stage_and_reason(several, fallback):
    fallback.settings.route_threshold = 0.0
    (first,) = run_first(several, ["block my card"])
    doc = several("block my card")
    assert fallback.stats["routed"] == 1
    assert doc._.longtail.stage == first._.longtail.stage == NAME
    assert doc._.longtail.reason == first._.longtail.reason
    assert doc._.longtail.levels == first._.longtail.levels


def test_documents_only_of_white_space_have_no_label(several, fallback):
    fallback.add_label("travel/cruise")
    docs = list(several.pipe(["", " ", "\n"]))
    assert [doc._.longtail.labels for doc in docs] == [()] * 3
    assert list(several.pipe([])) == []


def test_documents_are_kept_of_each_gold_label(make_several_pair, train_several):
    """What isn't known keeps nothing, and neither does what isn't a label."""
    nlp = make_several_pair(min_count=0)
    data = [
        ("a card in a room", ["bank/card", "travel/hotel"]),
        ("a card", {"bank/card": 1.0, "travel/hotel": 0.0}),
        ("a room", {"bank/card": 0.0}),
        ("some journey", {"travel": 1.0}),
        ("nothing said", None),
        ("a plane", ["travel/flight"]),
    ]
    with pytest.warns(UserWarning, match=r"\[LW401\]"):
        train_several(nlp, data, n_updates=1)
    known = nlp.get_pipe("zero_shot_fallback").store.known
    kept = {
        label: [kept["text"] for kept in card["examples"]]
        for label, card in known.items()
    }
    assert kept["bank/card"] == ["a card in a room", "a card"]
    assert kept["travel/hotel"] == ["a card in a room"]
    assert kept["travel/flight"] == ["a plane"]


def test_scores_are_those_of_the_first_stage_after_both(several, make_several_examples):
    pairs = [*zip(TEXTS, [["bank/loan"], BANK, ["bank/card"], [], TRAVEL, None])]
    examples = make_several_examples(several, pairs)
    scores = several.evaluate(examples)
    pipe = several.get_pipe(NAME)
    expected = longtail_multilabel_score(
        [Example(several(eg.text), eg.reference) for eg in examples],
        **{**pipe.cfg, "taxonomy": pipe.taxonomy, "pipe": NAME},
    )
    assert {key: scores[key] for key in expected} == expected
    assert 0.0 < scores["longtail_micro_r"] < 1.0


def change_decisions(nlp, examples, *, n_fixed, n_broken):
    """Let it seem that the fallback has taken labels away, rightly and wrongly."""
    pairs = []
    for row, eg in enumerate(examples[: n_fixed + n_broken]):
        doc = nlp(eg.reference.copy())
        gold = [label for label, value in eg.reference.cats.items() if value]
        labels = gold[:-1] if row < n_broken else gold
        first = gold if row < n_broken else [*gold, "travel/train"]
        doc.user_data["longtail"].update(
            first=gold[0], first_labels=first, labels=labels
        )
        pairs.append(Example(doc, eg.reference))
    return pairs


def test_labels_fixed_and_broken_are_counted(several, fallback, make_several_examples):
    examples = make_several_examples(several)
    pairs = change_decisions(several, examples, n_fixed=2, n_broken=8)
    with pytest.warns(UserWarning, match=r"\[LW403\].*broke 0.8000 .* fixed only 0.2"):
        scores = fallback.score(pairs)
    assert scores["longtail_refined_gain"] == pytest.approx(-0.6)


def test_what_the_fallback_changes_is_what_is_scored(
    several, fallback, make_several_examples
):
    """With a ranker that has it all upside down."""
    fallback.settings.mixture_weight = 0.0
    several("x")
    fallback.ranker.arrays["W"] = -fallback.ranker.arrays["W"]
    examples = make_several_examples(several)
    with pytest.warns(UserWarning, match=r"\[LW403\]"):
        scores = several.evaluate(examples)
    firsts = run_first(several, [eg.text for eg in examples])
    fixed = broken = 0
    for eg, first in zip(examples, firsts):
        gold = {label for label, value in eg.reference.cats.items() if value}
        was, now = (
            gold ^ set(first._.longtail.labels),
            gold ^ set(several(eg.text)._.longtail.labels),
        )
        fixed, broken = fixed + len(was - now), broken + len(now - was)
    assert scores["longtail_refined_fixed"] == pytest.approx(fixed / len(examples))
    assert scores["longtail_refined_broken"] == pytest.approx(broken / len(examples))
    assert broken > 0


def test_thresholds_of_the_fallback_are_an_error(several, fallback):
    fallback.settings.thresholds = {"bank": 0.5}
    with pytest.raises(ValueError, match=rf"\[L340\].*'{NAME}'.*thresholds"):
        several("my card")


def read_corpus(nlp, path):
    return [
        Example.from_dict(
            nlp.make_doc(record["text"]),
            {"cats": dict.fromkeys(record["labels"], 1.0)},
        )
        for record in srsly.read_jsonl(path)
    ]


@pytest.mark.slow
def test_pooled_labels_of_real_data_gain(data_dir, make_several_pair):
    """A floor below what benchmarks/multilabel_fallback.py measures, with a margin."""
    nlp = make_several_pair(min_count=40, route_threshold=0.1)
    examples = read_corpus(nlp, data_dir / "nlupp" / "train.jsonl")
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(8):
        for batch in minibatch(examples, 128):
            nlp.update(batch, sgd=optimizer)
    dev = read_corpus(nlp, data_dir / "nlupp" / "dev.jsonl")
    with nlp.select_pipes(disable=["zero_shot_fallback"]):
        before = nlp.evaluate(dev)
    scores = nlp.evaluate(dev)
    assert scores["longtail_refined_gain"] > 0.01
    assert scores["longtail_macro_f"] > before["longtail_macro_f"] + 0.01
    assert scores["longtail_head_f"] >= before["longtail_head_f"]
