"""What the commands that write have in common."""

from pathlib import Path
from typing import Any, Callable, Optional

from spacy.cli._util import Opt

from ..errors import Errors
from ..files import StateT
from ..presentation import Presentable, Remark
from .command import echo, print_remark, print_result

# fmt: off
PAGE = Opt(None, "--output", "-o", help="HTML file to write, - for stdout", allow_dash=True)
FORCE = Opt(False, "--force", "-f", "-F", help="Replace what is there")
# fmt: on


def look_at_page(
    output: Optional[Path], *inputs: Any, force: bool, as_json: bool = False
) -> StateT:
    """Find out whether a page may be written, before any work is done.

    inputs (Any): The paths of what is read.
    RAISES (ValueError): L609 if it's for stdout, with JSON. Else see check_output.
    """
    from ..loading import check_output

    if output is None:
        return {}
    if is_stdout(output):
        if as_json:
            raise ValueError(Errors.L609.format(output=output))
        return {}
    return check_output(output, force=force, inputs=inputs, is_file=True)


def is_stdout(output: Path) -> bool:
    """RETURNS (bool): Whether nothing else is to be printed there."""
    return str(output) in ("-", "/dev/stdout")


def print_and_save(
    result: Presentable,
    render: Callable[[], str],
    output: Optional[Path],
    before: StateT,
    as_json: bool,
    name: str,
) -> None:
    """Print a result, and save it as a page if that is wanted.

    render (Callable[[], str]): Makes the page.
    before (StateT): What look_at_page has found.
    name (str): What the page is.
    """
    from ..loading import write_text

    if output is not None and is_stdout(output):
        echo(render())
        return
    if output is not None:
        write_text(output, render(), before=before)
    print_result(result, as_json)
    if output is not None and not as_json:
        print_remark(Remark("good", f"Saved the {name} to {output}"))
