"""Load and save pipelines, read corpora, and check where a result may be written."""

import errno
import os
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Union

from spacy.language import Language
from spacy.training import Corpus, Example
from spacy.training.corpus import walk_corpus
from spacy.util import load_meta, load_model

from .errors import Errors, Warnings
from .files import (
    StateT,
    finish_interrupted,
    follow_links,
    look_at,
    name_problem,
    refuse_stream,
    write_together,
)
from .languages import make_blank, read_language

SUFFIX = ".spacy"
# Of a pipeline's folder, beside its components.
PARTS = ("meta.json", "config.cfg", "tokenizer", "vocab")


def load_pipeline(path: str) -> Language:
    """Load a pipeline from a folder or a package.

    RAISES (ValueError): L601 if there is none, or it can't be loaded, L671 if its
        tokenizer needs a library, L607 or L608, see read_whole, and L360, see
        TextCategorizer.
    """
    with read_whole(Path(path)):
        try:
            return load_model(path)
        except Exception as error:
            # Ours say more. Of spaCy's own files, anything can be damaged.
            if str(error).startswith("[L"):
                raise
            if isinstance(error, ImportError):
                _check_tokenizer(Path(path))
            is_plain = isinstance(error, OSError)
            text = f"{error}" if is_plain else f"{type(error).__name__}: {error}"
            problem = text if len(text) <= 500 else f"{text[:499]}…"
            raise ValueError(Errors.L601.format(path=path, error=problem)) from error


def _check_tokenizer(path: Path) -> None:
    """RAISES (ValueError): L671 if the tokenizer of a pipeline needs a library."""
    if (path / "meta.json").is_file():
        make_blank(load_meta(path / "meta.json")["lang"])


def find_corpus(path: Path) -> List[Path]:
    """Find a .spacy file itself, or those of a folder like spaCy does, sorted.

    RETURNS (List[Path]): The files, none if there are none.
    """
    if path.is_file():
        return [path] if path.suffix.lower() == SUFFIX else []
    return [
        found
        for found in sorted(path.rglob(f"*{SUFFIX}"))
        if found.is_file() and "/." not in f"/{found.relative_to(path).as_posix()}"
    ]


def find_language(path: Path) -> Optional[str]:
    """RETURNS (Optional[str]): That of a corpus which `convert` has made, or None."""
    return next(filter(None, map(read_language, find_corpus(path)[:1])), None)


def check_language(path: Path, lang: Optional[str]) -> None:
    """Warn with LW509 if a corpus was made for another language than a pipeline."""
    found = find_language(path)
    if found is not None and found != lang:
        text = Warnings.LW509.format(path=path, found=found, lang=lang)
        warnings.warn(text, stacklevel=2)


def read_corpus(nlp: Language, path: Path) -> Iterator[Example]:
    """Read a .spacy file or a folder of them. Warns with LW509 if it's in another
    language.

    RAISES (ValueError): L602 if there is none, L641 if a file is damaged, L607 or L608,
        see read_whole.
    """
    path = Path(path)
    finish_interrupted(path)
    if not find_corpus(path):
        problem = "there is no such file or folder"
        if path.is_dir():
            problem = "there is no .spacy file in this folder"
        elif path.exists():
            problem = "it is no .spacy file"
        raise ValueError(Errors.L602.format(path=path, problem=problem))
    check_language(path, nlp.lang)
    return _read_examples(nlp, path)


def _read_examples(nlp: Language, path: Path) -> Iterator[Example]:
    with read_whole(path):
        for found in walk_corpus(path, SUFFIX):
            examples = Corpus(found)(nlp)
            while True:
                try:
                    example = next(examples)
                except StopIteration:
                    break
                except Exception as error:
                    raise ValueError(_name_damage(found, error)) from error
                yield example


def _name_damage(path: Path, error: Exception) -> str:
    """RETURNS (str): What is wrong with a .spacy file."""
    # Without spaCy's advice to convert what it can't unzip.
    cause = error.__context__ or error
    return Errors.L641.format(path=path, problem=f"{type(cause).__name__}: {cause}")


@contextmanager
def read_whole(*paths: Path, before: Optional[StateT] = None) -> Iterator[None]:
    """Read files or folders in the block, all of them as one run has written them.

    before (Optional[StateT]): What was there when they were read for the first time.
    RAISES (ValueError): L607 if one was replaced in the meantime, L608 if a run that
        was killed has left one unfinished, and it can't be finished.
    """
    for path in paths:
        finish_interrupted(path)
    # Of a folder of .spacy files, nothing else is read.
    watched = [part for path in paths for part in find_corpus(path) or [path]]
    before = look_at(*watched) if before is None else before
    problem: Optional[Exception] = None
    try:
        yield
    except Exception as error:
        problem = error
    now = look_at(*watched)
    changed = [path for path in (*before, *now) if before.get(path) != now.get(path)]
    if changed:
        # The cause, rather than its consequence.
        raise ValueError(Errors.L607.format(path=changed[0])) from problem
    if problem is not None:
        raise problem


def check_output(
    output: Path,
    *,
    force: bool = False,
    source: Optional[str] = None,
    inputs: Iterable[Union[str, Path]] = (),
    is_file: bool = False,
) -> StateT:
    """Find out whether a result may be written there, before any work is done.

    source (Optional[str]): A pipeline that is read. Nothing is written into it.
    inputs (Iterable[Union[str, Path]]): What else is read. It isn't written over.
    is_file (bool): Whether it's a file that will be written, which replaces no folder.
    RETURNS (StateT): What is there now, for the function that writes.
    RAISES (ValueError): L603 if it would write over what is read, L604 if there is
        something and it isn't to be replaced, L625 if nothing can be written there.
    """
    here = follow_links(output)
    for path in [*inputs, *([] if source is None else [source])]:
        there = follow_links(path)
        is_inside = path == source and there in here.parents
        if os.path.exists(there) and (here in (there, *there.parents) or is_inside):
            raise ValueError(Errors.L603.format(path=output, source=path))
    if not is_file:
        refuse_stream(output)
    if not is_file or not is_stream(output):
        if is_file and os.path.isdir(here):
            raise ValueError(Errors.L625.format(path=output, problem="it is a folder"))
        if os.path.lexists(here) and not force:
            raise ValueError(Errors.L604.format(path=output))
        with name_problem(output):
            _check_folder(here if os.path.isdir(here) else here.parent)
    return look_at(output)


def check_pipeline_output(
    output: Path,
    *,
    force: bool = False,
    source: Optional[str] = None,
    inputs: Iterable[Union[str, Path]] = (),
) -> StateT:
    """Find out whether a pipeline may be written there. It takes the place of a whole
    folder, which has to be a pipeline, and nothing else.

    RAISES (ValueError): L603 if it is the current folder, L625 if there is something
        else in it. Else see check_output.
    """
    # Whoever works in a folder wouldn't expect it to be replaced.
    inputs = [*inputs, Path.cwd()]
    before = check_output(output, force=force, source=source, inputs=inputs)
    if output.is_dir():
        own: Iterable[str] = ()
        with suppress(OSError, ValueError):
            own = {*PARTS, *load_meta(output / "meta.json")["components"]}
        refuse_others(output, own, "a pipeline")
    return before


def refuse_others(folder: Path, own: Iterable[str], what: str) -> None:
    """RAISES (ValueError): L625 if there is anything in a folder that isn't our own, so
    that it would be lost.

    what (str): What is written there.
    """
    for name in sorted(set(os.listdir(folder)) - set(own)):
        problem = f"the folder has {name!r}, which is no part of {what}"
        raise ValueError(Errors.L625.format(path=folder, problem=problem))


def save_pipeline(
    nlp: Language,
    output: Path,
    *,
    force: bool = False,
    before: Optional[StateT] = None,
) -> None:
    """Write a pipeline folder. It has its final name only when it is complete.

    force (bool): Replace what is there.
    before (Optional[StateT]): What check_pipeline_output has found, by default what is
        there.
    RAISES (ValueError): L604, see check_output, L606 or L625, see write_together.
    """
    if before is None:
        before = check_pipeline_output(output, force=force)
    output = follow_links(output)
    with write_together(output.parent, shown=output, before=before) as new:
        nlp.to_disk(new / output.name)


def write_text(path: Path, text: str, *, before: Optional[StateT] = None) -> None:
    """Write a file, which has its final name only when it is complete. A link is
    followed; a device or a pipe is written to.

    before (Optional[StateT]): What check_output has found, by default what is there.
    RAISES (ValueError): L606 or L625, see write_together.
    """
    path, shown = follow_links(path), Path(path)
    if os.path.isdir(path):
        raise ValueError(Errors.L625.format(path=shown, problem="it is a folder"))
    if is_stream(shown):
        with name_problem(shown):
            shown.write_text(text, encoding="utf8")
        return
    before = look_at(path) if before is None else before
    with write_together(path.parent, shown=shown, before=before) as new:
        (new / path.name).write_text(text, encoding="utf8")


def _check_folder(folder: Path) -> None:
    """RAISES (OSError): If nothing can be written there."""
    while not os.path.lexists(folder):
        folder = folder.parent
    number = 0 if os.access(folder, os.W_OK | os.X_OK) else errno.EACCES
    number = number if folder.is_dir() else errno.ENOTDIR
    if number:
        raise OSError(number, os.strerror(number))


def is_stream(path: Path) -> bool:
    """RETURNS (bool): Whether it's a device or a pipe, like /dev/stdout, whatever that
    is linked to.
    """
    parent = os.path.realpath(Path(path).parent)
    if parent == "/dev" or parent.startswith("/proc/"):
        return True
    is_usual = os.path.isfile(path) or os.path.isdir(path)
    return os.path.exists(path) and not is_usual
