"""How results present themselves. A command prints what they say, a notebook can show
it: `result.tables()` and `result.remarks()`.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple

MAX_WIDTH = 40


class Remark(NamedTuple):
    """A sentence about a result.

    level (str): "text", "info", "warn" or "good"; "plain" for a line that is printed
        as it is, with its own spaces; "marked" for a text some words of which count.
    text (str): The sentence.
    marks (Sequence[Tuple[str, str, float]]): With "marked", the words of the text, the
        white space after each, and how strongly it speaks for something, up to 1.0, or
        against it, down to -1.0.
    """

    level: str
    text: str
    marks: Sequence[Tuple[str, str, float]] = ()


class TextTable(NamedTuple):
    """A table for people.

    title (str): Stands above it, "" for none.
    header (Tuple[str, ...]): Names of the columns.
    rows (Sequence[Tuple[str, ...]]): The cells. Without any, no table is shown.
    aligns (Optional[str]): "l", "r" or "c" for each column, like "lrr". By default, all
        to the left.
    lines (Sequence[Remark]): Stand between the title and the table. A table of lines
        only is a paragraph.
    """

    title: str
    header: Tuple[str, ...] = ()
    rows: Sequence[Tuple[str, ...]] = ()
    aligns: Optional[str] = None
    lines: Sequence[Remark] = ()


class Presentable(Protocol):
    """A result that can be shown."""

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): In the order in which they are shown."""

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What is shown after the tables."""

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): All of it, JSON values only."""


def make_table(
    title: str, header: Tuple[str, ...], rows: Sequence[Tuple[Any, ...]]
) -> TextTable:
    """Make a table of names, to the left, and of numbers, to the right."""
    cells = [tuple(map(format_cell, row)) for row in rows]
    return TextTable(title, header, cells, "l" + "r" * (len(header) - 1))


def shorten(label: str) -> str:
    """RETURNS (str): The end of a label that is too long for a table."""
    return label if len(label) <= MAX_WIDTH else "…" + label[1 - MAX_WIDTH :]


def format_cell(value: object) -> str:
    """RETURNS (str): Numbers with thousands separators, floats with one digit."""
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
