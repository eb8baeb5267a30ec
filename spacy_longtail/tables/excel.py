import json
import math
import re
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path
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
)

from ..errors import Errors, JobErrors
from .cells import show_value
from .chunks import CellChunk, RowChunk, make_cell_chunks, to_string
from .table import CHUNK, RowT, Table
from .writer import Layout, TextWriter, write_lines

# Rows of a sheet; a damaged file can claim to have any number.
MAX_ROWS = 1 << 20
# "00000" shows 112 as 00112, which is what a code is called then.
ZEROS = re.compile(r"0{2,}")
# The column that is merged, with its first and its last row.
MERGED = re.compile(rb'<(?:\w+:)?mergeCell ref="([A-Z]{1,3})(\d+):[A-Z]{1,3}(\d+)"')
# The longest match.
OVERLAP = 80
# Characters of a cell, and whole numbers that it has exactly.
MAX_CELL = 32_767
MAX_WHOLE = 10**15
# Types that a cell has and JSON hasn't.
POINTS: Dict[str, Any] = {kind.__name__: kind for kind in (datetime, date, time)}
LENGTH = "timedelta"
# The one before begins with days that Excel and others count differently.
MIN_YEAR = 1901


class ExcelTable(Table):
    """A sheet of an .xlsx file, with the extra "files". Formulas have the values that
    were saved with them, merged cells all have that of the first, and empty rows are
    left out.
    """

    unit = "row"
    has_lists = False
    hint = (
        "If they are the first row of data, there is no header: give --no-header, and "
        "number the columns, like --text 1 --label 2. Another sheet has --sheet NAME."
    )

    def read_columns(self) -> Optional[List[str]]:
        for _, cells in self._read_cells():
            if not self.dialect.header:
                return [str(number + 1) for number in range(len(cells))]
            return ["" if cell is None else str(cell).strip() for cell in cells]
        return None

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        indices = [self.columns.index(name) for name in names]
        for number, cells in self._read_rows():
            yield number, tuple([cells[index] for index in indices])

    def chunks(self, n_rows: int) -> Iterator[CellChunk]:
        return make_cell_chunks(self.columns, self._read_named(), n_rows)

    def _read_rows(self) -> Iterator[Tuple[int, List[Any]]]:
        rows = self._read_cells()
        if self.dialect.header:
            next(rows, None)
        for number, cells in rows:
            # A row ends with its last cell that isn't empty.
            cells += [None] * (len(self.columns) - len(cells))
            yield number, cells

    def _read_named(self) -> Iterator[Tuple[int, List[Any]]]:
        n_columns = len(self.columns)
        for number, cells in self._read_rows():
            for cell in cells[n_columns:]:
                if cell not in (None, ""):
                    where = self.where(number)
                    message = JobErrors.L710.format(where=where, value=show_value(cell))
                    raise ValueError(message)
            yield number, cells[:n_columns]

    def _read_cells(self) -> Iterator[Tuple[int, List[Any]]]:
        with self._open() as sheet:
            starts: Dict[int, List[Tuple[int, int]]] = {}
            for column, first, last in _find_merged(sheet):
                starts.setdefault(first, []).append((column, last))
            # By column, the last row of what is merged, and its value.
            merged: Dict[int, Tuple[int, Any]] = {}
            # What the file says of its size can be wrong.
            sheet.reset_dimensions()
            for number, row in enumerate(sheet.iter_rows(), start=1):
                if number > MAX_ROWS:
                    raise self.make_error(ValueError(f"it has over {MAX_ROWS:,} rows"))
                cells = [_get_value(cell) for cell in row]
                for column, (last, value) in list(merged.items()):
                    if number > last:
                        del merged[column]
                    else:
                        cells += [None] * (column + 1 - len(cells))
                        cells[column] = value
                for column, last in starts.get(number, ()):
                    if column < len(cells):
                        merged[column] = last, cells[column]
                if any(cell not in (None, "") for cell in cells):
                    yield number, cells

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            from openpyxl import load_workbook
        except ImportError:
            message = Errors.L620.format(path=self.path, library="openpyxl")
            raise ValueError(message) from None
        try:
            with self.path.open("rb") as file_:
                book = load_workbook(file_, read_only=True, data_only=True)
                yield self._choose(book.worksheets)
        except Exception as error:
            # A damaged file can fail anywhere in the library, and with anything.
            raise self.make_error(error) from None

    def _choose(self, sheets: Sequence[Any]) -> Any:
        wanted = self.dialect.sheet
        if wanted is None:
            visible = [s for s in sheets if s.sheet_state == "visible"] or list(sheets)
            for sheet in visible[1:]:
                self.note("other_sheets", f"{self.path}, sheet {sheet.title!r}")
            sheets, wanted = visible[:1], visible[0].title if visible else None
        for sheet in sheets:
            if sheet.title == wanted:
                return sheet
        names = ", ".join(repr(sheet.title) for sheet in sheets) or "none"
        text = Errors.L634.format(path=self.path, sheet=wanted, sheets=names)
        raise ValueError(text)


def _get_value(cell: Any) -> Any:
    value = cell.value
    if isinstance(value, int) and not isinstance(value, bool):
        found = cell.number_format
        if ZEROS.fullmatch(found):
            return str(value).zfill(len(found))
    return value


def _find_merged(sheet: Any) -> Iterator[Tuple[int, int, int]]:
    """The first column, from 0, and the first and last row of merged cells. They stand
    behind all rows, where openpyxl doesn't read them row by row.
    """
    from openpyxl.utils import column_index_from_string

    rest = b""
    with sheet._get_source() as source:
        while chunk := source.read(CHUNK):
            data, end = rest + chunk, 0
            for found in MERGED.finditer(data):
                end = found.end()
                column, first, last = map(bytes.decode, found.groups())
                yield column_index_from_string(column) - 1, int(first), int(last)
            rest = data[max(end, len(data) - OVERLAP) :]


class ExcelWriter(TextWriter):
    """An .xlsx file of one sheet, put together of lines of JSON."""

    suffix = ".rows"
    is_divisible = False
    # The first is the header.
    max_rows = MAX_ROWS - 1

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        if find_spec("openpyxl") is None:
            # Else, all rows would be labelled before it's missed.
            raise ValueError(JobErrors.L719.format(library="openpyxl"))

    def write_piece(
        self,
        file_: BinaryIO,
        chunk: RowChunk,
        answers: Any,
        *,
        is_whole: bool = False,
    ) -> None:
        columns = [*map(chunk.column, chunk.names)]
        columns += [column.to_pylist() for column in answers.columns]
        header = self.layout.header
        write_lines(
            file_,
            ([*map(_check_cell, row, header)] for row in zip(*columns)),
        )

    def join(self, pieces: Iterable[Path], file_: BinaryIO) -> None:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell

        book = Workbook(write_only=True)
        sheet = book.create_sheet()

        def make_cell(value: Any) -> Any:
            if isinstance(value, dict):
                ((name, text),) = value.items()
                if name == LENGTH:
                    return timedelta(seconds=text)
                return POINTS[name].fromisoformat(text)
            if isinstance(value, str) and value.startswith("="):
                # A string, whatever it looks like.
                cell = WriteOnlyCell(sheet, value)
                cell.data_type = "s"
                return cell
            return value

        sheet.append([*map(make_cell, map(str, self.layout.header))])
        for path in pieces:
            with path.open(encoding="utf8") as lines:
                for line in lines:
                    sheet.append([*map(make_cell, json.loads(line))])
        book.save(file_)


def _has_point(value: Any) -> bool:
    """RETURNS (bool): Whether Excel has a point in time: none of the 19th century, and
    none with a time zone.
    """
    is_new = getattr(value, "year", MIN_YEAR) >= MIN_YEAR
    return is_new and getattr(value, "tzinfo", None) is None


def _check_cell(value: Any, name: str) -> Any:
    """Make a value of JSON that becomes a cell.

    RAISES (ValueError): L717 if a cell can't have it.
    """
    kind = type(value)
    if kind in (bool, type(None)) or kind is int and abs(value) < MAX_WHOLE:
        return value
    if kind is float and math.isfinite(value):
        return value
    if kind in POINTS.values() and _has_point(value):
        return {kind.__name__: value.isoformat()}
    if kind is timedelta:
        return {LENGTH: value.total_seconds()}
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    text = str(to_string(value))
    problem = f"more than {MAX_CELL:,} characters" if len(text) > MAX_CELL else ""
    if found := ILLEGAL_CHARACTERS_RE.search(text):
        problem = f"the character {found.group()!r}"
    if problem:
        shown = show_value(value)
        message = JobErrors.L717.format(
            what=f"A cell of the column {name!r} has {problem}: {shown}"
        )
        raise ValueError(message)
    return text
