import json
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ..errors import Errors
from .encodings import open_text
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
        with open_text(self.path, self.encoding) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                    problem = f"found a {type(record).__name__}"
                except ValueError as error:
                    record, problem = None, f"it isn't JSON ({error})"
                if not isinstance(record, dict):
                    where = self.where(number)
                    raise ValueError(Errors.L616.format(where=where, problem=problem))
                yield number, record
