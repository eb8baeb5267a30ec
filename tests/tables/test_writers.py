import csv
import io
import json
import sys
from datetime import date, datetime, time, timedelta

import pytest

from spacy_longtail.tables import WRITERS
from spacy_longtail.tables.chunks import ArrowChunk, CellChunk, RecordChunk
from spacy_longtail.tables.columns import Columns, RecordReader
from spacy_longtail.tables.source import open_source
from spacy_longtail.tables.writer import Layout

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ANSWERS = pa.record_batch(
    {
        "label": ["a/b", None, 'c, "d"'],
        "labels": [["a/b", "x;y"], None, []],
        "probability": [0.1 + 0.2, None, 1e-7],
    }
)
CELLS = [["0112", "", "=1+1"], ["a\nb", 'say "no"', "ä, ö"]]
RECORDS = [{"id": "01"}, {"id": 7, "x": None}, {"id": [1, {"a": "\ud800"}]}]


def make_pieces(suffix, chunks, tmp_path, **layout):
    """Write each chunk with an answer for each of its rows, and put them together."""
    chunks = list(chunks)
    names = tuple(chunks[0].names)
    writer = WRITERS[suffix](Layout(names, ANSWERS.schema, **layout))
    paths, start = [], 0
    for number, chunk in enumerate(chunks):
        paths.append(tmp_path / f"{number}{writer.suffix}")
        with paths[-1].open("wb") as file_:
            writer.write_piece(file_, chunk, ANSWERS.slice(start, len(chunk)))
        start += len(chunk)
    out = tmp_path / f"out{suffix}"
    with out.open("wb") as file_:
        writer.join(paths, file_)
    return out


@pytest.mark.parametrize("suffix, delimiter", [(".csv", ","), (".tsv", "\t")])
def test_cells_are_written_as_the_standard_library_does(tmp_path, suffix, delimiter):
    chunks = [
        CellChunk(["id", "n, o"], [list(column) for column in zip(*rows)])
        for rows in ([*zip(*CELLS)][:2], [*zip(*CELLS)][2:])
    ]
    out = make_pieces(suffix, chunks, tmp_path)
    expected = io.StringIO(newline="")
    writer = csv.writer(expected, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["id", "n, o", *ANSWERS.schema.names])
    lists = ['["a/b", "x;y"]', "", "[]"]
    numbers = ["0.30000000000000004", "", "1e-7"]
    rows = zip(*CELLS, ANSWERS.column("label").to_pylist(), lists, numbers)
    writer.writerows(rows)
    assert out.read_bytes().decode() == expected.getvalue()
    assert [float(n) if n else None for n in numbers] == ANSWERS.column(2).to_pylist()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_convert_reads_the_lists_of_labels(tmp_path, suffix):
    chunk = CellChunk(["text"], [["a", "b", "c"]])
    schema = pa.schema({"text": pa.string()})
    out = make_pieces(suffix, [chunk], tmp_path, input_schema=schema)
    (table,) = open_source([out]).tables
    columns = Columns(labels="labels", separator="|")
    labels = [record.labels for record in RecordReader(table, columns)]
    # An empty cell says that there are none.
    none = () if suffix in (".csv", ".tsv") else None
    assert labels == [("a/b", "x;y"), none, ()]


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_objects_keep_their_types_and_lack_what_they_lack(tmp_path, suffix):
    chunks = [RecordChunk(["id", "x"], [dict(r) for r in RECORDS])]
    out = make_pieces(suffix, chunks, tmp_path)
    text = out.read_text(encoding="utf8")
    lines = text.splitlines()
    found = json.loads(text) if suffix == ".json" else [*map(json.loads, lines)]
    answers = ANSWERS.to_pylist()
    assert found == [{**r, **a} for r, a in zip(RECORDS, answers)]


def test_an_array_of_several_pieces(tmp_path):
    chunks = [RecordChunk(["id"], [{"id": i}]) for i in range(3)]
    out = make_pieces(".json", chunks, tmp_path)
    assert [record["id"] for record in json.loads(out.read_text())] == [0, 1, 2]
    assert out.read_text().count("\n") == 5
    writer = WRITERS[".json"](Layout(("id",), ANSWERS.schema))
    empty = io.BytesIO()
    writer.join([], empty)
    assert json.loads(empty.getvalue()) == []


def make_parquet():
    return pa.table(
        {
            "code": pa.array(["x", "y", "x"]).dictionary_encode(),
            "at": pa.array([1, 2, None], pa.timestamp("ms", "UTC")),
            "nested": [[{"a": 1}], [], None],
            "small": pa.array([1, 2, 3], pa.int8()),
        },
        metadata={"key": "value"},
    )


def test_parquet_keeps_types_and_metadata_whatever_the_pieces(tmp_path):
    table = make_parquet()
    found = []
    for size in (1, 3):
        chunks = map(ArrowChunk, table.combine_chunks().to_batches(max_chunksize=size))
        (tmp_path / str(size)).mkdir()
        settings = {"input_schema": table.schema}
        out = make_pieces(".parquet", chunks, tmp_path / str(size), **settings)
        found.append(pq.read_table(out))
        assert pq.ParquetFile(out).num_row_groups == 1
    whole = found[0]
    assert whole.select(table.column_names).equals(table)
    assert whole.schema.metadata[b"key"] == b"value"
    assert whole.select(ANSWERS.schema.names).to_pylist() == ANSWERS.to_pylist()
    assert whole.equals(found[1])


def test_values_of_parquet_as_cells_and_as_json(tmp_path):
    chunk = ArrowChunk(make_parquet().combine_chunks().to_batches()[0])
    rows = csv.DictReader(
        io.StringIO(make_pieces(".csv", [chunk], tmp_path).read_text())
    )
    first, _, last = rows
    assert first["code"] == "x" and first["small"] == "1"
    assert first["at"] == "1970-01-01T00:00:00.001000+00:00"
    assert first["nested"] == '[{"a": 1}]' and last["nested"] == last["at"] == ""
    line = make_pieces(".jsonl", [chunk], tmp_path).read_text().split("\n")[0]
    assert json.loads(line)["nested"] == [{"a": 1}]


def test_bytes_are_hexadecimal_digits(tmp_path):
    values = pa.array([b"\xff\x00", b"a", None])
    chunk = ArrowChunk(pa.record_batch({"x": values}))
    text = make_pieces(".csv", [chunk], tmp_path).read_text()
    assert [row["x"] for row in csv.DictReader(io.StringIO(text))] == ["ff00", "61", ""]


def test_points_in_time_that_python_has_not(tmp_path):
    ns = pa.array([10**18 + 1, 10**18, None], pa.timestamp("ns"))
    columns = {
        "ns": ns,
        "list": pa.array([[at] for at in ns.cast("int64").to_pylist()]).cast(
            pa.list_(pa.timestamp("ns"))
        ),
        "year": pa.array([400_000_000_000, None, 0], pa.timestamp("s")),
        "far": pa.array([10**9, None, 0], pa.date32()),
        "length": pa.array([1, None, 10**9], pa.duration("ns")),
    }
    out = make_pieces(".jsonl", [ArrowChunk(pa.record_batch(columns))], tmp_path)
    first, second, third = map(json.loads, out.read_text().splitlines())
    assert first["ns"] == first["list"][0] == "2001-09-09T01:46:40.000000001"
    assert second["ns"] == "2001-09-09T01:46:40" and third["ns"] is None
    assert first["year"] == "14645-06-30T15:06:40" and "1000000000" in first["far"]
    assert third["year"] == "1970-01-01T00:00:00" and third["far"] == "1970-01-01"
    assert first["length"] == 1e-9 and third["length"] == 1.0


def test_excel_has_cells_of_the_same_types(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    values = ["=1+1", 7, True, 0.5, datetime(2020, 1, 2, 3, 4), date(2020, 1, 2)]
    values += [time(3, 4), timedelta(2, 3), None, 10**17, [1, "a"], date(1899, 12, 31)]
    expected = [*values[:5], datetime(2020, 1, 2), time(3, 4), timedelta(2, 3), None]
    expected += ["100000000000000000", '[1, "a"]', "1899-12-31"]
    names = [f"c{i}" for i in range(len(values))]
    out = make_pieces(".xlsx", [CellChunk(names, [[v] for v in values])], tmp_path)
    header, row = openpyxl.load_workbook(out).active.iter_rows()
    assert [cell.value for cell in header] == [*names, *ANSWERS.schema.names]
    assert [cell.value for cell in row[: len(values)]] == expected
    assert row[0].data_type == "s"
    assert row[len(values) + 1].value == '["a/b", "x;y"]'


def test_without_the_library_for_excel(monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ValueError, match=r"\[L719\].*openpyxl"):
        WRITERS[".xlsx"](Layout(("x",), ANSWERS.schema))


@pytest.mark.parametrize("value", ["x" * 32_768, "a\x01b"])
def test_what_excel_cannot_have(tmp_path, value):
    pytest.importorskip("openpyxl")
    with pytest.raises(ValueError, match=r"\[L717\].*'note'"):
        make_pieces(".xlsx", [CellChunk(["note"], [[value]])], tmp_path)
