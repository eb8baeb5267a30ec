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
