"""Whatever is in a file: its rows, or an error with a code.

Each case follows from its number, and is run by that alone: FUZZ_SEED=123 FUZZ_CASES=1.
"""

import json
import os
import random
import re
import time
from io import BytesIO

import pytest

from spacy_longtail.audit.corpus import read_docbin
from spacy_longtail.tables import open_table
from spacy_longtail.tables.columns import Columns, RecordReader

FIRST = int(os.environ.get("FUZZ_SEED", "0"))
N_CASES = int(os.environ.get("FUZZ_CASES", "200"))
# Seconds for a file of a few kilobytes, on a busy machine.
LIMIT = 20.0
ROWS = [
    ("lost, my card", "bank/card"),
    ('say "hi"\nthere\ttab', "bank"),
    ("", "N/A"),
    ("ä – 日本", "['x', 'y']"),
    ("http://a", "http://urn.fi/1"),
    ("7", "12"),
]
SNIPPETS = [
    *(b'"', b"'", b"\t", b",", b";", b"\n", b"\r", b"\0", b"\\", b"/", b"//", b" "),
    *(b"{", b"}", b"[", b"]", b":", b"null", b"NaN", b"nan", b"1e999", b"-", b"12.5"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b'"\\ud800"', b"sep=;\n", b"\x1b"),
    *(
        b'"text"',
        b'"label"',
        b'"labels"',
        b'"answer"',
        b"reject",
        b"[[[[",
        b"999999999",
    ),
    *(b"['x', 'y']", b"{'a'}", b"<c r='A9999999'>", b"<row r='99999999'>", b"&lol;"),
]
DIALECTS = {
    "encoding": ["utf-8", "utf-8", "utf-16", "utf-16-le", "cp1252", "ascii", "utf-7"],
    "delimiter": [None, None, ",", ";", "\t", "\\t", "x", " "],
    "quotes": [None, True, False],
    "header": [True, True, False],
}
COLUMNS = [
    Columns(),
    Columns(labels="label"),
    Columns(text=("1",), label=("2",)),
    Columns(text=("label",), label=("text",), separator="|", keep_na=True),
    Columns(path_separator=" > ", list_separator="x"),
]


def write_csv(delimiter):
    cells = [[f'"{cell}"' for cell in row] for row in [("text", "label"), *ROWS]]
    return "\n".join(delimiter.join(row) for row in cells).encode("utf8")


def write_jsonl():
    records = [{"text": text, "label": label, "n": [1.5]} for text, label in ROWS]
    return "\n".join(map(json.dumps, records)).encode("utf8")


def write_json():
    records = [{"text": text, "label": label} for text, label in ROWS]
    return json.dumps({"data": records, "version": 1}).encode("utf8")


def write_parquet():
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    out = BytesIO()
    texts, labels = zip(*ROWS)
    parquet.write_table(pyarrow.table({"text": texts, "label": labels}), out)
    return out.getvalue()


def write_xlsx():
    openpyxl = pytest.importorskip("openpyxl")
    book, out = openpyxl.Workbook(), BytesIO()
    for row in [("text", "label"), *ROWS, (12, 7.0)]:
        book.active.append(row)
    book.active.merge_cells("B2:B3")
    book.save(out)
    return out.getvalue()


FORMATS = {
    ".csv": lambda: write_csv(","),
    ".tsv": lambda: write_csv("\t"),
    ".jsonl": write_jsonl,
    ".json": write_json,
    ".parquet": write_parquet,
    ".xlsx": write_xlsx,
}


def get_cases(number):
    """The cases of a format: each number is of one."""
    last = FIRST + N_CASES
    return [n for n in range(FIRST, last) if n % (len(FORMATS) + 1) == number]


def mutate(data, rng):
    """Change a few places."""
    if rng.random() < 0.05:
        return rng.randbytes(rng.randrange(200))
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice([0, 1, 1, 2, 8, 200]))
        piece = data[start:end]
        new = rng.choice(
            [
                rng.choice(SNIPPETS),
                rng.choice(SNIPPETS) * rng.choice([2, 100]),
                rng.randbytes(rng.randrange(8)),
                piece * 2,
                bytes(byte ^ (1 << rng.randrange(8)) for byte in piece),
                b"",
            ]
        )
        data = data[:start] + new + data[end:]
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data


def repack(data, rng):
    """Change what is inside of an .xlsx file, so that it can still be unpacked."""
    from zipfile import ZIP_STORED, ZipFile

    out = BytesIO()
    with ZipFile(BytesIO(data)) as old, ZipFile(out, "w", ZIP_STORED) as new:
        names = old.namelist()
        changed = rng.sample(names, rng.choice([1, 1, 2]))
        changed.append("xl/worksheets/sheet1.xml")
        for name in names:
            part = old.read(name)
            new.writestr(name, mutate(part, rng) if name in changed else part)
    return out.getvalue()


def check(read, seed, data, tmp_path):
    """Rows, twice the same, or an error with a code, in time."""
    start = time.monotonic()
    try:
        first, second = read(), read()
    except ValueError as error:
        assert re.match(r"\[L\d{3}\] ", str(error)), (seed, error)
        # Whatever is quoted, the message can be shown, and is no novel.
        assert len(str(error)) < 20_000, seed
    except BaseException as error:
        (tmp_path / "found").write_bytes(data)
        raise AssertionError(f"FUZZ_SEED={seed}, see {tmp_path / 'found'}") from error
    else:
        assert first == second, seed
    assert time.monotonic() - start < LIMIT, seed


@pytest.mark.parametrize("suffix", FORMATS)
def test_rows_or_a_coded_error(tmp_path, suffix):
    original = FORMATS[suffix]()
    path = tmp_path / f"a{suffix}"
    for seed in get_cases(list(FORMATS).index(suffix)):
        rng = random.Random(seed)
        is_inside = suffix == ".xlsx" and rng.random() < 0.7
        data = repack(original, rng) if is_inside else mutate(original, rng)
        path.write_bytes(data)
        dialect = {name: rng.choice(values) for name, values in DIALECTS.items()}
        columns = rng.choice(COLUMNS)

        def read():
            reader = RecordReader(open_table(path, **dialect), columns)  # noqa: B023
            records = list(reader)
            assert all(isinstance(record.text, str) for record in records)
            labels = [label for r in records for label in r.labels or ()]
            for label in labels:
                assert all(label.split(columns.separator)), label  # noqa: B023
            return records, reader.notes

        check(read, seed, data, tmp_path)


def test_docs_or_a_coded_error(tmp_path, tickets_dir):
    """The same for a corpus of spaCy's."""
    original = (tickets_dir / "dev.spacy").read_bytes()
    path = tmp_path / "a.spacy"
    for seed in get_cases(len(FORMATS)):
        data = mutate(original, random.Random(seed))
        path.write_bytes(data)
        check(lambda: len(read_docbin(path).labels), seed, data, tmp_path)
