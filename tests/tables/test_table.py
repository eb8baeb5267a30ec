import builtins
import bz2
import gzip
import json
import sys

import pytest

from spacy_longtail.audit import audit_corpus
from spacy_longtail.convert import convert_corpus
from spacy_longtail.tables import FORMATS, Table, open_table
from spacy_longtail.tables.table import find_undecodable
from spacy_longtail.vectors.corpus_words import count_words

LIBRARIES = ("pyarrow", "openpyxl")


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


RAW_QUOTES = 'text\tlabel\n"Lost it\ta\nwas there\tb\nthe end"\tc\n'


def test_a_quote_that_is_text_swallows_no_rows(tmp_path):
    """Where nobody says what quotes are, a cell over lines and tabs is an error."""
    path = write(tmp_path / "a.tsv", RAW_QUOTES)
    message = r"\[L639\].*a\.tsv, line 2: .* to line 4 .*--no-quotes.*--quotes"
    with pytest.raises(ValueError, match=message):
        read(path)
    rows = [('"Lost it', "a"), ("was there", "b"), ('the end"', "c")]
    assert read(path, quotes=False) == rows
    assert read(path, quotes=True) == [("Lost it\ta\nwas there\tb\nthe end", "c")]


def test_quotes_of_tsv_are_those_of_excel_otherwise(tmp_path):
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"one\ntwo"\ta\n"say ""x"""\tb\n')
    assert read(path) == [("one\ntwo", "a"), ('say "x"', "b")]


def test_a_cell_of_csv_over_lines_and_commas_is_noted(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"x,\ny",a\n"x\ny",a\n"p,q",a\n')
    table = open_table(path)
    assert len(list(table.rows(["text"]))) == 3
    assert table.notes == {"many_lines": 1}
    assert table.first["many_lines"].endswith("a.csv, line 2")
    table = open_table(path, quotes=True)
    assert list(table.rows(["text"])) and not table.notes


@pytest.mark.parametrize("name, delimiter", [("a.csv", ","), ("a.tsv", "\t")])
def test_without_a_header_columns_have_numbers(tmp_path, name, delimiter):
    path = write(tmp_path / name, f"lost card{delimiter}b/card\nhi{delimiter}b\n")
    assert read(path, ["2", "1"], header=False) == [
        ("b/card", "lost card"),
        ("b", "hi"),
    ]
    message = r"\[L613\].*'lost card', 'b/card'.*--no-header.*--text 1 --label 2"
    with pytest.raises(ValueError, match=message):
        open_table(path).check_columns(["text"], "--text")


@pytest.mark.parametrize("first", ["sep=;\r\n", "\ufeffSEP=;\n", '"sep=;"\n'])
def test_first_line_by_which_excel_says_the_delimiter(tmp_path, first):
    path = write(tmp_path / "a.csv", first + "text;label\na,b;c\n\nd;e;f\n")
    rows = open_table(path).rows(["text", "label"])
    assert next(rows) == (3, ("a,b", "c"))
    with pytest.raises(ValueError, match=r"\[L614\].*line 5: .* 3 cells"):
        next(rows)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_delimiter_that_a_spreadsheet_writes_in_place_of_a_comma(tmp_path, delimiter):
    lines = ["text;label", "a,b;c", '"d;e";f']
    text = "\ufeff" + "\r\n".join(lines).replace(";", delimiter) + "\r\n"
    path = write(tmp_path / "a.csv", text)
    assert read(path) == [("a,b", "c"), (f"d{delimiter}e", "f")]
    # One of the usual ones in the header is the delimiter.
    path = write(tmp_path / "b.csv", "text,label,a;b\nx,y,z\n")
    assert read(path) == [("x", "y")]


def test_delimiter_as_it_is_typed(tmp_path):
    path = write(tmp_path / "a.csv", "text\tlabel\na,b\tc\n")
    assert read(path, delimiter="\\t") == read(path, delimiter="\t") == [("a,b", "c")]


@pytest.mark.parametrize("delimiter", ["", "||", '"', "\n", "\0", "\\n"])
def test_bad_delimiter(tmp_path, delimiter):
    path = write(tmp_path / "a.csv", "text,label\na,b\n")
    with pytest.raises(ValueError, match=r"\[L664\].*one character"):
        open_table(path, delimiter=delimiter)


@pytest.mark.parametrize("name", ["text", "label"])
def test_columns_of_the_same_name(tmp_path, name):
    path = write(tmp_path / "a.csv", f"text,label,{name},x,x\na,b,c,d,e\n")
    table = open_table(path)
    with pytest.raises(ValueError, match=rf"\[L632\].*2 columns named '{name}'.*, 3\]"):
        table.check_columns([name], "--label")
    table.check_columns([{"text": "label", "label": "text"}[name]], "--text")


@pytest.mark.parametrize(
    "data",
    [
        '[{"text": "a", "label": "b"}, {"text": "c"}]',
        '{"version": 1, "data": [{"text": "a", "label": "b"}, {"text": "c"}]}',
        '{"text": "a", "label": "b"}\n{"text": "c"}\n',
    ],
)
def test_json(tmp_path, data):
    assert read(write(tmp_path / "a.json", data)) == [("a", "b"), ("c", None)]


def test_json_of_one_record(tmp_path):
    path = write(tmp_path / "a.json", '{"text": "a", "label": "b"}\n')
    assert read(path) == [("a", "b")]


def test_the_columns_of_jsonl_are_the_keys_of_all_records(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": "c", "label": "b"}\n')
    assert open_table(path).columns == ["text", "label"]
    assert read(path) == [("a", None), ("c", "b")]


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
        ("a.xlsx", "no workbook", r"\[L621\].*a\.xlsx"),
        ("a.csv.gz", "x", r"\[L611\].*Unpack it"),
        ("a.ods", "x", r"\[L611\].*Save it as \.xlsx"),
        ("a.jsonl", "[" * 200_000, r"\[L616\].*line 1: .*nested too deeply"),
        ("a.jsonl", '{"a": 1, "a": 2}', r"\[L616\].*line 1: .*two values.*'a'"),
        ("a.json", "[" * 200_000, r"\[L633\].*nested too deeply"),
        ("a.json", '{"text": {"0": "x"}}', r"\[L633\].*'text'.*orient='records'"),
        ("a.json", "12", r"\[L633\].*found a int"),
        ("a.json", '[{"text": "x"}, 7]', r"\[L616\].*record 2: found a int"),
        ("a.json", '{"data": []}', r"\[L612\]"),
        ("a.csv", "text,label\na,b\n".encode("utf-16-le"), r"\[L631\].*utf-16-le"),
        ("a.csv", b"text,label\na\0b,c\n", r"\[L631\].*line 2 has a null byte"),
        ("a.csv", 'text,label\n"a"b,c\n', r"\[L621\].*line 2.*--no-quotes"),
        ("a.csv", gzip.compress(b"text\na\n", mtime=0), r"\[L631\].*compressed"),
        ("a.jsonl", bz2.compress(b"{}\n"), r"\[L631\].*compressed"),
    ],
)
def test_bad_files(tmp_path, name, data, message):
    if name.endswith(("parquet", "xlsx")):
        pytest.importorskip("pyarrow")
        pytest.importorskip("openpyxl")
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path / name, data))


def test_missing_file(tmp_path):
    with pytest.raises(ValueError, match=r"\[L610\].*none\.csv"):
        open_table(tmp_path / "none.csv")


def test_missing_column_lists_those_there_are(tmp_path):
    table = open_table(write(tmp_path / "a.csv", "body,topic\na,b\n"))
    with pytest.raises(ValueError, match=r"\[L613\].*'text'.*'body', 'topic'.*--text"):
        table.check_columns(["text"], "--text")


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "hex", "undefined", "", "a\0"])
def test_unknown_encoding(tmp_path, encoding):
    path = write(tmp_path / "a.csv", "text,label\na,b\n")
    with pytest.raises(ValueError, match=r"\[L627\].*no encoding"):
        open_table(path, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_wide_encoding_without_a_mark(tmp_path, encoding):
    path = write(tmp_path / "a.csv", "text,label\na,b\n".encode(f"{encoding}-le"))
    with pytest.raises(ValueError, match=rf"\[L631\].*order mark.*{encoding}-le"):
        read(path, encoding=encoding)
    assert read(path, encoding=f"{encoding}-le") == [("a", "b")]


def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch):
    path = write(tmp_path / "a.csv", "text,label\na,b\n")

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(ValueError, match=r"\[L631\].*a\.csv: Permission denied"):
        open_table(path)


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


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx"])
def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch, name):
    path = write(tmp_path / name, "x")
    real = builtins.__import__

    def fake(name, *args, **kwargs):
        if name.startswith(LIBRARIES):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.split(".")[0] in LIBRARIES]:
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
