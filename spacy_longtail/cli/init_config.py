import shlex
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import typer
from spacy.cli._util import Arg, Opt

from ..presentation import Remark
from ..tables import is_table
from ..tables.columns import Columns
from .command import command, echo, print_remark
from .output import FORCE, is_stdout, look_at_page


# fmt: off
@command("init-config")
def init_config_cli(
    context: typer.Context,
    corpus: Path = Arg(..., help="The training corpus: a .spacy file, a folder of them, or a table"),
    config: Path = Arg(..., help="Config file to write, - for the terminal", allow_dash=True),
    optimize: str = Opt("efficiency", "--optimize", "-o", help="efficiency: static vectors, no torch. cascade: a transformer ranks what was pooled. accuracy: a transformer reads everything"),
    lang: Optional[str] = Opt(None, "--lang", help="Language of the tokenizer, by default that of the corpus, or else en"),
    *,
    columns: Columns,
    dialect: Dict[str, Any],
    force: bool = FORCE,
) -> None:
    # fmt: on
    """
    Write a config that fits a corpus, ready for `spacy train`. What was chosen for the
    corpus has the reason as a comment.

    Example: python -m spacy longtail init-config corpus/train.spacy config.cfg
    """
    from ..audit import audit_corpus
    from ..audit.corpus import find_training
    from ..init_config import init_config
    from ..init_config.choose import EXTRAS
    from ..loading import write_text

    before = look_at_page(config, corpus, force=force)
    corpus = find_training(corpus)
    facts = audit_corpus(
        corpus,
        separator=columns.separator,
        columns=columns,
        progress=True,
        **dialect,
    )
    filled = init_config(facts, optimize=optimize, lang=lang)
    if is_stdout(config):
        echo(filled)
        return
    write_text(config, filled, before=before)
    print_remark(Remark("good", f"Saved the config to {config}"))
    if optimize in EXTRAS:
        print_remark(Remark("text", "Install what it needs, unless it is there:"))
        echo(f"python -m pip install 'spacy-longtail[{EXTRAS[optimize]}]'")
    for what, parts in _find_next(context, corpus, config):
        print_remark(Remark("text", what))
        # In one line, as a terminal reads it.
        echo(shlex.join(["python", "-m", "spacy", *map(str, parts)]))


def _find_next(context: Any, corpus: Path, config: Path) -> List[Tuple[str, List[Any]]]:
    """RETURNS (List[Tuple[str, List[Any]]]): What to do next, and the command."""
    dev = corpus.parent / corpus.name.replace("train", "dev")
    has_dev = dev != corpus and dev.exists()
    found: List[Tuple[str, List[Any]]] = []
    if is_table(corpus):
        tables = [corpus, dev] if has_dev else [corpus]
        options = _repeat_options(context, "convert")
        command: List[Any] = ["longtail", "convert", *tables, "corpus", *options]
        found.append(("Make a corpus for spaCy of the table:", command))
        corpus, dev, has_dev = Path("corpus/train.spacy"), Path("corpus/dev.spacy"), True
    text = "Train with it, for example:"
    if not has_dev:
        text = "Train with it, with the path of your dev corpus in place of DEV:"
    paths: List[Any] = ["--paths.train", corpus, "--paths.dev", dev if has_dev else "DEV"]
    command = ["train", config, "--output", "training", *paths]
    return [*found, (text, command)]


def _repeat_options(context: Any, name: str) -> List[str]:
    """RETURNS (List[str]): The options that were given and that another command has."""
    params = context.parent.command.commands[name].params
    known = {option for param in params for option in param.opts} - {"--force"}
    found: List[str] = []
    for param in context.command.params:
        value = context.params[param.name]
        is_given = context.get_parameter_source(param.name).name == "COMMANDLINE"
        if is_given and param.opts[0] in known and isinstance(value, bool):
            found += param.opts[:1] if value else param.secondary_opts[:1]
        elif is_given and param.opts[0] in known:
            values = value if isinstance(value, (list, tuple)) else [value]
            found += [part for each in values for part in (param.opts[0], str(each))]
    return found
