from pathlib import Path
from typing import Optional

from spacy.cli._util import Arg, Opt

from .command import PIPELINE, command, print_result


# fmt: off
@command("package")
def package_cli(
    pipeline: str = PIPELINE,
    output_dir: Path = Arg(..., help="Folder to write the wheels to"),
    name: Optional[str] = Opt(None, "--name", "-n", help="Name of the package, without the language; by default that of the pipeline"),
    version: Optional[str] = Opt(None, "--version", "-v", help="Its version"),
    code: Optional[str] = Opt(None, "--code", "-c", help="Python files with functions that the pipeline registers, with commas between them"),
    has_all: bool = Opt(False, "--all", "-a", help="Add the wheels of everything that it needs, for this Python and system"),
    force: bool = Opt(False, "--force", "-f", "-F", help="Write to a folder in which something is"),
    json: bool = Opt(False, "--json", help="Print what was written as JSON"),
) -> None:
    # fmt: on
    """
    Package a pipeline together with spacy-longtail, as wheels in one folder.

    pip installs them without an index where spaCy is installed, or, with --all, where
    nothing is. Like spaCy's own command, it needs the library build (pip install build).

    Example: python -m spacy longtail package training/model-best dist --name helpdesk
    --version 1.0.0
    """
    from ..packaging import package_pipeline

    result = package_pipeline(
        pipeline,
        output_dir,
        name=name,
        version=version,
        code=code,
        has_all=has_all,
        force=force,
        progress=True,
    )
    print_result(result, json)
