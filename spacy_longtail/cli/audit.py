from functools import partial
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from spacy.cli._util import Arg, Opt

from ..errors import JobErrors
from ..presentation import Remark
from ..tables.columns import Columns
from .command import command, print_remark
from .output import FORCE, PAGE, look_at_page, print_and_save

CSV = ".csv"


# fmt: off
@command("audit")
def audit_cli(
    corpus: Path = Arg(..., help="A .spacy file, a folder of them or of 'convert', or a table"),
    dev: Optional[Path] = Opt(None, "--dev", "-d", help="Dev corpus to compare with"),
    output: Optional[Path] = PAGE,
    cross_validate: Optional[int] = Opt(None, "--cross-validate", "-x", help="Look for wrong labels, in so many folds, for example 5"),
    suspects: Optional[Path] = Opt(None, "--suspects", "-s", help="CSV file for the texts with labels in doubt; an --output that ends with .csv is the same"),
    descriptions: Optional[Path] = Opt(None, "--descriptions", help="What labels that are codes are called: a table of codes and titles, or descriptions"),
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

    Example: python -m spacy longtail audit corpus --cross-validate 5 --output
    suspects.csv
    """
    from ..audit import audit_corpus
    from ..audit.corpus import find_training
    from ..audit.facts import render_audit
    from ..audit.validation import write_suspects
    from ..loading import check_output, write_text

    output, suspects = _choose_outputs(output, suspects, cross_validate is not None)
    inputs = [path for path in (corpus, dev, descriptions) if path is not None]
    before = look_at_page(output, *inputs, force=force, as_json=json)
    if suspects is not None:
        there = check_output(suspects, force=force, inputs=inputs, is_file=True)
    facts = audit_corpus(
        find_training(corpus),
        dev=dev,
        separator=columns.separator,
        columns=columns,
        n_folds=cross_validate,
        descriptions=descriptions,
        progress=True,
        **dialect,
    )
    found = facts.cross_validation
    if suspects is not None and found is not None:
        write_text(suspects, write_suspects(found, facts.titles), before=there)
    render = partial(render_audit, facts)
    print_and_save(facts, render, output, before, json, "page")
    if suspects is not None and not json:
        print_remark(Remark("good", f"Saved the suspects to {suspects}"))


def _choose_outputs(
    output: Optional[Path], suspects: Optional[Path], is_validated: bool
) -> Tuple[Optional[Path], Optional[Path]]:
    """RETURNS (Tuple[Optional[Path], Optional[Path]]): The page, and the table.

    RAISES (ValueError): L746 for a table without a cross-validation, L748 if its name
        isn't that of one.
    """
    if output is not None and output.suffix.lower() == CSV and suspects in (None, output):
        output, suspects = None, output
    if suspects is not None and suspects.suffix.lower() != CSV:
        raise ValueError(JobErrors.L748.format(path=suspects))
    if suspects is not None and not is_validated:
        raise ValueError(JobErrors.L746.format(path=suspects))
    return output, suspects
