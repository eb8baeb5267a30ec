"""The table and the plot of docs/scaling.md, of what soak.py wrote."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from harness.pages import format_table, open_plot

from .tables import RESULTS, ResultT, make_caption, read_speed

TITLES = {True: "in `memory_zone()`", False: "without a zone"}
COLOURS = {True: "#c0392b", False: "#34618f"}


def read_soak(out: Path = RESULTS) -> Optional[ResultT]:
    return read_speed(out, "soak.json")


def make_soak(out: Path = RESULTS) -> str:
    """A row for each run: what it has read, and what memory it had needed by when."""
    found = read_soak(out)
    if found is None:
        return "Not measured yet."
    header = ["", "minutes", "texts", "tokens", "MB loaded", "MB at a fifth"]
    header += ["MB at the end", "most MB", "MB a million texts, second half"]
    rows = []
    for run in found["runs"]:
        points = run["points"]
        megabytes = [point[3] for point in points]
        seconds, n_docs, n_tokens, last = points[-1]
        fifth = next(mb for _, n, _, mb in points if n >= n_docs / 5)
        numbers = [megabytes[0], fifth, last, max(megabytes)]
        cells = [f"{seconds / 60:.1f}", f"{n_docs:,}", f"{n_tokens:,}"]
        cells += [f"{number:.0f}" for number in numbers]
        rows.append([TITLES[run["zones"]], *cells, f"{fit_growth(points):+,.1f}"])
    return f"{format_table(header, rows)}\n\n{make_caption('soak.py', [found])}"


def fit_growth(points: Sequence[Any]) -> float:
    """RETURNS (float): Megabytes a million texts, by least squares over the second half
    of the texts, when caches are full.
    """
    own = [(n / 1e6, mb) for _, n, _, mb in points if n >= points[-1][1] / 2]
    mean_x, mean_y = (sum(values) / len(own) for values in zip(*own))
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in own)
    return covariance / max(sum((x - mean_x) ** 2 for x, _ in own), 1e-12)


def draw_soak(found: ResultT, path: Path) -> None:
    """Draw memory and texts a second against the texts so far, a line for each run."""
    runs: List[Dict[str, Any]] = found["runs"]
    with open_plot(path, runs, "soak", 1, 2, figsize=(8.0, 2.8)) as (_, axes):
        for run in runs:
            points, title = run["points"], TITLES[run["zones"]].replace("`", "")
            n_docs = [point[1] / 1000 for point in points]
            style = {"label": title, "color": COLOURS[run["zones"]], "linewidth": 0.8}
            axes[0].plot(n_docs, [point[3] for point in points], **style)
            rates = [
                (later[1] - point[1]) / (later[0] - point[0])
                for point, later in zip(points, points[1:])
            ]
            axes[1].plot(n_docs[1:], rates, **style)
        for field, unit in zip(axes, ("MB of memory", "texts a second")):
            field.set(xlabel="thousand texts", ylabel=unit)
            field.set_ylim(bottom=0)
        axes[0].legend(fontsize=6)
