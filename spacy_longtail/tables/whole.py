"""A table that fits into memory, written at once."""

from pathlib import Path
from typing import Any, Callable, Optional

from ..errors import JobErrors
from ..files import StateT, follow_links, open_scratch, write_together
from . import WRITERS
from .chunks import CellChunk
from .writer import Layout


def check_format(path: Path) -> None:
    """RAISES (ValueError): L716 if the suffix isn't that of a format."""
    if path.suffix.lower() not in WRITERS:
        raise ValueError(JobErrors.L716.format(path=path, known=", ".join(WRITERS)))


def write_whole(
    path: Path,
    table: Any,
    *,
    before: Optional[StateT] = None,
    note: Optional[Callable[[Path], None]] = None,
) -> None:
    """Write a table. It has its final name only when it is complete.

    path (Path): The suffix tells the format.
    table (pyarrow.RecordBatch): At least two columns, the first of strings.
    before (Optional[StateT]): What check_output has found, by default what is there.
    note (Optional[Callable[[Path], None]]): Gets the file before it has its name.
    RAISES (ValueError): L606, L625, L716 or L717, see there.
    """
    check_format(path)
    name, target = table.schema.names[0], follow_links(path)
    answers = table.select(table.schema.names[1:])
    layout = Layout(
        (name,), answers.schema, table.schema.empty_table().select([name]).schema
    )
    writer = WRITERS[path.suffix.lower()](layout)
    chunk = CellChunk((name,), [table.column(0).to_pylist()])
    with open_scratch() as folder:
        piece = folder / f"piece{writer.suffix}"
        with piece.open("wb") as file_:
            writer.write_piece(file_, chunk, answers)
        with write_together(target.parent, shown=path, before=before) as new:
            with (new / target.name).open("wb") as file_:
                writer.join([piece], file_)
            if note is not None:
                note(new / target.name)
