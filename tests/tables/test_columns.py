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


@pytest.mark.parametrize("mark", ["nan", "None", "N/A", "#N/A", "null", "NULL", "<NA>"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_marks_of_missing_values_are_no_labels(tmp_path, mark, name):
    """They are counted, and kept if that is wished: NA is Namibia."""
    path = tmp_path / name
    if name.endswith("csv"):
        path.write_text(f"text,label\nx,a/b\ny,{mark}\n", encoding="utf8")
    else:
        lines = [{"text": "x", "label": "a/b"}, {"text": "y", "label": mark}]
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    reader = RecordReader(open_table(path), Columns())
    assert [record.labels for record in reader] == [("a/b",), None]
    assert reader.notes == {"mark": 1}
    assert reader.first["mark"] == table_where(path, 2 if "jsonl" in name else 3)
    columns = Columns(separator="|", keep_na=True)
    reader = RecordReader(open_table(path), columns)
    assert [record.labels for record in reader] == [("a/b",), (mark,)]
    assert not reader.notes


def table_where(path, number):
    return f"{path}, line {number}"


@pytest.mark.parametrize("path", ["bank/nan", "bank/N/A", "bank/NaT", "bank/None"])
def test_a_mark_at_the_end_of_a_path_is_a_missing_level(tmp_path, path):
    found, notes = get_labels(tmp_path, [path])
    assert found == [("bank",)]
    assert notes == {"mark": 1, "inner_node": 1}


def test_marks_among_levels_and_lists(tmp_path):
    columns = Columns(label=("one", "two"))
    records = [{"text": "x", "one": "a", "two": "NaN"}, {"text": "x", "one": "-"}]
    reader = make_reader(tmp_path, records, columns)
    assert [record.labels for record in reader] == [("a",), None]
    assert reader.notes == {"mark": 2, "inner_node": 1}
    found, _ = get_labels(tmp_path, [["a", "None"], "nan"], Columns(labels="labels"))
    assert found == [("a",), None]


def test_a_mark_with_the_separator_that_is_a_label_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"\[L619\].*'N/A'.*--separator"):
        get_labels(tmp_path, ["N/A"], Columns(keep_na=True))


def test_texts_that_are_marks_or_numbers_are_kept_and_counted(tmp_path):
    records = [{"text": text, "label": "a"} for text in ("None", 7, 1.5, "x")]
    reader = make_reader(tmp_path, records)
    assert [record.text for record in reader] == ["None", "7", "1.5", "x"]
    assert reader.notes == {"mark_text": 1, "number_text": 2}


@pytest.mark.parametrize("value", [["x"], {"subject": "x"}, True])
def test_a_text_that_is_none(tmp_path, value):
    records = [{"text": "x", "label": "a"}, {"text": value, "label": "a"}]
    with pytest.raises(ValueError, match=r"\[L635\].*line 2: the text is"):
        list(make_reader(tmp_path, records))


def test_a_text_of_bytes(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"text": [b"x"], "label": ["a"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    reader = RecordReader(open_table(tmp_path / "a.parquet"), Columns())
    with pytest.raises(ValueError, match=r"\[L635\].*row 1: .*b'x'.*bytes"):
        list(reader)


@pytest.mark.parametrize("key", ["text", "label"])
def test_half_a_character(tmp_path, key):
    record = {"text": "x", "label": "a", key: "a\ud800"}
    with pytest.raises(ValueError, match=r"\[L636\].*line 1: .*position 1"):
        list(make_reader(tmp_path, [record]))


URIS = ["<http://urn.fi/URN:1>", "https://x.org/a"]


@pytest.mark.parametrize("label", [*URIS, "a//b", "//a", "a//", "a/nan/b"])
def test_an_empty_level_is_an_error_and_no_shorter_label(tmp_path, label):
    with pytest.raises(ValueError, match=r"\[L638\].*line 1: .*--separator '\|'"):
        get_labels(tmp_path, [label])
    with pytest.raises(ValueError, match=r"\[L638\]"):
        get_labels(tmp_path, [["x", label]], Columns(labels="labels"))
    columns = Columns(separator="|")
    assert get_labels(tmp_path, [label], columns) == ([(label,)], {})


def test_the_advised_separator_is_in_no_label(tmp_path):
    columns = Columns(path_separator=">")
    with pytest.raises(ValueError, match=r"\[L638\].*--path-separator '::'"):
        get_labels(tmp_path, ["a|b >> c"], columns)


def test_separators_at_the_ends_are_counted(tmp_path):
    found, notes = get_labels(tmp_path, ["/a/b", "a/b/", "a/b"])
    assert found == [("a/b",)] * 3
    assert notes == {"edge": 2}


@pytest.mark.parametrize("name", ["separator", "path_separator", "list_separator"])
def test_empty_separators(name):
    with pytest.raises(ValueError, match=r"\[L005\]"):
        Columns(**{name: ""})


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
        (float("inf"), r"\[L618\]"),
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


@pytest.mark.parametrize(
    "cell, labels",
    [
        ("['x', 'y']", ("x", "y")),
        ('["x/z", "y"]', ("x/z", "y")),
        ("('x', \"it's\")", ("x", "it's")),
        ('["caf\\u00e9", null]', ("café",)),
        ("['x', None, 7]", ("x", "7")),
        ("[]", ()),
        ("[other]; (a, b)", ("[other]", "(a, b)")),
    ],
)
def test_lists_in_a_cell(tmp_path, cell, labels):
    path = tmp_path / "a.tsv"
    path.write_text(f"text\tlabels\nx\t{cell}\n", encoding="utf8")
    reader = RecordReader(open_table(path, quotes=False), Columns())
    assert [record.labels for record in reader] == [labels]
    # In JSON, too, where somebody has written the list as a string.
    if cell.endswith(("]", ")")) and ";" not in cell:
        found, _ = get_labels(tmp_path, [cell], Columns(labels="labels"))
        assert found == [labels]


@pytest.mark.parametrize(
    "cell", ["['x' 'y']", "[x, y]", "{'a': 1}", "{a,b}", "['x', y]"]
)
def test_what_looks_like_a_list_but_is_none(tmp_path, cell):
    with pytest.raises(ValueError, match=r"\[L637\].*line 1: "):
        get_labels(tmp_path, [cell], Columns(labels="labels"))


@pytest.mark.parametrize("cell", ["['x', 'y']", '["x"]', "[]", "[12]"])
def test_a_list_where_one_label_is_expected(tmp_path, cell):
    with pytest.raises(ValueError, match=r"\[L617\].*--labels"):
        get_labels(tmp_path, [cell])


def test_long_cells_are_read_in_no_time(tmp_path):
    """No pattern tries all ways to read a cell that is none."""
    for cell in ("['x'" + " " * 50_000 + "y]", "[" + "," * 50_000, "['" * 25_000 + "]"):
        with pytest.raises(ValueError, match=r"\[L637\]|\[L617\]"):
            get_labels(tmp_path, [cell], Columns(labels="labels"))


def test_a_column_has_one_meaning(tmp_path):
    record = [{"text": "x", "label": "a"}]
    for columns in (Columns(label=("text",)), Columns(label=("label", "label"))):
        with pytest.raises(ValueError, match=r"\[L660\].*asked for twice"):
            make_reader(tmp_path, record, columns)


def test_answers_of_an_annotator(tmp_path):
    """A label that is rejected is wrong, and nobody says which one is right."""
    answers = ["accept", "reject", "ignore", "accept", "REJECT", "Ignore "]
    records = [
        {"text": str(i), "label": "a", "answer": answer, "_view_id": "classification"}
        for i, answer in enumerate(answers)
    ]
    reader = make_reader(tmp_path, [*records, {"text": "6", "label": "b"}])
    found = [(record.text, record.labels) for record in reader]
    assert found == [("0", ("a",)), ("3", ("a",)), ("6", ("b",))]
    assert reader.notes == {"rejected": 2, "ignored": 2}


def test_choices_of_an_annotator(tmp_path):
    options = [{"id": name, "text": name.upper()} for name in ("a", "b")]
    chosen = [(["a"], "accept"), (["a", "b"], "accept"), ([], "reject"), ([], "accept")]
    records = [
        {"text": "x", "options": options, "accept": accept, "answer": answer}
        for accept, answer in chosen
    ]
    reader = make_reader(tmp_path, records)
    assert [record.labels for record in reader] == [("a",), ("a", "b"), ()]
    assert reader.notes == {"rejected": 1}


def test_answers_to_questions_are_no_answers_of_an_annotator(tmp_path):
    record = {"text": "Where?", "answer": "accept", "label": "a"}
    columns = Columns(text=("text", "answer"))
    reader = make_reader(tmp_path, [record, {**record, "answer": "reject"}], columns)
    assert [record.text for record in reader] == ["Where?\naccept", "Where?\nreject"]


def test_label_that_the_first_record_lacks(tmp_path):
    reader = make_reader(tmp_path, [{"text": "x"}, {"text": "y", "label": "a"}])
    assert [record.labels for record in reader] == [None, ("a",)]


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


@pytest.mark.parametrize(
    "label",
    ["bank\u200b/caf\u00e9", " bank / cafe\u0301 ", "\ufeffbank/caf\u00e9\u00a0"],
)
def test_labels_are_written_as_they_look(tmp_path, label):
    reader = make_reader(tmp_path, [{"text": "x", "label": label}], Columns())
    assert [record.labels for record in reader] == [("bank/caf\u00e9",)]
    assert reader.notes["respelled"] == 1 or label == "\ufeffbank/caf\u00e9\u00a0"
