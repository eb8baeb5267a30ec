from typing import TYPE_CHECKING, List

from wasabi import msg

if TYPE_CHECKING:
    from ..audit import Audit
    from ..convert import Conversion

MAX_WIDTH = 40


def print_conversion(result: "Conversion") -> None:
    """Print what was written, dropped and noticed."""
    rows = [
        (path, f"{n:,}", f"{n_labels:,}", f"{len(result.missing[split]):,}")
        for path, (split, n), n_labels in zip(
            result.paths, result.docs.items(), result.labels.values()
        )
    ]
    header = ("Written", "Documents", "Labels", "Missing labels")
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r", "r"))
    for sentence in result.describe():
        msg.info(sentence)


def print_facts(facts: "Audit") -> None:
    """Print the facts as tables, and the advice."""
    print_table(
        ("", "Labels", "Documents", "Share"),
        [(b.name, b.n_labels, b.n_docs, f"{b.share:.1%}") for b in facts.buckets],
        f"{facts.n_docs:,} documents, {facts.n_labels:,} labels, imbalance ratio "
        f"{facts.imbalance_ratio:,.0f}, top 10: {facts.top_10_share:.1%} of documents",
    )
    print_table(
        ("Level", "Nodes", "Documents", "Smallest", "Median", "Largest"),
        [tuple(vars(level).values()) for level in facts.levels],
        "Levels of the taxonomy",
    )
    print_table(
        ("min_count", "Labels", "Documents", "Others"),
        [tuple(vars(row).values())[:4] for row in facts.pooling],
        "What would be pooled",
    )
    print_table(
        ("Label", "Documents", "Weighted", "Balanced", "Adjusted"),
        [(shorten(row.label), *list(vars(row).values())[1:]) for row in facts.weights],
        "Effective weights, compared with the most frequent label",
    )
    for sentence in facts.advice:
        msg.info(sentence)


def print_table(header: tuple, rows: List[tuple], title: str) -> None:
    """Print a table if it has rows, names to the left and numbers to the right."""
    if rows:
        msg.divider(title)
        cells = [tuple(map(format_cell, row)) for row in rows]
        aligns = ["l"] + ["r"] * (len(header) - 1)
        msg.table(cells, header=header, divider=True, aligns=aligns)


def shorten(label: str) -> str:
    return label if len(label) <= MAX_WIDTH else "…" + label[1 - MAX_WIDTH :]


def format_cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
