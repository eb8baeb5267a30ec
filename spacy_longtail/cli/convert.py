from pathlib import Path
from typing import List, Optional

from spacy.cli._util import Arg, Opt

from .command import command, print_result


# fmt: off
@command("convert")
def convert_cli(
    inputs: List[Path] = Arg(..., help="Files, or a folder of train, dev and test files: .csv, .tsv, .jsonl, .parquet"),
    output_dir: Path = Arg(..., help="Folder to write train.spacy, dev.spacy and test.spacy to"),
    text: List[str] = Opt(["text"], "--text", "-t", help="Column of the text; several are joined"),
    label: List[str] = Opt([], "--label", "-l", help="Column of the label, a path; or one for each level, from the top  [default: label]"),
    labels: Optional[str] = Opt(None, "--labels", help="Column of lists of labels, instead of --label"),
    path_separator: Optional[str] = Opt(None, "--path-separator", "-p", help="What joins the segments of a label in the input, for example ' > '"),
    separator: str = Opt("/", "--separator", help="What joins them in the output"),
    list_separator: str = Opt(";", "--list-separator", help="What separates the labels in a cell of --labels, in CSV"),
    split_column: Optional[str] = Opt(None, "--split-column", help="Column that says train, dev or test; by default, the rows are split"),
    dev: float = Opt(0.1, "--dev", help="Share of the texts that are in dev"),
    test: float = Opt(0.1, "--test", help="Share of the texts that are in test"),
    seed: int = Opt(0, "--seed", help="Seed of the split"),
    lang: str = Opt("en", "--lang", help="Language of the tokenizer"),
    encoding: str = Opt("utf-8", "--encoding", help="Encoding of text files"),
    delimiter: Optional[str] = Opt(None, "--delimiter", help="Between the cells of CSV  [default: , or tab]"),
    json: bool = Opt(False, "--json", help="Print the summary as JSON"),
) -> None:
    # fmt: on
    """
    Convert tables of texts and labels to a corpus for spaCy.

    Which split a text belongs to depends on the text and --seed alone, so that it stays
    there when rows are added. Each label is in train. Files that are named train, dev
    and test keep their split.

    Example: python -m spacy longtail convert tickets.csv corpus --text body --label
    department --label topic
    """
    from ..convert import Columns, convert_corpus

    columns = Columns(
        text=tuple(text),
        label=tuple(label),
        labels=labels,
        split=split_column,
        path_separator=path_separator,
        list_separator=list_separator,
        separator=separator,
    )
    result = convert_corpus(
        inputs,
        output_dir,
        columns=columns,
        dev=dev,
        test=test,
        seed=seed,
        lang=lang,
        encoding=encoding,
        delimiter=delimiter,
        progress=True,
    )
    print_result(result, json)
