"""What the HTML pages share: their templates, and figures as SVG."""

import re
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Tuple

from .errors import Errors

PACKAGE = Path(__file__).parent
# With a salt and without metadata, the same figure gives the same file.
SETTINGS = {"svg.hashsalt": "spacy-longtail", "svg.fonttype": "none"}
METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def render(
    template: Path,
    *,
    filters: Optional[Mapping[str, Callable[..., Any]]] = None,
    **values: Any,
) -> str:
    """Fill in a template, all values escaped.

    template (Path): It finds others in its folder, and by their path in this package.
    filters (Optional[Mapping[str, Callable[..., Any]]]): Besides "figure", which is
        show_figure.
    values (Any): What it needs; a missing one is an error.
    RETURNS (str): The page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, PACKAGE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update({"figure": show_figure, **(filters or {})})
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
