from pathlib import Path
from typing import Any, Dict, Optional

from spacy.cli._util import Arg, Opt

from ..presentation import Remark
from ..tables.columns import Columns
from .command import command, print_remark, print_result


# fmt: off
@command("audit")
def audit_cli(
    corpus: Path = Arg(..., help="A .spacy file, a folder of them, or a table"),
    dev: Optional[Path] = Opt(None, "--dev", "-d", help="Dev corpus to compare with"),
    output: Optional[Path] = Opt(None, "--output", "-o", help="HTML file to write, with the frequency curve"),
    *,
    columns: Columns,
    dialect: Dict[str, Any],
    json: bool = Opt(False, "--json", help="Print the facts as JSON"),
) -> None:
    # fmt: on
    """
    Show how a corpus is distributed, what is wrong in it and what to do about it.

    Example: python -m spacy longtail audit corpus/train.spacy --dev corpus/dev.spacy
    --output audit.html
    """
    from ..audit import audit_corpus

    facts = audit_corpus(
        corpus,
        dev=dev,
        separator=columns.separator,
        columns=columns,
        progress=True,
        **dialect,
    )
    if output is not None:
        from ..audit.facts import render_audit
        from ..files import write_text

        write_text(output, render_audit(facts))
    print_result(facts, json)
    if output is not None and not json:
        print_remark(Remark("good", f"Saved the page to {output}"))
