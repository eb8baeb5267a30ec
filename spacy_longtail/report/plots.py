import math
import re
from io import StringIO
from typing import Any, Dict, List, Tuple

import numpy

from ..errors import Errors

# Drawn in these colours, which then become those of the page, so that a plot follows
# its theme.
INK, SOFT, ACCENT, SECOND, FILL = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
STYLES = {
    INK: "var(--ink)",
    SOFT: "var(--line)",
    ACCENT: "var(--accent)",
    SECOND: "var(--second)",
    FILL: "var(--fill)",
}
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spacy-longtail",
    "font.family": "sans-serif",
    "font.size": 11.0,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": SOFT,
    "axes.grid": True,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def plot_tail(labels: List[Dict[str, Any]], head: int, mid: int) -> str:
    """Draw the training documents of each label, and its F1 over them.

    RETURNS (str): An SVG element.
    """
    with _open_figure("tail", (13.0, 4.6)) as (figure, finish):
        left, right = figure.subplots(1, 2)
        counts = numpy.sort([max(row["count"], 0.5) for row in labels])[::-1]
        ranks = numpy.arange(1, len(counts) + 1)
        left.fill_between(ranks, counts, 0.4, color=FILL, step="mid")
        left.step(ranks, counts, where="mid", color=ACCENT, linewidth=1.5)
        left.set(yscale="log", xlabel="label, most frequent first")
        left.set_ylabel("training documents")
        for bound in (head, mid):
            left.axhline(bound, color=SECOND, linewidth=0.8, linestyle="--")
        scored = [row for row in labels if row["support"]]
        x = numpy.asarray([max(row["count"], 0.5) for row in scored])
        y = numpy.asarray([row["f"] for row in scored], dtype="float64")
        right.scatter(x, y, s=12, color=ACCENT, alpha=0.35, linewidths=0)
        edges = numpy.unique(numpy.geomspace(0.5, max(x.max(), 1.0) + 1, 9).round())
        bins = numpy.digitize(x, edges)
        used = numpy.unique(bins)
        means = [(x[bins == i].mean(), y[bins == i].mean()) for i in used]
        right.plot(*zip(*means), color=SECOND, linewidth=2, marker="o", label="mean")
        right.set(xscale="log", xlabel="training documents", ylabel="F1 of the label")
        right.set_ylim(-0.03, 1.03)
        right.legend(loc="lower right")
        for axis in (left.yaxis, right.xaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
        return finish()


def plot_reliability(curve: List[Dict[str, Any]], is_log: bool = False) -> str:
    """Draw how often labels are right over how probable they are.

    is_log (bool): Whether the size of the dots stands for the log of their number.
    RETURNS (str): An SVG element.
    """
    with _open_figure("reliability", (6.6, 5.0)) as (figure, finish):
        axes = figure.subplots()
        used = [point for point in curve if point["n"]]
        axes.plot([0, 1], [0, 1], color=SECOND, linewidth=1, linestyle="--")
        axes.bar(
            [point["low"] for point in used],
            [point["accuracy"] for point in used],
            width=[point["high"] - point["low"] for point in used],
            align="edge",
            color=FILL,
            edgecolor=ACCENT,
            linewidth=0.8,
        )
        sizes = [math.log1p(point["n"]) if is_log else point["n"] for point in used]
        largest = max(sizes, default=1)
        axes.scatter(
            [point["probability"] for point in used],
            [point["accuracy"] for point in used],
            s=[10 + 90 * size / largest for size in sizes],
            color=ACCENT,
            zorder=3,
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the label")
        axes.set_ylabel("share that is right")
        return finish()


def plot_coverage(curve: Dict[str, Any]) -> str:
    """Draw how often labels are right over the share of documents that get one.

    RETURNS (str): An SVG element.
    """
    with _open_figure("coverage", (6.6, 5.0)) as (figure, finish):
        axes = figure.subplots()
        points = curve["points"]
        x = [point["coverage"] for point in points]
        y = [point["accuracy"] for point in points]
        axes.plot(x, y, color=ACCENT, linewidth=2)
        now = curve["now"]
        axes.scatter([now["coverage"]], [now["accuracy"]], color=SECOND, zorder=3)
        axes.set(xlim=(0, 1.02), xlabel="share of the documents with a label")
        axes.set_ylim(max(0.0, min([*y, now["accuracy"]]) - 0.05), 1.01)
        axes.set_ylabel("share that is right")
        return finish()


def plot_tradeoff(curve: Dict[str, Any]) -> str:
    """Draw precision over recall.

    RETURNS (str): An SVG element.
    """
    with _open_figure("tradeoff", (6.6, 5.0)) as (figure, finish):
        axes = figure.subplots()
        x = [point["recall"] for point in curve["points"]]
        y = [point["precision"] for point in curve["points"]]
        axes.plot(x, y, color=ACCENT, linewidth=2)
        now = curve["now"]
        axes.scatter([now["recall"]], [now["precision"]], color=SECOND, zorder=3)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set_xlabel("share of the gold labels that are given")
        axes.set_ylabel("share of the given labels that are right")
        return finish()


class _open_figure:
    """Gives a figure and a function that turns it into SVG."""

    def __init__(self, name: str, size: Tuple[float, float]) -> None:
        self.name = name
        self.size = size

    def __enter__(self) -> Tuple[Any, Any]:
        try:
            from matplotlib import rc_context
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ValueError(Errors.L642) from error
        self.context = rc_context(SETTINGS)
        self.context.__enter__()
        self.figure = Figure(figsize=self.size)
        return self.figure, self.finish

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)

    def finish(self) -> str:
        out = StringIO()
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        self.figure.savefig(out, format="svg", transparent=True, metadata=metadata)
        svg = out.getvalue()
        svg = svg[svg.index("<svg") :]
        for colour, style in STYLES.items():
            svg = svg.replace(colour, style)
        # Several plots are in one page, so their ids have to differ.
        svg = re.sub(r'id="([^"]+)"', rf'id="{self.name}-\1"', svg)
        svg = re.sub(r'href="#([^"]+)"', rf'href="#{self.name}-\1"', svg)
        svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{self.name}-\1)", svg)
        return svg.replace("<svg ", '<svg role="img" aria-hidden="true" ', 1)
