"""What pages are made of: tables, plots, and files of results."""

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence, Tuple

from .results import round_floats


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def get_digest(points: Any) -> str:
    """RETURNS (str): Stands in the plot, and tells whether it shows these points."""
    text = json.dumps(points, sort_keys=True)
    return hashlib.sha256(text.encode("utf8")).hexdigest()[:16]


@contextmanager
def open_plot(
    path: Path, points: Any, salt: str, *size: int, **options: Any
) -> Iterator[Tuple[Any, Any]]:
    """Make a plot as SVG, the same whenever the points are.

    points (Any): What it shows, JSON values.
    salt (str): Makes its ids.
    size (int): Rows and columns of fields; options are those of pyplot.subplots.
    YIELDS (Tuple[Any, Any]): Figure and fields.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    # Nothing in the file depends on the day or on chance.
    setting = {"svg.hashsalt": salt, "svg.fonttype": "none", "font.size": 8}
    about = {"Date": None, "Creator": None, "Description": get_digest(points)}
    with pyplot.rc_context(setting):
        figure, axes = pyplot.subplots(*size, **options)
        yield figure, axes
        figure.tight_layout()
        figure.savefig(path, format="svg", metadata=about)
        pyplot.close(figure)
    lines = path.read_text(encoding="utf8").splitlines()
    path.write_text("".join(line.rstrip() + "\n" for line in lines), encoding="utf8")


def write_json(path: Path, found: Dict[str, Any]) -> None:
    """Write a result in lines that a person can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(round_floats(found), indent=1, sort_keys=True) + "\n"
    path.write_text(text, encoding="utf8")
