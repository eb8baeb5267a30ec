"""What holds only where the labels of a document exclude each other."""

import numpy
import pytest

# Arabic and Hebrew, an emoji of several code points, NUL, a word of many pieces.
TEXTS = [
    "I lost my card",
    "by the sea",
    "lend me 10",
    "",
    " ",
    "\n\t \u3000",
    "🎉👩‍👩‍👧‍👦",
    "بطاقتي مفقودة שלום",
    "card\0 lost \0",
    "x" * 3000,
    "unquestionablycardlike",
    "\ufffe\uffff \U0010ffff",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_cats_are_a_distribution_and_levels_are_sums_of_it(trained, text):
    doc = trained(text)
    assert sum(doc.cats.values()) == pytest.approx(1.0, abs=1e-5)
    decision = doc._.longtail
    assert decision.path == tuple(node for node, _ in decision.levels)
    for node, probability in decision.levels:
        below = [v for k, v in doc.cats.items() if f"{k}/".startswith(f"{node}/")]
        assert probability == pytest.approx(sum(below), abs=1e-6)


@pytest.mark.slow
def test_works_with_5000_labels(make_nlp, make_examples):
    labels = [f"group {i // 50}/label {i}" for i in range(5000)]
    nlp = make_nlp(min_count=0)
    examples = make_examples(
        nlp, [(f"word {i}", labels[i]) for i in range(0, 5000, 20)]
    )
    pipe = nlp.get_pipe("longtail_textcat")
    pipe.initialize(lambda: examples, nlp=nlp, labels=dict.fromkeys(labels, 1))
    nlp.update(examples[:32], sgd=nlp.resume_training())
    docs = list(nlp.pipe(["word 4000", ""]))
    for doc in docs:
        assert len(doc.cats) == 5000
        assert numpy.sum(list(doc.cats.values())) == pytest.approx(1.0, abs=1e-4)


def test_documents_of_several_labels_name_the_right_component(make_nlp, multilabel):
    nlp = make_nlp()
    examples = multilabel.make_examples(nlp)
    with pytest.raises(ValueError, match=rf"\[L302\].*'{multilabel.factory}'"):
        nlp.initialize(lambda: examples)


BAD_LOSSES = [
    ("WeightedCrossEntropy", {"power": -1.0}, "L102"),
    ("WeightedCrossEntropy", {"cap": 0.0}, "L103"),
    ("ClassBalanced", {"beta": 1.0}, "L104"),
    ("ClassBalanced", {"beta": -0.1}, "L104"),
    ("LogitAdjusted", {"tau": -0.5}, "L105"),
    ("Focal", {"gamma": -1.0}, "L106"),
    ("LDAM", {"max_margin": 0.0}, "L107"),
]


def initialize(nlp, examples):
    nlp.get_pipe("longtail_textcat").initialize(lambda: examples, nlp=nlp)


def test_two_gold_leaves_in_the_corpus(make_nlp, make_examples, train_data):
    nlp = make_nlp()
    bad = ("a room and a card", {"bank/card": 1.0, "travel/hotel": 1.0})
    examples = make_examples(nlp, [*train_data, bad])
    with pytest.raises(
        ValueError, match=r"\[L302\] Document 17 \('a room and a card'\)"
    ):
        initialize(nlp, examples)


def test_two_gold_leaves_in_a_batch(trained, make_examples):
    bad = ("a room", {"bank/card": 1.0, "travel/hotel": 1.0})
    examples = make_examples(trained, [("a card", "bank/card"), bad])
    message = r"\[L302\] Document 1 .*'bank/card', 'travel/hotel'"
    with pytest.raises(ValueError, match=message):
        trained.get_pipe("longtail_textcat").update(examples)


def test_leaf_beside_the_inner_node_of_another(trained, make_examples):
    bad = ("a room", {"bank": 1.0, "travel/hotel": 1.0})
    with pytest.raises(ValueError, match=r"\[L302\]"):
        trained.get_pipe("longtail_textcat").update(make_examples(trained, [bad]))


@pytest.mark.parametrize("n_labels", [0, 1])
def test_fewer_than_two_labels(make_nlp, make_examples, n_labels):
    nlp = make_nlp()
    gold = "bank/card" if n_labels else None
    with pytest.raises(ValueError, match=rf"\[L002\] Found {n_labels} label"):
        initialize(nlp, make_examples(nlp, [("a card", gold), ("my card", gold)]))


@pytest.mark.parametrize("name, settings, code", BAD_LOSSES)
def test_loss_out_of_range_fails_before_training(make_nlp, name, settings, code):
    loss = {"@losses": f"spacy-longtail.{name}.v1", **settings}
    with pytest.raises(ValueError, match=rf"\[{code}\] ?"):
        make_nlp(loss=loss)
