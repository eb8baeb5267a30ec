from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

from spacy.cli._util import Arg, Opt

from ..errors import JobErrors
from ..tables.columns import Columns
from .command import command, print_result
from .output import FORCE


# fmt: off
@command("convert")
def convert_cli(
    inputs: Optional[List[Path]] = Arg(None, help="Files, or a folder of train, dev and test files: .csv, .tsv, .jsonl, .json, .parquet, .xlsx"),
    output_dir: Path = Arg(..., help="Folder to write train.spacy, dev.spacy and test.spacy to"),
    *,
    add: Optional[Path] = Opt(None, "--add", help="Corpus that the texts are added to; OUTPUT_DIR can be the same folder"),
    rename: Optional[Path] = Opt(None, "--rename", help="With --add: table of the columns 'old' and 'new', new names of categories"),
    descriptions: Optional[Path] = Opt(None, "--descriptions", help="With --rename: descriptions as JSON lines, written to OUTPUT_DIR with the new names"),
    columns: Columns,
    split_column: Optional[str] = Opt(None, "--split-column", help="Column that says train, dev or test; by default, the rows are split"),
    dev: Optional[float] = Opt(None, "--dev", help="Share of the texts that are in dev  [default: 0.1; 0 if the corpus of --add has no dev]"),
    test: Optional[float] = Opt(None, "--test", help="Share of the texts that are in test  [default: 0.1; 0 if the corpus of --add has no test]"),
    seed: int = Opt(0, "--seed", help="Seed of the split"),
    lang: Optional[str] = Opt(None, "--lang", help="Language of the tokenizer  [default: en, or that of the corpus]"),
    dialect: Dict[str, Any],
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the summary as JSON"),
) -> None:
    # fmt: on
    """
    Convert tables of texts and labels to a corpus for spaCy.

    Which split a text belongs to depends on the text and --seed alone, so that it stays
    there when rows are added. Each label is in train. Files that are named train, dev
    and test keep their split. An earlier conversion is replaced; what something else
    has written is only with --force.

    With --add, the texts join a corpus that is there. Those that it has stay in their
    split and get the new label, if it's another; rows without a label are left out. A
    column 'answer' with 'delete' removes a text. The last path can be the corpus
    itself: it's replaced as a whole, or not at all.

    Example: python -m spacy longtail convert tickets.csv corpus --text body --label
    department --label topic

    Example: python -m spacy longtail convert new.csv corpus --add corpus
    """
    from ..convert import add_to_corpus, convert_corpus

    paths = list(inputs or ())
    chosen = {"dev": dev, "test": test, "lang": lang}
    options: Dict[str, Any] = {
        "columns": replace(columns, split=split_column),
        "seed": seed,
        "force": force,
        "progress": True,
        **{name: value for name, value in chosen.items() if value is not None},
        **dialect,
    }
    if add is not None:
        options.update(rename=rename, descriptions=descriptions)
        print_result(add_to_corpus(paths, add, output_dir, **options), json)
        return
    for name, value in (("rename", rename), ("descriptions", descriptions)):
        if value is not None:
            raise ValueError(JobErrors.L730.format(option=name))
    if not paths:
        raise ValueError(JobErrors.L731)
    print_result(convert_corpus(paths, output_dir, **options), json)
