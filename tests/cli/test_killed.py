"""Commands with a fault at each of their calls that change the disk. Of files alone,
tests/test_files.py has the same, and is quick.
"""

import errno
import os
import shutil
from hashlib import sha256

import pytest

from spacy_longtail.files import finish_interrupted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be copied"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def die():
    os._exit(9)


def raise_full():
    raise OSError(errno.ENOSPC, "No space left on device")


def raise_interrupt():
    raise KeyboardInterrupt


def get_hashes(path):
    """The hash of each file, by its path."""
    paths = [path] if path.is_file() else sorted(path.rglob("*"))
    return {
        found.relative_to(path).as_posix(): sha256(found.read_bytes()).hexdigest()
        for found in paths
        if found.is_file()
    }


@pytest.fixture
def folder(tmp_path):
    """Where the output is, and nothing else."""
    path = tmp_path / "place"
    path.mkdir()
    return path


@pytest.fixture(params=["convert", "add", "tune", "explain", "init-config"])
def call(request, run, table, tickets_dir, folder):
    """Run a command, over what is there."""
    name, output = request.param, folder / "output"
    model, dev = tickets_dir / "model", tickets_dir / "dev.spacy"
    other = table.with_name("other.csv")
    other.write_text("text,label\n" + "".join(f"{i},{i % 3}\n" for i in range(40)))
    if name in ("convert", "add"):
        assert run("convert", other, output).exit_code == 0
    elif name == "tune":
        shutil.copytree(model, output)
    else:
        output.write_text("old")
    arguments = {
        "convert": [table, output],
        "add": [table, output, "--add", output],
        "tune": [model, dev, "--output", output, "--folds", 2],
        "explain": [model, "my card", "--output", output],
        "init-config": [table, output],
    }[name]
    command = "convert" if name == "add" else name
    return lambda: run(command, *arguments, "--force")


@pytest.mark.parametrize("fail", [die, raise_full, raise_interrupt])
def test_the_old_result_or_the_new_one_is_there_at_any_time(
    call, folder, fail, run_with_fault
):
    output, kept = folder / "output", folder.parent / "kept"
    shutil.copytree(folder, kept)
    old = get_hashes(output)
    assert call().exit_code == 0
    new = get_hashes(output)
    assert new != old
    n_faults, said = 0, None
    while said != "not reached":
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        said = run_with_fault(call, folder, fail, n_faults)
        # On Linux, without a moment in which nothing is there.
        assert get_hashes(output) in (old, new), said
        if said is not None and "[L" in said:
            assert fail is raise_full and get_hashes(output) == old
        finish_interrupted(output)
        assert get_hashes(output) in (old, new), said
        assert os.listdir(folder) == ["output"]
        n_faults += 1
    assert n_faults > 5 and get_hashes(output) == new
