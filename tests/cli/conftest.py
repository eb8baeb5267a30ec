import os
import sys

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_longtail.cli  # noqa: F401 - adds the commands

# Calls that change the disk, beside those that open a file to write.
EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree"}
EVENTS |= {"ctypes.dlsym", "tempfile.mkdtemp"}


@pytest.fixture
def run():
    """Run a command like a terminal does."""

    def run_command(*args):
        return CliRunner().invoke(app, ["longtail", *map(str, args)])

    return run_command


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "tickets.csv"
    rows = [f"topic {i % 6} question {i},area {i % 2}/topic {i % 6}" for i in range(60)]
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf8")
    return path


def is_change(event, args, folder):
    if event != "open":
        return event in EVENTS
    path, _, flags = args
    is_written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    return bool(is_written) and str(path).startswith(str(folder))


def _run_with_fault(call, folder, fail, n_left):
    """Run a command in a process of its own, and let the call of this number fail.

    RETURNS (Optional[str]): What the command said. None if it was killed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        left = n_left

        def hook(event, args):
            nonlocal left
            if left >= 0 and is_change(event, args, folder):
                left -= 1
                if left == -1:
                    fail()

        sys.addaudithook(hook)
        try:
            said = call().output
        except KeyboardInterrupt:
            said = "interrupted"
        os.write(writer, (said if left < 0 else "not reached").encode()[-2000:])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file_:
        said = file_.read().decode(errors="replace")
    return said if os.waitpid(child, 0)[1] == 0 else None


@pytest.fixture
def run_with_fault():
    return _run_with_fault
