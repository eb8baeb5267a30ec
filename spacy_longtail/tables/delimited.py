import csv
import re
from typing import Any, BinaryIO, Iterator, List, Optional, Sequence, Tuple

import numpy

from ..errors import Errors
from .chunks import CellChunk, RowChunk, make_cell_chunks, make_strings
from .table import CHUNK, RowT, Table
from .writer import TextWriter

# A cell can hold a long document, the limit of the module is 128 kB.
MAX_CELL = 1 << 30
# A first line by which Excel says what the delimiter is.
SEP = re.compile(r"\ufeff?\"?sep=([^\"\r\n\0])\"?\s*", re.IGNORECASE)
QUOTES = "Check the quotes and the delimiter. If quotes are text, give --no-quotes."
# Without the usual delimiter, what spreadsheets of many languages write in its place.
INSTEAD = (";", "\t")
QUOTE = ord('"')
LINE_ENDS = re.compile(r"[\r\n]")


class DelimitedTable(Table):
    """CSV, or TSV if the suffix is another."""

    has_types = False
    has_lists = False
    hint = (
        "If they stand in one column, give what is between the cells with --delimiter. "
        "If they are the first row of data, there is no header: give --no-header, and "
        "number the columns, like --text 1 --label 2."
    )

    def read_columns(self) -> Optional[List[str]]:
        first = next(self._read_cells(), None)
        if first is None:
            return None
        if self.dialect.header:
            return [cell.strip() for cell in first[1]]
        return [str(number + 1) for number in range(len(first[1]))]

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        indices = [self.columns.index(name) for name in names]
        for number, row in self._read_rows():
            yield number, tuple([row[index] for index in indices])

    def chunks(self, n_rows: int) -> Iterator[CellChunk]:
        return make_cell_chunks(self.columns, self._read_rows(), n_rows)

    def _read_rows(self) -> Iterator[Tuple[int, List[str]]]:
        n_columns = len(self.columns)
        cells = self._read_cells()
        if self.dialect.header:
            next(cells, None)
        for number, row in cells:
            if len(row) != n_columns:
                where, found = self.where(number), len(row)
                text = Errors.L614.format(where=where, found=found, expected=n_columns)
                raise ValueError(text)
            yield number, row

    def _read_cells(self) -> Iterator[Tuple[int, List[str]]]:
        usual = "," if self.path.suffix.lower() == ".csv" else "\t"
        with self.open_text() as lines:
            start = lines.readline(CHUNK)
            found = SEP.fullmatch(start)
            if not found:
                lines.seek(0)
            n_before = int(found is not None)
            said = found.group(1) if found else self._guess(start, usual)
            delimiter = self.dialect.delimiter or said
            csv.field_size_limit(MAX_CELL)
            is_text = self.dialect.quotes is False
            quoting: Any = csv.QUOTE_NONE if is_text else csv.QUOTE_MINIMAL
            reader = csv.reader(
                lines, delimiter=delimiter, quoting=quoting, strict=True
            )
            number = n_before + 1
            try:
                for row in reader:
                    last = n_before + reader.line_num
                    # An empty line is no row; one of a single empty cell is.
                    if row:
                        if last > number:
                            self._check_lines(number, last, row, delimiter)
                        yield number, row
                    number = last + 1
            except csv.Error as error:
                where = self.where(number)
                message = Errors.L621.format(where=where, problem=error, hint=QUOTES)
                raise ValueError(message) from None

    def _guess(self, header: str, usual: str) -> str:
        """RETURNS (str): The usual delimiter, unless the header has only another."""
        if not self.dialect.header or usual in header:
            return usual
        return next((mark for mark in INSTEAD if mark in header), usual)

    def _check_lines(
        self, number: int, last: int, row: List[str], delimiter: str
    ) -> None:
        """A quote that is text swallows whole lines, up to the next one."""
        where = self.where(number)
        if self.dialect.quotes or not any(
            delimiter in cell and LINE_ENDS.search(cell) for cell in row
        ):
            return
        if delimiter == "\t":
            raise ValueError(Errors.L639.format(where=where, last=last))
        self.note("many_lines", where)


class DelimitedWriter(TextWriter):
    """CSV in UTF-8. Cells have quotes where they need them."""

    suffix = ".csv"
    delimiter = ","

    def make_start(self) -> bytes:
        import pyarrow

        header = [pyarrow.array([name]) for name in self.layout.header]
        cells = [quote(name, self.delimiter) for name in header]
        return bytes(join_rows(cells, self.delimiter))

    def write_piece(
        self, file_: BinaryIO, chunk: RowChunk, answers: Any, *, is_whole: bool = False
    ) -> None:
        if is_whole:
            file_.write(self.make_start())
        columns = [quote(column, self.delimiter) for column in chunk.strings()]
        columns += [self._make_cells(column) for column in answers.columns]
        file_.write(join_rows(columns, self.delimiter))

    def _make_cells(self, column: Any) -> Any:
        """RETURNS (pyarrow.Array): Strings. Numbers have the digits that they are read
        back by, lists are JSON.
        """
        import pyarrow

        if pyarrow.types.is_string(column.type):
            # Labels repeat, so that most need not be looked at.
            found = column.dictionary_encode()
            quoted = quote(found.dictionary, self.delimiter)
            is_plain = quoted is found.dictionary
            return column if is_plain else quoted.take(found.indices)
        if pyarrow.types.is_nested(column.type):
            return quote(make_strings(column.to_pylist()), self.delimiter)
        return column.cast(pyarrow.string())


class TabWriter(DelimitedWriter):
    """Like CSV, with tabs in place of commas."""

    suffix = ".tsv"
    delimiter = "\t"


def quote(column: Any, delimiter: str) -> Any:
    """Put quotes around cells in which something has another meaning without.

    column (pyarrow.Array): Strings.
    RETURNS (pyarrow.Array): The same one if no cell needs them.
    """
    import pyarrow
    from pyarrow import compute

    bounds, data = _get_buffers(column)
    text = bytes(memoryview(data)[bounds[0] : bounds[-1]])
    special = [mark for mark in f'{delimiter}"\r\n'.encode() if mark in text]
    if not special:
        return column
    letters = numpy.frombuffer(text, dtype="uint8")
    is_special = letters == special[0]
    for mark in special[1:]:
        is_special |= letters == mark
    # How many there are before each cell.
    before = numpy.flatnonzero(is_special).searchsorted(bounds - bounds[0])
    needs = pyarrow.array(before[1:] > before[:-1])
    if QUOTE in special:
        column = compute.replace_substring(column, '"', '""')
    quotes = compute.if_else(needs, '"', "")
    return compute.binary_join_element_wise(quotes, column, quotes, "")


def join_rows(columns: Sequence[Any], delimiter: str) -> memoryview:
    """Write rows without making Python objects of their cells.

    columns (Sequence[pyarrow.Array]): Strings, null for an empty cell.
    RETURNS (memoryview): UTF-8, each row with a line end.
    """
    from pyarrow import compute

    if not len(columns[0]):
        return memoryview(b"")
    *cells, last = columns
    replace = {"null_handling": "replace", "null_replacement": ""}
    last = compute.binary_join_element_wise(last, "\n", "", **replace)
    lines = compute.binary_join_element_wise(*cells, last, delimiter, **replace)
    # The strings stand behind each other in one buffer.
    bounds, data = _get_buffers(lines)
    return memoryview(data)[bounds[0] : bounds[-1]]


def _get_buffers(column: Any) -> Tuple[numpy.ndarray, Any]:
    """RETURNS (Tuple[numpy.ndarray, pyarrow.Buffer]): Where the strings of an array
    begin and the last one ends, and their bytes.
    """
    _, bounds, data = column.buffers()
    places = numpy.frombuffer(bounds, dtype="int32")
    places = places[column.offset : column.offset + len(column) + 1]
    return places, b"" if data is None else data
