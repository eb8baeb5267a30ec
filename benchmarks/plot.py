"""A plot of what training costs and what it brings, as SVG."""

from pathlib import Path
from typing import Any, Dict, List, Tuple

from harness.pages import open_plot

# For each data set: system, seconds of training, macro-F1.
PointsT = Dict[str, List[Tuple[str, float, float]]]
OURS = ("efficiency", "cascade", "accuracy", "accuracy_frozen")


def draw_plot(points: PointsT, path: Path) -> None:
    """Draw macro-F1 against seconds of training, a field for each data set."""
    every = [seconds for own in points.values() for _, seconds, _ in own] or [1.0]
    limits = (min(every) / 2, max(every) * 2)
    middle = (limits[0] * limits[1]) ** 0.5
    n_columns = max(1, min(3, len(points)))
    n_rows = max(1, -(-len(points) // n_columns))
    size = (3.6 * n_columns, 2.8 * n_rows)
    shape = n_rows, n_columns
    plot = open_plot(path, points, "benchmarks", *shape, figsize=size, squeeze=False)
    with plot as (_, axes):
        fields = axes.ravel().tolist()
        for field, (name, own) in zip(fields, points.items()):
            draw_field(field, name, own, middle)
            # The same seconds in all fields.
            field.set_xlim(*limits)
        for field in fields[len(points) :]:
            field.set_visible(False)


def draw_field(
    field: Any, name: str, points: List[Tuple[str, float, float]], middle: float
) -> None:
    """Draw a data set. Names stand to the left of what took longer than the middle."""
    field.set_title(name)
    field.set_xscale("log")
    field.set_xlabel("training, CPU seconds")
    field.set_ylabel("macro-F1, test")
    field.margins(y=0.15)
    ranked = sorted(points, key=lambda point: (point[2], point[0]))
    for rank, (system, seconds, macro) in enumerate(ranked):
        ours = system in OURS
        color = "#c0392b" if ours else "#34618f"
        field.plot([seconds], [macro], "D" if ours else "o", color=color, markersize=4)
        field.annotate(
            system,
            (seconds, macro),
            # Names of neighbours stand on different sides.
            xytext=(3 if seconds < middle else -3, 3 if ours or rank % 2 else -7),
            ha="left" if seconds < middle else "right",
            textcoords="offset points",
            fontsize=6,
            color=color,
            weight="bold" if ours else "normal",
        )
