import json

import pytest

from spacy_longtail.tables import open_table
from spacy_longtail.tables.columns import Columns, RecordReader, get_split_name


def make_reader(tmp_path, records, columns=Columns()):  # noqa: B008
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf8")
    return RecordReader(open_table(path), columns)


def get_labels(tmp_path, values, columns=Columns()):  # noqa: B008
    key = "labels" if columns.labels else "label"
    reader = make_reader(tmp_path, [{"text": "x", key: v} for v in values], columns)
    return [record.labels for record in reader], dict(reader.notes)


@pytest.mark.parametrize(
    "value, label",
    [
        ("bank/card", "bank/card"),
        (" bank / card ", "bank/card"),
        ("/bank/card/", "bank/card"),
        (12, "12"),
        (12.0, "12"),
        (True, "true"),
    ],
)
def test_label_becomes_a_path(tmp_path, value, label):
    assert get_labels(tmp_path, [value])[0] == [(label,)]


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), "/"])
def test_no_label(tmp_path, value):
    assert get_labels(tmp_path, [value])[0] == [None]


def test_whole_floats_are_counted(tmp_path):
    found, notes = get_labels(tmp_path, [12.0, 12, 12.0])
    assert found == [("12",)] * 3
    assert notes == {"whole_float": 2}


@pytest.mark.parametrize(
    "value, message",
    [
        (12.5, r"\[L618\].*line 1: the label is the number 12\.5"),
        (["a", "b"], r"\[L617\].*line 1.*--labels"),
        ({"a": 1}, r"\[L617\]"),
    ],
)
def test_values_that_are_no_label(tmp_path, value, message):
    with pytest.raises(ValueError, match=message):
        get_labels(tmp_path, [value])


def test_levels(tmp_path):
    """A missing level makes it a label at the inner node, and is counted."""
    columns = Columns(label=("one", "two", "three"))
    cells = [("a", "b", "c"), ("a", "b", ""), ("a", None, "c"), ("", "b", "c")]
    records = [
        {"text": "x", **dict(zip(("one", "two", "three"), row))} for row in cells
    ]
    reader = make_reader(tmp_path, records, columns)
    labels = [record.labels for record in reader]
    assert labels == [("a/b/c",), ("a/b",), ("a",), None]
    assert reader.notes == {"inner_node": 1, "gap": 2}


def test_path_separator(tmp_path):
    columns = Columns(path_separator=">")
    assert get_labels(tmp_path, ["a > b", "c"], columns)[0] == [("a/b",), ("c",)]


def test_segment_with_the_separator(tmp_path):
    columns = Columns(path_separator=">")
    with pytest.raises(ValueError, match=r"\[L619\].*line 1.*'b/c'.*--separator"):
        get_labels(tmp_path, ["a > b/c"], columns)
    columns = Columns(path_separator=">", separator="|")
    assert get_labels(tmp_path, ["a > b/c"], columns)[0] == [("a|b/c",)]


def test_several_labels(tmp_path):
    columns = Columns(labels="labels")
    found, _ = get_labels(tmp_path, [["a", "b", "a"], [], None], columns)
    assert found == [("a", "b"), (), None]
    with pytest.raises(ValueError, match=r"\[L617\].*a list of labels.*--label "):
        get_labels(tmp_path, ["a"], columns)


def test_several_labels_in_a_cell_of_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,labels\nx,a; b\ny,\n", encoding="utf8")
    reader = RecordReader(open_table(path), Columns())
    assert reader.has_lists
    assert [record.labels for record in reader] == [("a", "b"), ()]


def test_label_and_labels(tmp_path):
    columns = Columns(label=("label",), labels="labels")
    with pytest.raises(ValueError, match=r"\[L628\]"):
        make_reader(tmp_path, [{"text": "x", "label": "a", "labels": []}], columns)


@pytest.mark.parametrize(
    "columns, option",
    [
        (Columns(text=("body",)), "--text"),
        (Columns(label=("topic",)), "--label"),
        (Columns(labels="tags"), "--labels"),
        (Columns(split="fold"), "--split-column"),
    ],
)
def test_missing_columns(tmp_path, columns, option):
    with pytest.raises(ValueError, match=rf"\[L613\].*'text', 'label'.*{option}"):
        make_reader(tmp_path, [{"text": "x", "label": "a"}], columns)


def test_several_text_columns(tmp_path):
    columns = Columns(text=("subject", "body"))
    records = [
        {"subject": "Card", "body": "I lost it", "label": "a"},
        {"subject": None, "body": 7, "label": "a"},
    ]
    texts = [record.text for record in make_reader(tmp_path, records, columns)]
    assert texts == ["Card\nI lost it", "7"]


def test_split_column(tmp_path):
    columns = Columns(split="fold")
    records = [
        {"text": "x", "label": "a", "fold": fold} for fold in ("Train", "valid", "?")
    ]
    reader = iter(make_reader(tmp_path, records, columns))
    assert [next(reader).split, next(reader).split] == ["train", "dev"]
    with pytest.raises(ValueError, match=r"\[L622\].*line 3.*'\?'"):
        next(reader)


def test_split_names():
    assert get_split_name("Validation") == "dev"
    assert get_split_name("tickets") is None
