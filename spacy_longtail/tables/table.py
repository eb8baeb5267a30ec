import codecs
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, TextIO, Tuple

from ..errors import Errors

# Skips the byte order mark that some editors put first.
ENCODING = "utf-8-sig"
# Bytes in which the place of a wrong one is searched.
CHUNK = 1 << 16
# The number of a line or row, and the values of the columns that were asked for.
RowT = Tuple[int, Tuple[Any, ...]]


class Table:
    """A file of rows, which can be read again and again. A format fills in how.

    delimiter (Optional[str]): Between the cells, None for that of the format.
    RAISES (ValueError): L612, L615, L616, L620 or L621 if it can't be read.
    """

    # What a row is called in messages.
    unit = "line"
    # Whether cells have their own types. Otherwise they are strings as they stand in
    # the file, so that a code like "0112" keeps its zero.
    has_types = True

    def __init__(
        self, path: Path, *, encoding: str, delimiter: Optional[str] = None
    ) -> None:
        self.path = path
        self.encoding = encoding
        self.delimiter = delimiter
        columns = self.read_columns() if path.stat().st_size else None
        if columns is None:
            raise ValueError(Errors.L612.format(path=path))
        self.columns = columns

    def read_columns(self) -> Optional[List[str]]:
        """RETURNS (Optional[List[str]]): Names of the columns, None without a row."""
        raise NotImplementedError

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        """Read the named columns.

        YIELDS (RowT): Number of the row's first line, and its values; None for one
            that isn't there.
        RAISES (ValueError): L614 to L616 or L621 with file and line.
        """
        raise NotImplementedError

    def where(self, number: int) -> str:
        """RETURNS (str): File and line of a row, for messages."""
        return f"{self.path}, {self.unit} {number}"

    def check_columns(self, names: Sequence[str], option: str) -> None:
        """RAISES (ValueError): L613 if the table has no such column."""
        for name in names:
            if name not in self.columns:
                columns = ", ".join(map(repr, self.columns))
                message = Errors.L613.format(
                    path=self.path, column=name, columns=columns, option=option
                )
                raise ValueError(message)

    @contextmanager
    def open_text(self) -> Iterator[TextIO]:
        """Open a file of lines.

        RAISES (ValueError): L615 with line and byte if it's of another encoding.
        """
        try:
            with self.path.open(encoding=self.encoding, newline="") as file_:
                yield file_
        except UnicodeDecodeError:
            line, offset = find_undecodable(self.path, self.encoding)
            message = Errors.L615.format(
                where=self.where(line), offset=offset, encoding=self.encoding
            )
            raise ValueError(message) from None


def find_undecodable(path: Path, encoding: str) -> Tuple[int, int]:
    """RETURNS (Tuple[int, int]): Line, from 1, and offset in bytes, from 0, of the
    first byte of a file that isn't of the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    line, start = 1, 0
    with path.open("rb") as file_:
        while True:
            chunk = file_.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                good = bytes(error.object[: error.start])
                return line + good.count(b"\n"), start - pending + error.start
            if not chunk:
                return line, start
            line += chunk.count(b"\n")
            start += len(chunk)
