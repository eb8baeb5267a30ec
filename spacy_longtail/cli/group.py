"""The command group, and the options that several commands share."""

import typer
from spacy.cli._util import Arg, Opt, app

__all__ = ["Arg", "Opt", "longtail"]

HELP = """Text classification with a long tail of rare categories: from a table of
texts to a tuned pipeline and a report.
"""

longtail = typer.Typer(
    name="longtail", help=HELP, no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(longtail)
