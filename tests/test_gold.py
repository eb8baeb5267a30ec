import numpy
import pytest
import spacy
from numpy.testing import assert_array_equal
from spacy.training import Example

from spacy_longtail.gold import (
    check_known,
    fill_truths,
    find_leaves,
    get_gold_label,
    read_gold,
    read_labels,
    read_missing,
)
from spacy_longtail.taxonomy import build_taxonomy

NLP = spacy.blank("en")
NAN = numpy.nan
TAXONOMY = build_taxonomy({"bank/card": 5, "bank/fee": 5, "visa": 5}, n_docs=15)


def read(cats, **settings):
    example = Example.from_dict(NLP.make_doc("a ticket"), {"cats": cats})
    return read_gold(example, 3, name="pipe", **settings)


def get_row(cats, missing="auto"):
    row = numpy.zeros(3)
    gold = read(cats, missing=missing, known=TAXONOMY.ranges)
    fill_truths(row, gold, TAXONOMY)
    return row


@pytest.mark.parametrize(
    "cats, row",
    [
        # Sparse: what it doesn't name it hasn't.
        ({"visa": 1.0}, [0, 0, 1]),
        ({"visa": 1.0, "bank/fee": 1.0}, [0, 1, 1]),
        # Dense.
        ({"bank/card": 0.0, "bank/fee": 1.0, "visa": 0.0}, [0, 1, 0]),
        # It has no label at all, and says so.
        ({"bank/card": 0.0, "bank/fee": 0.0, "visa": 0.0}, [0, 0, 0]),
        # It says nothing.
        ({}, [NAN, NAN, NAN]),
        ({"spam": 1.0}, [NAN, NAN, NAN]),
        # Partly dense: one is missing.
        ({"bank/card": 0.0, "visa": 1.0}, [0, NAN, 1]),
        ({"visa": 0.0}, [NAN, NAN, 0]),
        # An ancestor beside its leaf is part of the path, one alone leaves open which.
        ({"bank": 1.0, "bank/fee": 1.0}, [0, 1, 0]),
        ({"bank": 1.0, "visa": 1.0}, [NAN, NAN, 1]),
        ({"bank": 1.0, "bank/fee": 0.0}, [NAN, 0, NAN]),
        ({"bank": 0.0, "visa": 1.0}, [0, 0, 1]),
    ],
)
def test_what_cats_say(cats, row):
    assert_array_equal(get_row(cats), row)


@pytest.mark.parametrize(
    "cats, row",
    [
        ({}, [0, 0, 0]),
        ({"visa": 1.0, "bank/card": 0.0}, [0, 0, 1]),
        ({"bank": 1.0}, [NAN, NAN, 0]),
    ],
)
def test_missing_labels_can_be_negative(cats, row):
    assert_array_equal(get_row(cats, missing="negative"), row)


def test_all_keys_are_own_before_the_labels_are_known():
    assert read({"spam": 1.0, "visa": 0.0}).positive == ["spam"]
    assert read({}) is None


def test_keys_of_others_are_left_alone():
    assert read({"visa": 1.0, "spam": 0.5}, known={"visa"}).positive == ["visa"]


@pytest.mark.parametrize(
    "labels, leaves",
    [
        ([], []),
        (["a"], ["a"]),
        (["a", "a/b", "a/b/c", "ab"], ["a/b/c", "ab"]),
        (["a/c", "a/b", "a"], ["a/c", "a/b"]),
    ],
)
def test_ancestors_are_part_of_the_path(labels, leaves):
    assert find_leaves(labels, "/") == leaves


def test_value_between_yes_and_no_is_an_error():
    with pytest.raises(ValueError, match=r"\[L325\] Document 3 \('a ticket'\).*0.5"):
        read({"visa": 0.5})


def test_unknown_setting_is_an_error():
    with pytest.raises(ValueError, match=r"\[L320\].*got 'positive'"):
        read_missing("missing", "positive")


KNOWN = {"bank", "bank/card", "bank/card/lost", "bank/cardigan", "visa"}


def get_label(cats, known=None, separator="/"):
    doc = NLP.make_doc("a ticket")
    example = Example.from_dict(doc, {"cats": cats})
    return get_gold_label(
        example, 0, name="pipe", factory="several", separator=separator, known=known
    )


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


def test_keys_of_others_are_no_gold_label():
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


def test_advice_on_two_paths_is_not_what_was_done_already():
    cats = {"visa": 1.0, "bank/card": 1.0}
    with pytest.raises(ValueError, match=r"labels = \[\"visa\"\]"):
        get_label(cats)
    with pytest.raises(ValueError, match="All of these are labels of '.*correct the"):
        get_label(cats, KNOWN)


def test_separator_is_the_components_own():
    assert (
        get_label({"bank": 1.0, "bank > card": 1.0}, separator=" > ") == "bank > card"
    )


def test_long_text_is_shortened_in_the_message():
    doc = NLP.make_doc("word " * 100)
    example = Example.from_dict(doc, {"cats": {"visa": 0.5}})
    with pytest.raises(ValueError, match=r"\[L303\] Document 7 \('[a-z ]{57}…'\)"):
        get_gold_label(example, 7, name="pipe", factory="x", separator="/")


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


@pytest.mark.parametrize("n_docs", ["12", [12], -1, 12.5, True])
def test_number_of_documents_in_a_label_file_has_to_be_one(n_docs):
    with pytest.raises(ValueError, match=r"\[L310\] .*'n_docs'"):
        read_labels({"counts": {"a": 4}, "n_docs": n_docs}, "pipe")


@pytest.mark.parametrize("count", ["4", -1, None, [4]])
def test_count_in_a_label_file_has_to_be_one(count):
    with pytest.raises(ValueError, match=r"\[L006\] .*'a'"):
        read_labels({"counts": {"a": count}, "n_docs": 12}, "pipe")


@pytest.mark.parametrize("key", [5, None, ("bank", "card"), b"bank/card", 1.0])
@pytest.mark.parametrize("value", [1.0, 0.0])
def test_keys_have_to_be_strings(key, value):
    with pytest.raises(ValueError, match=r"\[L013\] Document 3 \('a ticket'\)"):
        read({"visa": 1.0, key: value})
    # Also if only some of the labels count.
    with pytest.raises(ValueError, match=r"\[L013\]"):
        read({"visa": 1.0, key: value}, known=TAXONOMY.ranges)


@pytest.mark.parametrize("value", [True, 1, numpy.float32(1), numpy.int64(1)])
def test_ones_of_any_type(value):
    assert read({"visa": value}).positive == ["visa"]
    assert read({numpy.str_("visa"): value}).positive == ["visa"]


@pytest.mark.parametrize("value", ["1", None, NAN, 2.0, 0.5, -1, [1]])
def test_values_that_are_neither_yes_nor_no(value):
    examples = [Example.from_dict(NLP.make_doc("a ticket"), {"cats": {"new": value}})]
    with pytest.raises(ValueError, match=r"\[L325\] Document 3"):
        read({"visa": value})
    with pytest.raises(ValueError, match=r"\[L303\] Document 0"):
        check_known(examples, TAXONOMY.ranges, "pipe")
