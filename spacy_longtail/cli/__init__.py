import typer
from spacy.cli._util import app

from .explain import explain_cli
from .report import report_cli
from .tune import tune_cli

HELP = "Commands for text categories with a long tail, by spacy-longtail."

longtail = typer.Typer(
    name="longtail", help=HELP, no_args_is_help=True, rich_markup_mode=None
)
longtail.command("tune")(tune_cli)
longtail.command("report")(report_cli)
longtail.command("explain")(explain_cli)
# spaCy imports this module for its entry point, before it reads the command line.
app.add_typer(longtail)
