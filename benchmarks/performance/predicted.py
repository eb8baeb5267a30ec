"""The tables of `predict` in docs/scaling.md, of what predict.py wrote."""

from pathlib import Path

from harness.pages import format_table

from .tables import RESULTS, make_caption, read_speed

TITLES = {
    "pipe": "`nlp.pipe`, Docs thrown away",
    "one": "`predict`, CSV to CSV",
    "two": "`predict --n-process 2`",
}


def make_predict(out: Path = RESULTS) -> str:
    """A row for each kind of use."""
    found = read_speed(out, "predict.json")
    if found is None:
        return "Not measured yet."
    rows, uses = [], found["uses"]
    for use, title in TITLES.items():
        own = uses[use]
        rate = found["n_rows"] / own["seconds"]
        ratio = uses["one"]["seconds"] / own["seconds"]
        start = own["all_seconds"] - own["seconds"]
        rows.append([title, f"{rate:,.0f}", f"{ratio:.2f}", f"{start:.1f}"])
    header = [f"{found['n_rows']:,} rows like `{found['data']}`", "rows a second"]
    header += ["of one process of `predict`", "start and end, s"]
    caption = make_caption("predict.py --data DIR", [found])
    return f"{format_table(header, rows)}\n\n{caption}"


def make_phases(out: Path = RESULTS) -> str:
    """A row for each share of rows that the second stage sees."""
    found = read_speed(out, "predict-phases.json")
    if found is None:
        return "Not measured yet."
    rows = [
        [f"{own['share']:.1%}"]
        + [f"{own[f'{x}_{n}']:.1f}" for n in (1, 2) for x in ("one", "two")]
        for own in found["phases"]
    ]
    header = ["routed", "one phase, s", "two phases, s"]
    header += ["one phase, 2 processes", "two phases, 2 processes"]
    size = (
        f"{found['n_rows']:,} rows like `{found['data']}`, those that are routed first;"
        " MiniLM ranks them, on one thread a process."
    )
    command = f"predict.py --data DIR --phases --n-rows {found['n_rows']}"
    caption = make_caption(command, [found])
    return f"{format_table(header, rows)}\n\n{size} {caption}"


def make_memory(out: Path = RESULTS) -> str:
    """A row for each length of the table."""
    found = read_speed(out, "predict-memory.json")
    if found is None:
        return "Not measured yet."
    keys = ("rows", "file_mb", "seconds_1", "mb_1", "seconds_2", "mb_2")
    rows = [[f"{own[key]:,.0f}" for key in keys] for own in found["lengths"]]
    header = [f"rows like `{found['data']}`", "MB of the file", "one process, s"]
    header += ["MB of memory", "two processes, s", "MB of the largest"]
    caption = make_caption("predict.py --data DIR --memory", [found])
    return f"{format_table(header, rows)}\n\n{caption}"
