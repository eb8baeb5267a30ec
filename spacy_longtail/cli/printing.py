"""The printer: what the commands have to say, in one place."""

import json
from contextlib import contextmanager
from functools import partial
from typing import Any, Iterator

import typer
from wasabi import Printer, color, msg

from ..presentation import Presentable, Remark


def print_result(result: Presentable) -> None:
    """Print the tables of a result, each with its title and lines, then its remarks."""
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


def print_json(data: Any) -> None:
    """Print what a program reads: only this is on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


@contextmanager
def fail_clearly() -> Iterator[None]:
    """Print an error of ours without a traceback, on stderr, and exit with 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        message = Printer(no_print=True).fail(str(error))
        typer.echo(message, err=True)
        raise typer.Exit(1) from None


def get_progress() -> Any:
    """RETURNS (Any): Shows a bar on stderr for what it iterates over, if that is a
    terminal.
    """
    from tqdm import tqdm

    return partial(tqdm, disable=None, leave=False, unit=" docs")
