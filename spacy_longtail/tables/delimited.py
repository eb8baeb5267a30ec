import csv
from typing import Iterator, List, Optional, Sequence, Tuple

from ..errors import Errors
from .table import RowT, Table

# A cell can hold a long document, the limit of the module is 128 kB.
MAX_CELL = 1 << 30


class DelimitedTable(Table):
    """CSV, or TSV if the suffix is another. The first row has the names."""

    has_types = False

    def read_columns(self) -> Optional[List[str]]:
        header = next(self._read_cells(), None)
        return None if header is None else [cell.strip() for cell in header[1]]

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        indices = [self.columns.index(name) for name in names]
        n_columns = len(self.columns)
        cells = self._read_cells()
        next(cells)
        for number, row in cells:
            if len(row) != n_columns:
                where, found = self.where(number), len(row)
                text = Errors.L614.format(where=where, found=found, expected=n_columns)
                raise ValueError(text)
            yield number, tuple([row[index] for index in indices])

    def _read_cells(self) -> Iterator[Tuple[int, List[str]]]:
        usual = "," if self.path.suffix.lower() == ".csv" else "\t"
        with self.open_text() as lines:
            csv.field_size_limit(MAX_CELL)
            reader = csv.reader(lines, delimiter=self.delimiter or usual, strict=True)
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
