import json
import os

import pytest

from spacy_longtail.batch.shards import (
    JOURNAL,
    copy_to,
    name_piece,
    open_parts,
    write_piece,
)
from spacy_longtail.files import PREFIX, look_at

INPUTS = [{"path": "a.csv", "size": 3, "mtime": 1.5, "sha256": "x"}]
MANIFEST = {"inputs": INPUTS, "options": {"top": 3}}


def make(parts, *numbers, stage="part"):
    for number in numbers:
        name = name_piece(stage, number, ".csv")
        checksum = write_piece(parts.folder / name, f"{number}\n".encode())
        parts.note({"name": name, "crc32": checksum, "rows": 1})


@pytest.fixture
def folder(tmp_path):
    """With two pieces of three."""
    folder = tmp_path / "out.csv.parts"
    with open_parts(folder, MANIFEST) as parts:
        make(parts, 0, 2)
    return folder


def find_done(folder, **changes):
    with open_parts(folder, {**MANIFEST, **changes}) as parts:
        return [path.name for path in parts.find("part")]


FIRST, LAST = name_piece("part", 0, ".csv"), name_piece("part", 2, ".csv")


def test_what_is_done_is_found_again(folder):
    assert find_done(folder) == [FIRST, LAST]
    # When a file was written says nothing of what is in it.
    inputs = [{**INPUTS[0], "mtime": 2.0}]
    assert find_done(folder, inputs=inputs) == [FIRST, LAST]


def test_what_is_not_whole_does_not_count(folder):
    (folder / FIRST).write_bytes(b"9\n")
    unfinished = folder / f"{PREFIX}{FIRST}"
    unfinished.write_bytes(b"9")
    journal = folder / JOURNAL
    journal.write_bytes(journal.read_bytes() + b'{"name": "part-00')
    with open_parts(folder, MANIFEST) as parts:
        assert list(parts.done) == [LAST] and not unfinished.exists()
        make(parts, 0, 1)
    assert len(find_done(folder)) == 3


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"options": {"top": 5}}, "with top = 3, not 5. Give"),
        ({"inputs": [{**INPUTS[0], "sha256": "y"}]}, "another content of a.csv"),
        ({"inputs": []}, "the input a.csv, too"),
        ({"inputs": [*INPUTS, {"path": "b.csv"}]}, "no input b.csv"),
        ({"model_version": "2"}, 'model_version = null, not "2"'),
        ({"pipeline": "y"}, "other files of the pipeline"),
    ],
)
def test_it_says_what_is_different(folder, changes, said):
    with pytest.raises(ValueError) as error:
        find_done(folder, **changes)
    assert "[L714]" in str(error.value) and said in str(error.value)
    with open_parts(folder, {**MANIFEST, **changes}, force=True) as parts:
        assert not parts.done
    assert [*folder.parent.iterdir()] == [folder]


def test_force_goes_on_with_what_is_the_same(folder):
    with open_parts(folder, MANIFEST, force=True) as parts:
        assert list(parts.done) == [FIRST, LAST]


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "parts").mkdir()
    with pytest.raises(ValueError, match=r"\[L714\].*no manifest.json"):
        find_done(tmp_path / "parts")


@pytest.mark.parametrize("force", [False, True])
def test_one_run_at_a_time(folder, force):
    pytest.importorskip("fcntl")
    with open_parts(folder, MANIFEST):
        with pytest.raises(ValueError, match=r"\[L715\]"):
            with open_parts(folder, MANIFEST, force=force):
                pass


@pytest.mark.parametrize("is_there", [False, True])
def test_the_folder_becomes_the_result(folder, is_there):
    target = folder.parent / "out"
    if is_there:
        target.mkdir()
        (target / "old").write_text("old")
    before = look_at(target)
    with open_parts(folder, MANIFEST) as parts:
        make(parts, 0, stage="first")
        parts.finish(target, stage="part", before=before, n_rows=2)
    assert sorted(os.listdir(target)) == ["manifest.json", FIRST, LAST]
    assert os.listdir(folder.parent) == ["out"]
    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest["is_complete"] and manifest["n_rows"] == 2
    assert [shard["name"] for shard in manifest["shards"]] == [FIRST, LAST]


def test_a_run_that_is_killed_when_the_manifest_is_complete(folder, monkeypatch):
    """The journal is gone then."""
    monkeypatch.setattr("spacy_longtail.batch.shards.move_folder", lambda *a, **k: None)
    with open_parts(folder, MANIFEST) as parts:
        parts.finish(folder.parent / "out", stage="part", before={})
    assert not (folder / JOURNAL).exists()
    assert find_done(folder) == [FIRST, LAST]


def test_pieces_go_to_a_stream_in_their_order(folder, tmp_path):
    with open_parts(folder, MANIFEST) as parts, (tmp_path / "x").open("wb") as file_:
        copy_to(parts.find("part"), file_)
    assert (tmp_path / "x").read_bytes() == b"0\n2\n"
