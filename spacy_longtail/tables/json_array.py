from pathlib import Path
from typing import Any, BinaryIO, Iterable, Iterator, Tuple

from ..errors import Errors
from .jsonl import JsonlTable, JsonlWriter, parse_json, parse_lines
from .writer import read_blocks


class JsonArrayTable(JsonlTable):
    """An array of JSON objects, by itself or as the only one in an object, like
    {"data": [...]}. It's held in memory while it is read. Lines of JSON are read, too.
    """

    unit = "record"

    def read_values(self) -> Iterator[Tuple[int, Any]]:
        with self.open_text() as file_:
            text = file_.read()
        try:
            found = parse_json(text)
        except ValueError as error:
            first = next(parse_lines(text.split("\n")), (0, None))[1]
            # What is broken within its first line is no line of JSON.
            if not isinstance(first, dict):
                raise self._make_error(f"it isn't JSON ({error})") from None
            self.unit = "line"
            yield from parse_lines(text.split("\n"))
            return
        yield from enumerate(self._find_records(found), start=1)

    def _find_records(self, found: Any) -> Any:
        if isinstance(found, list):
            return found
        if not isinstance(found, dict):
            raise self._make_error(f"found a {type(found).__name__}")
        arrays = [value for value in found.values() if isinstance(value, list)]
        records = [v for v in arrays if all(isinstance(item, dict) for item in v)]
        if len(records) == 1:
            return records[0]
        if "text" in found and isinstance(found["text"], str):
            # A single line of JSONL.
            return [found]
        keys = ", ".join(map(repr, list(found)[:10]))
        raise self._make_error(f"found an object of {keys}")

    def _make_error(self, problem: str) -> ValueError:
        return ValueError(Errors.L633.format(path=self.path, problem=problem))


class JsonArrayWriter(JsonlWriter):
    """An array of JSON objects, one a line."""

    is_divisible = False

    def join(self, pieces: Iterable[Path], file_: BinaryIO) -> None:
        # The pieces are lines of JSON, in which no other line ends stand.
        file_.write(b"[")
        start, end = b"\n", b""
        for data in read_blocks(pieces):
            data = end + data
            end = b"\n" if data.endswith(b"\n") else b""
            data = data.removesuffix(b"\n")
            file_.write(start + data.replace(b"\n", b",\n"))
            start = b""
        file_.write(b"\n]\n")
