"""Write the tables and the plot of the results into README.md and docs/.

    python benchmarks/tables.py [--check]

Reads the lines of JSON that run.py has written. Between two comments of a page, such as
<!-- results: quality --> and <!-- end of results -->, stands what BLOCKS makes.
"""

import argparse
import re
import sys
from collections import defaultdict
from math import fsum
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from harness.corpus import DATASETS
from harness.pages import format_table, get_digest
from harness.results import ResultT, read_all
from harness.suggested import make_suggested
from harness.suspected import make_suspects
from performance import outlook, predicted, soaked, sparked, weekly
from performance import tables as performance
from plot import PointsT, draw_plot
from run import RESULTS
from started import make_start
from systems import SYSTEMS, parse_name

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{x}.md" for x in ("benchmarks", "scaling", "commands/start")),
    *(ROOT / "docs" / "commands" / f"{x}.md" for x in ("audit", "suggest", "update")),
]
PLOT, SCALING, SOAK = (
    ROOT / "docs" / f"{x}.svg" for x in ("benchmarks", "scaling", "soak")
)
# For each data set, the runs of each system.
RunsT = Dict[str, Dict[str, List[ResultT]]]
# What somebody would pick instead, for the table of the README.
FIRST = ["linear_svc", "logreg", "fasttext", "model2vec", "textcat", "minilm_logreg"]
SHORT = {
    "linear_svc": "LinearSVC",
    "logreg": "logistic regression",
    "fasttext": "fastText",
    "model2vec": "model2vec",
    "textcat": "spaCy textcat",
    "minilm_logreg": "frozen MiniLM",
    "efficiency": "**spacy-longtail**",
}


def group_runs(out: Path = RESULTS, split: str = "test") -> RunsT:
    """Read the runs on a split, in the order in which the tables show them."""
    found: RunsT = {}
    results = read_all(out)
    for name in sorted(results, key=lambda x: ([*DATASETS, x].index(x), x)):
        systems: Dict[str, List[ResultT]] = defaultdict(list)
        for (system, _, own_split), result in sorted(results[name].items()):
            if own_split == split:
                systems[system].append(result)
        if systems:
            found[name] = systems
    return found


def get_values(runs: Sequence[ResultT], *path: str) -> List[float]:
    """RETURNS (List[float]): A number of each run that has it."""
    values = []
    for run in runs:
        value: Any = run
        for key in path:
            value = value.get(key) if value is not None else None
        if value is not None:
            values.append(value)
    return values


def get_mean(runs: Sequence[ResultT], *path: str) -> Optional[float]:
    values = get_values(runs, *path)
    return fsum(values) / len(values) if values else None


def format_score(runs: Sequence[ResultT], key: str, with_range: bool = False) -> str:
    values = get_values(runs, "scores", key)
    if not values:
        return "–"
    text = f"{fsum(values) / len(values):.3f}"
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return f"{text} ({low}–{high})" if with_range and low != high else text


def format_number(value: Optional[float]) -> str:
    """Three figures or so: 0.05, 3.4, 157, 18,204."""
    if value is None:
        return "–"
    digits = 2 if value < 1 else 1 if value < 10 else 0
    return f"{value:,.{digits}f}"


def get_limit(runs: Sequence[ResultT]) -> Optional[int]:
    """RETURNS (Optional[int]): Seconds that all runs took longer than, if they did."""
    limits = [run["over_cpu_s"] for run in runs if "over_cpu_s" in run]
    return max(limits) if limits and not get_values(runs, "scores", "macro") else None


def sort_systems(systems: Dict[str, List[ResultT]]) -> List[str]:
    """RETURNS (List[str]): From the best macro-F1 down."""
    return sorted(
        systems, key=lambda name: -(get_mean(systems[name], "scores", "macro") or 0)
    )


def format_title(system: str) -> str:
    name, options = parse_name(system)
    more = ", ".join(f"`{key} = {value}`" for key, value in options.items())
    return f"{SYSTEMS[name].title}, {more}" if more else SYSTEMS[name].title


def make_quality(runs: RunsT) -> str:
    """A table for each data set, a row for each system."""
    blocks = []
    for name, systems in runs.items():
        systems = {x: own for x, own in systems.items() if ":" not in x}
        if systems:
            table = make_quality_table(systems)
            blocks += [f"### `{name}`: {describe(name, systems)}", table]
    return "\n\n".join([*blocks, make_caption(runs)])


def describe(name: str, systems: Dict[str, List[ResultT]]) -> str:
    title = DATASETS[name].title if name in DATASETS else "a data set of your own"
    sizes = [run["n"]["train"] for own in systems.values() for run in own if "n" in run]
    return f"{title}, {sizes[0]:,} training texts" if sizes else title


def is_several(systems: Dict[str, List[ResultT]]) -> bool:
    every = [run for runs in systems.values() for run in runs]
    return max(get_values(every, "scores", "gold_per_doc") or [1.0]) > 1.0


def make_quality_table(systems: Dict[str, List[ResultT]]) -> str:
    several = is_several(systems)
    gold = get_mean([r for own in systems.values() for r in own], *GOLD)
    more = ["micro-F1", f"labels a text ({gold or 0:.2f})"] if several else []
    header = ["system", "macro-F1", "head", "mid", "tail", "accuracy", *more]
    header += ["training s", "memory MB", "disk MB", "load s", "texts/s", "batched"]
    rows = []
    for system in sort_systems(systems):
        runs, limit = systems[system], get_limit(systems[system])
        title = format_title(system)
        if limit:
            blank = ["–"] * (4 + len(more))
            rows.append([title, "–", *blank, f"over {limit}", *["–"] * 5])
            continue
        row = [title, format_score(runs, "macro", with_range=True)]
        row += [format_score(runs, key) for key in ("head", "mid", "tail", "accuracy")]
        if several:
            per_doc = get_mean(runs, "scores", "per_doc")
            row += [format_score(runs, "micro"), f"{per_doc:.2f}"]
        rows.append([*row, *(format_number(get_mean(runs, *path)) for path in COSTS)])
    return format_table(header, rows)


GOLD = ("scores", "gold_per_doc")
COSTS = [
    ("train", "cpu_s"),
    ("memory_mb",),
    ("disk_mb",),
    ("load_cpu_s",),
    ("docs_per_cpu_s", "single"),
    ("docs_per_cpu_s", "batched"),
]


def make_caption(runs: RunsT) -> str:
    """When and on what all of it was measured."""
    every = [r for systems in runs.values() for own in systems.values() for r in own]
    dates = sorted({run["date"] for run in every})
    machines = sorted({run["machine"] for run in every if "machine" in run})
    versions: Dict[str, set] = defaultdict(set)
    for run in every:
        for package, version in run.get("versions", {}).items():
            if package != "spacy-longtail":
                versions[package].add(version)
    named = [f"{name} {' or '.join(sorted(found))}" for name, found in versions.items()]
    ours = [run for run in every if "spacy-longtail" in run.get("versions", {})]
    commits = sorted({run["commit"] for run in ours})
    named += [f"spacy-longtail at {' and '.join(commits)}"] if commits else []
    seeds = 1 + max(run["seed"] for run in every)
    days = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return (
        f"`python benchmarks/run.py --data DIR --seeds "
        f"{' '.join(map(str, range(seeds)))}`, {days}, {'; '.join(machines)}, "
        f"{', '.join(sorted(named))}."
    )


def make_readme(runs: RunsT) -> str:
    """Macro-F1 of what somebody would pick instead, beside ours."""
    shown = [x for x in FIRST if any(x in systems for systems in runs.values())]
    header = ["macro-F1 on the test file", *(SHORT[x] for x in [*shown, "efficiency"])]
    rows = []
    for name, systems in runs.items():
        if name not in DATASETS or "efficiency" not in systems:
            continue
        own = {x: get_mean(systems.get(x, []), "scores", "macro") for x in shown}
        own["efficiency"] = get_mean(systems["efficiency"], "scores", "macro")
        best = max(f"{value:.3f}" for value in own.values() if value is not None)
        cells = []
        for system, value in own.items():
            limit = get_limit(systems.get(system, []))
            text = f"over {limit} s" if limit else "–"
            if value is not None:
                text = f"{value:.3f}"
                seconds = get_mean(systems[system], "train", "cpu_s") or 0.0
                text = f"**{text}**" if text == best else text
                text += f" ({format_seconds(seconds)})"
            cells.append(text)
        rows.append([f"`{name}`: {DATASETS[name].title}", *cells])
    return format_table(header, rows)


def format_seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 1 else "1 s"


BLOCKS: Dict[str, Callable[[RunsT], str]] = {
    "quality": make_quality,
    "readme": make_readme,
    "speed": lambda runs: performance.make_speed(),
    "shares": lambda runs: performance.make_shares(),
    "shortlists": lambda runs: performance.make_shortlists(),
    "scaling": lambda runs: performance.make_scaling(),
    "predict": lambda runs: predicted.make_predict(),
    "memory": lambda runs: predicted.make_memory(),
    "phases": lambda runs: predicted.make_phases(),
    "soak": lambda runs: soaked.make_soak(),
    "spark": lambda runs: sparked.make_spark(),
    "suggest": lambda runs: make_suggested(),
    "suspects": lambda runs: make_suspects(),
    "outlook": lambda runs: outlook.make_outlook(),
    "start": lambda runs: make_start(),
    "weekly": lambda runs: weekly.make_weekly(),
}
MARKED = re.compile(
    r"(<!-- results: (\w+) -->\n).*?(<!-- end of results -->)", re.DOTALL
)


def build_page(text: str, runs: RunsT) -> str:
    """RETURNS (str): The page, with everything between its comments written again."""

    def write(match: "re.Match[str]") -> str:
        block = BLOCKS[match.group(2)](runs)
        return f"{match.group(1)}\n{block}\n\n{match.group(3)}"

    return MARKED.sub(write, text)


def get_points(runs: RunsT) -> PointsT:
    """RETURNS (PointsT): What the plot shows."""
    points: PointsT = {}
    for name, systems in runs.items():
        for system, own in systems.items():
            seconds = get_mean(own, "train", "cpu_s")
            macro = get_mean(own, "scores", "macro")
            if seconds is not None and macro is not None and ":" not in system:
                point = (system, round(seconds, 1), round(macro, 3))
                points.setdefault(name, []).append(point)
    return points


def find_stale(runs: RunsT) -> List[Path]:
    """RETURNS (List[Path]): Pages and plots that don't show these results."""
    stale = []
    for page in PAGES:
        text = page.read_text(encoding="utf8")
        if build_page(text, runs) != text:
            stale.append(page)
    digests = {PLOT: get_digest(get_points(runs))}
    if results := performance.read_scaling():
        digests[SCALING] = get_digest(results)
    if soak := soaked.read_soak():
        digests[SOAK] = get_digest(soak["runs"])
    for plot, digest in digests.items():
        if not plot.exists() or digest not in plot.read_text(encoding="utf8"):
            stale.append(plot)
    return stale


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Write nothing")
    args = parser.parse_args()
    runs = group_runs()
    stale = find_stale(runs)
    for path in stale:
        if args.check:
            print(f"Not current, run python benchmarks/tables.py: {path}")
            continue
        if path == PLOT:
            draw_plot(get_points(runs), path)
        elif path == SCALING:
            performance.draw_scaling(performance.read_scaling(), path)
        elif path == SOAK:
            soaked.draw_soak(soaked.read_soak() or {}, path)
        else:
            text = build_page(path.read_text(encoding="utf8"), runs)
            path.write_text(text, encoding="utf8")
        print(f"Written: {path.relative_to(ROOT)}")
    return int(args.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
