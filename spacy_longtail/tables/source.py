"""All rows of one table, or of several with the same columns as one stream."""

import glob
from codecs import BOM_UTF8
from collections import Counter
from datetime import date, datetime, time
from pathlib import Path
from typing import (
    Any,
    BinaryIO,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from ..errors import JobErrors
from . import FORMATS, is_table, open_table
from .cells import check_characters
from .chunks import RecordChunk, RowChunk
from .columns import describe_notes
from .jsonl import JsonlTable
from .table import Table

# Of a folder that was written in shards.
MANIFEST = "manifest.json"
# Rows that are read at a time; those that a chunk has are a multiple.
N_ROWS = 1000
# A chunk is full with so many characters, whatever rows it has.
MAX_SIZE = 1 << 25
# How many times longer than others the strings of a column are that is the text.
LEAD = 2.0
# Whole numbers that a float has exactly.
MAX_EXACT = 1 << 53
MAX_INT = 1 << 63
BLOCK = 1 << 20
# Of what isn't read.
MAX_SHOWN = 5
# How files begin that aren't CSV.
MARKS = {b"{": ".jsonl", b"[": ".json", b"PAR1": ".parquet", b"PK\x03\x04": ".xlsx"}


class Source:
    """Rows with all of their columns.

    tables (Sequence[Table]): At least one.
    left_out (Sequence[Path]): What stands beside them, but isn't read.
    RAISES (ValueError): L632 if a name is that of several columns, L636 if there is
        half a character in one, L712 if the columns of the tables aren't the same.
        Objects of JSON can have different keys.
    """

    def __init__(self, tables: Sequence[Table], left_out: Sequence[Path] = ()) -> None:
        self.tables = list(tables)
        self.left_out = list(left_out)
        first = self.tables[0]
        self.schema = first.get_schema()
        for table in self.tables:
            table.check_columns(table.columns, "--text")
            for name in table.columns:
                check_characters(name, f"{table.path}, the name of a column")
            problem = _find_difference(first, table, self.schema)
            if problem:
                message = JobErrors.L712.format(
                    first=first.path, second=table.path, problem=problem
                )
                raise ValueError(message)
        names = (name for table in self.tables for name in table.columns)
        self.columns = list(dict.fromkeys(names))

    @property
    def paths(self) -> List[Path]:
        return [table.path for table in self.tables]

    @property
    def has_types(self) -> bool:
        return self.tables[0].has_types

    def check_text(self, names: Sequence[str]) -> None:
        """RAISES (ValueError): L613 if there is no such column."""
        for table in self.tables[:1]:
            known, table.columns = table.columns, self.columns
            try:
                table.check_columns(names, "--text")
            finally:
                table.columns = known

    def chunks(self, n_rows: int) -> Iterator[RowChunk]:
        """Read all rows. The same files and number give the same chunks.

        n_rows (int): Rows of a chunk, rounded up to what is read at a time.
        """
        waiting: List[RowChunk] = []
        n_waiting = size = 0
        for table in self.tables:
            table.notes.clear()
            table.first.clear()
            for piece in table.chunks(min(n_rows, N_ROWS)):
                if isinstance(piece, RecordChunk):
                    piece.names = self.columns
                waiting.append(piece)
                n_waiting += len(piece)
                size += piece.get_size()
                if n_waiting >= n_rows or size >= MAX_SIZE:
                    yield type(piece).join(waiting)
                    waiting, n_waiting, size = [], 0, 0
        if waiting:
            yield type(waiting[0]).join(waiting)

    def describe_notes(self) -> List[str]:
        """RETURNS (List[str]): What was remarkable, in sentences."""
        notes: "Counter[str]" = sum((t.notes for t in self.tables), Counter())
        first = {name: at for t in self.tables[::-1] for name, at in t.first.items()}
        found = describe_notes(notes, first)
        if self.left_out:
            names = ", ".join(map(str, self.left_out[:MAX_SHOWN]))
            names += ", …" if len(self.left_out) > MAX_SHOWN else ""
            found.append(f"Not read, as their names aren't those of tables: {names}.")
        return found

    def guess_text(self) -> str:
        """Find the column of the text: the one named "text", the only one of strings
        with letters, or the one whose strings are by far the longest.

        RAISES (ValueError): L711 if it isn't clear.
        """
        if "text" in self.columns:
            return "text"
        sample = next(self.chunks(N_ROWS), None)
        lengths = {} if sample is None else _measure(sample)
        best = sorted(lengths, key=lambda name: -lengths[name])[:2]
        if best and (len(best) == 1 or lengths[best[0]] >= LEAD * lengths[best[1]]):
            return best[0]
        columns = ", ".join(map(repr, self.columns))
        path = self.tables[0].path
        raise ValueError(JobErrors.L711.format(path=path, columns=columns))

    def infer_schema(self) -> Tuple[Any, List[str]]:
        """Find types that fit all values. Those of a table without types are strings.

        RETURNS (Tuple[pyarrow.Schema, List[str]]): With the columns whose values have
            different types or are lists or objects, which are written as text.
        """
        import pyarrow

        if self.schema is not None:
            return self.schema, []
        kinds: Dict[str, Set[Any]] = {name: set() for name in self.columns}
        for chunk in self.chunks(N_ROWS) if self.has_types else ():
            for name in self.columns:
                kinds[name].update(_find_kinds(chunk.column(name)))
        fields, as_text = [], []
        for name in self.columns:
            kind = _choose_type(kinds[name])
            if kind is None:
                as_text.append(name)
            fields.append((name, kind or pyarrow.string()))
        return pyarrow.schema(fields), as_text


def open_source(inputs: Sequence[Union[str, Path]], **dialect: Any) -> Source:
    """Open files, the tables of folders, and what a pattern with * or ? finds, sorted.

    dialect (Any): The fields of a Dialect.
    RAISES (ValueError): L713 if a folder or pattern has no table. Else see open_table
        and Source.
    """
    found = [_find_tables(name) for name in map(str, inputs)]
    paths = dict.fromkeys(path for tables, _ in found for path in tables)
    left_out = [path for _, others in found for path in others]
    return Source([open_table(path, **dialect) for path in paths], left_out)


def save_stream(stream: BinaryIO, folder: Path, format: Optional[str] = None) -> Path:
    """Read a stream to its end, into a file that can be opened as a source.

    format (Optional[str]): Like "csv", by default what it looks like.
    RETURNS (Path): The file.
    """
    start = stream.read(BLOCK)
    suffix = _sniff(start) if format is None else f".{format.lower().lstrip('.')}"
    path = folder / f"stdin{suffix}"
    with path.open("wb") as file_:
        while start:
            file_.write(start)
            start = stream.read(BLOCK)
    return path


def _sniff(start: bytes) -> str:
    """RETURNS (str): The suffix of what starts like that."""
    for mark, suffix in MARKS.items():
        if start.removeprefix(BOM_UTF8).lstrip().startswith(mark):
            return suffix
    line = start.partition(b"\n")[0]
    return ".tsv" if line.count(b"\t") > line.count(b",") else ".csv"


def _find_tables(name: str) -> Tuple[List[Path], List[Path]]:
    """RETURNS (Tuple[List[Path], List[Path]]): Tables, and what else there is."""
    path = Path(name)
    if not path.is_dir() and (path.exists() or not glob.has_magic(name)):
        return [path], []
    found = list(path.iterdir()) if path.is_dir() else map(Path, glob.iglob(name))
    seen = [
        part
        for part in sorted(found)
        if part.name != MANIFEST and part.name[0] not in "._"
    ]
    tables = [part for part in seen if is_table(part)]
    if not tables:
        raise ValueError(JobErrors.L713.format(path=name, known=", ".join(FORMATS)))
    return tables, [part for part in seen if not is_table(part)]


def _find_difference(first: Table, second: Table, schema: Any) -> str:
    if type(first) is not type(second):
        return "their formats are different"
    if isinstance(first, JsonlTable):
        return ""
    if first.columns != second.columns:
        return f"the columns are {first.columns[:20]} and {second.columns[:20]}"
    if schema is None:
        return ""
    for field, other in zip(schema, second.get_schema()):
        if field.type != other.type:
            return f"the column {field.name!r} is {field.type} and {other.type}"
    return ""


def _measure(sample: RowChunk) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): Mean length of the strings of a column with words."""
    lengths = {}
    for name in sample.names:
        strings = [v for v in sample.column(name) if isinstance(v, str) and v.strip()]
        if any(letter.isalpha() for text in strings for letter in text):
            lengths[name] = sum(map(len, strings)) / len(strings)
    return lengths


def _find_kinds(values: Sequence[Any]) -> Set[Any]:
    """RETURNS (Set[Any]): The types, or a reason why a number has none."""
    kinds: Set[Any] = set(map(type, values))
    if int in kinds:
        numbers = [abs(value) for value in values if type(value) is int]
        if max(numbers) >= MAX_EXACT:
            kinds.add("inexact")
        if max(numbers) >= MAX_INT:
            kinds.add("large")
    return kinds


def _choose_type(kinds: Set[Any]) -> Optional[Any]:
    """RETURNS (Optional[pyarrow.DataType]): None if no type fits all values."""
    import pyarrow

    kinds = kinds - {type(None)}
    if kinds <= {str}:
        return pyarrow.string()
    if kinds <= {int, "inexact"}:
        return pyarrow.int64()
    choices: Dict[Any, Set[Any]] = {
        pyarrow.float64(): {int, float},
        pyarrow.bool_(): {bool},
        pyarrow.timestamp("us"): {datetime},
        pyarrow.date32(): {date},
        pyarrow.time64("us"): {time},
    }
    return next((kind for kind, types in choices.items() if kinds <= types), None)
