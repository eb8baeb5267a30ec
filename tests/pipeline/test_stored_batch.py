import pytest

from spacy_longtail.pipeline.decision import Decision, get_stored
from spacy_longtail.pipeline.stored import pack_decision
from spacy_longtail.pipeline.stored_batch import StoredBatch

# Of each form that a decision can have; texts with characters of several bytes.
DECISIONS = [
    Decision(
        label="bank/fée",
        probability=0.5,
        levels=(("bank", 0.75), ("bank/fée", 0.5)),
        other=("", 0.125),
        known=0.25,
        stage="longtail_textcat",
        reason="most probable label",
        candidates=(("bank/fée", 0.5), ("日本", 0.375)),
        labels=("bank/fée",),
        pipe="longtail_textcat",
    ),
    Decision(
        probability=0.75,
        levels=(("bank", 0.75),),
        known=0.5,
        stage="abstained",
        reason="too low",
        candidates=(("a", 0.5), ("b", 0.25), ("c", 0.125)),
        first="a",
        first_labels=("a",),
    ),
    Decision(
        label="b",
        stage="mine",
        reason="by hand",
        candidates=(("a", 0.5),),
        labels=("b", "ö/c", "a"),
        first="x",
        first_labels=("x", "y"),
        allows_several=True,
    ),
    Decision(label="only", stage="s", reason="", labels=("only",)),
    Decision(stage="s", reason="r", allows_several=True),
]


def read(texts):
    """The texts as Python's, None for those that aren't there."""
    return [
        texts.buffer[start : start + size].tobytes().decode() if is_there else None
        for start, size, is_there in zip(texts.starts, texts.sizes, texts.is_there)
    ]


@pytest.mark.parametrize("form", ["packed", "dict", "mixed"])
def test_all_fields_are_read_at_once(form):
    stored = [decision.to_user_data() for decision in DECISIONS]
    if form != "dict":
        packed = [pack_decision(data) for data in stored]
        stored = packed if form == "packed" else [*packed[:2], *stored[2:]]
    found = StoredBatch(stored)
    assert read(found.labels) == [decision.label for decision in DECISIONS]
    assert read(found.stages) == [decision.stage for decision in DECISIONS]
    assert read(found.reasons) == [decision.reason for decision in DECISIONS]
    assert found.heads["known"].tolist() == [decision.known for decision in DECISIONS]
    counts, labels = found.get_all_labels()
    flat = iter(read(labels))
    expected = [tuple(next(flat) for _ in range(n)) for n in counts.tolist()]
    assert expected == [decision.labels for decision in DECISIONS]
    for depth in range(3):
        nodes = [(*dict(d.levels), None, None, None)[depth] for d in DECISIONS]
        assert read(found.get_level(depth)) == nodes
    for rank in range(4):
        pairs = [(*d.candidates, *[(None, None)] * 4)[rank] for d in DECISIONS]
        assert read(found.get_candidate(rank)) == [label for label, _ in pairs]
        shares = found.get_candidate_probability(rank).tolist()
        assert [None if x != x else x for x in shares] == [x for _, x in pairs]


def test_nothing_is_read_of_nothing():
    found = StoredBatch([])
    assert read(found.labels) == read(found.stages) == []
    assert len(found.get_candidate_probability(0)) == 0


def test_a_newer_format_is_refused():
    with pytest.raises(ValueError, match=r"\[L305\]"):
        StoredBatch([b"\x09" + bytes(100)])


def test_what_a_pipeline_stores_is_read(kind, shared_nlp):
    docs = list(shared_nlp.pipe([text for text, _ in kind.data]))
    found = StoredBatch([doc.user_data["longtail"] for doc in docs])
    assert read(found.labels) == [get_stored(doc)["label"] for doc in docs]
