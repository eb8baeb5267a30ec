"""Tables of answers, written in pieces by several processes."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Optional, Tuple

from .chunks import RowChunk, to_json


@dataclass(frozen=True)
class Layout:
    """The columns of a table that is written.

    names (Tuple[str, ...]): Those of the input.
    schema (pyarrow.Schema): Of the answers, which come after them.
    input_schema (Optional[pyarrow.Schema]): Of the input, if the format has types.
    as_text (Tuple[str, ...]): Columns of the input that are written as text.
    """

    names: Tuple[str, ...]
    schema: Any
    input_schema: Optional[Any] = None
    as_text: Tuple[str, ...] = ()

    @property
    def header(self) -> List[str]:
        return [*self.names, *self.schema.names]


class Writer:
    """Write rows with answers. Pieces are written by any process in any order, and put
    together in their order. A format fills in how.

    layout (Layout): The columns.
    """

    # Of a piece.
    suffix = ""
    # Whether each column needs one type for all rows.
    needs_types = False
    # Whether a piece can be a table by itself.
    is_divisible = True
    # Rows that a table can have.
    max_rows: Optional[int] = None

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def write_piece(
        self,
        file_: BinaryIO,
        chunk: RowChunk,
        answers: Any,
        *,
        is_whole: bool = False,
    ) -> None:
        """Write some rows.

        answers (pyarrow.RecordBatch): A row for each.
        is_whole (bool): Whether the piece is a table by itself.
        RAISES (ValueError): L717 if the format can't have a value.
        """
        raise NotImplementedError

    def join(self, pieces: Iterable[Path], file_: BinaryIO) -> None:
        """Write the table of all pieces."""
        raise NotImplementedError


class TextWriter(Writer):
    """Lines of text: the pieces are put behind each other, and read as bytes."""

    # Before, between and after the pieces.
    start = between = end = b""

    def make_start(self) -> bytes:
        """RETURNS (bytes): What comes before the first row."""
        return self.start

    def join(self, pieces: Iterable[Path], file_: BinaryIO) -> None:
        file_.write(self.make_start())
        for data in read_blocks(pieces):
            file_.write(data)
        file_.write(self.end)


def read_blocks(pieces: Iterable[Path], size: int = 1 << 20) -> Iterator[bytes]:
    """YIELDS (bytes): The content of the files, some of it at a time."""
    for path in pieces:
        with path.open("rb") as file_:
            while data := file_.read(size):
                yield data


def add_answers(chunk: RowChunk, answers: Any) -> Iterator[Dict[str, Any]]:
    """YIELDS (Dict[str, Any]): Objects of the row and its answer, for JSON."""
    names = answers.schema.names
    columns = [column.to_pylist() for column in answers.columns]
    for record, values in zip(chunk.records(), zip(*columns)):
        yield {**record, **dict(zip(names, values))}


def write_lines(file_: BinaryIO, values: Iterable[Any], end: str = "\n") -> None:
    """Write JSON, a value a line."""
    lines = ((to_json(value), end) for value in values)
    file_.write("".join(chain.from_iterable(lines)).encode("utf8"))
