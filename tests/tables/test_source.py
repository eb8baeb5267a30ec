import json
from datetime import datetime
from io import BytesIO

import pytest

from spacy_longtail.tables.source import Source, open_source, save_stream

pa = pytest.importorskip("pyarrow")


def write(path, text):
    path.write_text(text, encoding="utf8", newline="")
    return path


def read(source, n_rows=2):
    return [list(chunk.records()) for chunk in source.chunks(n_rows)]


def write_json(path, *records):
    return write(path, "".join(json.dumps(record) + "\n" for record in records))


def test_rows_of_several_files_are_one_stream(tmp_path):
    write(tmp_path / "b.csv", "id,text\n3,c\n4,d\n")
    write(tmp_path / "a.csv", "id,text\n01,a\n")
    write(tmp_path / "manifest.json", "{}")
    write(tmp_path / "_notes.csv", "x\n")
    expected = [
        [{"id": "01", "text": "a"}, {"id": "3", "text": "c"}],
        [{"id": "4", "text": "d"}],
    ]
    rows = [row for chunk in expected for row in chunk]
    for inputs in ([tmp_path], [f"{tmp_path}/?.csv"], sorted(tmp_path.glob("?.csv"))):
        found = read(open_source(inputs), 3)
        assert [row for chunk in found for row in chunk] == rows
        assert len(found) == 1


def test_objects_keep_their_keys_and_types(tmp_path):
    records = [{"text": "a", "n": 1}, {"text": "b", "n": [1.5, {"x": None}]}]
    path = write_json(tmp_path / "a.jsonl", *records)
    more = write_json(tmp_path / "b.jsonl", {"text": "c", "other": True})
    source = open_source([path, more])
    assert source.columns == ["text", "n", "other"]
    assert read(source, 9) == [[*records, {"text": "c", "other": True}]]


@pytest.mark.parametrize(
    "name, text",
    [("b.csv", "text,id\nc,3\n"), ("b.csv", "id,text,x\n"), ("b.jsonl", '{"id": 1}')],
)
def test_tables_that_are_no_one_stream(tmp_path, name, text):
    write(tmp_path / "a.csv", "id,text\n1,a\n")
    write(tmp_path / name, text)
    with pytest.raises(ValueError, match=r"\[L712\].*a\.csv.*b\."):
        open_source([tmp_path])


def test_parquet_of_another_type(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"text": ["a"], "n": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "n": [1.0]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"\[L712\].*'n' is int64 and double"):
        open_source([tmp_path])


@pytest.mark.parametrize("name", ["empty", "*.csv"])
def test_no_table(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"\[L713\]"):
        open_source([tmp_path / name])


def test_columns_of_the_same_name(tmp_path):
    with pytest.raises(ValueError, match=r"\[L632\]"):
        open_source([write(tmp_path / "a.csv", "text,x,x\n")])


@pytest.mark.parametrize(
    "text, expected",
    [
        ("id,text,note\n1,a,much longer than the text\n", "text"),
        ("id,body\n1,a card\n2,\n", "body"),
        ("id,body,group\n1,I have lost my card,A\n", "body"),
        ("id,body,note\n1,lost card,my note\n", None),
        ("id,n\n1,2\n", None),
        ("id,body\n", None),
    ],
)
def test_the_text_is_guessed_if_it_is_clear(tmp_path, text, expected):
    source = open_source([write(tmp_path / "a.csv", text)])
    if expected is not None:
        assert source.guess_text() == expected
        return
    with pytest.raises(ValueError, match=r"\[L711\].*'id'"):
        source.guess_text()


def test_a_missing_column_lists_those_of_all_files(tmp_path):
    write_json(tmp_path / "a.jsonl", {"a": 1})
    write_json(tmp_path / "b.jsonl", {"b": 1})
    source = open_source([tmp_path])
    source.check_text(["b"])
    with pytest.raises(ValueError, match=r"\[L613\].*'a', 'b'"):
        source.check_text(["text"])


@pytest.mark.parametrize(
    "values, expected",
    [
        (["a", None], "string"),
        ([1, 2**62], "int64"),
        ([1, 0.5], "double"),
        ([True, None], "bool"),
        ([2**53 + 1, 0.5], None),
        ([2**64], None),
        ([1, "a"], None),
        ([True, 1], None),
        ([["a"]], None),
        ([{"a": 1}], None),
    ],
)
def test_a_type_that_fits_all_values_is_found(tmp_path, values, expected):
    path = write_json(tmp_path / "a.jsonl", *({"x": value} for value in values))
    source = open_source([path])
    schema, as_text = source.infer_schema()
    assert str(schema.field("x").type) == (expected or "string")
    assert as_text == ([] if expected else ["x"])
    (chunk,) = source.chunks(10)
    found = chunk.to_arrow(schema, as_text).column(0).to_pylist()
    if expected:
        assert found == values
    else:
        assert [json.loads(v) if v != "a" else v for v in found] == values


def test_cells_of_csv_are_strings_and_points_in_time_stay_so(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    schema, _ = open_source([write(tmp_path / "a.csv", "x\n01\n")]).infer_schema()
    assert str(schema.field("x").type) == "string"
    book = openpyxl.Workbook()
    book.active.append(["x"])
    book.active.append([datetime(2020, 1, 2, 3)])
    book.save(tmp_path / "a.xlsx")
    source = open_source([tmp_path / "a.xlsx"])
    schema, as_text = source.infer_schema()
    assert str(schema.field("x").type) == "timestamp[us]" and not as_text


def test_a_cell_below_no_name(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["a", "lost"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match=r"\[L710\].*row 2.*'lost'"):
        list(open_source([tmp_path / "a.xlsx"]).chunks(10))


@pytest.mark.parametrize(
    "data, suffix",
    [
        (b'\xef\xbb\xbf {"text": "a"}\n', ".jsonl"),
        (b'[{"text": "a"}]', ".json"),
        (b"text,x\na\tb,1\n", ".csv"),
        (b"text\tx\na,b\t1\n", ".tsv"),
        (b"PAR1...", ".parquet"),
    ],
)
def test_a_stream_is_what_it_looks_like(tmp_path, data, suffix):
    path = save_stream(BytesIO(data), tmp_path)
    assert path.suffix == suffix and path.read_bytes() == data
    assert save_stream(BytesIO(data), tmp_path, "CSV").suffix == ".csv"


def test_what_is_remarkable_is_counted_once(tmp_path):
    path = write(tmp_path / "a.csv", 'text,x\n"a,\nb",1\n')
    source = Source(open_source([path]).tables)
    for _ in range(2):
        list(source.chunks(1))
    assert [note[:6] for note in source.describe_notes()] == ["1 rows"]


def test_what_is_not_read_in_a_folder_is_said(tmp_path):
    write(tmp_path / "a.csv", "text\na\n")
    write(tmp_path / "b.csv.gz", "x")
    (tmp_path / "older").mkdir()
    for name in (tmp_path, tmp_path / "*"):
        (note,) = open_source([name]).describe_notes()
        assert note.startswith("Not read") and "b.csv.gz" in note and "older" in note
    assert not open_source([tmp_path / "a.csv"]).describe_notes()


def test_half_a_character_in_a_name_or_a_value(tmp_path):
    path = write_json(tmp_path / "a.jsonl", {"x": "\ud800"}, {"x": "b"})
    source = open_source([path])
    (chunk,) = source.chunks(10)
    found = chunk.to_arrow(source.infer_schema()[0])
    assert found.column(0).to_pylist() == ["\\ud800", "b"]
    with pytest.raises(ValueError, match=r"\[L636\].*name of a column"):
        open_source([write_json(tmp_path / "b.jsonl", {"\ud800": 1})])


def test_strings_of_parquet_that_are_none(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    bad = pa.array([b"\xff", b"a"]).view(pa.string())
    pq.write_table(pa.table({"text": ["a", "b"], "id": bad}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"\[L621\].*UTF8"):
        list(open_source([tmp_path]).chunks(10))
