"""What rankers read of what they have saved."""

import numpy
import pytest
import spacy
import srsly

from spacy_longtail.questions import LabelCard
from spacy_longtail.rankers.combined import make_combined_ranker
from spacy_longtail.rankers.lexical import make_lexical_ranker
from spacy_longtail.rankers.prototype import make_prototype_ranker

LABELS = ["a", "b", "c"]


def learn(ranker):
    nlp = spacy.blank("xx")
    cards = [
        LabelCard(
            label, [nlp.make_doc(label)], [nlp.make_doc(f"{label} x")], i - 1, False
        )
        for i, label in enumerate(LABELS)
    ]
    vectors = {"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [0.6, 0.8]}
    ranker.set_labels(
        cards,
        lambda docs: numpy.asarray([vectors[doc[0].text] for doc in docs], "float32"),
    )
    return ranker


def edit(data, path, value):
    """Change a value deep inside, None removes it."""
    found = srsly.msgpack_loads(data)
    place = found
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return srsly.msgpack_dumps(found)


@pytest.mark.parametrize(
    "path,value",
    [
        (["labels", "known"], ["a", "b"]),
        (["labels", "known"], ["a", "b", "b"]),
        (["labels", "pooled"], ["b", "x"]),
        (["labels", "added"], ["a"]),
        (["labels", "added"], None),
        (["temperature"], 0.0),
        (["margin"], "wide"),
        (["arrays"], {}),
        (["arrays", "W"], None),
        (["arrays", "W", "shape"], [2, 2**40]),
        (["arrays", "known", "shape"], [3, 2**40]),
        (["arrays", "b", "data"], b"\xff" * 8),
        (["more"], 1),
    ],
    ids=str,
)
def test_vectors_that_do_not_fit_are_refused(path, value):
    data = edit(learn(make_prototype_ranker()).to_bytes(), path, value)
    with pytest.raises(ValueError, match=r"\[L361\]"):
        make_prototype_ranker().from_bytes(data)


@pytest.mark.parametrize(
    "path,value",
    [
        (["labels"], ["a", "b"]),
        (["words"], ["a"]),
        (["words"], None),
        (["starts"], b""),
        (["columns"], b"\x09"),
        (["weights"], b"\xff" * 48),
    ],
    ids=str,
)
def test_words_that_do_not_fit_are_refused(path, value):
    data = edit(learn(make_lexical_ranker()).to_bytes(), path, value)
    with pytest.raises(ValueError, match=r"\[L361\]"):
        make_lexical_ranker().from_bytes(data)


def make_both():
    rankers = {"near": make_prototype_ranker(), "words": make_lexical_ranker()}
    return make_combined_ranker(rankers=rankers)


@pytest.mark.parametrize(
    "path,value,code",
    [
        (["weights", "near"], None, "L361"),
        (["weights", "near"], -1.0, "L405"),
        (["rankers", "words"], None, "L361"),
        (["rankers", "words"], b"", "L361"),
    ],
)
def test_parts_that_do_not_fit_are_refused(path, value, code):
    data = edit(learn(make_both()).to_bytes(), path, value)
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        make_both().from_bytes(data)


@pytest.mark.parametrize(
    "make", [make_prototype_ranker, make_lexical_ranker, make_both]
)
def test_labels_are_those_that_it_learned(make):
    loaded = make()
    loaded.from_bytes(learn(make()).to_bytes())
    loaded.check_labels(LABELS, ["b", "c"])
    with pytest.raises(ValueError, match=r"\[L361\].*other labels"):
        loaded.check_labels(["a", "b"], ["b"])


def test_labels_of_heads_are_those_that_are_pooled():
    ranker = learn(make_prototype_ranker())
    with pytest.raises(ValueError, match=r"\[L361\].*other labels"):
        ranker.check_labels(LABELS, ["a", "b", "c"])


@pytest.mark.parametrize(
    "make", [make_prototype_ranker, make_lexical_ranker, make_both]
)
def test_ranker_that_has_learned_nothing_is_read(make):
    loaded = make()
    loaded.from_bytes(make().to_bytes())
    loaded.check_labels([], [])
