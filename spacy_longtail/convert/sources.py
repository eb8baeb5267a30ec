from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

from ..errors import Errors
from ..tables import Table, is_table, open_table
from ..tables.columns import get_split_name


class Source(NamedTuple):
    """A table of the input.

    split (Optional[str]): The split that its name says, None if it's to be split.
    """

    table: Table
    split: Optional[str]


def find_sources(
    inputs: Sequence[Path], *, encoding: str, delimiter: Optional[str]
) -> List[Source]:
    """Open the files of the input.

    inputs (Sequence[Path]): Files, or folders of train, dev and test files. Other
        files of a folder are left alone.
    RETURNS (List[Source]): If all of them are named by a split, in that order.
    RAISES (ValueError): L610 to L612 or L630, see there.
    """
    paths: List[Path] = []
    for path in map(Path, inputs):
        paths.extend(_list_folder(path) if path.is_dir() else [path])
    splits = [get_split_name(path.stem) for path in paths]
    if None in splits or len(paths) == 1:
        splits = [None] * len(paths)
    return [
        Source(open_table(path, encoding=encoding, delimiter=delimiter), split)
        for path, split in zip(paths, splits)
    ]


def _list_folder(folder: Path) -> List[Path]:
    tables = sorted(path for path in folder.iterdir() if is_table(path))
    found = [path for path in tables if get_split_name(path.stem)]
    names = [get_split_name(path.stem) for path in found]
    if "train" not in names or len(set(names)) < len(names):
        files = ", ".join(path.name for path in tables) or "none"
        raise ValueError(Errors.L630.format(folder=folder, files=files))
    return found
