"""Read tables row by row: CSV, TSV, JSONL and Parquet, in bounded memory."""

import csv
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, TextIO, Tuple

from ..errors import Errors
from .encodings import ENCODING, check_encoding, find_undecodable

# The number of a line or row, and the values of the columns that were asked for.
RowT = Tuple[int, Tuple[Any, ...]]

CSV, TSV, JSONL, PARQUET = "csv", "tsv", "jsonl", "parquet"
FORMATS = {
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".parquet": PARQUET,
}
# A cell can hold a long document, the limit of the module is 128 kB.
MAX_CELL = 1 << 30


class Table:
    """A file of rows, which can be read again and again.

    Cells of CSV and TSV are strings as they stand in the file, so that a code like
    "0112" keeps its zero. Those of JSONL and Parquet have their own types.

    path (Path): The suffix tells the format, see FORMATS.
    encoding (str): Of text files. A byte order mark at the start is skipped.
    delimiter (Optional[str]): Between the cells of CSV. By default, a comma, and a
        tab for TSV.
    RAISES (ValueError): L610 to L612, L620, L621 or L627 if it can't be read.
    """

    def __init__(
        self, path: Path, *, encoding: str = ENCODING, delimiter: Optional[str] = None
    ) -> None:
        self.path = path
        self.format = get_format(path)
        self.encoding = check_encoding(encoding)
        self.delimiter = delimiter or ("\t" if self.format == TSV else ",")
        if self.path.stat().st_size == 0:
            raise ValueError(Errors.L612.format(path=path))
        self.columns = self._read_columns()

    def where(self, number: int) -> str:
        """RETURNS (str): File and line of a row, for messages."""
        unit = "row" if self.format == PARQUET else "line"
        return f"{self.path}, {unit} {number}"

    def check_columns(self, names: Sequence[str], option: str) -> None:
        """RAISES (ValueError): L613 if the table has no such column."""
        for name in names:
            if name not in self.columns:
                columns = ", ".join(map(repr, self.columns))
                message = Errors.L613.format(
                    path=self.path, column=name, columns=columns, option=option
                )
                raise ValueError(message)

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        """Read the named columns.

        YIELDS (RowT): Number of the row's first line, and its values; None for one
            that isn't there.
        RAISES (ValueError): L614 to L616 or L621 with file and line.
        """
        if self.format == PARQUET:
            yield from self._read_parquet(names)
        elif self.format == JSONL:
            yield from self._read_jsonl(names)
        else:
            yield from self._read_csv(names)

    def _read_columns(self) -> List[str]:
        if self.format == PARQUET:
            with self._open_parquet() as file_:
                return list(file_.schema_arrow.names)
        if self.format == JSONL:
            first = next(self._read_objects(), None)
            if first is None:
                raise ValueError(Errors.L612.format(path=self.path))
            return list(first[1])
        header = next(self._read_cells(), None)
        if header is None:
            raise ValueError(Errors.L612.format(path=self.path))
        return [cell.strip() for cell in header[1]]

    def _read_parquet(self, names: Sequence[str]) -> Iterator[RowT]:
        with self._open_parquet() as file_:
            number = 0
            for batch in file_.iter_batches(batch_size=4096, columns=list(names)):
                columns = [batch.column(name).to_pylist() for name in names]
                for values in zip(*columns):
                    number += 1
                    yield number, values

    def _read_jsonl(self, names: Sequence[str]) -> Iterator[RowT]:
        for number, record in self._read_objects():
            yield number, tuple(map(record.get, names))

    def _read_csv(self, names: Sequence[str]) -> Iterator[RowT]:
        indices = [self.columns.index(name) for name in names]
        n_columns = len(self.columns)
        cells = self._read_cells()
        next(cells)
        for number, row in cells:
            if len(row) != n_columns:
                message = Errors.L614.format(
                    where=self.where(number), found=len(row), expected=n_columns
                )
                raise ValueError(message)
            yield number, tuple([row[index] for index in indices])

    def _read_objects(self) -> Iterator[Tuple[int, Dict[str, Any]]]:
        with self._open_text() as lines:
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

    def _read_cells(self) -> Iterator[Tuple[int, List[str]]]:
        with self._open_text() as lines:
            csv.field_size_limit(MAX_CELL)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            number = 1
            try:
                for row in reader:
                    # An empty line is no row; one of a single empty cell is.
                    if row:
                        yield number, row
                    number = reader.line_num + 1
            except csv.Error as error:
                where = self.where(number)
                message = Errors.L621.format(where=where, problem=error)
                raise ValueError(message) from None

    @contextmanager
    def _open_text(self) -> Iterator[TextIO]:
        try:
            with self.path.open(encoding=self.encoding, newline="") as file_:
                yield file_
        except UnicodeDecodeError:
            line, offset = find_undecodable(self.path, self.encoding)
            message = Errors.L615.format(
                where=self.where(line), offset=offset, encoding=self.encoding
            )
            raise ValueError(message) from None

    @contextmanager
    def _open_parquet(self) -> Iterator[Any]:
        try:
            import pyarrow
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise ValueError(Errors.L620.format(path=self.path)) from None
        try:
            with ParquetFile(self.path) as file_:
                yield file_
        except pyarrow.ArrowException as error:
            problem = str(error).splitlines()[0]
            message = Errors.L621.format(where=self.path, problem=problem)
            raise ValueError(message) from None


def get_format(path: Path) -> str:
    """RETURNS (str): Format of a file by its suffix.

    RAISES (ValueError): L610 if it isn't there, L611 if it's another format.
    """
    if not path.is_file():
        raise ValueError(Errors.L610.format(path=path))
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise ValueError(Errors.L611.format(path=path, known=known))
    return FORMATS[path.suffix.lower()]
