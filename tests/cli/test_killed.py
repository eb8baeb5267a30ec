"""Commands with a fault at each of their calls that change the disk. Of files alone,
tests/test_files.py has the same, and is quick.
"""

import errno
import os
import pickle
import random
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from spacy_longtail.files import finish_interrupted
from spacy_longtail.loading import load_pipeline

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be copied"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
REPOSITORY = Path(__file__).resolve().parents[2]


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


@pytest.fixture(params=["convert", "add", "tune", "update", "explain", "init-config"])
def call(request, run, table, tickets_dir, folder):
    """Run a command, over what is there."""
    name, output = request.param, folder / "output"
    model, dev = tickets_dir / "model", tickets_dir / "dev.spacy"
    other = table.with_name("other.csv")
    other.write_text("text,label\n" + "".join(f"{i},{i % 3}\n" for i in range(40)))
    if name in ("convert", "add"):
        assert run("convert", other, output).exit_code == 0
    elif name in ("tune", "update"):
        shutil.copytree(model, output)
    else:
        output.write_text("old")
    (folder.parent / "corpus").mkdir()
    for split in ("train", "dev"):
        shutil.copy(dev, folder.parent / "corpus" / f"{split}.spacy")
    update = [model, folder.parent / "corpus", "--output", output, "--steps", 2]
    arguments = {
        "convert": [table, output],
        "add": [table, output, "--add", output],
        "update": update,
        "tune": [model, dev, "--output", output, "--folds", 2],
        "explain": [model, "my card", "--output", output],
        "init-config": [table, output],
    }[name]
    command = "convert" if name == "add" else name
    return lambda: run(command, *arguments, "--force")


@pytest.mark.parametrize("fail", [die, raise_full, raise_interrupt])
def test_the_old_result_or_the_new_one_is_there_at_any_time(
    call, folder, fail, run_with_fault, request
):
    # Every third call of what takes long.
    step = 3 if request.node.callspec.params["call"] in ("tune", "update") else 1
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
        n_faults += step
    assert n_faults > 5 and get_hashes(output) == new


PIPELINE = REPOSITORY / "tests" / "data" / "pipelines" / "exclusive-2"
TEXTS = ["I lost my card", "lend me money for a house", "", "a room by the sea", "gold"]


def write_texts(path, n_rows):
    rows = [f'{i:06d},{TEXTS[i % len(TEXTS)]},"a, b"' for i in range(n_rows)]
    path.write_text("\n".join(["id,text,note", *rows]) + "\n", encoding="utf8")
    return path


def load_once(monkeypatch):
    """Read a pipeline from disk once, for all runs in this process."""
    data = pickle.dumps(load_pipeline(str(PIPELINE)))
    name = "spacy_longtail.batch.classifier.load_pipeline"
    monkeypatch.setattr(name, lambda _: pickle.loads(data))


@pytest.fixture
def label(request, run, tmp_path, folder, monkeypatch):
    """Label a table, to a file or to a folder, over what is there with --force."""
    pytest.importorskip("pyarrow")
    load_once(monkeypatch)
    name, *options = request.param.split()
    table, output = write_texts(tmp_path / "in.csv", 7), folder / name
    if "--force" in options:
        output.mkdir()
        (output / "manifest.json").write_text('{"inputs": []}')
    arguments = [PIPELINE, table, "-o", output, "--shard-size", 5, *options]
    return lambda: run("predict", *arguments), output


# With all calls in place of every third and the like, it takes ten minutes.
@pytest.mark.parametrize(
    "label, fail, step",
    [
        ("out.csv", die, 2),
        ("out.parquet --two-phases", raise_full, 7),
        ("out.parquet --two-phases", die, 9),
        ("out", raise_interrupt, 3),
        ("out --force", die, 3),
    ],
    indirect=["label"],
)
def test_a_stopped_prediction_goes_on(label, folder, fail, step, run_with_fault):
    predict, output = label
    kept = folder.parent / "kept"
    shutil.copytree(folder, kept)
    old = get_hashes(output) if output.exists() else None
    assert predict().exit_code == 0
    new = get_hashes(output)
    n_faults, said = 0, None
    while said != "not reached":
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        said = run_with_fault(predict, folder, fail, n_faults)
        found = get_hashes(output) if output.exists() else None
        assert found in (old, new), said
        if said is not None and "[L" in said:
            assert fail is raise_full
        if said != "not reached":
            # It may be complete already: then it asks before it replaces it.
            result = predict()
            is_new = found == new and found != old
            assert result.exit_code == 0 or is_new and "[L604]" in result.output
        assert get_hashes(output) == new, said
        assert os.listdir(folder) == [output.name]
        n_faults += step
    assert n_faults > 15


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_random_kills_lose_and_double_no_row(tmp_path):
    """The real command in two processes, killed while it starts and while it works.
    PREDICT_KILLS says how often.
    """
    pytest.importorskip("pyarrow")
    table = write_texts(tmp_path / "in.csv", 60_000)
    command = [sys.executable, "-m", "spacy", "longtail", "predict", PIPELINE, table]
    command += ["--shard-size", "200", "--n-process", "2", "-o"]
    output, whole = tmp_path / "out.csv", tmp_path / "whole.csv"
    journal = tmp_path / "out.csv.parts" / "journal"
    rng = random.Random(0)
    for number in range(int(os.environ.get("PREDICT_KILLS", 6))):
        child = subprocess.Popen([*command, output], stderr=subprocess.DEVNULL)
        size = journal.stat().st_size if journal.exists() else 0
        if number % 4:
            while not journal.exists() or journal.stat().st_size == size:
                assert child.poll() is None
                time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.1))
        child.kill()
        child.wait()
    # Unless it was done before, which a slower machine or more rows prevent.
    assert not output.exists()
    subprocess.run([*command, output], check=True, capture_output=True)
    alone = [word for word in command if word not in ("--n-process", "2")]
    subprocess.run([*alone, whole], check=True, capture_output=True)
    assert output.read_bytes() == whole.read_bytes()
    ids = [line.split(",")[0] for line in output.read_text().splitlines()[1:]]
    assert ids == [f"{i:06d}" for i in range(60_000)]
    assert sorted(os.listdir(tmp_path)) == ["in.csv", "out.csv", "whole.csv"]
