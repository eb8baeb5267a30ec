"""What the fallback does only where a document can have several labels."""

import numpy
import pytest
import spacy
import srsly
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import fix_random_seed

from spacy_longtail.pipeline.fallback.fitting import find_contrasts
from spacy_longtail.questions import Ranking
from spacy_longtail.scoring.multilabel import longtail_multilabel_score

NAME = "longtail_textcat_multilabel"
NEW = "travel/cruise"
TEXT = "a cruise on a ship"
UNKNOWN = "papers zzxq wvut"
BANK = ["bank/fee", "bank/loan"]
TRAVEL = ["travel/train", "travel/visa"]
BOTH = "borrow money, and papers for China"
TEXTS = ["lend me some money", BOTH, "my card", "", "a room and a train", "zzxq wvut"]


@pytest.fixture
def pair(multilabel):
    return multilabel.load_pair()


@pytest.fixture
def fallback(pair):
    return pair.get_pipe("zero_shot_fallback")


@pytest.fixture
def taxonomy(fallback):
    return fallback.taxonomy


def test_several_others_of_a_document_are_ranked(pair, fallback):
    doc = pair(BOTH)
    assert doc._.longtail.labels == ("bank/loan", "travel/visa")
    assert doc._.longtail.reason == (
        "ranked in the Other of 'bank'; ranked in the Other of 'travel'"
    )
    assert fallback.stats["candidates_per_routed_doc"] == 4.0


def test_decision_is_that_of_the_refined_probabilities(pair):
    pair.get_pipe(NAME).thresholds = {"travel/visa": 0.01, "bank/loan": 0.99}
    doc = pair(BOTH)
    decision, cats = doc._.longtail, doc.cats
    needed = pair.get_pipe(NAME).get_thresholds(list(cats)).tolist()
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


def test_decision_without_pooled_labels_keeps_its_stage_and_reason(
    pair, fallback, run_first
):
    fallback.settings.route_threshold = 0.0
    (first,) = run_first(pair, ["block my card"])
    doc = pair("block my card")
    assert fallback.stats["routed"] == 1
    assert doc._.longtail.stage == first._.longtail.stage == NAME
    assert doc._.longtail.reason == first._.longtail.reason
    assert doc._.longtail.levels == first._.longtail.levels


def test_documents_only_of_white_space_have_no_label(pair, fallback):
    fallback.add_label("travel/cruise")
    docs = list(pair.pipe(["", " ", "\n"]))
    assert [doc._.longtail.labels for doc in docs] == [()] * 3
    assert list(pair.pipe([])) == []


def test_documents_are_kept_of_each_gold_label(multilabel):
    """What isn't known keeps nothing, and neither does what isn't a label."""
    nlp = multilabel.make_pair(min_count=0)
    data = [
        ("a card in a room", ["bank/card", "travel/hotel"]),
        ("a card", {"bank/card": 1.0, "travel/hotel": 0.0}),
        ("a room", {"bank/card": 0.0}),
        ("some journey", {"travel": 1.0}),
        ("nothing said", None),
        ("a plane", ["travel/flight"]),
    ]
    with pytest.warns(UserWarning, match=r"\[LW401\]"):
        multilabel.train(nlp, data, n_updates=1)
    known = nlp.get_pipe("zero_shot_fallback").store.known
    kept = {
        label: [kept["text"] for kept in card["examples"]]
        for label, card in known.items()
    }
    assert kept["bank/card"] == ["a card in a room", "a card"]
    assert kept["travel/hotel"] == ["a card in a room"]
    assert kept["travel/flight"] == ["a plane"]


def test_scores_are_those_of_the_first_stage_after_both(pair, multilabel):
    pairs = [*zip(TEXTS, [["bank/loan"], BANK, ["bank/card"], [], TRAVEL, None])]
    examples = multilabel.make_examples(pair, pairs)
    scores = pair.evaluate(examples)
    pipe = pair.get_pipe(NAME)
    expected = longtail_multilabel_score(
        [Example(pair(eg.text), eg.reference) for eg in examples],
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
        changes = {"first": gold[0], "first_labels": first, "labels": labels}
        doc._.longtail = {**doc._.longtail, **changes}
        pairs.append(Example(doc, eg.reference))
    return pairs


def test_labels_fixed_and_broken_are_counted(pair, fallback, multilabel):
    examples = multilabel.make_examples(pair)
    pairs = change_decisions(pair, examples, n_fixed=2, n_broken=8)
    with pytest.warns(UserWarning, match=r"\[LW403\].*broke 0.8000 .* fixed only 0.2"):
        scores = fallback.score(pairs)
    assert scores["longtail_refined_gain"] == pytest.approx(-0.6)


def test_what_the_fallback_changes_is_what_is_scored(
    pair, fallback, multilabel, run_first
):
    """With a ranker that has it all upside down."""
    fallback.settings.mixture_weight = 0.0
    pair("x")
    fallback.ranker.arrays["W"] = -fallback.ranker.arrays["W"]
    examples = multilabel.make_examples(pair)
    with pytest.warns(UserWarning, match=r"\[LW403\]"):
        scores = pair.evaluate(examples)
    firsts = run_first(pair, [eg.text for eg in examples])
    fixed = broken = 0
    for eg, first in zip(examples, firsts):
        gold = {label for label, value in eg.reference.cats.items() if value}
        was, now = (
            gold ^ set(first._.longtail.labels),
            gold ^ set(pair(eg.text)._.longtail.labels),
        )
        fixed, broken = fixed + len(was - now), broken + len(now - was)
    assert scores["longtail_refined_fixed"] == pytest.approx(fixed / len(examples))
    assert scores["longtail_refined_broken"] == pytest.approx(broken / len(examples))
    assert broken > 0


def test_thresholds_of_the_fallback_are_an_error(pair, fallback):
    fallback.settings.thresholds = {"bank": 0.5}
    with pytest.raises(ValueError, match=rf"\[L340\].*'{NAME}'.*thresholds"):
        pair("my card")


def test_added_label_takes_nothing_from_others(pair, fallback):
    texts = [TEXT, "block my card", "borrow money", "", "a room on the cruise ship"]
    before = [dict(doc.cats) for doc in pair.pipe(texts)]
    fallback.add_label(NEW)
    docs = list(pair.pipe(texts))
    for doc, cats in zip(docs, before):
        assert {k: p for k, p in doc.cats.items() if k != NEW} == pytest.approx(cats)
    reason = "compared with labels that were added at run time"
    assert docs[0]._.longtail.reason == reason
    assert docs[3].cats[NEW] == 0.0


def test_document_can_have_it_beside_others(pair, fallback):
    fallback.add_label(NEW)
    labels = pair("block my card on the cruise ship")._.longtail.labels
    assert set(labels) == {"bank/card", NEW}


@pytest.mark.parametrize("trust", [0.0, 0.2, 1.0])
def test_probability_is_that_of_the_lead(pair, fallback, trust):
    fallback.add_label(NEW)
    fallback.settings.trust = trust
    docs = list(pair.pipe(TEXTS))
    with pair.select_pipes(disable=["zero_shot_fallback"]):
        judged = fallback.predict(list(pair.pipe(TEXTS)))
    for row, doc in enumerate(docs):
        top = max(p for label, p in doc.cats.items() if label != NEW)
        odds = judged.margins[row, 0] + trust * numpy.log(top / (1 - top))
        expected = judged.similarity[row] / (1 + numpy.exp(-odds))
        assert doc.cats[NEW] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_known_is_at_least_the_probability_of_an_added_label(pair, fallback):
    fallback.add_label(NEW)
    doc = pair(TEXT)
    assert doc._.longtail.known == pytest.approx(doc.cats[NEW])


def test_threshold_of_an_added_label_is_that_of_the_pipe(pair, fallback):
    fallback.add_label(NEW)
    pair.get_pipe(NAME).settings.threshold = 0.99
    doc = pair(TEXT)
    assert doc._.longtail.label == NEW
    assert doc._.longtail.labels == ()


def test_ranker_that_finds_none_of_the_candidates_good(pair, fallback, monkeypatch):
    """The document's other labels are none of its business."""
    text = "I want to borrow for a hotel by the sea"
    fallback.settings.route_threshold = 0.4
    before = pair(text)
    assert before._.longtail.labels[:2] == ("bank/loan", "travel/hotel")

    def rank(question):
        scores = [numpy.full(len(labels), -3.0) for labels in question.candidates]
        return Ranking(scores, none_score=0.0)

    monkeypatch.setattr(fallback.ranker, "rank", rank)
    doc = pair(text)
    assert doc._.longtail.labels == ("travel/hotel", *before._.longtail.labels[2:])
    assert doc._.longtail.stage == "zero_shot_fallback"
    assert doc._.longtail.reason == "ranked in the Other of 'bank'"
    pooled = doc.cats["bank/fee"] + doc.cats["bank/loan"]
    mass = before.cats["bank/fee"] + before.cats["bank/loan"]
    assert pooled == pytest.approx(mass * numpy.exp(-3.0))
    for label in set(doc.cats) - {"bank/fee", "bank/loan"}:
        assert doc.cats[label] == before.cats[label]


def test_abstained_documents_are_scored_as_without_labels(pair, fallback, multilabel):
    examples = multilabel.make_examples(pair)
    assert pair.evaluate(examples)["longtail_micro_r"] == 1.0
    fallback.settings.abstain_threshold = 1.0
    pair.get_pipe(NAME).settings.threshold = 0.001
    scores = pair.evaluate(examples)
    assert scores["longtail_micro_r"] == 0.0
    # The order of what they could have is still there.
    assert scores["longtail_lrap"] == 1.0
    assert scores["longtail_refined_broken"] == 0.0


def test_threshold_for_a_wished_precision(pair, fallback, multilabel):
    """What isn't known about a document is neither right nor wrong."""
    unknown = pair(UNKNOWN)._.longtail
    pair.get_pipe(NAME).thresholds = {unknown.label: unknown.probability / 2}
    assert pair(UNKNOWN)._.longtail.labels == (unknown.label,)
    data = [
        (UNKNOWN, []),
        ("block my card", ["bank/card"]),
        ("a room", {"travel/hotel": 1.0, "bank/loan": 0.0}),
        ("thank you for the room", None),
    ]
    examples = multilabel.make_examples(pair, data)
    threshold = fallback.fit_abstention(examples, precision=1.0)
    assert fallback.settings.abstain_threshold == threshold > unknown.known
    assert pair(UNKNOWN)._.longtail.labels == ()
    assert "bank/card" in pair("block my card")._.longtail.labels
    assert "travel/hotel" in pair("a room")._.longtail.labels


def test_gold_labels_are_told_from_those_that_are_wrong(
    pair, fallback, taxonomy, multilabel
):
    """Not from each other, and not from what isn't known."""
    data = [
        ("a", ["bank/fee", "bank/loan", "travel/visa"]),
        ("b", {"bank/fee": 1.0, "bank/loan": 0.0, "bank/card": 0.0}),
        ("c", {"bank/fee": 1.0, "bank/card": 0.0}),
        ("d", {"bank": 1.0}),
        ("e", None),
        ("f", []),
    ]
    read = fallback.kind.read_truths
    examples = multilabel.make_examples(pair, data)
    golds = [read(eg, row, taxonomy) for row, eg in enumerate(examples)]
    labels = ("bank/fee", "bank/loan", "travel/visa")
    fee, loan, visa = (taxonomy.index[label] for label in labels)
    members = [fee, loan, visa]
    found = [find_contrasts(gold[members]) for gold in golds]
    assert found[0] == [(0, [0]), (1, [1]), (2, [2])]
    assert found[1] == [(0, [0, 1])]
    assert found[2] == [(0, [0])]
    assert found[3:] == [[], [], []]
    card = taxonomy.index["bank/card"]
    found = find_contrasts(golds[0][[card, fee, loan]])
    assert found == [(1, [0, 1]), (2, [0, 2])]


def test_labels_given_are_right_wrong_or_unknown(pair, fallback, taxonomy, multilabel):
    data = [
        ("a", ["bank/fee"]),
        ("b", {"bank/fee": 1.0, "bank/card": 0.0}),
        ("c", None),
    ]
    read = fallback.kind.read_truths
    examples = multilabel.make_examples(pair, data)
    golds = [read(eg, row, taxonomy) for row, eg in enumerate(examples)]
    labels = ["bank/fee", "bank/card", "travel/visa"]
    count = fallback.kind.count_right
    found = [count(labels, gold, taxonomy) for gold in golds]
    assert found == [(1, 3), (1, 2), (0, 0)]
    assert count([], golds[0], taxonomy) == (0, 0)


def test_first_stage_outweighs_a_ranker_that_is_wrong(pair, multilabel):
    pipe = pair.get_pipe("zero_shot_fallback")
    pair("x")
    arrays = pipe.ranker.arrays
    arrays["W"], arrays["b"] = -20.0 * arrays["W"], -20.0 * arrays["b"]
    data = [("lend me money", ["bank/loan"]), ("what does it cost", ["bank/fee"])] * 8
    found = pipe.fit_mixture(multilabel.make_examples(pair, data))
    assert found["mixture"] == 2.8
    assert not numpy.isnan(list(pair("lend me money").cats.values())).any()


def read_corpus(nlp, path):
    return [
        Example.from_dict(
            nlp.make_doc(record["text"]),
            {"cats": dict.fromkeys(record["labels"], 1.0)},
        )
        for record in srsly.read_jsonl(path)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "version, fixed, gain, macro_f", [(1, 0.01, 0.01, 0.85), (2, 0.005, 0.002, 0.843)]
)
def test_pooled_labels_of_real_data_gain(
    data_dir, multilabel, version, fixed, gain, macro_f
):
    """Floors with a margin. With the second vectors, the first stage knows more by
    itself, and of 272 documents that are ranked again two fewer are mended.
    """
    # The texts have what the tokenizer of English knows.
    nlp, source = spacy.blank("en"), multilabel.factory
    vectors = {"@misc": f"spacy-longtail.BundledVectors.v{version}"}
    model = {"encoder": {"vectors": vectors}}
    nlp.add_pipe(source, config={"min_count": 40, "model": model})
    settings = {"source": source, "route_threshold": 0.1}
    nlp.add_pipe("zero_shot_fallback", config=settings)
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
    assert scores["longtail_refined_gain"] > fixed
    assert scores["longtail_macro_f"] > before["longtail_macro_f"] + gain
    assert scores["longtail_macro_f"] > macro_f
    assert scores["longtail_head_f"] >= before["longtail_head_f"]
