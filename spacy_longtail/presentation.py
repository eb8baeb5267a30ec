"""How results present themselves. A command prints what they say, a notebook can show
it: `result.tables()` and `result.remarks()`. Some of them have an HTML page, too.
"""

import re
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Tuple,
)

from .errors import Errors

MAX_WIDTH = 40
# Numbers on an axis.
MOST_TICKS = 6
# C0, DEL and C1, line ends, bidirectional overrides, and what isn't a character.
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
PACKAGE = Path(__file__).parent
# With a salt and without metadata, the same figure gives the same file.
SETTINGS = {"svg.hashsalt": "spacy-longtail", "svg.fonttype": "none"}
METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


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


def escape(text: str, keep: str = "") -> str:
    """RETURNS (str): The text with the numbers of characters that steer a terminal, or
    that turn the direction of what follows, in place of them. In JSON they mean the
    same.

    keep (str): Characters that stay.
    """
    return STEERING.sub(
        lambda found: found[0] if found[0] in keep else f"\\u{ord(found[0]):04x}", text
    )


def make_table(
    title: str, header: Tuple[str, ...], rows: Sequence[Tuple[Any, ...]]
) -> TextTable:
    """Make a table of names, to the left, and of numbers, to the right."""
    cells = [tuple(map(format_cell, row)) for row in rows]
    return TextTable(title, header, cells, "l" + "r" * (len(header) - 1))


def shorten(label: str, most: int = MAX_WIDTH) -> str:
    """RETURNS (str): The end of a label that is too long for a table."""
    return label if len(label) <= most else "…" + label[1 - most :]


def count_noun(n: int, noun: str) -> str:
    """RETURNS (str): How many of something, in the plural unless it's one."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def format_cell(value: object) -> str:
    """RETURNS (str): Numbers with thousands separators, floats with one digit."""
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def render(
    template: Path,
    *,
    filters: Optional[Mapping[str, Callable[..., Any]]] = None,
    **values: Any,
) -> str:
    """Fill in a template, all values escaped.

    template (Path): It finds others in its folder, and by their path in this package.
    filters (Optional[Mapping[str, Callable[..., Any]]]): Besides "figure", which is
        show_figure, "count", which is count_noun and replaces Jinja's own, and
        "breakable", for names: a line can end behind an underscore.
    values (Any): What it needs; a missing one is an error.
    RETURNS (str): The page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    environment = Environment(
        loader=FileSystemLoader([template.parent, PACKAGE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    own = {"figure": show_figure, "count": count_noun}
    own["breakable"] = lambda name: escape(name).replace("_", Markup("_<wbr>"))
    environment.filters.update({**own, **(filters or {})})
    return environment.get_template(template.name).render(**values)


def show_figure(value: Optional[float], digits: int = 3) -> str:
    """RETURNS (str): The number, or a dash without one."""
    return "–" if value is None else f"{value:.{digits}f}"


@contextmanager
def open_figure(
    name: str,
    size: Tuple[float, float],
    *,
    colours: Mapping[str, str],
    settings: Optional[Mapping[str, Any]] = None,
) -> Iterator[Tuple[Any, Callable[[], str]]]:
    """Draw a figure for a page.

    name (str): Of the figure, which the ids in it start with: several are in one page.
    size (Tuple[float, float]): Width and height in inches.
    colours (Mapping[str, str]): Colours that nothing else in the drawing has, and the
        CSS that replaces each, so that the figure follows the theme of the page.
    settings (Optional[Mapping[str, Any]]): Of matplotlib.
    YIELDS (Tuple[Figure, Callable[[], str]]): The figure, and a function that makes an
        SVG element of it.
    RAISES (ValueError): L642 if matplotlib isn't installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError(Errors.L642) from None

    def finish() -> str:
        out = StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata=METADATA)
        svg = out.getvalue()
        svg = svg[svg.index("<svg") :]
        for colour, style in colours.items():
            svg = svg.replace(colour, style)
        svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
        return svg.replace("<svg ", '<svg role="img" aria-hidden="true" ', 1)

    used: Any = {**SETTINGS, **(settings or {})}
    with rc_context(used):
        figure = Figure(figsize=size)
        yield figure, finish


def set_log_ticks(axis: Any, low: float, high: float) -> None:
    """Give a log axis a few plain numbers, which don't overlap: 1, 10, 100, or 1, 2, 5,
    10 where there is room.

    axis (Any): Of matplotlib.
    low, high (float): Smallest and largest value that is shown, above 0.
    """
    exponents = range(-1, 13)
    some = [[10.0**n * step for n in exponents for step in (1, 2, 5)]]
    some += [[10.0**n for n in exponents if n % step == 0] for step in (1, 2, 3)]
    shown = [[n for n in ticks if low <= n <= high] for ticks in some]
    axis.set_ticks(next((few for few in shown if len(few) <= MOST_TICKS), shown[-1]))
    axis.set_ticks([], minor=True)
    axis.set_major_formatter(lambda value, _: f"{value:,g}")
