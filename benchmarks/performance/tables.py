"""The tables and the plot of docs/scaling.md, of what speed.py and scaling.py wrote."""

import json
from math import exp, fsum, log
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from harness.pages import format_table, open_plot

from .systems import TITLES

RESULTS = Path(__file__).resolve().parents[1] / "results" / "performance"
ResultT = Dict[str, Any]
USE_TITLES = {
    "empty": "the empty pipeline: the tokenizer",
    "textcat": "spaCy `textcat` (quickstart, CPU)",
    "first": "first stage, all labels",
    "first_top": "first stage, `cats_top_k = 10`",
    "pair": "with the fallback, all labels",
    "pair_top": "with the fallback, `cats_top_k = 10`",
    "kept": "the same, all documents kept in a list",
    "two": "two processes at the same time, in all",
    "four": "four processes at the same time, in all",
    "pipe_two": "`nlp.pipe(…, n_process=2)`",
    "textcat_pipe_two": "`textcat`, `nlp.pipe(…, n_process=2)`",
    "fasttext": "fastText, its library alone, all labels",
    "fasttext_top": "fastText, its library alone, top 10",
}
# Beside what each use is judged.
BASES = {
    **dict.fromkeys(("first", "first_top", "pair", "pair_top"), "textcat"),
    **dict.fromkeys(("kept", "two", "four"), "pair"),
    "pipe_two": "textcat_pipe_two",
}
STUDY_TITLES = {
    "labels": ("n_labels", "labels"),
    "tokens": ("n_tokens", "tokens a text"),
    "docs": ("n_streamed", "texts in a stream"),
}
# What is plotted and fitted: key of the result, title, unit.
CURVES = [
    ("ms", "prediction", "ms a text"),
    ("epoch_s", "training", "s an epoch"),
    ("memory_mb", "training", "MB of memory"),
    ("disk_mb", "saved", "MB"),
]


def read_speed(out: Path = RESULTS, name: str = "speed.json") -> Optional[ResultT]:
    path = out / name
    return json.loads(path.read_text(encoding="utf8")) if path.exists() else None


def read_scaling(out: Path = RESULTS) -> List[ResultT]:
    path = out / "scaling.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


def make_speed(out: Path = RESULTS) -> str:
    """A row for each kind of use."""
    found = read_speed(out)
    if found is None:
        return "Not measured yet."
    rates, rows = found["rates"], []
    for use, title in USE_TITLES.items():
        if use not in rates:
            continue
        base = BASES.get(use)
        ratio = (
            f"{rates[use] / rates[base]:.2f} × {TITLE_OF_BASE[base]}" if base else ""
        )
        rows.append([title, f"{rates[use]:,.0f}", ratio])
    table = format_table([f"`{found['data']}`", "texts a second", "ratio"], rows)
    return f"{table}\n\n{make_caption('speed.py --data DIR', [found])}"


TITLE_OF_BASE = {
    "textcat": "`textcat`",
    "pair": "one process, streamed",
    "textcat_pipe_two": "`textcat`'s",
}


def make_shares(out: Path = RESULTS) -> str:
    """Parts of the pipeline, for each kind of use: microseconds and share. The first
    column is that of an earlier version, if it was measured.
    """
    found, before = read_speed(out), read_speed(out, "speed-before.json")
    if found is None:
        return "Not measured yet."
    columns = [(USE_TITLES[use], use, found) for use in found["shares"]]
    if before is not None:
        title = f"before, at {before['commit']}: {USE_TITLES['pair']}"
        columns.insert(0, (title, "pair", before))
    rows = []
    for part in sorted(found["shares"]["pair"], key=lambda x: -get_share(found, x)):
        row = [part]
        for _, use, own in columns:
            share = own["shares"][use][part]
            row.append(f"{share * 1e6 / own['cpu_rates'][use]:.1f} ({share:.0%})")
        rows.append(row)
    totals = [f"{1e6 / own['cpu_rates'][use]:.1f}" for _, use, own in columns]
    header = ["µs of a processor a text", *(title for title, _, _ in columns)]
    table = format_table(header, [*rows, ["all", *totals]])
    return f"{table}\n\n{make_caption('speed.py --data DIR', [found])}"


def get_share(found: ResultT, part: str) -> float:
    return found["shares"]["pair"][part]


def make_scaling(out: Path = RESULTS) -> str:
    """A table for each study, and how each cost grows."""
    results, blocks = read_scaling(out), []
    for study, (key, title) in STUDY_TITLES.items():
        own = [found for found in results if found["study"] == study]
        if own:
            blocks += [f"### By {title}", make_study(own, key, title)]
    if not blocks:
        return "Not measured yet."
    return "\n\n".join([*blocks, make_caption("scaling.py", results)])


def make_shortlists(out: Path = RESULTS) -> str:
    """A row for each way to find the best labels."""
    found = read_speed(out, "shortlists.json")
    if found is None:
        return "Not measured yet."
    rows = [
        [own["way"], f"{own['us']:.0f}", f"{own['recall']:.3f}"]
        for own in found["ways"]
    ]
    header = [
        f"{found['n_labels']:,} labels, width {found['width']}",
        "µs of a processor a text",
        "share of the ten best labels that are found",
    ]
    caption = make_caption("shortlists.py", [found])
    return f"{format_table(header, rows)}\n\n{caption}"


def make_study(results: List[ResultT], key: str, title: str) -> str:
    columns = [*CURVES, ("peak_mb", "all of the process", "MB")]
    if key != "n_labels":
        columns = [column for column in columns if column[0] in ("ms", "peak_mb")]
    header = [title, "system", *(f"{own}, {unit}" for _, own, unit in columns)]
    rows = []
    order = list(TITLES)
    for found in sorted(results, key=lambda x: (x[key], order.index(x["system"]))):
        cells = [format_cell(found.get(name)) for name, _, _ in columns]
        if "over" in found:
            cells = [f"over {found['over']}", *["–"] * (len(columns) - 1)]
        rows.append([f"{found[key]:,}", TITLES[found["system"]], *cells])
    growth = make_growth(results, key, [name for name, _, _ in columns])
    return f"{format_table(header, rows)}\n\n{growth}"


def format_cell(value: Optional[float]) -> str:
    if value is None:
        return "–"
    digits = 3 if value < 1 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def make_growth(results: List[ResultT], key: str, columns: Sequence[str]) -> str:
    """What each cost is proportional to: x to the power of the slope on the logs."""
    titles = {name: f"{title} ({unit})" for name, title, unit in CURVES}
    lines = []
    for system, title in TITLES.items():
        own = [r for r in results if r["system"] == system and "over" not in r]
        slopes = []
        for name in columns:
            pairs = [(found[key], found[name]) for found in own if name in found]
            slope = fit_exponent(pairs)
            if name in titles and slope is not None:
                slopes.append(f"{titles[name]} {slope:.2f}")
        if slopes:
            lines.append(f"- {title}: {', '.join(slopes)}")
    return "\n".join(["Fitted exponents:", "", *lines])


def fit_exponent(pairs: Sequence[Tuple[float, float]]) -> Optional[float]:
    """RETURNS (Optional[float]): The slope of least squares through the logs. None with
    fewer than three points.
    """
    points = [(log(x), log(max(y, 1e-6))) for x, y in pairs]
    if len(points) < 3:
        return None
    mean_x = fsum(x for x, _ in points) / len(points)
    mean_y = fsum(y for _, y in points) / len(points)
    covariance = fsum((x - mean_x) * (y - mean_y) for x, y in points)
    return covariance / fsum((x - mean_x) ** 2 for x, _ in points)


def make_caption(command: str, results: Sequence[ResultT]) -> str:
    def join(key: str) -> str:
        return " and ".join(sorted({found[key] for found in results}))

    versions = results[0]["versions"]
    named = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return (
        f"`python benchmarks/{command}`, {join('date')}, {join('machine')}, at "
        f"{join('commit')}, {named}."
    )


def draw_scaling(results: List[ResultT], path: Path) -> None:
    """Draw the costs against the number of labels, both as logs, with the fits."""
    size = (8.0, 6.0)
    with open_plot(path, results, "scaling", 2, 2, figsize=size) as (_, axes):
        for field, (name, title, unit) in zip(axes.ravel().tolist(), CURVES):
            field.set_title(title)
            field.set(xscale="log", yscale="log", xlabel="labels", ylabel=unit)
            for system, label in TITLES.items():
                draw_curve(field, results, name, system, label.replace("`", ""))
        axes[0, 0].legend(fontsize=6)


def draw_curve(
    field: Any, results: List[ResultT], name: str, system: str, label: str
) -> None:
    own = [r for r in results if r["study"] == "labels" and r["system"] == system]
    points = sorted((r["n_labels"], r[name]) for r in own if name in r)
    slope = fit_exponent(points)
    if not points:
        return
    label += "" if slope is None else f" (exponent {slope:.2f})"
    (line,) = field.plot(*zip(*points), "o", markersize=3, label=label)
    if slope is not None:
        height = fsum(log(y) - slope * log(x) for x, y in points) / len(points)
        ends = [points[0][0], points[-1][0]]
        fitted = [exp(height + slope * log(x)) for x in ends]
        field.plot(ends, fitted, "-", linewidth=0.8, color=line.get_color())
