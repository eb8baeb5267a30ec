from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

from wasabi import msg

from .group import Arg, Opt, fail_clearly, longtail, print_json

if TYPE_CHECKING:
    from ..audit import Audit

MAX_WIDTH = 40


@longtail.command("audit")
def audit_cli(
    # fmt: off
    corpus: Path = Arg(..., help="A .spacy file, a folder of them, or a table"),
    dev: Optional[Path] = Opt(None, "--dev", "-d", help="Dev corpus to compare with"),
    output: Optional[Path] = Opt(
        None, "--output", "-o", help="HTML file to write, with the frequency curve"
    ),
    separator: str = Opt("/", "--separator", help="What joins the segments of a label"),
    text: List[str] = Opt(
        ["text"], "--text", "-t", help="Column of the text, if the corpus is a table"
    ),
    label: List[str] = Opt(
        [],
        "--label",
        "-l",
        help="Column of the label, or one for each level  [default: label]",
    ),
    labels: Optional[str] = Opt(None, "--labels", help="Column of lists of labels"),
    json: bool = Opt(False, "--json", help="Print the facts as JSON"),
    # fmt: on
) -> None:
    """
    Show how a corpus is distributed, what is wrong in it and what to do about it.

    Example: python -m spacy longtail audit corpus/train.spacy --dev corpus/dev.spacy
    --output audit.html
    """
    from ..audit import audit_corpus
    from ..convert import Columns

    columns = Columns(tuple(text), tuple(label), labels, separator=separator)
    with fail_clearly():
        facts = audit_corpus(
            corpus, dev=dev, separator=separator, columns=columns, progress=True
        )
        if output is not None:
            from ..audit.html import render_html

            output.write_text(render_html(facts), encoding="utf8")
    if json:
        print_json(facts.to_dict())
    else:
        print_facts(facts)
        if output is not None:
            msg.good(f"Saved the page to {output}")


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
