"""Load a pipeline, read a corpus, and write results so that they are there whole or not
at all. No other module moves, replaces or removes anything.
"""

import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from spacy import blank
from spacy.language import Language
from spacy.training import Corpus, Example
from spacy.util import load_model

from .errors import Errors

# Hidden, so that spaCy doesn't read what isn't complete.
PREFIX = ".longtail-"
# Renaming takes milliseconds. Whoever holds a folder for longer isn't one of us.
MAX_WAIT = 5.0


def load_pipeline(path: str) -> Language:
    """Load a pipeline from a folder or a package.

    RAISES (ValueError): L601 if there is none.
    """
    try:
        return load_model(path)
    except OSError as error:
        raise ValueError(Errors.L601.format(path=path, error=error)) from error


def make_blank(lang: str) -> Language:
    """Make an empty pipeline, for its tokenizer.

    RAISES (ValueError): L663 if spaCy has no such language, or it needs a library.
    """
    try:
        return blank(lang)
    except Exception as error:
        # A name like "en.lex_attrs" is found, but is no language.
        raise ValueError(Errors.L663.format(lang=lang, error=error)) from None


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
        if here.is_relative_to(there) or there.is_relative_to(here):
            raise ValueError(Errors.L603.format(path=output))
    if Path(output).exists() and not force:
        raise ValueError(Errors.L604.format(path=output))


def save_pipeline(nlp: Language, output: Path, *, force: bool = False) -> None:
    """Write a pipeline folder. It has its final name only when it is complete.

    force (bool): Replace what is there.
    RAISES (ValueError): L604, see check_output. L625 if it can't be written.
    """
    check_output(output, force=force)
    output = Path(os.path.abspath(output))
    with write_together(output.parent, shown=output) as new:
        nlp.to_disk(new / output.name)
        # Another run may have been faster.
        check_output(output, force=force)


def write_text(path: Path, text: str) -> None:
    """Write a file, which has its final name only when it is complete.

    RAISES (ValueError): L625 if it can't be written.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(Errors.L625.format(path=path, problem="it is a folder"))
    if path.exists() and not path.is_file():
        # A pipe or a device, like /dev/stdout.
        path.write_text(text, encoding="utf8")
        return
    with write_together(path.parent, shown=path) as new:
        (new / path.name).write_text(text, encoding="utf8")


@contextmanager
def write_folder(folder: Path) -> Iterator[Path]:
    """Write a folder of files. In a folder that is there, they replace those of the
    same name, all of them together; others stay.

    YIELDS (Path): Where to write.
    RAISES (ValueError): L625 if it can't be written.
    """
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(Errors.L625.format(path=folder, problem="it is a file"))
    is_there = folder.is_dir()
    with write_together(folder if is_there else folder.parent, shown=folder) as new:
        place = new if is_there else new / folder.name
        place.mkdir(exist_ok=True)
        yield place


@contextmanager
def write_together(folder: Path, *, shown: Optional[Path] = None) -> Iterator[Path]:
    """Write files and folders of one result. At the end of the block, each entry of the
    folder that it is given gets its own name in 'folder', in place of what has it. If
    anything fails or is interrupted, everything is as it was.

    A run that was killed leaves a hidden folder, which the next one removes.

    folder (Path): Where they belong. It's made if it isn't there.
    shown (Optional[Path]): The path for messages, by default the folder.
    YIELDS (Path): Where to write.
    RAISES (ValueError): L625 if something can't be written, for example because the
        disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clean_up(folder)
        with _open_stage(folder) as stage:
            yield stage / "new"
            _move_in(stage)
    except OSError as error:
        problem = error.strerror or str(error)
        message = Errors.L625.format(path=shown or folder, problem=problem)
        raise ValueError(message) from error


@contextmanager
def _open_stage(folder: Path) -> Iterator[Path]:
    """Make a hidden folder of this run, locked as long as it runs: "new" is for what is
    written, "old" for what it replaces, and is there as soon as all of it is written.
    """
    # In the same folder, so that renaming works. Only what is locked has the prefix.
    made = Path(tempfile.mkdtemp(prefix=f".new{PREFIX}", dir=folder))
    stage = made.with_name(made.name.replace(".new", "", 1))
    with _lock(made):
        try:
            os.replace(made, stage)
            (stage / "new").mkdir()
            yield stage
        except BaseException:
            # If the old couldn't be put back, it's still there, for the next run.
            if not list(stage.glob("old/*")):
                shutil.rmtree(stage, ignore_errors=True)
            raise
        shutil.rmtree(stage, ignore_errors=True)


def _move_in(stage: Path) -> None:
    """Give everything its final name. After an error all names are as before."""
    folder, new, old = stage.parent, stage / "new", stage / "old"
    names = sorted(path.name for path in new.iterdir())
    if len(names) == 1 and (new / names[0]).is_file() and (folder / names[0]).is_file():
        # Only a file replaces a file in one step.
        os.replace(new / names[0], folder / names[0])
        return
    old.mkdir(exist_ok=True)
    moves: List[Tuple[Path, Path]] = []
    with _lock(folder, MAX_WAIT):
        try:
            for name in names:
                for move in ((folder / name, old / name), (new / name, folder / name)):
                    if os.path.lexists(move[0]):
                        moves.append(move)
                        os.replace(*move)
        except BaseException:
            for before, after in reversed(moves):
                # The last one may not have happened.
                if os.path.lexists(after) and not os.path.lexists(before):
                    os.replace(after, before)
            raise


def _clean_up(folder: Path) -> None:
    """Remove what runs have left that were killed. One that had begun to give final
    names is brought to its end, so that all of them are of the same result.
    """
    for stage in folder.glob(f"{PREFIX}*"):
        with _lock(stage) as is_left:
            # What can't be moved, for example because it's of someone else, stays.
            with suppress(OSError):
                if is_left and (stage / "old").is_dir():
                    _move_in(stage)
                if is_left:
                    shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _lock(folder: Path, max_wait: float = 0.0) -> Iterator[bool]:
    """Lock a folder against other runs, until the end of the block or of the process.

    max_wait (float): Seconds to wait while another run has locked it.
    YIELDS (bool): Whether it's locked. If not, another run has locked it, or the system
        or the disk knows no locks.
    """
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    end = time.monotonic() + max_wait
    is_locked = False
    with ExitStack() as stack:
        with suppress(OSError):
            holder = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, holder)
            while not is_locked:
                try:
                    fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    is_locked = True
                except BlockingIOError:
                    if time.monotonic() >= end:
                        break
                    time.sleep(0.01)
        yield is_locked
