from pathlib import Path
from typing import List, Optional

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg

from .command import LABEL, LABELS, SEPARATOR, TEXT, command


# fmt: off
@command("init-config")
def init_config_cli(
    corpus: Path = Arg(..., help="The training corpus: a .spacy file, a folder of them, or a table"),
    config: Path = Arg(..., help="Config file to write, - for the terminal", allow_dash=True),
    optimize: str = Opt("efficiency", "--optimize", "-o", help="efficiency: static vectors, no torch. cascade: a transformer ranks what was pooled. accuracy: a transformer reads everything"),
    separator: str = SEPARATOR,
    text: List[str] = TEXT,
    label: List[str] = LABEL,
    labels: Optional[str] = LABELS,
    force: bool = Opt(False, "--force", "-F", help="Overwrite the file"),
) -> None:
    # fmt: on
    """
    Write a config that fits a corpus, ready for `spacy train`. What was chosen for the
    corpus has the reason as a comment.

    Example: python -m spacy longtail init-config corpus/train.spacy config.cfg
    """
    from ..audit import audit_corpus
    from ..convert import Columns
    from ..files import write_text
    from ..init_config.choose import init_config

    to_terminal = str(config) == "-"
    if not to_terminal and config.exists() and not force:
        msg.fail(f"{config} is there already. Use --force to overwrite it.", exits=1)
    columns = Columns(tuple(text), tuple(label), labels, separator=separator)
    facts = audit_corpus(corpus, separator=separator, columns=columns, progress=True)
    filled = init_config(facts, optimize=optimize)
    if to_terminal:
        typer.echo(filled)
        return
    write_text(config, filled)
    msg.good(f"Saved the config to {config}")
    msg.text("Train with it, for example:")
    train = f"python -m spacy train {config} --output training --paths.train {corpus}"
    msg.text(f"{train} --paths.dev dev.spacy")
