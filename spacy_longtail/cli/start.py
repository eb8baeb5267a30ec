import shlex
from pathlib import Path
from typing import Any, Dict, Optional

from spacy.cli._util import Arg, Opt

from ..presentation import Remark
from .command import command, echo, print_remark, print_result
from .output import FORCE


# fmt: off
@command("start")
def start_cli(
    codes: Path = Arg(..., help="A list of codes: .csv, .tsv, .jsonl, .json, .parquet, .xlsx"),
    output: Path = Opt(..., "--output", "-o", help="Folder to save the pipeline to"),
    code: Optional[str] = Opt(None, "--code", help="Column of the codes  [default: code]"),
    title: Optional[str] = Opt(None, "--title", help="Column of the titles  [default: title or name]"),
    description: Optional[str] = Opt(None, "--description", help="Column of what belongs to a code  [default: description or definition]"),
    parent: Optional[str] = Opt(None, "--parent", help="Column of the code above  [default: parent, or else codes that begin like others are below them]"),
    label: Optional[str] = Opt(None, "--label", "-l", help="Column of paths, in place of codes and parents"),
    *,
    segments: str = Opt("code", "--segments", "-s", help="What labels are made of: code or title"),
    flat: bool = Opt(False, "--flat", help="Labels without the codes above them"),
    several: bool = Opt(False, "--several", help="A document can have several labels"),
    optimize: str = Opt("efficiency", "--optimize", help="efficiency: static vectors, no torch. cascade: a transformer ranks the labels, too. accuracy: a transformer reads everything"),
    lang: str = Opt("en", "--lang", help="Language of the tokenizer"),
    separator: str = Opt("/", "--separator", help="What joins the segments of a label"),
    dialect: Dict[str, Any],
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the summary as JSON"),
) -> None:
    # fmt: on
    """
    Make a pipeline of a list of codes with titles and descriptions, without a labelled
    text. It classifies at once, and goes on from there when it's trained on texts.

    Example: python -m spacy longtail start codes.csv --output start
    """
    from ..starting import ListColumns, start_pipeline

    columns = ListColumns(code, title, description, parent, label)
    started, _ = start_pipeline(
        codes,
        output,
        columns=columns,
        segments=segments,
        flat=flat,
        several=several,
        optimize=optimize,
        lang=lang,
        separator=separator,
        force=force,
        progress=True,
        **dialect,
    )
    print_result(started, json)
    if not json:
        print_remark(Remark("good", f"Saved the pipeline to {output}"))
        print_remark(Remark("text", "Classify texts with it:"))
        names = [str(output), "texts.csv", "--output", "labelled.csv"]
        echo(shlex.join(["python", "-m", "spacy", "longtail", "predict", *names]))
