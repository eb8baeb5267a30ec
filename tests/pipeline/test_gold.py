import pytest
import spacy
from spacy.training import Example

from spacy_longtail.pipeline.gold import get_gold_label, read_labels

NLP = spacy.blank("en")
KNOWN = {"bank", "bank/card", "bank/card/lost", "bank/cardigan", "visa"}


def get_label(cats, known=None, separator="/"):
    doc = NLP.make_doc("a ticket")
    example = Example.from_dict(doc, {"cats": cats})
    return get_gold_label(example, 0, name="pipe", separator=separator, known=known)


@pytest.mark.parametrize(
    "cats, label",
    [
        ({}, None),
        ({"visa": 0.0, "bank/card": 0.0}, None),
        ({"visa": 1.0}, "visa"),
        ({"visa": 0, "bank/card": 1}, "bank/card"),
        ({"visa": False, "bank/card": True}, "bank/card"),
        ({"bank": 1.0, "bank/card": 1.0, "bank/card/lost": 1.0}, "bank/card/lost"),
        ({"bank/card/lost": 1.0, "bank": 1.0}, "bank/card/lost"),
        ({"bank": 1.0, "visa": 0.0}, "bank"),
    ],
)
def test_gold_label_is_the_deepest_positive(cats, label):
    assert get_label(cats) == label
    assert get_label(cats, KNOWN) == label


def test_keys_of_others_are_left_alone():
    assert get_label({"visa": 1.0, "spam": 1.0, "ham": 0.3}, KNOWN) == "visa"
    assert get_label({"spam": 1.0}, KNOWN) is None


@pytest.mark.parametrize(
    "cats",
    [
        {"visa": 1.0, "bank/card": 1.0},
        # A name that another name begins with is not its parent.
        {"bank/card": 1.0, "bank/cardigan": 1.0},
        {"bank": 1.0, "bank/card": 1.0, "bank/cardigan": 1.0},
    ],
)
def test_two_paths_are_an_error(cats):
    with pytest.raises(ValueError, match=r"\[L302\] Document 0 \('a ticket'\)"):
        get_label(cats)


def test_separator_is_the_components_own():
    assert (
        get_label({"bank": 1.0, "bank > card": 1.0}, separator=" > ") == "bank > card"
    )


def test_long_text_is_shortened_in_the_message():
    doc = NLP.make_doc("word " * 100)
    example = Example.from_dict(doc, {"cats": {"visa": 0.5}})
    with pytest.raises(ValueError, match=r"\[L303\] Document 7 \('[a-z ]{57}…'\)"):
        get_gold_label(example, 7, name="pipe", separator="/")


@pytest.mark.parametrize(
    "labels, names, counts",
    [
        (["a", "b"], ["a", "b"], None),
        ({"a": 1, "b": 2}, ["a", "b"], {"a": 1, "b": 2}),
        ({"counts": {"a": 1, "b": 2}}, ["a", "b"], {"a": 1, "b": 2}),
        # A label that happens to be called "counts".
        ({"counts": 5, "b": 2}, ["counts", "b"], {"counts": 5, "b": 2}),
    ],
)
def test_reads_labels(labels, names, counts):
    found = read_labels(labels, "pipe")
    assert (found.names, found.counts) == (names, counts)


def test_no_labels():
    assert read_labels(None, "pipe") is None


@pytest.mark.parametrize("labels", ["bank/card", 3, True, [1, 2], {1: 5}])
def test_rejects_other_labels(labels):
    with pytest.raises(ValueError, match=r"\[L310\] .*'pipe'"):
        read_labels(labels, "pipe")


def test_reads_labels_from_a_file(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text('{"counts": {"a": 1, "b": 2}}')
    assert read_labels(str(path), "pipe").counts == {"a": 1, "b": 2}


def test_file_that_is_no_json(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text("a, b")
    with pytest.raises(ValueError, match=r"\[L310\] .*isn't JSON"):
        read_labels(path, "pipe")
