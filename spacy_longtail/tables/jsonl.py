import json
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from ..errors import Errors
from .table import RowT, Table


class JsonlTable(Table):
    """One JSON object a line. The columns are the keys of the first one."""

    def read_columns(self) -> Optional[List[str]]:
        first = next(self._read_objects(), None)
        return None if first is None else list(first[1])

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        for number, record in self._read_objects():
            yield number, tuple(map(record.get, names))

    def _read_objects(self) -> Iterator[Tuple[int, Dict[str, Any]]]:
        with self.open_text() as lines:
            for number, record in parse_lines(lines):
                if not isinstance(record, dict):
                    problem = f"found a {type(record).__name__}"
                    if isinstance(record, ValueError):
                        problem = f"it isn't JSON ({record})"
                    where = self.where(number)
                    raise ValueError(Errors.L616.format(where=where, problem=problem))
                yield number, record


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
                value = json.loads(text)
            except ValueError as error:
                value = error
            yield number, value
