import csv
import re
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from ..errors import Errors
from .table import RowT, Table

# A cell can hold a long document, the limit of the module is 128 kB.
MAX_CELL = 1 << 30
# A first line by which Excel says what the delimiter is.
SEP = re.compile(r"\ufeff?\"?sep=([^\"\r\n\0])\"?\s*", re.IGNORECASE)
QUOTES = "Check the quotes and the delimiter. If quotes are text, give --no-quotes."
MAX_SEP = 16
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
        n_columns = len(self.columns)
        cells = self._read_cells()
        if self.dialect.header:
            next(cells, None)
        for number, row in cells:
            if len(row) != n_columns:
                where, found = self.where(number), len(row)
                text = Errors.L614.format(where=where, found=found, expected=n_columns)
                raise ValueError(text)
            yield number, tuple([row[index] for index in indices])

    def _read_cells(self) -> Iterator[Tuple[int, List[str]]]:
        usual = "," if self.path.suffix.lower() == ".csv" else "\t"
        with self.open_text() as lines:
            start = lines.readline(MAX_SEP)
            found = SEP.fullmatch(start)
            if not found:
                lines.seek(0)
            n_before = int(found is not None)
            said = found.group(1) if found else usual
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
