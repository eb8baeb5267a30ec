import json
from contextlib import contextmanager
from typing import Any, Iterator

import typer
from spacy.cli._util import Arg, Opt, app
from wasabi import Printer

__all__ = ["Arg", "Opt", "fail_clearly", "longtail", "print_json"]

HELP = """Text classification with a long tail of rare categories: from a table of
texts to a tuned pipeline and a report.
"""

longtail = typer.Typer(
    name="longtail", help=HELP, no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(longtail)


@contextmanager
def fail_clearly() -> Iterator[None]:
    """Print an error of ours without a traceback, on stderr, and exit with 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        message = Printer(no_print=True).fail(str(error))
        typer.echo(message, err=True)
        raise typer.Exit(1) from None


def print_json(data: Any) -> None:
    """Print what a program reads: only this is on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
