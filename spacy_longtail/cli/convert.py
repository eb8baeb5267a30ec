from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

from spacy.cli._util import Arg, Opt

from ..tables.columns import Columns
from .command import command, print_result
from .output import FORCE


# fmt: off
@command("convert")
def convert_cli(
    inputs: List[Path] = Arg(..., help="Files, or a folder of train, dev and test files: .csv, .tsv, .jsonl, .json, .parquet, .xlsx"),
    output_dir: Path = Arg(..., help="Folder to write train.spacy, dev.spacy and test.spacy to"),
    *,
    columns: Columns,
    split_column: Optional[str] = Opt(None, "--split-column", help="Column that says train, dev or test; by default, the rows are split"),
    dev: float = Opt(0.1, "--dev", help="Share of the texts that are in dev"),
    test: float = Opt(0.1, "--test", help="Share of the texts that are in test"),
    seed: int = Opt(0, "--seed", help="Seed of the split"),
    lang: str = Opt("en", "--lang", help="Language of the tokenizer"),
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

    Example: python -m spacy longtail convert tickets.csv corpus --text body --label
    department --label topic
    """
    from ..convert import convert_corpus

    result = convert_corpus(
        inputs,
        output_dir,
        columns=replace(columns, split=split_column),
        dev=dev,
        test=test,
        seed=seed,
        lang=lang,
        force=force,
        progress=True,
        **dialect,
    )
    print_result(result, json)
