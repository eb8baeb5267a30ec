"""The table of docs/commands/audit.md, of what suspects.py wrote."""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

from .corpus import DATASETS
from .pages import format_table

RESULTS = Path(__file__).resolve().parents[1] / "results" / "suspects"
HEADER = ["corpus", "labels", "changed", "suspected", "right of the first 100"]
HEADER += ["all that are right", "cleanlab", "cleanlab, TF-IDF", "seconds"]
# What is counted, and what was changed for it.
PARTS = {
    "wrong labels": "{n_added:,} added",
    "lacking labels": "{n_taken:,} taken away",
    "texts": "either",
    "with titles": "with `--descriptions`",
}


def make_suspects(out: Path = RESULTS) -> str:
    """RETURNS (str): Of each corpus what the audit finds, and what cleanlab does."""
    found = {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}
    rows: List[List[str]] = []
    for name in sorted(found, key=lambda own: [*DATASETS, own].index(own)):
        result = found[name]
        own = {row["system"]: row for row in result["systems"] if "by" not in row}
        first = [f"`{name}`, {result['n_texts']:,} texts", f"{result['n_labels']:,}"]
        for part, row in own.items():
            # Cleanlab says which texts, and not which of their labels.
            is_compared = part == "texts"
            changed = PARTS[part]
            if part == "wrong labels" and not result["several"]:
                changed, is_compared = "{n_added:,}", True
            peers = [
                _show(_find_cleanlab(result, by)) if is_compared else ""
                for by in ("same", "TF-IDF")
            ]
            seconds = f"{row['cpu_s']:.1f}" if "cpu_s" in row else ""
            cells = [changed.format(**result), f"{row['n']:,}", _show(row)]
            rows.append([*first, *cells, f"{row['right']:,}", *peers, seconds])
            first = ["", ""]
    if not rows:
        return ""
    machine = next(iter(found.values()))["machine"]
    note = (
        f"`python benchmarks/suspects.py`, with `--peers` where there is a figure for "
        f"TF-IDF, {machine['date']}, {machine['machine']}, cleanlab "
        f"{machine['cleanlab']}."
    )
    return f"{format_table(HEADER, rows)}\n\n{note}"


def _find_cleanlab(result: Dict[str, Any], by: str) -> Optional[Dict[str, Any]]:
    rows = [row for row in result["systems"] if row.get("by") == by]
    named = [row for row in rows if row["system"].endswith("find_label_issues")]
    return named[0] if named else None


def _show(row: Optional[Dict[str, Any]]) -> str:
    if row is None:
        return "–"
    n, right = row["n_first"], row["right_first"]
    return f"{right}" if n == 100 else f"{right} of {n}"
