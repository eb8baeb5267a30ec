"""The table and the plot of docs/scaling.md, of what soak.py wrote."""

from math import fsum
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from harness.pages import format_table, open_plot

from .tables import RESULTS, ResultT, make_caption, read_speed

# Of each system, in memory zones or not.
TITLES = {
    ("pair", True): "both stages, in `memory_zone()`",
    ("empty", True): "the empty pipeline, in `memory_zone()`",
    ("pair", False): "both stages, without a zone",
}
COLOURS = ("#c0392b", "#7f8c8d", "#34618f")
# Shares of the texts that are compared with each other.
EARLY, LATE = (0.2, 0.4), (0.8, 1.0)


def read_soak(out: Path = RESULTS) -> Optional[ResultT]:
    return read_speed(out, "soak.json")


def make_soak(out: Path = RESULTS) -> str:
    """A row for each run: what it has read, and what memory it has needed."""
    found = read_soak(out)
    if found is None:
        return "Not measured yet."
    header = ["", "minutes", "texts", "tokens", "MB at the start"]
    header += ["MB, mean of 20 % to 40 % of the texts", "of 80 % to 100 %", "most MB"]
    rows = []
    for run in found["runs"]:
        points = run["points"]
        seconds, n_docs, n_tokens, _ = points[-1]
        numbers = [points[0][3], *(get_mean(points, *part) for part in (EARLY, LATE))]
        numbers.append(max(point[3] for point in points))
        cells = [f"{seconds / 60:.1f}", f"{n_docs:,}", f"{n_tokens:,}"]
        cells += [f"{number:.0f}" for number in numbers]
        rows.append([TITLES[run["system"], run["zones"]], *cells])
    n_docs = found["runs"][0]["points"][-1][1]
    day = f"In a day, {n_docs:,} texts are {n_docs / 86400:.1f} a second."
    caption = make_caption("soak.py", [found])
    return f"{format_table(header, rows)}\n\n{day} {caption}"


def get_mean(points: Sequence[Any], low: float, high: float) -> float:
    """RETURNS (float): Megabytes while a part of the texts was read, on average."""
    total = points[-1][1]
    own = [mb for _, n, _, mb in points if low * total <= n <= high * total]
    return fsum(own) / len(own)


def draw_soak(found: ResultT, path: Path) -> None:
    """Draw memory against the texts so far, a line for each run."""
    runs: List[Dict[str, Any]] = found["runs"]
    with open_plot(path, runs, "soak", 1, 1, figsize=(6.0, 3.0)) as (_, field):
        for run, colour in zip(runs, COLOURS):
            label = TITLES[run["system"], run["zones"]].replace("`", "")
            n_docs = [point[1] / 1000 for point in run["points"]]
            megabytes = [point[3] for point in run["points"]]
            field.plot(n_docs, megabytes, label=label, color=colour, linewidth=0.8)
        field.set(xlabel="thousand texts", ylabel="MB of memory")
        field.set_ylim(bottom=0)
        field.legend(fontsize=6)
