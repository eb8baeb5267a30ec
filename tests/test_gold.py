import numpy
import pytest
import spacy
from numpy.testing import assert_array_equal
from spacy.training import Example

from spacy_longtail.gold import (
    check_missing,
    fill_truths,
    find_leaves,
    read_gold,
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
        check_missing("positive")
