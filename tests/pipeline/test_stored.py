"""What a Doc stores of a decision, as bytes."""

import gc
import json
import pickle

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from spacy_longtail.pipeline.decision import get_stored
from spacy_longtail.pipeline.stored import FORMAT, pack_decision, unpack_decision

NLP = spacy.blank("xx")
# Emoji, NUL, other scripts, half a pair of surrogates: JSON can hold it.
names = st.text("ab/ ж\0🎉", max_size=5) | st.sampled_from(
    ["\ud800", "👩‍👩‍👧", "ж" * 300]
)
floats = st.floats(allow_nan=False)
shares = st.one_of(floats, st.floats(width=32, min_value=0.0, max_value=1.0))
pairs = st.tuples(names, shares)


@st.composite
def decisions(draw):
    several, refined = draw(st.booleans()), draw(st.booleans())
    data = {
        "pipe": draw(st.none() | names),
        "stage": draw(names),
        "reason": draw(names),
        "probability": draw(shares),
        "known": draw(shares),
        "levels": draw(st.lists(pairs, max_size=4)),
        "other": draw(st.none() | pairs),
        "candidates": draw(st.lists(pairs, max_size=5)),
    }
    best = [name for name, _ in data["candidates"][:1]]
    data["label"] = draw(st.sampled_from([None, *best]) | names)
    if several:
        data["labels"] = draw(st.lists(names, max_size=3))
    if refined:
        data["first"] = draw(st.none() | names)
        if several:
            data["first_labels"] = draw(st.lists(names, max_size=3))
    return data


@given(decisions())
def test_what_is_read_is_what_was_stored(data):
    stored = pack_decision(data)
    assert type(stored) is bytes
    assert unpack_decision(stored) == data


def test_bytes_of_a_newer_version_say_so():
    data = dict.fromkeys(("stage", "reason"), "")
    data.update(dict.fromkeys(("probability", "known"), 0.0))
    data.update(dict.fromkeys(("pipe", "label", "other")), levels=[], candidates=[])
    stored = bytes([FORMAT + 1]) + pack_decision(data)[1:]
    with pytest.raises(ValueError, match=r"\[L305\].*newer"):
        unpack_decision(stored)


SETTINGS = [{}, {"thresholds": {"": 0.99}}, {"cats_top_k": 2}]
TEXTS = ["lend me some money", "a room and a train", "zzxq", ""]


@pytest.fixture(params=SETTINGS, ids=str)
def docs(kind, request):
    """With thresholds, documents abstain, or have no label above them."""
    nlp = kind.load_pair()
    nlp.get_pipe(kind.factory).settings.change(**request.param)
    fallback = nlp.get_pipe("zero_shot_fallback")
    fallback.settings.abstain_threshold = 0.05
    return list(nlp.pipe(TEXTS))


def test_components_store_what_can_be_packed_again(docs):
    for doc in docs:
        stored = doc.user_data["longtail"]
        assert type(stored) is bytes
        assert pack_decision(unpack_decision(stored)) == stored


def test_copies_have_the_same_decision(docs):
    """Those of old releases were dicts, which JSON has made lists of."""
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    loaded = list(DocBin().from_bytes(data).get_docs(docs[0].vocab))
    for doc, binned in zip(docs, loaded):
        stored = Doc(doc.vocab).from_bytes(doc.to_bytes())
        old = doc.copy()
        old.user_data["longtail"] = json.loads(json.dumps(get_stored(doc)))
        written = NLP.make_doc(doc.text)
        written._.longtail = doc._.longtail
        copies = [doc.copy(), pickle.loads(pickle.dumps(doc)), binned, stored]
        for copy in [*copies, old, written]:
            assert copy._.longtail == doc._.longtail


def test_numbers_are_those_of_the_cats(docs):
    for doc in docs:
        if doc._.longtail.stage != "abstained":
            for label, share in doc._.longtail.candidates[:2]:
                assert doc.cats[label] == share


def test_garbage_collector_has_nothing_to_visit(docs):
    for doc in docs:
        assert not gc.is_tracked(doc.user_data)
        assert not gc.is_tracked(doc.user_data["longtail"])
        assert not gc.is_tracked(doc.cats)


def test_what_is_stored_does_not_depend_on_the_batch(kind):
    nlp = kind.load_nlp()
    pipe = nlp.get_pipe(kind.factory)
    docs = [nlp.make_doc(text) for text in TEXTS * 3]
    pipe.set_annotations(docs, pipe.predict(docs))
    for doc in docs:
        assert nlp(doc.text).user_data["longtail"] == doc.user_data["longtail"]
    assert numpy.ptp([len(doc.user_data["longtail"]) for doc in docs]) > 0
