"""The table of docs/commands/start.md, of what start.py wrote."""

import json
from pathlib import Path
from typing import Any, Dict, List

from harness.pages import format_table

RESULTS = Path(__file__).resolve().parent / "results" / "starting"
TITLES = {
    ("efficiency", "start"): "`start`, static vectors",
    ("efficiency", "nothing"): "trained from nothing, static vectors",
    ("cascade", "start"): "`start --optimize cascade`, MiniLM",
    ("cascade", "nothing"): "trained from nothing, MiniLM ranks",
    ("accuracy", "start"): "`start --optimize accuracy`, MiniLM",
    ("accuracy", "nothing"): "trained from nothing, MiniLM",
}


def make_start(out: Path = RESULTS) -> str:
    """A row for each way, a column for each number of texts a label."""
    path = out / "naics2012.json"
    if not path.exists():
        return "Not measured yet."
    found = json.loads(path.read_text(encoding="utf8"))
    runs = [run for run in found["runs"] if run["split"] == "test"]
    numbers = sorted({run["n"] for run in runs})
    header = ["macro-F1 (accuracy)", *map(name_number, numbers)]
    rows = []
    for key, title in TITLES.items():
        own = {r["n"]: r for r in runs if (r["system"], r["way"]) == key}
        if own:
            rows.append([title, *(format_run(own, n) for n in numbers)])
    dates = ", ".join(sorted({run["date"] for run in runs}))
    caption = (
        f"`python benchmarks/start.py`, {dates}, {found['machine']}, Python "
        f"{found['versions']['python']}. One seed."
    )
    return f"{format_table(header, rows)}\n\n{caption}"


def name_number(n: int) -> str:
    if not n:
        return "no text"
    return "1 text a label" if n == 1 else f"{n} texts"


def format_run(runs: Dict[int, Dict[str, Any]], n: int) -> str:
    cells: List[str] = ["–"]
    if n in runs:
        cells = [f"{runs[n]['macro']:.3f} ({runs[n]['accuracy']:.3f})"]
    return cells[0]
