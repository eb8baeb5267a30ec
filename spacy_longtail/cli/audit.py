from functools import partial
from pathlib import Path
from typing import Any, Dict, Optional

from spacy.cli._util import Arg, Opt

from ..tables.columns import Columns
from .command import command
from .output import FORCE, PAGE, look_at_page, print_and_save


# fmt: off
@command("audit")
def audit_cli(
    corpus: Path = Arg(..., help="A .spacy file, a folder of them or of 'convert', or a table"),
    dev: Optional[Path] = Opt(None, "--dev", "-d", help="Dev corpus to compare with"),
    output: Optional[Path] = PAGE,
    *,
    columns: Columns,
    dialect: Dict[str, Any],
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the facts as JSON"),
) -> None:
    # fmt: on
    """
    Show how a corpus is distributed, what is wrong in it and what to do about it.

    Example: python -m spacy longtail audit corpus/train.spacy --dev corpus/dev.spacy
    --output audit.html
    """
    from ..audit import audit_corpus
    from ..audit.corpus import find_training
    from ..audit.facts import render_audit

    inputs = [corpus] if dev is None else [corpus, dev]
    before = look_at_page(output, *inputs, force=force, as_json=json)
    facts = audit_corpus(
        find_training(corpus),
        dev=dev,
        separator=columns.separator,
        columns=columns,
        progress=True,
        **dialect,
    )
    render = partial(render_audit, facts)
    print_and_save(facts, render, output, before, json, "page")
