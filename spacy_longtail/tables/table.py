import codecs
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, TextIO, Tuple

from ..errors import Errors
from .chunks import RowChunk

# Skips the byte order mark that some editors put first.
ENCODING = "utf-8-sig"
# Bytes in which the place of a wrong one is searched.
CHUNK = 1 << 16
LINE_END = b"\n"
# How files begin that gzip, bzip2, xz, Zstandard and zip have compressed.
PACKED = (b"\x1f\x8b", b"BZh91AY", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
# Encodings whose text is full of null bytes.
WIDE = ("utf-16", "utf-32")
ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
# Columns that a message lists.
MAX_SHOWN = 30
# The number of a line or row, and the values of the columns that were asked for.
RowT = Tuple[int, Tuple[Any, ...]]


@dataclass(frozen=True)
class Dialect:
    """What a file of rows doesn't say about itself. Each format takes what it needs.

    encoding (str): Of text files. A byte order mark at the start is skipped.
    delimiter (Optional[str]): Between the cells of CSV, one character, "\\t" for a
        tab. By default, a comma, and a tab for TSV.
    quotes (Optional[bool]): Whether a cell of CSV or TSV that starts with a quote ends
        with the next one, or the quote is text. By default it ends there, but it's an
        error if a cell of TSV has line ends and tabs then.
    header (bool): Whether the first row of CSV, TSV or Excel has the names of the
        columns. Otherwise they are "1", "2" and so on.
    sheet (Optional[str]): Of an Excel file, by default the first.
    RAISES (ValueError): L627 or L664 if there is no such encoding or delimiter.
    """

    encoding: str = ENCODING
    delimiter: Optional[str] = None
    quotes: Optional[bool] = None
    header: bool = True
    sheet: Optional[str] = None

    def __post_init__(self) -> None:
        try:
            name = codecs.lookup(self.encoding).name
            # Codecs that aren't of text fail here.
            TextIOWrapper(BytesIO(), encoding=name).read()
        except (LookupError, ValueError):
            message = Errors.L627.format(encoding=self.encoding)
            raise ValueError(message) from None
        delimiter = "\t" if self.delimiter == "\\t" else self.delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
            raise ValueError(Errors.L664.format(delimiter=self.delimiter))
        object.__setattr__(self, "encoding", ENCODING if name == "utf-8" else name)
        object.__setattr__(self, "delimiter", delimiter)


class Table:
    """A file of rows, which can be read again and again. A format fills in how.

    RAISES (ValueError): L612, L615, L616, L620, L621 or L631 if it can't be read.
    """

    # What a row is called in messages.
    unit = "line"
    # Whether cells have their own types. Otherwise they are strings as they stand in
    # the file, so that a code like "0112" keeps its zero.
    has_types = True
    # Whether a cell can be a list. Otherwise a list is a string.
    has_lists = True
    # What else to try if a column isn't there.
    hint = ""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self.path = path
        self.dialect = dialect
        # What was remarkable while the rows were read, and where it was first.
        self.notes: "Counter[str]" = Counter()
        self.first: Dict[str, str] = {}
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
        RAISES (ValueError): L614 to L616, L621 or L639 with file and line.
        """
        raise NotImplementedError

    def chunks(self, n_rows: int) -> Iterator[RowChunk]:
        """Read all columns.

        YIELDS (RowChunk): As many rows, the last one what is left.
        RAISES (ValueError): Like rows, and L710.
        """
        raise NotImplementedError

    def get_schema(self) -> Any:
        """RETURNS (Optional[pyarrow.Schema]): None if the file says no types."""
        return None

    def estimate_rows(self) -> Optional[int]:
        """RETURNS (Optional[int]): How many rows there are, None if only reading all of
        them tells.
        """
        return None

    def where(self, number: int) -> str:
        """RETURNS (str): File and line of a row, for messages."""
        return f"{self.path}, {self.unit} {number}"

    def note(self, name: str, where: str) -> None:
        """Count something remarkable."""
        self.notes[name] += 1
        self.first.setdefault(name, where)

    def check_columns(self, names: Sequence[str], option: str) -> None:
        """RAISES (ValueError): L613 if the table has no such column, L632 if it has
        several of the name.
        """
        for name in names:
            n_found = self.columns.count(name)
            if not n_found:
                columns = ", ".join(map(repr, self.columns[:MAX_SHOWN]))
                columns += ", …" if len(self.columns) > MAX_SHOWN else ""
                hint = f"Name the right one with {option}. {self.hint}".rstrip()
                message = Errors.L613.format(
                    path=self.path, column=name, columns=columns, hint=hint
                )
                raise ValueError(message)
            if n_found > 1:
                places = [
                    i + 1 for i, found in enumerate(self.columns) if found == name
                ]
                message = Errors.L632.format(
                    path=self.path, column=name, n=n_found, places=places
                )
                raise ValueError(message)

    def make_error(self, error: Exception) -> ValueError:
        """RETURNS (ValueError): L621 with what a library says, or what is ours."""
        if str(error).startswith("[L"):
            return ValueError(str(error))
        problem = (str(error).splitlines() or [""])[0]
        problem = f"{type(error).__name__}: {problem}"
        hint = "Is the file whole? Save it again."
        return ValueError(
            Errors.L621.format(where=self.path, problem=problem, hint=hint)
        )

    @contextmanager
    def open_text(self) -> Iterator[TextIO]:
        """Open a file of lines.

        RAISES (ValueError): L615 with line and byte if it's of another encoding, L631
            if it can't be opened or isn't text.
        """
        encoding = self.dialect.encoding
        try:
            self._check_text()
            with self.path.open(encoding=encoding, newline="") as file_:
                yield file_
        except UnicodeError as error:
            raise self._make_encoding_error(error) from None

    def _make_encoding_error(self, error: UnicodeError) -> ValueError:
        # As the user calls it, with or without a mark.
        encoding = self.dialect.encoding.removesuffix("-sig")
        problem = f"it isn't {encoding} ({error})"
        # From 3.13 on, Python takes what isn't a mark for a byte that can't be decoded.
        if isinstance(error, UnicodeDecodeError) and not self._lacks_mark(encoding):
            with suppress(UnicodeError):
                line, offset = find_undecodable(self.path, encoding)
                message = Errors.L615.format(
                    where=self.where(line), offset=offset, encoding=encoding
                )
                return ValueError(message)
        if encoding in WIDE:
            problem = f"there is no byte order mark at its start, so {encoding} can be "
            problem += f"of either order. Try --encoding {encoding}-le"
        return ValueError(Errors.L631.format(path=self.path, problem=problem))

    def _lacks_mark(self, encoding: str) -> bool:
        """RETURNS (bool): Whether there's no byte order mark where one has to be."""
        with self.path.open("rb") as file_:
            return encoding in WIDE and not file_.read(4).startswith(ORDER_MARKS)

    def _check_text(self) -> None:
        """RAISES (ValueError): L631 if there are bytes that no text has."""
        with self.path.open("rb") as file_:
            start, null, _ = file_.read(CHUNK).partition(b"\0")
        if start.startswith(PACKED):
            problem = "it is compressed, or an Excel file by another name. Unpack it "
            problem += "first, or name it .xlsx"
            raise ValueError(Errors.L631.format(path=self.path, problem=problem))
        if null and not self.dialect.encoding.startswith(WIDE):
            problem = f"line {start.count(LINE_END) + 1} has a null byte, so it isn't "
            problem += "text, or is of a wide encoding, like Excel's Unicode text. For "
            problem += "that, try --encoding utf-16 or utf-16-le"
            raise ValueError(Errors.L631.format(path=self.path, problem=problem))


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
