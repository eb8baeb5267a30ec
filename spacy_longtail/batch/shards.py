"""The folder in which a run keeps what is done, so that another one goes on with it.

It holds a manifest of what the run reads and what it was asked for, a journal with a
line for each piece that is done, and the pieces. A piece is whole or absent, and counts
if the journal has its checksum. A run that goes on gives the same bytes.
"""

import json
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Tuple
from zlib import crc32

from ..errors import JobErrors
from ..files import (
    PREFIX,
    StateT,
    drop_folder,
    drop_parts,
    finish_interrupted,
    follow_links,
    hold_folder,
    look_at,
    move_folder,
    write_part,
    write_together,
)
from ..tables.source import MANIFEST

JOURNAL = "journal"
SUFFIX = ".parts"
# Of the manifest.
FORMAT = 1
BLOCK = 1 << 20
# Whether they are others says nothing of the result.
IGNORED = {"mtime"}
# A digest in the manifest, for what the version of the pipeline says nothing of.
PIPELINE = "pipeline"


class Parts:
    """What is done.

    folder (Path): Where it is.
    manifest (Dict[str, Any]): What the run reads and what it was asked for.
    """

    def __init__(self, folder: Path, manifest: Dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest
        # What the journal says of each piece, by its name.
        self.done: Dict[str, Dict[str, Any]] = {}

    def note(self, entry: Dict[str, Any]) -> None:
        """Note that a piece is done.

        entry (Dict[str, Any]): With its "name" and "crc32", JSON values only. Under
            "beside", the checksums of pieces without an entry, by their names.
        """
        self.done[entry["name"]] = entry
        self._write(entry)

    def note_result(self, new: Path, target: Path) -> None:
        """Note which file is the result, just before it gets its name: a run that is
        killed then is no reason to replace what somebody else has written there.

        target (Path): The path that it will have.
        """
        (state,) = look_at(new).values()
        self._write({"result": str(follow_links(target)), "state": state})

    def _write(self, line: Dict[str, Any]) -> None:
        with (self.folder / JOURNAL).open("a", encoding="utf8") as file_:
            file_.write(json.dumps(line) + "\n")

    def find(self, stage: str) -> List[Path]:
        """RETURNS (List[Path]): The pieces of a stage, by their number."""
        names = [name for name in self.done if get_stage(name) == stage]
        return [self.folder / name for name in sorted(names)]

    def finish(self, target: Path, *, stage: str, before: StateT, **more: Any) -> None:
        """Let the pieces of a stage be the result, with a manifest that says so.

        target (Path): The final name of the folder.
        more (Any): What else the manifest says then.
        """
        shards = [self.done[path.name] for path in self.find(stage)]
        manifest = {**self.manifest, **more, "shards": shards, "is_complete": True}
        _write_manifest(self.folder, manifest)
        others = [name for name in self.done if get_stage(name) != stage]
        others += [name for shard in shards for name in shard.get("beside", ())]
        drop_parts(self.folder, [JOURNAL, *others])
        move_folder(self.folder, target, before=before)

    def drop(self) -> None:
        """Remove the folder."""
        drop_folder(self.folder)

    def read(self) -> None:
        """Find out what an earlier run has done, and remove what isn't whole."""
        drop_parts(self.folder)
        entries = list(_read_manifest(self.folder).get("shards", []))
        journal = self.folder / JOURNAL
        entries += [entry for entry in _read_journal(self.folder) if "name" in entry]
        for entry in entries:
            pieces = {entry["name"]: entry["crc32"], **entry.get("beside", {})}
            if all(self._is_whole(*piece) for piece in pieces.items()):
                self.done[entry["name"]] = entry
        data = journal.read_bytes() if journal.is_file() else b""
        if data and not data.endswith(b"\n"):
            with journal.open("ab") as file_:
                file_.write(b"\n")

    def _is_whole(self, name: str, checksum: int) -> bool:
        path = self.folder / name
        return path.is_file() and check_file(path) == checksum


def get_stage(name: str) -> str:
    """RETURNS (str): The stage that a piece is of, like "part" for "part-00001.csv"."""
    return name.partition("-")[0]


def name_piece(stage: str, number: int, suffix: str) -> str:
    """RETURNS (str): The name of a piece. They sort by their number."""
    return f"{stage}-{number:07d}{suffix}"


@contextmanager
def open_parts(
    folder: Path, manifest: Dict[str, Any], *, force: bool = False
) -> Iterator[Parts]:
    """Make a folder for what is done, or go on with one that is there.

    manifest (Dict[str, Any]): JSON values only.
    force (bool): Start anew if it was begun with something else.
    RAISES (ValueError): L714 if it was begun with something else, L715 if another run
        is at work there.
    """
    manifest = json.loads(json.dumps({"manifest": FORMAT, **manifest}))
    finish_interrupted(folder)
    if folder.exists() and force:
        with _hold(folder):
            if _compare(_read_manifest(folder), manifest):
                drop_folder(folder)
    if not folder.exists():
        with write_together(folder.parent, shown=folder) as new:
            (new / folder.name).mkdir()
            _write_manifest(new / folder.name, manifest)
    with _hold(folder):
        changes = _compare(_read_manifest(folder), manifest)
        if changes:
            raise ValueError(JobErrors.L714.format(path=folder, changes=changes))
        parts = Parts(folder, manifest)
        parts.read()
        yield parts


def digest_file(path: Path) -> Tuple[str, int]:
    """RETURNS (Tuple[str, int]): SHA-256 of a file, and how many line ends it has."""
    digest, n_lines = sha256(), 0
    with path.open("rb") as file_:
        while data := file_.read(BLOCK):
            digest.update(data)
            n_lines += data.count(b"\n")
    return digest.hexdigest(), n_lines


def digest_folder(folder: Path) -> str:
    """RETURNS (str): SHA-256 of the files of a folder with their names."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(folder).as_posix()
            digest.update(f"{name}\0{digest_file(path)[0]}\n".encode("utf8", "replace"))
    return digest.hexdigest()


def check_file(path: Path) -> int:
    """RETURNS (int): CRC-32 of a file, as write_piece gives it."""
    found = 0
    with path.open("rb") as file_:
        while data := file_.read(BLOCK):
            found = crc32(data, found)
    return found


def write_piece(path: Path, data: bytes) -> int:
    """Write a piece.

    RETURNS (int): Its CRC-32. A digest would take more time than all the rest.
    """
    with write_part(path) as file_:
        file_.write(data)
    return crc32(data)


def copy_to(paths: Iterable[Path], stream: BinaryIO) -> None:
    """Write the content of files to a stream."""
    for path in paths:
        stream.write(path.read_bytes())
    stream.flush()


def is_result(folder: Path, path: Path) -> bool:
    """RETURNS (bool): Whether the file at a path is what the run that has left this
    folder has written there.
    """
    here, state = follow_links(path), look_at(path)
    return any(
        entry.get("result") == str(here) and tuple(entry["state"]) == state.get(here)
        for entry in _read_journal(folder)
    )


def list_own(folder: Path) -> Iterator[str]:
    """YIELDS (str): Names of what a run has written to a folder that was its output."""
    manifest = _read_manifest(folder)
    if "inputs" in manifest:
        yield MANIFEST
        yield from (shard["name"] for shard in manifest.get("shards", ()))
    yield from (path.name for path in folder.glob(f"{PREFIX}*"))


def check_free(folder: Path) -> None:
    """RAISES (ValueError): L715 if another run is at work in a folder."""
    if folder.is_dir():
        with _hold(folder):
            pass


@contextmanager
def _hold(folder: Path) -> Iterator[None]:
    with hold_folder(folder) as is_free:
        if not is_free:
            raise ValueError(JobErrors.L715.format(path=folder))
        yield


def _write_manifest(folder: Path, manifest: Dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    write_piece(folder / MANIFEST, text.encode("utf8", "backslashreplace"))


def _read_journal(folder: Path) -> Iterator[Dict[str, Any]]:
    journal = folder / JOURNAL
    for line in journal.read_bytes().split(b"\n") if journal.is_file() else ():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # It was cut off.


def _read_manifest(folder: Path) -> Dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf8"))
    except (OSError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}


def _compare(found: Dict[str, Any], wanted: Dict[str, Any]) -> str:
    """RETURNS (str): What is different, "" if nothing is."""
    if "inputs" not in found:
        return f"no {MANIFEST} that can be read"
    changes = []
    for key, value in wanted.items():
        before = found.get(key)
        if key == "inputs":
            changes += _compare_inputs(before, value)
        elif before != value and key == PIPELINE:
            changes.append("other files of the pipeline")
        elif isinstance(before, dict) and isinstance(value, dict):
            names = [*before, *(name for name in value if name not in before)]
            changes += _compare_values(before, value, names)
        else:
            changes += _compare_values(found, wanted, [key])
    return "; ".join(changes[:5])


def _compare_values(
    found: Dict[str, Any], wanted: Dict[str, Any], names: List[str]
) -> List[str]:
    pairs = [(name, found.get(name), wanted.get(name)) for name in names]
    return [
        f"{name} = {json.dumps(before)}, not {json.dumps(value)}"
        for name, before, value in pairs
        if before != value
    ]


def _compare_inputs(found: Any, wanted: List[Dict[str, Any]]) -> List[str]:
    before = {str(entry.get("path")): entry for entry in found}
    now = {entry["path"]: entry for entry in wanted}
    changes = [f"the input {path}, too" for path in before.keys() - now.keys()]
    changes += [f"no input {path}" for path in now.keys() - before.keys()]
    for path in sorted(before.keys() & now.keys()):
        keys = now[path].keys() - IGNORED
        if any(before[path].get(key) != now[path][key] for key in keys):
            changes.append(f"another content of {path}")
    if not changes and list(before) != list(now):
        changes.append("another order of the inputs")
    return changes
