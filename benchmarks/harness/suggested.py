"""The table of docs/commands/suggest.md, of what suggest.py wrote."""

import json
from pathlib import Path
from typing import Any, Dict, List

from .corpus import DATASETS
from .pages import format_table

RESULTS = Path(__file__).resolve().parents[1] / "results" / "suggest"
HEADER = ["macro-F1 on the test file", "before", "random", "least margin", "`suggest`"]


def make_suggested(out: Path = RESULTS) -> str:
    """RETURNS (str): Of each data set the tail and all labels, and what they gain."""
    found = {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}
    rows: List[List[str]] = []
    for name in sorted(found, key=lambda own: [*DATASETS, own].index(own)):
        result = found[name]
        about = f"`{name}`: {result['n_train']:,} texts, {result['n_labels']} labels, "
        about += f"{result['n_rare']} of them rare; a pool of {result['n_pool']:,}"
        for key, title in (("tail_f", f"{about}. Rare labels"), ("macro_f", "All")):
            rows.append([title, *_make_cells(result, key)])
    if not rows:
        return ""
    machine = next(iter(found.values()))["machine"]
    note = (
        f"{machine['date']}, {machine['machine']}; seeds of the random texts: 0 to 2."
    )
    return f"{format_table(HEADER, rows)}\n\n{note}"


def _make_cells(result: Dict[str, Any], key: str) -> List[str]:
    before = result["before"]["test"][key]
    gains = {way: own["test"][key] - before for way, own in result["ways"].items()}
    random = [gain for way, gain in gains.items() if way.startswith("random")]
    mean = sum(random) / len(random)
    return [
        f"{before:.3f}",
        f"{mean:+.3f} ({min(random):+.3f} to {max(random):+.3f})",
        f"{gains['margin']:+.3f}",
        f"{gains['suggest']:+.3f}",
    ]
