"""Give files and folders their final names, all of one result at once, in place of old
ones or not at all. No other module moves, replaces or removes anything.
"""

import errno
import os
import shutil
import stat
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from .errors import Errors
from .locks import lock_path

# What is at some paths: the number of each file or folder, and when a file was written.
StateT = Dict[Path, Tuple[int, int]]
IS_STREAM = "it is a device or a pipe"
# Hidden, so that spaCy doesn't read what isn't complete.
PREFIX = ".longtail-"
# Renaming takes milliseconds. Whoever holds a folder for longer isn't one of us.
MAX_WAIT = 5.0
# Of renameat2, in linux/fs.h and fcntl.h.
RENAME_EXCHANGE, AT_FDCWD = 2, -100


@contextmanager
def write_folder(folder: Path, *, before: Optional[StateT] = None) -> Iterator[Path]:
    """Write a folder of files. In a folder that is there, they replace those of the
    same name, all of them together; others stay.

    before (Optional[StateT]): What check_output or look_at have found, by default what
        is there.
    YIELDS (Path): Where to write.
    RAISES (ValueError): L606, L608 or L625, see write_together.
    """
    folder, shown = follow_links(folder), Path(folder)
    refuse_stream(shown)
    if os.path.isfile(folder):
        raise ValueError(Errors.L625.format(path=shown, problem="it is a file"))
    before = look_at(folder) if before is None else before
    if os.path.isdir(folder):
        _clean_up(folder, folder)
        if not _is_replaceable(folder):
            with write_together(folder, shown=shown, before=before) as new:
                yield new
            return
    with name_problem(shown):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clean_up(folder.parent, folder)
        with _open_stage(folder.parent) as stage:
            made = stage / "new" / folder.name
            made.mkdir()
            yield made
            _sync(made)
            if _holds_only(folder, os.listdir(made)) and _move_in(
                stage, shown, before, in_one_step=True
            ):
                return
            with write_together(folder, shown=shown, before=before) as new:
                for path in made.iterdir():
                    shutil.move(path, new)


@contextmanager
def write_together(
    folder: Path, *, shown: Optional[Path] = None, before: Optional[StateT] = None
) -> Iterator[Path]:
    """Write files and folders of one result. At the end of the block, each entry of the
    folder that it is given gets its own name in 'folder', in place of what has it. If
    anything fails or is interrupted, everything is as it was.

    A single entry takes the place of another in one step, on disks that can do that.
    Several don't: all old ones go before the first new one comes, so that new and old
    are never beside each other. A run that was killed leaves a hidden folder. The next
    one that reads or writes there brings to its end what was begun.

    folder (Path): Where they belong. It's made if it isn't there.
    shown (Optional[Path]): The path for messages, by default the folder.
    before (Optional[StateT]): What was there when the run began, by default what is.
    YIELDS (Path): Where to write.
    RAISES (ValueError): L606 if another run has written there since then, L625 if
        something can't be written, for example because the disk is full. L608 if what
        was there couldn't be put back, or another run has left it unfinished.
    """
    folder, shown = follow_links(folder), Path(folder) if shown is None else shown
    before = look_at(folder) if before is None else before
    with name_problem(shown):
        folder.mkdir(parents=True, exist_ok=True)
        _clean_up(folder, follow_links(shown))
        with _open_stage(folder) as stage:
            yield stage / "new"
            _sync(stage / "new")
            _move_in(stage, shown, before)


def refuse_stream(path: Path) -> None:
    """RAISES (ValueError): L625 if a folder can't be there: it is stdout, or a device
    or a pipe, which nothing takes the place of.
    """
    problem = "a folder can't be printed" if str(path) == "-" else ""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        problem = IS_STREAM
    if problem:
        raise ValueError(Errors.L625.format(path=path, problem=problem))


def finish_interrupted(path: Path) -> None:
    """Bring to its end what a run has left that was killed while it gave names to its
    files, at a path or in a folder of this path.

    RAISES (ValueError): L608 if that can't be done.
    """
    path = follow_links(path)
    for folder in (path.parent, path) if path.is_dir() else (path.parent,):
        _clean_up(folder, path)


@contextmanager
def hold_folder(folder: Path) -> Iterator[bool]:
    """Keep a folder for this run, until the end of the block or of the process.

    YIELDS (bool): Whether no other run has it.
    """
    with lock_path(folder) as is_locked:
        yield is_locked is not False


@contextmanager
def write_part(path: Path) -> Iterator[BinaryIO]:
    """Write a file of a folder that this run holds. It has its name only when it is
    complete and on the disk, in place of one that has it.

    RAISES (ValueError): L625, see write_together.
    """
    new = path.with_name(PREFIX + path.name)
    with name_problem(path.parent):
        try:
            with new.open("wb") as file_:
                yield file_
                file_.flush()
                os.fsync(file_.fileno())
            os.replace(new, path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def drop_parts(folder: Path, names: Iterable[str] = ()) -> None:
    """Remove files of a folder that this run holds, and those that aren't complete."""
    for path in (*folder.glob(f"{PREFIX}*"), *(folder / name for name in names)):
        path.unlink(missing_ok=True)


def drop_folder(folder: Path) -> None:
    """Remove a folder that this run holds, so that all of it is gone at once."""
    with name_problem(folder), _open_stage(folder.parent) as stage:
        os.replace(folder, stage / "gone")


def move_folder(folder: Path, target: Path, *, before: StateT) -> None:
    """Give a complete folder its final name, in place of what has it.

    folder (Path): Beside the target.
    before (StateT): What was at the target when the run began.
    RAISES (ValueError): L606, L608 or L625, see write_together.
    """
    target, shown = follow_links(target), target
    with name_problem(shown), _open_stage(target.parent) as stage:
        with lock_path(target.parent, MAX_WAIT) as is_locked:
            if is_locked is False or _has_changed(before, [target]):
                raise ValueError(Errors.L606.format(path=shown))
            gone = stage / "gone"
            if os.path.lexists(target) and _exchange(folder, target):
                os.replace(folder, gone)
                return
            taken = [(target, gone)] if os.path.lexists(target) else []
            _move_all([*taken, (folder, target)], shown, stage)


@contextmanager
def open_scratch() -> Iterator[Path]:
    """YIELDS (Path): A folder for what is gone after the block."""
    with tempfile.TemporaryDirectory(prefix=PREFIX.strip(".")) as folder:
        yield Path(folder)


@contextmanager
def _open_stage(folder: Path) -> Iterator[Path]:
    """Make a hidden folder of this run, locked as long as it runs: "new" is for what is
    written, "old" for what it replaces, and is there as soon as all of it is written.
    """
    with ExitStack() as stack:
        is_own: Optional[bool] = False
        while is_own is False:
            # In the same folder, so that renaming works. Another run may take it for
            # one that was left, as long as it isn't locked.
            stage = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
            is_own = stack.enter_context(lock_path(stage / "lock"))
        # Before it's unlocked.
        stack.callback(_remove, stage)
        (stage / "new").mkdir()
        yield stage


def _move_in(
    stage: Path,
    shown: Path,
    before: Optional[StateT] = None,
    *,
    in_one_step: bool = False,
) -> bool:
    """Give everything its final name. After an error all names are as before.

    in_one_step (bool): If that can't be done in one step, do nothing.
    RETURNS (bool): Whether it's done.
    """
    folder, new, old = stage.parent, stage / "new", stage / "old"
    names = sorted(os.listdir(new)) if new.is_dir() else []
    targets = {name: follow_links(folder / name) for name in names}
    with ExitStack() as stack:
        for place in (folder, *filter(os.path.isdir, targets.values())):
            if stack.enter_context(lock_path(place, MAX_WAIT)) is False:
                raise ValueError(Errors.L606.format(path=shown))
        if before is not None and _has_changed(before, targets.values()):
            raise ValueError(Errors.L606.format(path=shown))
        for name, target in targets.items():
            _inherit(new / name, target)
        if len(names) == 1 and not old.is_dir():
            if _replace(new / names[0], targets[names[0]]):
                return True
        if in_one_step:
            return False
        old.mkdir(exist_ok=True)
        taken = [(t, old / name) for name, t in targets.items() if os.path.lexists(t)]
        if any(os.path.lexists(parked) for _, parked in taken):
            # Somebody has put back what an interrupted run had taken away.
            raise ValueError(Errors.L608.format(path=shown, stage=stage))
        given = [(new / name, target) for name, target in targets.items()]
        _move_all([*taken, *given], shown, stage)
        return True


def _move_all(moves: List[Tuple[Path, Path]], shown: Path, stage: Path) -> None:
    """Rename one after another. After an error, undo what was done."""
    done: List[Tuple[Path, Path]] = []
    try:
        for move in moves:
            done.append(move)
            os.replace(*move)
    except BaseException as cause:
        try:
            for before, after in reversed(done):
                # The last one may not have happened.
                if os.path.lexists(after) and not os.path.lexists(before):
                    os.replace(after, before)
        except OSError:
            message = Errors.L608.format(path=shown, stage=stage)
            raise ValueError(message) from cause
        raise


def _replace(new: Path, target: Path) -> bool:
    """Put something in the place of something else in one step.

    RETURNS (bool): Whether it's done. Else, it can't be done here.
    """
    if os.path.lexists(target) and not (new.is_file() and target.is_file()):
        return _exchange(new, target)
    os.replace(new, target)
    return True


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two files or folders in one step.

    RETURNS (bool): Whether it's done. Some systems and disks can't.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    paths = AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second)
    return bool(rename(*paths, RENAME_EXCHANGE) == 0)


def _remove(stage: Path) -> None:
    """Remove the hidden folder of a run. If it has taken away what it couldn't put
    back, that is still there, for the next run.
    """
    new, old = stage / "new", stage / "old"
    if old.is_dir() and _is_filled(new):
        try:
            # First: it says that the new is complete, which it soon isn't.
            old.rmdir()
        except OSError:
            return
    with suppress(OSError):
        shutil.rmtree(stage, ignore_errors=True)


def _is_filled(folder: Path) -> bool:
    """RETURNS (bool): Whether something is in a folder, which can go at any moment."""
    with suppress(OSError):
        return bool(os.listdir(folder))
    return False


def _clean_up(folder: Path, path: Optional[Path] = None) -> None:
    """Remove what runs have left that were killed. One that had begun to give final
    names is brought to its end, so that all of them are of the same result.

    path (Optional[Path]): What is read or written, the folder or something in it.
    RAISES (ValueError): L608 if it's concerned, and isn't finished.
    """
    for stage in folder.glob(f"{PREFIX}*"):
        if not _is_own(stage):
            continue
        new, old = stage / "new", stage / "old"
        # One that is at work is waited for if it has begun to move, also just now.
        for max_wait in (0.0, MAX_WAIT):
            with lock_path(stage / "lock", max_wait) as is_left:
                # What can't be moved stays.
                with suppress(OSError, ValueError):
                    if is_left and old.is_dir():
                        _move_in(stage, folder)
                    if is_left:
                        _remove(stage)
            is_begun = old.is_dir() and _is_filled(new)
            if not is_begun or is_left is not False:
                break
        parts = [] if path is None or path == folder else [new / path.name]
        if is_begun and all(map(os.path.lexists, parts)):
            raise ValueError(Errors.L608.format(path=path or folder, stage=stage))


def look_at(*paths: Path) -> StateT:
    """RETURNS (StateT): What is at these paths now, and in those that are folders."""
    state: StateT = {}
    for path in map(follow_links, paths):
        with suppress(OSError):
            inner = list(path.iterdir()) if path.is_dir() else []
            for part in (path, *inner):
                found = _identify(part)
                if found is not None and not part.name.startswith(PREFIX):
                    state[follow_links(part)] = found
    return state


@contextmanager
def name_problem(path: Path) -> Iterator[None]:
    """RAISES (ValueError): L625 in place of an error of the system."""
    try:
        yield
    except OSError as error:
        problem = error.strerror or str(error)
        raise ValueError(Errors.L625.format(path=path, problem=problem)) from error


def _is_replaceable(folder: Path) -> bool:
    """Whether another folder can take its place: a shell isn't left in one that is
    gone.
    """
    is_here = folder in (Path.cwd(), *Path.cwd().parents)
    can_rename = os.access(folder.parent, os.W_OK | os.X_OK)
    return can_rename and not os.path.ismount(folder) and not is_here


def follow_links(path: Union[str, Path]) -> Path:
    """The path itself, not a link to it."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:
        return Path(path)  # With characters that no path has.


def _identify(path: Path) -> Optional[Tuple[int, int]]:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, 0 if stat.S_ISDIR(found.st_mode) else found.st_mtime_ns


def _has_changed(before: StateT, targets: Iterable[Path]) -> bool:
    return any(
        before.get(path) != _identify(path)
        for target in targets
        for path in (target, *(part for part in before if part.parent == target))
    )


def _holds_only(folder: Path, names: Iterable[str]) -> bool:
    """Whether a folder can be replaced without loss by one with these names."""
    if not folder.is_dir():
        return True
    has_links = any(path.is_symlink() for path in folder.iterdir())
    return not has_links and set(os.listdir(folder)) <= set(names)


def _inherit(new: Path, target: Path) -> None:
    """Take over the owner and the mode of what is replaced, as writing into it would.

    RAISES (OSError): If it is a file that must not be written to, or a device or a
        pipe, which nothing takes the place of.
    """
    if not os.path.exists(target):
        return
    if not target.is_dir() and not target.is_file():
        raise FileExistsError(errno.EEXIST, IS_STREAM, str(target))
    if new.is_dir() != target.is_dir():
        return
    if target.is_file() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    found = target.stat()
    with suppress(OSError, AttributeError):
        os.chown(new, found.st_uid, found.st_gid)
    with suppress(OSError):
        os.chmod(new, stat.S_IMODE(found.st_mode))


def _sync(folder: Path) -> None:
    """Wait until the disk has what was written: some are full only then."""
    if sys.platform == "win32":
        return
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file_:
                os.fsync(file_.fileno())


def _is_own(stage: Path) -> bool:
    """Whether it's a folder of this user."""
    try:
        found = os.lstat(stage)
    except FileNotFoundError:
        return False  # It has just been removed.
    user = os.geteuid() if hasattr(os, "geteuid") else found.st_uid
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user
