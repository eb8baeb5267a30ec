import json
from itertools import islice
from typing import (
    Any,
    BinaryIO,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from ..errors import Errors
from .chunks import RecordChunk, RowChunk
from .table import RowT, Table
from .writer import TextWriter, add_answers, write_lines


class JsonlTable(Table):
    """One JSON object a line. The columns are the keys of all of them."""

    def read_columns(self) -> Optional[List[str]]:
        columns: Optional[Dict[str, None]] = None
        for _, record in self._read_objects():
            columns = columns or {}
            columns.update(dict.fromkeys(record))
        return None if columns is None else list(columns)

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        for number, record in self._read_objects():
            yield number, tuple(map(record.get, names))

    def chunks(self, n_rows: int) -> Iterator[RecordChunk]:
        records = (record for _, record in self._read_objects())
        while found := list(islice(records, n_rows)):
            yield RecordChunk(self.columns, found)

    def read_values(self) -> Iterator[Tuple[int, Any]]:
        """YIELDS (Tuple[int, Any]): Number and value, see parse_lines."""
        with self.open_text() as lines:
            yield from parse_lines(lines)

    def _read_objects(self) -> Iterator[Tuple[int, Dict[str, Any]]]:
        for number, record in self.read_values():
            if not isinstance(record, dict):
                problem = f"found a {type(record).__name__}"
                if isinstance(record, ValueError):
                    problem = f"it isn't JSON ({record})"
                where = self.where(number)
                raise ValueError(Errors.L616.format(where=where, problem=problem))
            yield number, record


class JsonlWriter(TextWriter):
    """One JSON object a line. A key that a row lacks stays absent."""

    suffix = ".jsonl"

    def write_piece(
        self,
        file_: BinaryIO,
        chunk: RowChunk,
        answers: Any,
        *,
        is_whole: bool = False,
    ) -> None:
        write_lines(file_, add_answers(chunk, answers))


def parse_lines(lines: Iterable[Union[str, bytes]]) -> Iterator[Tuple[int, Any]]:
    """Parse JSON, one value a line.

    lines (Iterable[Union[str, bytes]]): Bytes are UTF-8, with or without a byte order
        mark.
    YIELDS (Tuple[int, Any]): Number of the line, from 1, and its value, or the
        ValueError that says why it has none. Empty lines are left out.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                text = line if isinstance(line, str) else line.decode("utf-8-sig")
                value = parse_json(text)
            except ValueError as error:
                value = error
            yield number, value


def parse_json(text: str) -> Any:
    """RAISES (ValueError): If it isn't JSON, is nested too deeply, or an object has two
    values of a key.
    """
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _make_object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"there are two values of the key {twice!r}")
    return found


# Making one for each line would take longer than reading it.
DECODER = json.JSONDecoder(object_pairs_hook=_make_object)
