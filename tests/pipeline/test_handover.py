"""What the first stage hands over to the second one."""

import pickle

import pytest
from numpy.testing import assert_array_equal

from spacy_longtail.pipeline import handover
from spacy_longtail.pipeline.handover import Handover

TEXTS = ["lend me some money", "borrow, and papers for China", "my card", ""]
TEXTS += ["a room and a train", "zzxq wvut", "borrow", "what is the cost"]


@pytest.fixture
def nlp(kind):
    nlp = kind.load_pair()
    nlp.get_pipe(kind.factory).cats_top_k = 3
    return nlp


@pytest.fixture
def first(nlp, kind):
    return nlp.get_pipe(kind.factory)


@pytest.fixture
def asked(first, monkeypatch):
    """How many documents the model was run for, each time."""
    sizes, run = [], first.get_raw_scores

    def count(docs):
        docs = list(docs)
        sizes.append(len(docs))
        return run(docs)

    monkeypatch.setattr(first, "get_raw_scores", count)
    return sizes


def get_answers(docs):
    return [(doc.cats, doc._.longtail) for doc in docs]


@pytest.mark.parametrize("batch_size", [3, 100])
def test_first_stage_is_asked_once(nlp, asked, batch_size):
    list(nlp.pipe(TEXTS, batch_size=batch_size))
    assert sum(asked) == len(TEXTS)
    assert nlp.get_pipe("zero_shot_fallback").stats["routed"] > 2


def change_nothing(nlp, first, docs):
    return docs


def turn(nlp, first, docs):
    return docs[::-1]


def repeat(nlp, first, docs):
    return [*docs[:3], docs[1]]


def leave_some(nlp, first, docs):
    return docs[1:]


def copy(nlp, first, docs):
    return [doc.copy() for doc in docs]


def go_through_a_process(nlp, first, docs):
    return [pickle.loads(pickle.dumps(doc)) for doc in docs]


def forget(nlp, first, docs):
    first.handover = Handover()
    return docs


def mix_with_others(nlp, first, docs):
    other = list(first.pipe(map(nlp.make_doc, TEXTS), batch_size=3))
    return [pair for both in zip(docs, other) for pair in both]


CHANGES = [change_nothing, turn, repeat, leave_some, copy, go_through_a_process]


@pytest.mark.parametrize("change", [*CHANGES, forget, mix_with_others])
def test_answer_does_not_depend_on_how_it_comes(nlp, first, change):
    expected = {
        doc.text: pair
        for doc, pair in zip(nlp.pipe(TEXTS), get_answers(nlp.pipe(TEXTS)))
    }
    docs = list(first.pipe(map(nlp.make_doc, TEXTS)))
    docs = change(nlp, first, docs)
    fallback = nlp.get_pipe("zero_shot_fallback")
    for doc in fallback.pipe(docs):
        assert (doc.cats, doc._.longtail) == expected[doc.text]


def test_merged_tokens_are_read_as_they_are_now(nlp, first, asked):
    """As by merge_entities, whose documents still store the first stage's decision."""
    docs = list(first.pipe(map(nlp.make_doc, TEXTS[:3])))
    for doc in docs[:2]:
        with doc.retokenize() as retokenizer:
            retokenizer.merge(doc[:2])
    copies = [pickle.loads(pickle.dumps(doc)) for doc in docs]
    fallback = nlp.get_pipe("zero_shot_fallback")
    asked.clear()
    answers = get_answers(fallback.pipe(docs))
    assert sum(asked) <= 2
    assert answers == get_answers(fallback.pipe(copies))


def test_decision_that_was_replaced_is_not_that_of_the_batch(nlp, first, asked):
    list(nlp.pipe(TEXTS[:1]))
    (doc,) = first.pipe([nlp.make_doc(TEXTS[0])])
    doc._.longtail = {**doc._.longtail, "known": 0.125}
    asked.clear()
    nlp.get_pipe("zero_shot_fallback")(doc)
    assert asked == [1]


def test_settings_are_those_of_the_decision(nlp, first):
    expected = get_answers(nlp.pipe(TEXTS))
    docs = list(first.pipe(map(nlp.make_doc, TEXTS)))
    first.settings.change(temperature=3.0, cats_top_k=1)
    assert get_answers(nlp.get_pipe("zero_shot_fallback").pipe(docs)) == expected


def test_what_is_kept_is_bounded(nlp, first, monkeypatch):
    """By numbers, but the last batch always stays."""

    def fill():
        first.handover._batches.clear()
        list(first.pipe(map(nlp.make_doc, TEXTS[:4] * 3), batch_size=4))
        return [batch.count_numbers() for batch, _ in first.handover._batches]

    assert fill() == []
    list(nlp.pipe(TEXTS))
    size = fill()[0]
    # Probabilities of 4 documents, and more.
    assert size > 4 * len(first.labels)
    for most, n_kept in ((0, 1), (2 * size, 2), (10 * size, 3)):
        monkeypatch.setattr(handover, "MOST", most)
        assert fill() == [size] * n_kept


def test_documents_without_a_second_stage_do_not_stay(nlp, first, monkeypatch):
    """Not even if `doc.cats` has everything, so that no probabilities wait."""
    first.cats_top_k = None
    list(nlp.pipe(TEXTS))
    monkeypatch.setattr(handover, "MOST", 500)
    with nlp.select_pipes(disable=["zero_shot_fallback"]):
        list(nlp.pipe(TEXTS * 20, batch_size=4))
    assert len(first.handover._batches) == 1


def test_documents_are_encoded_once(nlp, monkeypatch):
    def encode(*args):
        raise AssertionError("documents were encoded again")

    expected = get_answers(nlp.pipe(TEXTS))
    ranker = nlp.get_pipe("zero_shot_fallback").ranker
    monkeypatch.setattr(ranker, "encode_docs", encode)
    assert get_answers(nlp.pipe(TEXTS)) == expected


def test_what_was_found_before_more_training_is_not_taken(nlp, first, kind):
    docs = list(first.pipe(map(nlp.make_doc, TEXTS)))
    elsewhere = [pickle.loads(pickle.dumps(doc)) for doc in docs]
    nlp.update(kind.make_examples(nlp), sgd=nlp.resume_training())
    fallback = nlp.get_pipe("zero_shot_fallback")
    expected = get_answers(fallback.pipe(elsewhere))
    assert get_answers(fallback.pipe(docs)) == expected


def test_nothing_waits_after_the_second_stage(nlp, first):
    docs = list(nlp.pipe(TEXTS))
    assert first.handover._batches == []
    assert all(doc._.longtail for doc in docs)


def test_probabilities_wait_only_if_the_cats_have_not_all(nlp, first):
    list(nlp.pipe(TEXTS))
    sizes = []
    for top_k in (None, 2):
        first.cats_top_k = top_k
        list(first.pipe(map(nlp.make_doc, TEXTS)))
        sizes.append(first.handover._batches[-1][0].facts.P.shape)
    assert_array_equal(sizes, [(8, 0), (8, 7)])
