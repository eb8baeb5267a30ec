"""Rows of a table with all of their columns, as they stand in the file. They can be
sent to another process.
"""

import json
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import (
    Any,
    Container,
    Dict,
    Iterable,
    Iterator,
    List,
    Sequence,
    Tuple,
    Type,
    TypeVar,
)

ChunkT = TypeVar("ChunkT", bound="RowChunk")


class RowChunk:
    """Some rows, one after another. A kind of table fills in what it holds.

    names (Sequence[str]): The columns.
    """

    names: Sequence[str]

    def __len__(self) -> int:
        raise NotImplementedError

    @classmethod
    def join(cls: Type[ChunkT], chunks: Sequence[ChunkT]) -> ChunkT:
        """RETURNS (RowChunk): All rows of one or more chunks, which are used up."""
        raise NotImplementedError

    def get_size(self) -> int:
        """RETURNS (int): Characters or bytes, roughly."""
        raise NotImplementedError

    def column(self, name: str) -> Sequence[Any]:
        """RETURNS (Sequence[Any]): The values, None where there is none."""
        raise NotImplementedError

    def records(self) -> Iterator[Dict[str, Any]]:
        """YIELDS (Dict[str, Any]): A new object for each row, for JSON."""
        columns = map(self.column, self.names)
        return (dict(zip(self.names, values)) for values in zip(*columns))

    def strings(self) -> List[Any]:
        """RETURNS (List[pyarrow.Array]): Strings for CSV, one array a column."""
        return [make_strings(self.column(name)) for name in self.names]

    def to_arrow(self, schema: Any, as_text: Container[str] = ()) -> Any:
        """Make a record batch.

        schema (pyarrow.Schema): With the names of the columns.
        as_text (Container[str]): Columns of different types, written as text.
        """
        import pyarrow

        arrays = [
            make_strings(self.column(field.name))
            if field.name in as_text or field.type == pyarrow.string()
            else pyarrow.array(self.column(field.name), field.type)
            for field in schema
        ]
        return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


class CellChunk(RowChunk):
    """Cells of a table that has a cell for each column in each row.

    columns (List[List[Any]]): The values of each.
    """

    def __init__(self, names: Sequence[str], columns: List[List[Any]]) -> None:
        self.names, self.columns = names, columns

    def __len__(self) -> int:
        return len(self.columns[0])

    @classmethod
    def join(cls, chunks: Sequence["CellChunk"]) -> "CellChunk":
        first = chunks[0]
        for chunk in chunks[1:]:
            for column, more in zip(first.columns, chunk.columns):
                column.extend(more)
        return first

    def get_size(self) -> int:
        return sum(map(_count_characters, self.columns))

    def column(self, name: str) -> Sequence[Any]:
        return self.columns[self.names.index(name)]


def make_cell_chunks(
    names: Sequence[str], rows: Iterable[Tuple[int, Sequence[Any]]], n_rows: int
) -> Iterator[CellChunk]:
    """YIELDS (CellChunk): Numbered rows without their numbers, so many at a time."""
    numbered = iter(rows)
    while found := [row for _, row in islice(numbered, n_rows)]:
        yield CellChunk(names, list(map(list, zip(*found))))


class RecordChunk(RowChunk):
    """Objects of JSON, each of which can lack some of the columns."""

    def __init__(self, names: Sequence[str], found: List[Dict[str, Any]]) -> None:
        self.names, self.found = names, found

    def __len__(self) -> int:
        return len(self.found)

    @classmethod
    def join(cls, chunks: Sequence["RecordChunk"]) -> "RecordChunk":
        first = chunks[0]
        for chunk in chunks[1:]:
            first.found.extend(chunk.found)
        return first

    def get_size(self) -> int:
        return sum(_count_characters(record.values()) for record in self.found)

    def column(self, name: str) -> Sequence[Any]:
        return [record.get(name) for record in self.found]

    def records(self) -> Iterator[Dict[str, Any]]:
        return iter(self.found)


class ArrowChunk(RowChunk):
    """A record batch with the types of its file."""

    def __init__(self, batch: Any) -> None:
        self.names, self.batch = batch.schema.names, batch

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    @classmethod
    def join(cls, chunks: Sequence["ArrowChunk"]) -> "ArrowChunk":
        import pyarrow

        batches = [chunk.batch for chunk in chunks]
        table = pyarrow.Table.from_batches(batches).unify_dictionaries()
        return cls(table.combine_chunks().to_batches()[0])

    def get_size(self) -> int:
        return int(self.batch.nbytes)

    def column(self, name: str) -> Sequence[Any]:
        return to_values(self.batch.column(name))

    def strings(self) -> List[Any]:
        import pyarrow

        string = pyarrow.string()
        return [
            column.cast(string)
            if _is_plain(column.type)
            else pyarrow.array(map(to_string, to_values(column)), string)
            for column in self.batch.columns
        ]

    def to_arrow(self, schema: Any, as_text: Container[str] = ()) -> Any:
        return self.batch


def to_values(column: Any) -> List[Any]:
    """RETURNS (List[Any]): The values of an Arrow array. Points in time that Python
    hasn't, of nanoseconds or far away years, are strings. Bytes of strings that aren't
    UTF-8, as Spark lets through, are escapes.
    """
    try:
        found: List[Any] = column.to_pylist()
        return found
    except (ValueError, OverflowError):
        return [*map(_to_value, column)]


def _to_value(scalar: Any) -> Any:
    import pyarrow

    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        if isinstance(scalar, pyarrow.StructScalar):
            return {name: _to_value(value) for name, value in scalar.items()}
        if isinstance(scalar, pyarrow.ListScalar):
            return [*map(_to_value, scalar.values)]
        if isinstance(scalar, pyarrow.StringScalar):
            return scalar.as_buffer().to_pybytes().decode("utf8", "backslashreplace")
        if isinstance(scalar, pyarrow.DurationScalar):
            return scalar.value / 1e9
        text = str(scalar.cast(pyarrow.string()))
        # Of a year beyond all, Arrow says so.
        return text if text.startswith("<") else text.replace(" ", "T")


def _is_plain(kind: Any) -> bool:
    """RETURNS (bool): Whether Arrow writes values of a type as we do."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return bool(types.is_string(kind.value_type))
    tests = types.is_string, types.is_large_string, types.is_integer, types.is_floating
    return any(is_type(kind) for is_type in tests)


def make_strings(values: Sequence[Any]) -> Any:
    """RETURNS (pyarrow.Array): The values as the cells of CSV have them: strings as
    they are, objects and lists as JSON, and null where there is none.
    """
    import pyarrow

    try:
        return pyarrow.array(values, pyarrow.string())
    except (pyarrow.ArrowException, UnicodeError, TypeError):
        return pyarrow.array(list(map(to_string, values)), pyarrow.string())


def to_string(value: Any) -> Any:
    """RETURNS (Optional[str]): A value as a string, half characters with escapes."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf8", "backslashreplace").decode("utf8")
    found = to_plain(value)
    return found if isinstance(found, str) else to_json(value)


def to_json(value: Any) -> str:
    """RETURNS (str): JSON in one line, half characters with escapes."""
    found = json.dumps(value, ensure_ascii=False, default=to_plain)
    try:
        found.encode("utf8")
    except UnicodeEncodeError:
        return json.dumps(value, default=to_plain)
    return found


def to_plain(value: Any) -> Any:
    """RETURNS (Any): A value that JSON has: ISO 8601 for points in time, seconds for
    lengths, hexadecimal digits for bytes.
    """
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (bool, int, float, list, tuple, dict)):
        return value
    return str(value)


def _count_characters(values: Any) -> int:
    try:
        return sum(map(len, values))
    except TypeError:
        return sum(len(v) if isinstance(v, str) else 8 for v in values)
