import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_longtail.evaluation.evidence import Evidence
from spacy_longtail.report.mending import find_mending
from spacy_longtail.report.nearest import NearestTexts
from spacy_longtail.report.sections import describe_rows, find_confusions
from spacy_longtail.scoring.predictions import ABSTAINED, pair_columns
from spacy_longtail.taxonomy import build_taxonomy

COUNTS = {"a/b": 100, "a/c": 60, "d/e": 4, "d/f": 60}


def mend(gold, given, described=()):
    tree = build_taxonomy(COUNTS)
    index = {label: tree.index[label] for label in COUNTS}
    columns = [
        numpy.asarray([index.get(label, ABSTAINED) for label in labels])
        for labels in (gold, given)
    ]
    counts = numpy.asarray(tree.counts)
    predictions = pair_columns(
        *columns, numpy.ones(len(gold)), tree.leaves, counts=counts, taxonomy=tree
    )
    docs = [Doc(Vocab(), words=["text", str(row)]) for row in range(len(gold))]
    evidence = Evidence(None, tree, docs, [], predictions, None, None, len(gold))
    rows = list(describe_rows(predictions).values())
    confusions = find_confusions(predictions)
    ask = NearestTexts().ask
    return find_mending(evidence, rows, confusions, set(described), ask)


def test_most_missed_documents_come_first():
    gold = ["a/b"] * 4 + ["d/e"] * 2 + ["d/f"]
    given = ["a/c"] * 3 + ["a/b"] + ["d/f"] * 2 + ["d/f"]
    found = mend(gold, given)
    assert [row["label"] for row in found] == ["a/b", "d/e", "a/c", "d/f"]
    assert [row["n_missed"] for row in found] == [3, 2, 0, 0]
    assert [row["n_false"] for row in found] == [0, 0, 3, 2]
    assert found[0]["share"] == 0.6
    assert [row["example"] for row in found] == ["text 0 ", "text 4 ", None, None]


def test_sibling_that_takes_most_mistakes_is_to_be_merged():
    (first, *_) = mend(["a/b"] * 3, ["a/c"] * 2 + ["d/f"], described=COUNTS)
    assert first["help"] == [
        "2 of the 3 it lacks go to a/c: merge them, or say what sets them apart"
    ]
    (first, *_) = mend(["a/b"] * 3, ["d/f"] * 3, described=COUNTS)
    assert "look whether those are labelled right" in first["help"][0]


def test_few_texts_and_no_description_are_said():
    (first, *_) = mend(["d/e"] * 2, ["a/b"] * 2)
    assert first["help"] == [
        "label more texts: it has only 4 training texts",
        "describe it: it has no description",
    ]
    # Where there are many texts, no description helps.
    (first, *_) = mend(["a/b"] * 2, ["d/e"] * 2)
    assert "describe" not in " ".join(first["help"])
    (first, *_) = mend(["d/e"] * 2, ["a/b"] * 2, described=["d/e"])
    assert first["described"] and len(first["help"]) == 1


def test_documents_that_got_no_label_are_said():
    (first, *_) = mend(["a/b"] * 3, [None] * 3, described=COUNTS)
    assert first["n_without"] == 3
    assert first["help"] == ["3 of the 3 it lacks got no label at all"]


def test_where_nothing_else_helps_its_labels_are_to_be_checked():
    (first, *_) = mend(["a/b"], ["a/c"], described=COUNTS)
    assert "look for wrong labels" in first["help"][0]
    given = ["a/c"] * 3 + ["d/f"] * 2 + ["d/e"]
    (first, *_) = mend(["a/b"] * 6, given)
    assert (
        first["help"][0]
        == "3 of the 6 it lacks go to a/c, more than to any other label"
    )
    assert "look for wrong labels" in first["help"][1]


def test_nothing_is_wrong():
    assert mend(["a/b", "a/c"], ["a/b", "a/c"]) == []


def test_report_has_five_of_both_kinds(report):
    rows = report["mend"]
    assert 0 < len(rows) <= 5
    missed = [row["n_missed"] for row in rows]
    assert missed == sorted(missed, reverse=True)
    by_label = {row["label"]: row for row in report["labels"]}
    for row in rows:
        found = by_label[row["label"]]
        expected = found["support"] * (1 - (found["r"] or 0))
        assert round(expected) == row["n_missed"]
        # Nothing was described.
        assert not row["described"] and row["help"]
