"""What the commands share: their group, their options, and one printer for what they
have to say.
"""

import json
from functools import partial, wraps
from typing import Any, Callable

import typer
from spacy.cli._util import Arg, Opt, app
from tqdm import tqdm
from wasabi import Printer, color, msg

from ..presentation import Presentable, Remark

CommandT = Callable[..., None]
HELP = """Text classification with a long tail of rare categories: from a table of
texts to a tuned pipeline and a report.
"""

longtail = typer.Typer(
    name="longtail", help=HELP, no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(longtail)


def command(name: str) -> Callable[[CommandT], CommandT]:
    """Add a command, whose errors are printed without a traceback, on stderr."""

    def add(function: CommandT) -> CommandT:
        @longtail.command(name)
        @wraps(function)
        def run(**options: Any) -> None:
            try:
                function(**options)
            except BrokenPipeError:
                raise  # Whoever read it has seen enough, and Typer ends quietly.
            except (ValueError, OSError) as error:
                message = Printer(no_print=True).fail(str(error))
                typer.echo(message, err=True)
                raise typer.Exit(1) from None

        return run

    return add


# fmt: off
PIPELINE = Arg(..., help="Pipeline folder or package, with a component of this package")
PIPE = Opt(None, "--pipe", help="Name of the component, if there are several")
GPU = Opt(-1, "--gpu-id", "-g", help="GPU ID, or -1 for the CPU")
# Of a corpus that can be a table.
SEPARATOR = Opt("/", "--separator", help="What joins the segments of a label")
TEXT = Opt(["text"], "--text", "-t", help="Column of the text, if the corpus is a table")
LABEL = Opt([], "--label", "-l", help="Column of the label, or one for each level  [default: label]")
LABELS = Opt(None, "--labels", help="Column of lists of labels")
# fmt: on

# Shows a bar on stderr for what it iterates over, if that is a terminal.
PROGRESS: Any = partial(tqdm, disable=None, leave=False, unit=" docs")


def print_result(result: Presentable, as_json: bool = False) -> None:
    """Print the tables of a result, each with its title and lines, then its remarks; or
    what a program reads: only this is on stdout then.
    """
    if as_json:
        typer.echo(json.dumps(result.to_dict(), ensure_ascii=False, indent=2))
        return
    for table in result.tables():
        if table.title and (table.rows or table.lines):
            msg.divider(table.title)
        for line in table.lines:
            print_remark(line)
        if table.rows:
            # Wasabi doesn't take a string.
            aligns = None if table.aligns is None else tuple(table.aligns)
            msg.table(table.rows, header=table.header, divider=True, aligns=aligns)
    for remark in result.remarks():
        print_remark(remark)


def print_remark(remark: Remark) -> None:
    """Print a sentence as its level says."""
    if remark.level == "plain":
        typer.echo(remark.text)
    elif remark.level == "marked":
        # Where it isn't a terminal, the colours are left out.
        typer.echo("".join(_mark(*mark) for mark in remark.marks))
    else:
        getattr(msg, remark.level)(remark.text)


def _mark(text: str, space: str, strength: float) -> str:
    if abs(strength) >= 0.1:
        tone = "green" if strength > 0 else "red"
        text = color(text, fg=tone, bold=abs(strength) > 0.5)
    return text + space
