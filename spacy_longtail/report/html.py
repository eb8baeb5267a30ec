"""A report as one HTML page, with its plots."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import numpy

from ..evaluation.evidence import remark_trained
from ..presentation import open_figure, render, set_log_ticks
from .result import (
    answer,
    describe_change,
    describe_only,
    remark_other,
    show_percent,
)

TEMPLATES = Path(__file__).parent / "templates"

# Drawn in these colours, which then become those of the page, so that a plot follows
# its theme.
INK, SOFT, ACCENT, SECOND, FILL = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
COLOURS = {
    INK: "var(--ink)",
    SOFT: "var(--line)",
    ACCENT: "var(--accent)",
    SECOND: "var(--second)",
    FILL: "var(--fill)",
}
INKED = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
HIDDEN = ("axes.spines.top", "axes.spines.right", "legend.frameon")
SETTINGS = {
    **dict.fromkeys(INKED, INK),
    **dict.fromkeys(("axes.edgecolor", "grid.color"), SOFT),
    **dict.fromkeys(HIDDEN, False),
    **dict.fromkeys(("axes.grid", "figure.constrained_layout.use"), True),
    "font.family": "sans-serif",
    "font.size": 10.0,
    "grid.linewidth": 0.5,
    # So that the zeros of both axes don't touch.
    **dict.fromkeys(("xtick.major.pad", "ytick.major.pad"), 6.0),
}
# Keys of x and y in the points of each curve, and what people call them.
CURVES = {
    "coverage": (
        ("coverage", "share of the documents with a label"),
        ("accuracy", "share that is right"),
    ),
    "tradeoff": (
        ("recall", "share of the gold labels that are given"),
        ("precision", "share of the given labels that are right"),
    ),
}
# Inches, which a phone shows in full.
SIZE = (4.8, 3.6)
# Labels that a page shows one by one, and rows of a comparison.
MOST_LABELS, MOST_SHOWN = 2000, 50
_open = partial(open_figure, colours=COLOURS, settings=SETTINGS)


def render_html(data: Dict[str, Any]) -> str:
    """Turn a report into one HTML page that needs nothing else, and no network.

    data (Dict[str, Any]): What build_report returns.
    RETURNS (str): The page.
    RAISES (ValueError): L642 without matplotlib.
    """
    about = data["about"]
    plots = {
        "tail": plot_tail(data["labels"], about["head"], about["mid"]),
        "spread": plot_spread(data["labels"]),
        "reliability": plot_reliability(data["reliability"]),
        **{key: plot_curve(key, data[key]) for key in CURVES if key in data},
    }
    template = TEMPLATES / f"{about['labels']}.html.jinja"
    filters: Dict[str, Callable[..., Any]] = {"step": get_step, "capital": show_title}
    filters.update(percent=lambda share: keep_together(show_percent(share)))
    filters.update(unbroken=keep_together, verdict=describe_change, only=describe_only)
    remarks = remark_trained(about["n_trained"], about["n_gold"])
    remarks += remark_other(data["against"], about)
    return render(
        template,
        filters=filters,
        data=cut_labels(data),
        plots=plots,
        remarks=remarks,
        answers=answer(data),
        n_shown=MOST_SHOWN,
    )


def cut_labels(data: Dict[str, Any]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The report with so many labels that a browser can show
    them: those with the most gold documents that they weren't given to.
    """
    labels = data["labels"]
    if len(labels) <= MOST_LABELS:
        return data

    def rank(row: Dict[str, Any]) -> Tuple[float, ...]:
        n_missed = row["support"] * (1.0 - (row["r"] or 0.0))
        return -n_missed, -row["support"], -row["count"]

    shown = {row["label"] for row in sorted(labels, key=rank)[:MOST_LABELS]}
    rows = [row for row in labels if row["label"] in shown]
    return {**data, "labels": rows, "tree": _cut_tree(data["tree"], shown)}


def _cut_tree(nodes: List[Dict[str, Any]], shown: Set[str]) -> List[Dict[str, Any]]:
    """Categories stay, those of all labels."""
    return [
        {**node, "children": _cut_tree(node["children"], shown)}
        for node in nodes
        if node["children"] or node["path"] in shown
    ]


def get_step(value: Optional[float]) -> str:
    """RETURNS (str): Which colour an F1 has: "0" to "4", "none" without one."""
    return "none" if value is None else str(min(int(value * 5), 4))


def show_title(title: str) -> str:
    """RETURNS (str): With a capital at the start, unless it has others, like nDCG."""
    return title if title[1:2].isupper() else title[:1].upper() + title[1:]


def keep_together(text: str) -> str:
    """RETURNS (str): With spaces before percent signs at which no line ends."""
    return text.replace(" %", "\u00a0%")


def plot_tail(labels: List[Dict[str, Any]], head: int, mid: int) -> str:
    """Draw the training documents of each label, most frequent first, as SVG."""
    with _open("tail", SIZE) as (figure, finish):
        axes = figure.subplots()
        counts = numpy.sort([max(row["count"], 0.5) for row in labels])[::-1]
        ranks = numpy.arange(1, len(counts) + 1)
        axes.fill_between(ranks, counts, 0.4, color=FILL, step="mid")
        axes.step(ranks, counts, where="mid", color=ACCENT, linewidth=1.5)
        axes.set(yscale="log", xlabel="label, most frequent first")
        axes.set_ylabel("training documents")
        axes.xaxis.get_major_locator().set_params(nbins=5, integer=True)
        set_log_ticks(axes.yaxis, 1.0, counts[0])
        for bound in (head, mid):
            axes.axhline(bound, color=SECOND, linewidth=0.8, linestyle="--")
        return finish()


def plot_spread(labels: List[Dict[str, Any]]) -> str:
    """Draw the F1 of each label over its training documents, as SVG."""
    with _open("spread", SIZE) as (figure, finish):
        axes = figure.subplots()
        scored = [row for row in labels if row["support"]]
        x = numpy.asarray([max(row["count"], 0.5) for row in scored])
        y = numpy.asarray([row["f"] for row in scored], dtype="float64")
        axes.scatter(x, y, s=12, color=ACCENT, alpha=0.35, linewidths=0)
        edges = numpy.unique(numpy.geomspace(0.5, max(x.max(), 1.0) + 1, 9).round())
        bins = numpy.digitize(x, edges)
        used = numpy.unique(bins)
        means = [(x[bins == i].mean(), y[bins == i].mean()) for i in used]
        axes.plot(*zip(*means), color=SECOND, linewidth=2, marker="o", label="mean")
        axes.set(xscale="log", xlabel="training documents", ylabel="F1 of the label")
        axes.set_ylim(-0.03, 1.03)
        set_log_ticks(axes.xaxis, x.min(), x.max())
        axes.legend(loc="lower right")
        return finish()


def plot_reliability(curve: List[Dict[str, Any]]) -> str:
    """Draw how often labels are right over how probable they are, as SVG. The dots are
    larger where there are more of them or, if most are in one bin, where their log is.
    """
    with _open("reliability", SIZE) as (figure, finish):
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=SECOND, linewidth=1, linestyle="--")
        keys = ("low", "high", "n", "probability", "accuracy")
        used = [[point[key] for key in keys] for point in curve if point["n"]]
        low, high, n, probability, accuracy = numpy.reshape(used, (-1, len(keys))).T
        edges = {"edgecolor": ACCENT, "linewidth": 0.8}
        axes.bar(low, accuracy, width=high - low, align="edge", color=FILL, **edges)
        sizes = numpy.log1p(n) if n.max(initial=0) > n.sum() / 2 else n
        areas = 10 + 90 * sizes / sizes.max(initial=1)
        axes.scatter(probability, accuracy, s=areas, color=ACCENT, zorder=3)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the label")
        axes.set_ylabel("share that is right")
        return finish()


def plot_curve(name: str, curve: Dict[str, Any]) -> str:
    """Draw one of CURVES, and a dot where the pipeline is now, as SVG."""
    (x, xlabel), (y, ylabel) = CURVES[name]
    with _open(name, SIZE) as (figure, finish):
        axes = figure.subplots()
        points, now = curve["points"], curve["now"]
        heights = [point[y] for point in points]
        axes.plot([p[x] for p in points], heights, color=ACCENT, linewidth=2)
        if None not in (now[x], now[y]):
            axes.scatter([now[x]], [now[y]], color=SECOND, zorder=3)
            heights = [*heights, now[y]]
        axes.set(xlim=(0, 1.02), xlabel=xlabel, ylabel=ylabel)
        axes.set_ylim(max(0.0, min(heights) - 0.05), 1.02)
        return finish()
