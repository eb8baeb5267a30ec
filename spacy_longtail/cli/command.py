"""What the commands share: their group, their options, and one printer for what they
have to say.
"""

import json
import os
import sys
import warnings
from contextlib import contextmanager, suppress
from functools import partial, wraps
from inspect import Signature
from typing import Any, Callable, Iterator, NoReturn

import typer
from spacy.cli._util import Arg, Opt, app, setup_gpu
from tqdm import tqdm
from wasabi import Printer, color, msg

from ..errors import Errors
from ..presentation import Presentable, Remark, escape
from .table_options import collect_options, expand_options

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
        @wraps(function)
        def run(**options: Any) -> None:
            try:
                with escaped_warnings():
                    collect_options(function, options)
                    function(**options)
                if sys.stdout is not None:
                    # Else, Python does it when it ends, and says nothing of use.
                    sys.stdout.flush()
            except BrokenPipeError:
                raise  # Whoever read it has seen enough, and Typer ends quietly.
            except OSError as error:
                problem = error.strerror or str(error)
                path = error.filename
                known = path and Errors.L661.format(path=path, problem=problem)
                fail(known or Errors.L605.format(problem=problem))
            except ValueError as error:
                fail(str(error))

        parameters = expand_options(function)
        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        longtail.command(name)(run)
        return run

    return add


# fmt: off
PIPELINE = Arg(..., help="Pipeline folder or package, with a component of this package")
PIPE = Opt(None, "--pipe", help="Name of the component, if there are several")
GPU = Opt(-1, "--gpu-id", "-g", help="GPU ID, or -1 for the CPU")
# fmt: on

# What is longer moves the cells behind it.
MAX_COLUMN = 100
# Shows a bar on stderr for what it iterates over, if that is a terminal.
PROGRESS: Any = partial(tqdm, disable=None, leave=False, unit=" docs")


def print_result(result: Presentable, as_json: bool = False) -> None:
    """Print the tables of a result, each with its title and lines, then its remarks; or
    what a program reads: only this is on stdout then.
    """
    if as_json:
        found = json.dumps(result.to_dict(), ensure_ascii=False, indent=2)
        typer.echo(escape(found, keep="\n"))
        return
    for table in result.tables():
        if table.title and (table.rows or table.lines):
            msg.divider(escape(table.title))
        for line in table.lines:
            print_remark(line)
        if table.rows:
            # Wasabi doesn't take a string.
            aligns = None if table.aligns is None else tuple(table.aligns)
            header, *rows = [[*map(escape, row)] for row in (table.header, *table.rows)]
            settings = {"divider": True, "aligns": aligns, "max_col": MAX_COLUMN}
            msg.table(rows, header=header, **settings)
    for remark in result.remarks():
        print_remark(remark)


def print_remark(remark: Remark) -> None:
    """Print a sentence as its level says."""
    if remark.level == "plain":
        echo(remark.text)
    elif remark.level == "marked":
        # Where it isn't a terminal, the colours are left out.
        typer.echo("".join(_mark(*mark) for mark in remark.marks))
    else:
        getattr(msg, remark.level)(escape(remark.text))


def echo(text: str) -> None:
    """Print lines."""
    typer.echo(escape(text, keep="\n\t"))


def warn(message: str) -> None:
    """Print a remark on stderr."""
    shown = Printer(no_print=True).warn(escape(message, keep="\n"))
    typer.echo(shown, err=True)


def fail(message: str) -> NoReturn:
    """Print an error on stderr, and end.

    RAISES (typer.Exit): With the status 1.
    """
    shown = Printer(no_print=True).fail(escape(message, keep="\n"))
    typer.echo(shown, err=True)
    try:
        sys.stdout.flush()
    except (OSError, AttributeError):
        # Let it go, or Python tries again when it ends.
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(1) from None


def use_gpu(gpu_id: int) -> None:
    """RAISES (ValueError): L665 or L666 if there is no such GPU."""
    if gpu_id < -1:
        raise ValueError(Errors.L665.format(name="gpu-id", least=-1, value=gpu_id))
    try:
        setup_gpu(gpu_id, silent=True)
    except Exception as error:
        # What it is depends on the libraries.
        raise ValueError(Errors.L666.format(gpu_id=gpu_id, error=error)) from None


@contextmanager
def escaped_warnings() -> Iterator[None]:
    """Escape what warnings quote."""
    usual = warnings.formatwarning
    warnings.formatwarning = lambda *a, **k: escape(usual(*a, **k), keep="\n")
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _mark(text: str, space: str, strength: float) -> str:
    text, space = escape(text, keep="\n\t"), escape(space, keep="\n\t")
    if abs(strength) >= 0.1:
        tone = "green" if strength > 0 else "red"
        text = color(text, fg=tone, bold=abs(strength) > 0.5)
    return text + space
