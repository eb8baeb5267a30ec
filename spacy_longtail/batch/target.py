"""Where a result is written, and what there has to be said against it."""

from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO, Iterable, List, Optional, Union

from ..errors import Errors, JobErrors
from ..files import StateT, finish_interrupted, follow_links, look_at
from ..loading import check_output, refuse_others
from ..tables import WRITERS
from ..tables.writer import TextWriter, Writer
from .columns import make_option_error
from .shards import (
    SUFFIX,
    Parts,
    check_free,
    copy_to,
    is_result,
    list_own,
    name_piece,
)

PARQUET = ".parquet"


@dataclass(frozen=True)
class Target:
    """A file, a folder of shards, or a stream.

    suffix (str): One of WRITERS.
    path (Optional[Path]): What is written, None for a stream.
    is_folder (bool): Whether that is a folder of shards.
    before (Optional[StateT]): What was there.
    """

    suffix: str
    path: Optional[Path] = None
    is_folder: bool = False
    before: Optional[StateT] = None

    @property
    def parts(self) -> Path:
        """RETURNS (Path): The folder for what is done."""
        here = follow_links(self.path or Path())
        return here.with_name(here.name + SUFFIX)


def choose_target(
    output: Union[str, Path, BinaryIO], format: Optional[str], input_suffix: str
) -> Target:
    """Find out what an output is meant as: a folder if its name has no suffix.

    format (Optional[str]): Of a stream, by default like the input; of shards, by
        default Parquet.
    RAISES (ValueError): L701 if the format can't be that, L716 if it's unknown.
    """
    known = ", ".join(WRITERS)
    wanted = None if format is None else f".{format.lower().lstrip('.')}"
    if wanted not in (None, *WRITERS):
        raise ValueError(JobErrors.L716.format(path=format, known=known))
    if not isinstance(output, (str, Path)):
        usual = input_suffix if input_suffix in WRITERS else ".csv"
        return Target(wanted or usual)
    path = Path(output)
    suffix = path.suffix.lower()
    if suffix in WRITERS and not path.is_dir():
        if wanted not in (None, suffix):
            raise make_option_error(
                "format", f"{suffix[1:]!r}, as the name of the output says", format
            )
        return Target(suffix, path)
    if suffix and wanted is None and not path.is_dir():
        raise ValueError(JobErrors.L716.format(path=path, known=known))
    suffix = wanted or PARQUET
    if not WRITERS[suffix].is_divisible:
        names = [name[1:] for name, own in WRITERS.items() if own.is_divisible]
        raise make_option_error(
            "format", f"one of {', '.join(names)} for a folder", format
        )
    return Target(suffix, path, is_folder=True)


def check_target(
    target: Target,
    pipeline: str,
    inputs: Iterable[str],
    paths: Iterable[Path],
    *,
    force: bool,
) -> Target:
    """Find out whether a file or folder may be written.

    inputs (Iterable[str]): As they were given: files, folders or patterns.
    paths (Iterable[Path]): The files that are read.
    RETURNS (Target): The same, with what is there now.
    RAISES (ValueError): L603, L604, L625 or L715, see there.
    """
    path: Any = target.path
    here = follow_links(path)
    if not here.name:
        raise ValueError(Errors.L625.format(path=path, problem="it is a whole disk"))
    finish_interrupted(path)
    refuse_inside(path, inputs)
    is_empty = here.is_dir() and not any(here.iterdir())
    check_free(target.parts)
    # Whoever works in a folder wouldn't expect it to be replaced.
    used = [Path.cwd()] if target.is_folder else []
    before = check_output(
        path,
        force=force or is_empty or is_result(target.parts, path),
        source=pipeline,
        inputs=[*paths, *used],
        is_file=not target.is_folder,
    )
    if target.is_folder and here.is_dir():
        refuse_others(path, list_own(here), "an earlier result")
    return replace(target, before=before)


def refuse_inside(path: Path, inputs: Iterable[str]) -> None:
    """RAISES (ValueError): L603 if a path is in a folder, or fits a pattern, of inputs:
    the next run would read it.
    """
    here = follow_links(path)
    for found in inputs:
        there = follow_links(found)
        is_inside = there.is_dir() and there in here.parents
        if is_inside or not there.exists() and fnmatch(str(here), str(there)):
            raise ValueError(Errors.L603.format(path=path, source=found))


def check_unchanged(target: Target) -> None:
    """RAISES (ValueError): L606 if another run has written there by now. In the end, it
    would be too late for the work.
    """
    if target.path is not None and look_at(target.path) != target.before:
        raise ValueError(Errors.L606.format(path=target.path))


class Outlet:
    """Writes the pieces of a result to a stream as soon as they are there, in their
    order. A format that has to know all of them first is written in the end.
    """

    def __init__(self, stream: BinaryIO, writer: Writer, parts: Parts) -> None:
        self.stream, self.writer, self.parts = stream, writer, parts
        self.is_flowing = isinstance(writer, TextWriter) and writer.is_divisible
        self._n_written = 0
        if self.is_flowing:
            writer.join([], stream)

    def advance(self) -> None:
        """Write the pieces that are next."""
        if self.is_flowing:
            names: List[Path] = []
            while (name := self._name(self._n_written)) in self.parts.done:
                names.append(self.parts.folder / name)
                self._n_written += 1
            copy_to(names, self.stream)

    def finish(self) -> None:
        """Write what is left."""
        if not self.is_flowing:
            self.writer.join(self.parts.find("part"), self.stream)
        self.stream.flush()

    def _name(self, number: int) -> str:
        return name_piece("part", number, self.writer.suffix)
