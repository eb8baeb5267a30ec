"""The command group, and the options that commands share."""

import typer
from spacy.cli._util import Arg, Opt, app

HELP = """Text classification with a long tail of rare categories: from a table of
texts to a tuned pipeline and a report.
"""

longtail = typer.Typer(
    name="longtail", help=HELP, no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(longtail)

# fmt: off
PIPELINE = Arg(..., help="Pipeline folder or package, with a component of this package")
PIPE = Opt(None, "--pipe", help="Name of the component, if there are several")
GPU_ID = Opt(-1, "--gpu-id", "-g", help="GPU ID, or -1 for the CPU")
# Of a corpus that can be a table.
SEPARATOR = Opt("/", "--separator", help="What joins the segments of a label")
TEXT = Opt(["text"], "--text", "-t", help="Column of the text, if the corpus is a table")
LABEL = Opt([], "--label", "-l", help="Column of the label, or one for each level  [default: label]")
LABELS = Opt(None, "--labels", help="Column of lists of labels")
# fmt: on
