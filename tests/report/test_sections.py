import numpy
import pytest

from spacy_longtail.report.sections import (
    MAX_TEXT,
    N_CASES,
    find_confusions,
    find_instead,
    get_reliability,
    get_tree,
    pick_cases,
    shorten_text,
)
from spacy_longtail.scoring.predictions import Pairs, pair_columns, pair_scores
from spacy_longtail.taxonomy import build_taxonomy


def test_confusions_where_a_document_has_one_label():
    gold, given = numpy.asarray([0, 0, 0, 1, 2]), numpy.asarray([1, 1, 2, 0, -1])
    predictions = pair_columns(gold, given, numpy.ones(5), "abc")
    assert find_confusions(predictions) == {(0, 1): [0, 1], (0, 2): [2], (1, 0): [3]}
    found = find_instead(predictions, find_confusions(predictions))
    assert found == {0: ("b", 2), 1: ("a", 1), 2: (None, 0)}


def test_confusions_where_a_document_has_several_labels():
    """Each missed label and each false one, but not what isn't known."""
    truths = numpy.asarray([[1, 1, 0, 0], [1, 0, 0, numpy.nan], [0, 0, 0, 1.0]])
    P = numpy.asarray([[0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1.0]])
    predictions = pair_scores(truths, P, P >= 0.5, "abcd")
    assert find_confusions(predictions) == {(0, 2): [0], (0, 3): [0]}


def test_reliability_counts_each_bin():
    curve = get_reliability(numpy.asarray([0.1, 0.11, 0.99]), numpy.asarray([0, 1, 1]))
    used = [point for point in curve if point["n"]]
    assert [point["n"] for point in used] == [2, 1]
    assert used[0]["probability"] == pytest.approx(0.105)
    assert [point["accuracy"] for point in used] == [0.5, 1.0]
    assert curve[5]["accuracy"] is None


def test_cases_are_one_a_document_the_surest_first():
    pairs = Pairs(numpy.asarray([0, 0, 1]), numpy.asarray([3, 4, 5]), numpy.zeros(3))
    assert pick_cases(pairs, numpy.asarray([0.5, 0.1, 0.2])) == [(0, 4), (1, 5)]
    rows = numpy.arange(N_CASES + 5)
    assert len(pick_cases(Pairs(rows, rows, rows), rows)) == N_CASES


def test_tree_leaves_labels_without_documents_out_of_the_mean():
    tree = build_taxonomy({"a/b": 3, "a/c": 2, "d": 1})
    rows = [("a/b", 3, 2, 0.5), ("a/c", 2, 0, None), ("d", 1, 0, None)]
    keys = ("label", "count", "support", "f")
    a, d = get_tree(tree, [dict(zip(keys, row)) for row in rows])
    assert (a["n_labels"], a["count"], a["support"], a["f"]) == (2, 5, 2, 0.5)
    assert [child["name"] for child in a["children"]] == ["b", "c"]
    assert (d["path"], d["f"], d["children"]) == ("d", None, [])


def test_long_text_is_shortened():
    assert shorten_text("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert shorten_text("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT + "…"
