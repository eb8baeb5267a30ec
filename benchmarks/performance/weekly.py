"""The table of docs/commands/update.md, of what weekly.py wrote."""

from pathlib import Path
from typing import Any, Dict, List, Optional

from harness.pages import format_table

from .tables import RESULTS, ResultT, make_caption, read_speed

COLUMNS = {"macro": "macro-F1", "head": "head", "mid": "mid", "tail": "tail"}
COLUMNS["accuracy"] = "accuracy"
TITLES = {
    "scratch": "from scratch, as its config says",
    "scratch_few": "from scratch, in {steps} steps",
    "update": "**five weeks of `update`**, {steps} steps each",
}


def read_weekly(out: Path = RESULTS) -> Optional[ResultT]:
    return read_speed(out, "weekly.json")


def make_weekly(out: Path = RESULTS) -> str:
    """A row for each way to train on all texts, means over the seeds."""
    found = read_weekly(out)
    if found is None:
        return "Not measured yet."
    runs = found["runs"]
    steps = runs[0]["steps"]
    header = ["all five weeks", *COLUMNS.values(), "macro-F1 on dev", "CPU seconds"]
    rows = []
    for key, title in TITLES.items():
        own = [run[key] for run in runs]
        scores = [f"{_mean(own, 'test', column):.3f}" for column in COLUMNS]
        dev, seconds = _mean(own, "dev", "macro"), _mean(own, "cpu_s")
        row = [title.format(steps=steps), *scores, f"{dev:.3f}", f"{seconds:.1f}"]
        rows.append(row)
    for run in runs:
        for name, scores in run["variants"].items():
            title = f"`update --{name}`, dev only"
            blank = ["–"] * len(COLUMNS)
            rows.append([title, *blank, f"{scores['macro']:.3f}", "–"])
    seeds = " ".join(str(run["seed"]) for run in runs)
    command = f"weekly.py --data DIR --seeds {seeds}"
    about = "Test file, but for one column; the CPU seconds of `update` are those of "
    about += "the last week, with both looks at dev, loading and saving."
    caption = make_caption(command, [found])
    return "\n\n".join([format_table(header, rows), about, caption])


def _mean(runs: List[Dict[str, Any]], *path: str) -> float:
    values = []
    for run in runs:
        value: Any = run
        for key in path:
            value = value[key]
        values.append(value)
    return sum(values) / len(values)
