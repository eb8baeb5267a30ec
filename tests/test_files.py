import errno
import os
import shutil
import stat
import sys
from contextlib import contextmanager
from threading import Thread

import pytest

from spacy_longtail import files
from spacy_longtail.files import (
    finish_interrupted,
    look_at,
    write_folder,
    write_together,
)
from spacy_longtail.loading import write_text

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")


def fill(folder, value, names=("a", "b", "c")):
    """Write a result of files and a folder, each with the same value in it."""
    for name in names:
        path = folder / name
        if name == "c":
            path.mkdir()
            path = path / "inside"
        path.write_text(value)


def read(folder):
    """The content of each file, but what is hidden."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {
        path.as_posix(): (folder / path).read_text()
        for path in paths
        if not path.parts[0].startswith(".")
    }


OLD = {"a": "old", "b": "old", "c/inside": "old"}
NEW = {"a": "new", "b": "new", "c/inside": "new"}


@pytest.fixture
def folder(tmp_path):
    """A folder with an old result."""
    path = tmp_path / "result"
    path.mkdir()
    fill(path, "old")
    return path


@pytest.fixture
def shared_folder(folder):
    """A folder with an old result, and something else."""
    (folder / "d").write_text("other")
    return folder


def test_a_result_replaces_the_old_one_at_once(shared_folder):
    with write_together(shared_folder) as new:
        fill(new, "new")
        assert read(shared_folder) == {**OLD, "d": "other"}
    assert read(shared_folder) == {**NEW, "d": "other"}
    assert sorted(os.listdir(shared_folder)) == ["a", "b", "c", "d"]


def test_a_folder_takes_the_place_of_a_file_and_back(folder):
    with write_together(folder) as new:
        (new / "a").mkdir()
        (new / "a" / "inside").write_text("new")
        (new / "c").write_text("new")
    assert read(folder) == {"a/inside": "new", "b": "old", "c": "new"}


@pytest.mark.parametrize("write", [write_folder, write_together])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_middle_leaves_the_old_result(shared_folder, write, error):
    with pytest.raises(error):
        with write(shared_folder) as new:
            fill(new, "new", names=["a"])
            raise error
    assert read(shared_folder) == {**OLD, "d": "other"}
    assert sorted(os.listdir(shared_folder)) == ["a", "b", "c", "d"]
    assert os.listdir(shared_folder.parent) == ["result"]


@pytest.mark.parametrize("write", [write_folder, write_together])
def test_a_folder_that_is_a_file(tmp_path, write):
    (tmp_path / "file").write_text("old")
    with pytest.raises(ValueError, match=r"\[L625\].*file"):
        with write(tmp_path / "file" / "inside") as new:
            fill(new, "new")
    assert read(tmp_path) == {"file": "old"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_nothing_takes_the_place_of_a_device_or_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"\[L625\].*it is a device or a pipe"):
        with write_folder(tmp_path / "pipe") as new:
            fill(new, "new")
    with pytest.raises(ValueError, match=r"\[L625\].*it is a device or a pipe"):
        with write_together(tmp_path) as new:
            fill(new, "new", names=("a", "pipe"))
    assert os.listdir(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_new_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with write_folder(tmp_path / "deep" / "new") as new:
            fill(new, "new", names=["a"])
            raise KeyboardInterrupt
    assert os.listdir(tmp_path / "deep") == []
    with write_folder(tmp_path / "deep" / "new") as new:
        fill(new, "new")
    assert read(tmp_path / "deep" / "new") == NEW


def test_a_folder_that_is_there_keeps_its_other_files(shared_folder):
    number = shared_folder.stat().st_ino
    with write_folder(shared_folder) as new:
        fill(new, "new")
    assert read(shared_folder) == {**NEW, "d": "other"}
    assert shared_folder.stat().st_ino == number


def test_the_folder_that_somebody_works_in_stays(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with write_folder(folder) as new:
        fill(new, "new")
    assert sorted(os.listdir(os.curdir)) == ["a", "b", "c"]


class Fault:
    """Fails at one of the calls that change the disk.

    n_left (int): Calls until then.
    is_after (bool): Whether it is when the call is done.
    """

    def __init__(self, monkeypatch, fail, n_left, *, is_after=False):
        self.fail = fail
        self.n_left = n_left
        self.is_after = is_after
        # Waiting for the disk takes most of the time.
        monkeypatch.setattr(os, "fsync", lambda number: None)
        for name in ("replace", "mkdir", "rmdir", "unlink", "fsync", "chmod"):
            monkeypatch.setattr(os, name, self.wrap(getattr(os, name)))
        monkeypatch.setattr(files, "_exchange", self.wrap(files._exchange))

    def wrap(self, function):
        def call(*args, **kwargs):
            self.n_left -= 1
            if self.n_left == -1 and not self.is_after:
                self.fail()
            result = function(*args, **kwargs)
            if self.n_left == -1 and self.is_after:
                self.fail()
            return result

        return call


def replace_text(folder):
    for name in ("a", "b"):
        if read(folder)[name] == "old":
            write_text(folder / name, "new")


def replace_whole(folder):
    with write_folder(folder) as new:
        fill(new, "new")


def replace_some(folder):
    (folder / ".hidden").write_text("stays")
    with write_folder(folder) as new:
        fill(new, "new")


def replace_one(folder):
    with write_together(folder.parent) as new:
        (new / folder.name).mkdir()
        fill(new / folder.name, "new")


# A way to write, and whether the system can exchange two folders.
CASES = [
    (replace_whole, True),
    (replace_some, True),
    pytest.param(replace_one, True, marks=pytest.mark.slow),
    (replace_one, False),
    pytest.param(replace_whole, False, marks=pytest.mark.slow),
    pytest.param(replace_some, False, marks=pytest.mark.slow),
]


def forbid_exchange(monkeypatch):
    monkeypatch.setattr(files, "_exchange", lambda first, second: False)


def raise_full():
    raise OSError(errno.ENOSPC, "No space left on device")


def raise_interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "fail, is_after",
    [
        (raise_full, False),
        (raise_interrupt, True),
        pytest.param(raise_full, True, marks=pytest.mark.slow),
        pytest.param(raise_interrupt, False, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("write, can_exchange", CASES)
def test_whatever_fails_the_result_is_the_old_or_the_new_one(
    folder, monkeypatch, write, can_exchange, fail, is_after
):
    if not can_exchange:
        forbid_exchange(monkeypatch)
    for n_calls in range(60):
        with monkeypatch.context() as patch:
            fault = Fault(patch, fail, n_calls, is_after=is_after)
            try:
                write(folder)
            except (ValueError, KeyboardInterrupt) as error:
                if fail is raise_full:
                    # Nothing was kept, as the message says.
                    assert "[L625]" in str(error)
                    assert read(folder) == OLD or is_after
            assert read(folder) in (OLD, NEW), n_calls
        if fault.n_left >= 0:
            break
        finish_interrupted(folder)
        assert read(folder) in (OLD, NEW)
        reset(folder)
    assert fault.n_left >= 0 and n_calls > 5 and read(folder) == NEW


def reset(folder):
    assert os.listdir(folder.parent) == [folder.name]
    for name in ("a", "b"):
        (folder / name).write_text("old")
    (folder / "c" / "inside").write_text("old")


def run_and_die(write, folder, n_calls):
    """RETURNS (bool): Whether the run was killed before its call of this number."""
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patch:
            Fault(patch, lambda: os._exit(9), n_calls)
            write(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@posix
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("write, can_exchange", CASES)
def test_a_run_that_is_killed_anywhere_leaves_the_old_or_the_new_result(
    folder, monkeypatch, write, can_exchange
):
    if not can_exchange:
        forbid_exchange(monkeypatch)
    n_calls = 0
    while run_and_die(write, folder, n_calls):
        # Where several names can't be changed at once, some may be missing for now.
        left = read(folder) if folder.exists() else {}
        assert left.items() <= OLD.items() or left.items() <= NEW.items()
        if can_exchange and write is not replace_some:
            assert left in (OLD, NEW)
        finish_interrupted(folder)
        assert read(folder) in (OLD, NEW), n_calls
        reset(folder)
        n_calls += 1
    assert n_calls > 5 and read(folder) == NEW


def hide(folder, names, part):
    """Put what a killed run leaves into a hidden folder."""
    stage = folder / f"{files.PREFIX}killed"
    (stage / part).mkdir(parents=True, exist_ok=True)
    fill(stage / part, part, names)
    return stage


def test_what_a_killed_run_took_away_is_not_lost_if_it_was_put_back(folder):
    """Nobody but its owner knows which of the two is the right one."""
    stage = hide(folder, "a", "old")
    hide(folder, "a", "new")
    (folder / "a").write_text("put back")
    for use in (finish_interrupted, look_and_write):
        with pytest.raises(ValueError, match=r"\[L608\].*killed/new"):
            use(folder)
    assert (folder / "a").read_text() == "put back"
    assert (stage / "old" / "a").read_text() == "old"
    # What isn't concerned can be used.
    finish_interrupted(folder / "b")
    write_text(folder / "b", "more")


def look_and_write(folder):
    write_text(folder / "a", "more")


@pytest.mark.skipif(not hasattr(os, "chown"), reason="files have no owners")
def test_hidden_folders_of_others_are_left_alone(folder):
    """In a folder like /tmp, everybody may write what looks like ours."""
    stage = hide(folder, "a", "new")
    (stage / "old").mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(stage, 12345, -1)
    finish_interrupted(folder)
    assert (folder / "a").read_text() == "old" and stage.exists()


@pytest.mark.parametrize("write", [write_folder, write_together])
def test_a_run_that_was_overtaken_says_so(shared_folder, write):
    """So that what a run has said is what's there."""
    with pytest.raises(ValueError, match=r"\[L606\].*result"):
        with write(shared_folder) as first:
            fill(first, "first")
            with write(shared_folder) as second:
                fill(second, "second")
    assert set(read(shared_folder).values()) == {"second", "other"}
    assert sorted(os.listdir(shared_folder)) == ["a", "b", "c", "d"]


def test_what_was_there_when_a_run_began_counts(folder):
    before = look_at(folder / "a")
    write_text(folder / "a", "faster")
    with pytest.raises(ValueError, match=r"\[L606\]"):
        write_text(folder / "a", "slower", before=before)
    assert (folder / "a").read_text() == "faster"


@pytest.mark.parametrize("write", [write_folder, write_together])
def test_results_of_several_writers_are_never_mixed(folder, write):
    written = []

    def write_often(value):
        for _ in range(20):
            try:
                with write(folder) as new:
                    fill(new, value)
                written.append(value)
            except ValueError as error:
                assert "[L606]" in str(error)

    threads = [Thread(target=write_often, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(folder)
    # Which one was the last isn't known: another can write before it's noted here.
    (value,) = set(found.values())
    assert len(found) == 3 and value in written
    assert sorted(os.listdir(folder)) == ["a", "b", "c"]
    assert os.listdir(folder.parent) == ["result"]


def test_a_run_that_comes_to_its_end_while_another_looks(folder, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    stage = folder / f"{files.PREFIX}busy"
    for name in ("new", "old"):
        (stage / name).mkdir(parents=True)
        (stage / name / "a").write_text(name)
    real = os.listdir

    def listdir(path):
        if path == stage / "new":
            shutil.rmtree(stage)
        return real(path)

    monkeypatch.setattr(files.os, "listdir", listdir)
    with open(stage / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_text(folder / "b", "text")
    assert (folder / "b").read_text() == "text" and not stage.exists()


def test_a_run_that_begins_while_another_looks_is_waited_for(folder, monkeypatch):
    stage = folder / f"{files.PREFIX}busy"
    (stage / "new").mkdir(parents=True)
    (stage / "new" / "a").write_text("new")
    real, waits = files.lock_path, []

    @contextmanager
    def lock(path, max_wait=0.0):
        if path == stage / "lock":
            waits.append(max_wait)
            if len(waits) == 1:
                (stage / "old").mkdir()
                yield False
                return
            # It has come to its end.
            shutil.rmtree(stage)
        with real(path, max_wait) as found:
            yield found

    monkeypatch.setattr(files, "lock_path", lock)
    finish_interrupted(folder / "a")
    assert waits == [0.0, files.MAX_WAIT]


@posix
def test_modes_are_those_that_writing_would_give(tmp_path):
    old_mask = os.umask(0o027)
    try:
        with write_folder(tmp_path / "new") as new:
            fill(new, "new")
        write_text(tmp_path / "page", "first")
        (tmp_path / "page").chmod(0o604)
        write_text(tmp_path / "page", "second")
    finally:
        os.umask(old_mask)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")
    }
    assert (modes["new"], modes["c"], modes["a"]) == (0o750, 0o750, 0o640)
    assert modes["page"] == 0o604


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_followed(tmp_path, is_there):
    (tmp_path / "real").mkdir()
    if is_there:
        fill(tmp_path / "real", "old")
        (tmp_path / "page").write_text("old")
    (tmp_path / "folder").symlink_to("real", target_is_directory=True)
    (tmp_path / "link").symlink_to("page")
    write_text(tmp_path / "link", "new")
    with write_folder(tmp_path / "folder") as new:
        fill(new, "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "folder").is_symlink()
    assert (tmp_path / "page").read_text() == "new"
    assert read(tmp_path / "real") == NEW


def test_a_link_in_a_folder_is_followed(folder, tmp_path):
    (tmp_path / "elsewhere").write_text("old")
    (folder / "b").unlink()
    (folder / "b").symlink_to(tmp_path / "elsewhere")
    with write_together(folder) as new:
        fill(new, "new")
    assert (folder / "b").is_symlink() and read(folder) == NEW
    assert (tmp_path / "elsewhere").read_text() == "new"
