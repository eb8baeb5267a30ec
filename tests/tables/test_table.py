import builtins
import json
import sys

import pytest

from spacy_longtail.audit import audit_corpus
from spacy_longtail.convert import convert_corpus
from spacy_longtail.tables import FORMATS, Table, open_table
from spacy_longtail.tables.table import find_undecodable
from spacy_longtail.vectors.corpus_words import count_words


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf8"))
    return path


def read(path, names=("text", "label"), **options):
    return [values for _, values in open_table(path, **options).rows(names)]


@pytest.mark.parametrize(
    "name, data",
    [
        ("a.csv", 'text,label\n"lost, my card",b/card\nhi,b\n'),
        ("a.csv", '\ufefftext,label\r\n"lost, my card",b/card\r\n\r\nhi,b\r\n'),
        ("a.tsv", "label\tmore\ttext\nb/card\t1\tlost, my card\nb\t2\thi\n"),
        (
            "a.jsonl",
            '{"text": "lost, my card", "label": "b/card"}\n\n'
            '{"label": "b", "text": "hi"}\n',
        ),
    ],
)
def test_formats_give_the_same(tmp_path, name, data):
    rows = read(write(tmp_path / name, data))
    assert rows == [("lost, my card", "b/card"), ("hi", "b")]


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"text": ["a", "b"], "label": [1, None], "more": [1, 2]})
    parquet.write_table(table, tmp_path / "a.parquet")
    found = open_table(tmp_path / "a.parquet")
    assert found.columns == ["text", "label", "more"]
    assert list(found.rows(["label", "text"])) == [(1, (1, "a")), (2, (None, "b"))]
    assert found.where(2).endswith("a.parquet, row 2")


def test_csv_keeps_zeros_and_line_breaks_in_cells(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"one\ntwo",0112\nthree,07.0\n')
    assert list(open_table(path).rows(["text", "label"])) == [
        (2, ("one\ntwo", "0112")),
        (4, ("three", "07.0")),
    ]


def test_a_jsonl_line_without_the_key_has_no_value(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": "b"}\n{"text": "c"}\n')
    assert read(path) == [("a", "b"), ("c", None)]


def test_other_encoding_and_delimiter(tmp_path):
    path = write(tmp_path / "a.csv", "text;label\nÄrger;Café\n".encode("cp1252"))
    assert read(path, encoding="cp1252", delimiter=";") == [("Ärger", "Café")]
    path = write(tmp_path / "b.csv", "text,label\nÄrger,x\n".encode("utf-16"))
    assert read(path, encoding="utf-16") == [("Ärger", "x")]


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("a.csv", "", r"\[L612\].*a\.csv is empty"),
        ("a.csv", "\n\n", r"\[L612\]"),
        ("a.jsonl", "\n", r"\[L612\]"),
        ("a.xls", "x", r"\[L611\].*\.csv, \.tsv"),
        ("a.csv", "text,label\na,b\nc,d,e\n", r"\[L614\].*line 3: .* 3 cells.*has 2"),
        ("a.csv", 'text,label\n"a\nb",c\nd\n', r"\[L614\].*line 4: .* 1 cells"),
        ("a.csv", 'text,label\na,b\n"c,d\n', r"\[L621\].*line 3"),
        ("a.jsonl", '{"text": "a"}\n{"text": \n', r"\[L616\].*line 2: it isn't JSON"),
        ("a.jsonl", "[1]\n", r"\[L616\].*line 1: found a list"),
        ("a.parquet", "no parquet", r"\[L621\].*a\.parquet"),
    ],
)
def test_bad_files(tmp_path, name, data, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path / name, data))


def test_missing_file(tmp_path):
    with pytest.raises(ValueError, match=r"\[L610\].*none\.csv"):
        open_table(tmp_path / "none.csv")


def test_missing_column_lists_those_there_are(tmp_path):
    table = open_table(write(tmp_path / "a.csv", "body,topic\na,b\n"))
    with pytest.raises(ValueError, match=r"\[L613\].*'text'.*'body', 'topic'.*--text"):
        table.check_columns(["text"], "--text")


def test_unknown_encoding(tmp_path):
    path = write(tmp_path / "a.csv", "text,label\na,b\n")
    with pytest.raises(ValueError, match=r"\[L627\].*'utf-9'"):
        open_table(path, encoding="utf-9")


def test_wrong_encoding_tells_line_and_byte(tmp_path):
    good = "text,label\n" + "x,y\n" * 100_000
    path = write(tmp_path / "a.csv", good.encode() + "Ärger,z\n".encode("cp1252"))
    message = rf"\[L615\].*line 100002: the byte at offset {len(good)} "
    with pytest.raises(ValueError, match=message):
        read(path)
    assert find_undecodable(path, "utf-8") == (100_002, len(good))


def test_a_character_across_two_chunks_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_longtail.tables.table.CHUNK", 4)
    path = write(tmp_path / "a.csv", b"abc\xc3\xa4\nb\xc3")
    assert find_undecodable(path, "utf-8") == (2, 7)


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", "x")
    real = builtins.__import__

    def fake(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.split(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ValueError, match=r"\[L620\].*spacy-longtail\[files\]"):
        open_table(path)


def test_a_table_can_be_read_twice(tmp_path):
    lines = [json.dumps({"text": str(i), "label": "a"}) for i in range(10)]
    table = open_table(write(tmp_path / "a.jsonl", "\n".join(lines)))
    assert list(table.rows(["text"])) == list(table.rows(["text"]))


class PairTable(Table):
    """A format that the package doesn't know: text and label by turns."""

    def read_columns(self):
        return ["text", "label"]

    def rows(self, names):
        lines = self.path.read_text(encoding=self.dialect.encoding).splitlines()
        for number in range(0, len(lines), 2):
            row = {"text": lines[number], "label": lines[number + 1]}
            yield number + 1, tuple(row[name] for name in names)


def test_a_format_is_one_line(tmp_path, monkeypatch):
    """Everything that reads tables reads it then, by file and by folder."""
    monkeypatch.setitem(FORMATS, ".pairs", PairTable)
    lines = [line for i in range(20) for line in (f"word {i}", f"a/{i % 2}")]
    path = write(tmp_path / "train.pairs", "\n".join(lines))
    for source in (path, tmp_path):
        result = convert_corpus([source], tmp_path / "out" / source.name)
        assert (result.n_rows, result.labels["train"]) == (20, 2)
    assert audit_corpus(path).counts == {"a/0": 10, "a/1": 10}
    assert count_words([path]) == ["word"]
