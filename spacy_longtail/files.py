import shutil
import tempfile
from os import replace
from pathlib import Path
from typing import Iterator, Optional

from spacy.language import Language
from spacy.training import Corpus, Example
from spacy.util import load_model

from .errors import Errors


def load_pipeline(path: str) -> Language:
    """Load a pipeline from a folder or a package.

    RAISES (ValueError): L601 if there is none.
    """
    try:
        return load_model(path)
    except OSError as error:
        raise ValueError(Errors.L601.format(path=path, error=error)) from error


def read_corpus(nlp: Language, path: Path) -> Iterator[Example]:
    """Read a .spacy file or a folder of them.

    RAISES (ValueError): L602 if there is none, or it can't be read.
    """
    path = Path(path)
    is_file = path.is_file() and path.suffix == ".spacy"
    if not is_file and not (path.is_dir() and any(path.rglob("*.spacy"))):
        raise ValueError(Errors.L602.format(path=path))
    return Corpus(path)(nlp)


def check_output(
    output: Path, *, force: bool = False, source: Optional[str] = None
) -> None:
    """Find out whether a pipeline may be written there, before any work is done.

    source (Optional[str]): Where the pipeline was loaded from.
    RAISES (ValueError): L603 if that is the same folder, L604 if there is something
        and it isn't to be replaced.
    """
    if source is not None and Path(source).exists():
        here, there = Path(output).resolve(), Path(source).resolve()
        if here == there or there in here.parents or here in there.parents:
            raise ValueError(Errors.L603.format(path=output))
    if Path(output).exists() and not force:
        raise ValueError(Errors.L604.format(path=output))


def save_pipeline(nlp: Language, output: Path, *, force: bool = False) -> None:
    """Write a pipeline folder. It has its final name only when it is complete.

    force (bool): Replace what is there.
    RAISES (ValueError): L604, see check_output.
    """
    output = Path(output)
    check_output(output, force=force)
    output.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that renaming works.
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        nlp.to_disk(folder / "new")
        if output.exists():
            replace(output, folder / "old")
        replace(folder / "new", output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a file, which has its final name only when it is complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf8")
        replace(part, path)
    finally:
        part.unlink(missing_ok=True)
