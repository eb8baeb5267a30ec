"""What a prediction costs, counted: calls, objects that stay, products, memory. Unlike
seconds, these are the same on every machine.
"""

import gc
import sys
import tracemalloc

import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_longtail import products

BATCH_SIZE = 64
WORDS = "card money plane room visa loan seat hotel sea house rent fee train".split()


@pytest.fixture
def texts(kind):
    """Enough for the costs of a batch to be those of its documents."""
    own = [text for text, _ in kind.data]
    more = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS[:2]]
    return (own + more)[: 4 * BATCH_SIZE]


@pytest.fixture
def empty():
    nlp = spacy.blank("xx")
    nlp.tokenizer.rules = {}
    return nlp


@pytest.fixture(params=[None, 3], ids=["all labels", "top 3"])
def nlp(request, kind):
    nlp = kind.load_pair()
    nlp.get_pipe(kind.factory).cats_top_k = request.param
    return nlp


def run(nlp, texts):
    for _ in nlp.pipe(texts, batch_size=BATCH_SIZE):
        pass


def count_calls(nlp, texts):
    """Count calls of functions, Python's and others, for each text: what three more
    batches take.
    """
    counts = []
    for n_batches in (1, 4):
        counts.append(0)

        def count(frame, event, arg):
            if event in ("call", "c_call"):
                counts[-1] += 1

        run(nlp, texts)
        sys.setprofile(count)
        run(nlp, texts[: n_batches * BATCH_SIZE])
        sys.setprofile(None)
    return (counts[1] - counts[0]) / (3 * BATCH_SIZE)


@pytest.mark.parametrize("with_fallback, most", [(False, 36), (True, 90)])
def test_calls_of_functions(nlp, empty, texts, with_fallback, most):
    """One for each token of a short document is allowed, none for each label."""
    if not with_fallback:
        nlp.disable_pipe("zero_shot_fallback")
    assert count_calls(nlp, texts) - count_calls(empty, texts) < most


def count_tracked(nlp, texts):
    run(nlp, texts)
    gc.collect()
    before = len(gc.get_objects())
    docs = list(nlp.pipe(texts, batch_size=BATCH_SIZE))
    gc.collect()
    return (len(gc.get_objects()) - before) / len(docs)


def test_documents_that_are_kept_have_nothing_more_to_collect(kind, empty, texts):
    """Python's garbage collector goes through all that is tracked, again and again."""
    nlp = kind.load_pair()
    more = count_tracked(nlp, texts) - count_tracked(empty, texts)
    assert more < 0.1


@pytest.fixture
def multiplied(monkeypatch):
    """Multiplications of the products on the way."""
    counts, multiply = [], products._multiply_blocks

    def count(A, blocks, out, height):
        counts.append(len(A) * blocks.size)
        multiply(A, blocks, out, height)

    monkeypatch.setattr(products, "_multiply_blocks", count)
    return counts


def test_one_product_for_each_document_and_label(kind, texts, multiplied, monkeypatch):
    nlp = kind.load_pair()
    nlp.disable_pipe("zero_shot_fallback")
    run(nlp, texts)
    multiplied.clear()
    run(nlp, texts)
    pipe = nlp.get_pipe(kind.factory)
    width = pipe.model.get_ref("output").get_dim("nI")
    n_columns = products._count_columns(width)
    n_labels = -(-len(pipe.labels) // n_columns) * n_columns
    assert 0 < sum(multiplied) <= len(texts) * n_labels * width


def make_large(factory, n_labels):
    nlp = spacy.blank("xx")
    nlp.tokenizer.rules = {}
    nlp.add_pipe(factory, config={"cats_top_k": 5, "name_examples": 0})
    labels = [f"{i % 30}/ticket {i}" for i in range(n_labels)]
    examples = [
        Example.from_dict(nlp.make_doc(label), {"cats": {label: 1.0}})
        for label in labels
    ]
    nlp.initialize(lambda: examples)
    return nlp


def test_top_labels_cost_no_objects_for_the_others(kind, texts):
    """Neither calls nor blocks of memory that stay, and what a batch needs meanwhile
    is a few arrays of documents × labels.
    """
    costs = []
    for n in (100, 1000):
        nlp = make_large(kind.factory, n)
        calls, docs = count_calls(nlp, texts), []
        gc.collect()
        before = sys.getallocatedblocks()
        docs = list(nlp.pipe(texts, batch_size=BATCH_SIZE))
        blocks = (sys.getallocatedblocks() - before) / len(docs)
        tracemalloc.start()
        run(nlp, texts[:BATCH_SIZE])
        arrays = tracemalloc.get_traced_memory()[1] / (4 * BATCH_SIZE * n)
        tracemalloc.stop()
        costs.append((calls, blocks, arrays))
    few, many = numpy.asarray(costs)
    assert many[0] < few[0] + 10 and many[1] < few[1] + 2
    assert many[2] < 12
