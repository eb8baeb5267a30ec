import os
import subprocess
import sys
from threading import Thread

import pytest

from spacy_longtail.files import (
    check_output,
    load_pipeline,
    read_corpus,
    save_pipeline,
    write_folder,
    write_text,
    write_together,
)


def test_missing_pipeline(tmp_path):
    with pytest.raises(ValueError, match=r"\[L601\].*nothing"):
        load_pipeline(str(tmp_path / "nothing"))


def test_missing_corpus(tickets_nlp, tmp_path):
    (tmp_path / "dev.json").write_text("{}")
    for path in (tmp_path / "dev.spacy", tmp_path / "dev.json", tmp_path):
        with pytest.raises(ValueError, match=r"\[L602\]"):
            read_corpus(tickets_nlp, path)


def test_folder_of_corpora(tickets_nlp, tickets_dir, tmp_path):
    data = (tickets_dir / "dev.spacy").read_bytes()
    for name in ("a.spacy", "b.spacy"):
        (tmp_path / name).write_bytes(data)
    n_docs = len(list(read_corpus(tickets_nlp, tickets_dir / "dev.spacy")))
    assert len(list(read_corpus(tickets_nlp, tmp_path))) == 2 * n_docs


@pytest.mark.parametrize("name", ["model", "model/inside", "."])
def test_input_is_never_written_over(tmp_path, name):
    (tmp_path / "model").mkdir()
    with pytest.raises(ValueError, match=r"\[L603\]"):
        check_output(tmp_path / name, force=True, source=str(tmp_path / "model"))


def test_existing_output_needs_force(tickets_nlp, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "old.txt").write_text("old")
    with pytest.raises(ValueError, match=r"\[L604\].*--force"):
        save_pipeline(tickets_nlp, output)
    assert (output / "old.txt").exists()
    save_pipeline(tickets_nlp, output, force=True)
    assert not (output / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert load_pipeline(str(output)).pipe_names == ["longtail_textcat"]


@pytest.mark.parametrize(
    "error, raised, message",
    [
        (OSError("disk full"), ValueError, r"\[L625\].*out: disk full"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
    ],
)
def test_nothing_is_left_after_a_failure(
    tickets_nlp, tmp_path, monkeypatch, error, raised, message
):
    def to_disk(path):
        path.mkdir()
        (path / "half.txt").write_text("half")
        raise error

    monkeypatch.setattr(tickets_nlp, "to_disk", to_disk)
    with pytest.raises(raised, match=message):
        save_pipeline(tickets_nlp, tmp_path / "deep" / "out")
    assert list((tmp_path / "deep").iterdir()) == []


def test_text_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "report.html"
    write_text(path, "first")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "second \ud800")
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def fill(folder, value, names=("a", "b", "c")):
    """Write a result of files and a folder, each with the same value in it."""
    for name in names:
        path = folder / name
        if name == "c":
            path.mkdir()
            path = path / "inside"
        path.write_text(value)


def read(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


OLD = {"a": "old", "b": "old", "c/inside": "old"}
NEW = {"a": "new", "b": "new", "c/inside": "new"}


@pytest.fixture
def folder(tmp_path):
    """A folder with an old result, and something else."""
    fill(tmp_path, "old")
    (tmp_path / "d").write_text("other")
    return tmp_path


def test_a_result_replaces_the_old_one_at_once(folder):
    with write_together(folder) as new:
        fill(new, "new")
        assert {name: read(folder)[name] for name in OLD} == OLD
    assert read(folder) == {**NEW, "d": "other"}
    assert sorted(os.listdir(folder)) == ["a", "b", "c", "d"]


def test_a_folder_takes_the_place_of_a_file_and_back(folder):
    with write_together(folder) as new:
        (new / "a").mkdir()
        (new / "a" / "inside").write_text("new")
        (new / "c").write_text("new")
    assert read(folder) == {"a/inside": "new", "b": "old", "c": "new", "d": "other"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_middle_leaves_the_old_result(folder, error):
    with pytest.raises(error):
        with write_together(folder) as new:
            fill(new, "new", names=["a"])
            raise error
    assert read(folder) == {**OLD, "d": "other"}
    assert sorted(os.listdir(folder)) == ["a", "b", "c", "d"]


def test_an_error_while_names_are_given_brings_the_old_result_back(folder):
    with pytest.raises(ValueError, match=r"\[L625\]"):
        with write_together(folder) as new:
            fill(new, "new")
            # The old b can't be moved here, after a has been.
            (new.parent / "old" / "b" / "in the way").mkdir(parents=True)
    assert {name: read(folder)[name] for name in OLD} == OLD


@pytest.mark.parametrize("write", [write_folder, write_together])
def test_a_folder_that_is_a_file(tmp_path, write):
    (tmp_path / "file").write_text("old")
    with pytest.raises(ValueError, match=r"\[L625\].*file"):
        with write(tmp_path / "file" / "inside") as new:
            fill(new, "new")
    assert read(tmp_path) == {"file": "old"}


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_that_is_read_only(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ValueError, match=r"\[L625\].*page\.html: Permission denied"):
        write_text(tmp_path / "locked" / "page.html", "text")


def test_a_text_never_replaces_a_folder(folder):
    with pytest.raises(ValueError, match=r"\[L625\].*it is a folder"):
        write_text(folder / "c", "text")
    assert read(folder) == {**OLD, "d": "other"}


def test_a_new_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with write_folder(tmp_path / "deep" / "new") as new:
            fill(new, "new", names=["a"])
            raise KeyboardInterrupt
    assert os.listdir(tmp_path / "deep") == []
    with write_folder(tmp_path / "deep" / "new") as new:
        fill(new, "new")
    assert read(tmp_path / "deep" / "new") == NEW


def test_a_folder_that_is_there_keeps_its_other_files(folder):
    with write_folder(folder) as new:
        fill(new, "new")
    assert read(folder) == {**NEW, "d": "other"}


def test_runs_into_one_folder_do_not_disturb_each_other(folder):
    with write_together(folder) as first:
        fill(first, "first")
        with write_together(folder) as second:
            fill(second, "second")
        assert read(folder)["b"] == "second"
        assert set(read(first).values()) == {"first"}
    assert read(folder) == {
        "a": "first",
        "b": "first",
        "c/inside": "first",
        "d": "other",
    }
    assert sorted(os.listdir(folder)) == ["a", "b", "c", "d"]


def test_results_of_several_writers_are_never_mixed(folder):
    def write(value):
        for _ in range(20):
            with write_together(folder) as new:
                fill(new, value)

    threads = [Thread(target=write, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(folder)
    assert found.pop("d") == "other"
    assert len(found) == 3 and len(set(found.values())) == 1
    assert sorted(os.listdir(folder)) == ["a", "b", "c", "d"]


KILLED = """
import os, sys
from pathlib import Path
from spacy_longtail.files import write_together

left, replace = int(sys.argv[2]), os.replace

def replace_or_die(*names):
    global left
    left -= 1
    if left < 0:
        os._exit(1)
    replace(*names)

with write_together(Path(sys.argv[1])) as new:
    for name in "ab":
        (new / name).write_text("new")
    (new / "c").mkdir()
    (new / "c" / "inside").write_text("new")
    os.replace = replace_or_die
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks on folders")
@pytest.mark.parametrize("n_renames", [0, 1, 4])
def test_a_run_that_was_killed_is_brought_to_its_end(folder, n_renames):
    """Old or new, but of one result, after the next run into the same folder."""
    command = [sys.executable, "-c", KILLED, str(folder), str(n_renames)]
    assert subprocess.run(command).returncode == 1
    assert len(os.listdir(folder)) > 3
    write_text(folder / "e", "next")
    assert read(folder) == {**NEW, "d": "other", "e": "next"}
    assert sorted(os.listdir(folder)) == ["a", "b", "c", "d", "e"]
