import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_longtail.cli  # noqa: F401 - adds the commands


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
