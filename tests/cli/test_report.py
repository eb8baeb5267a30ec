import json

import pytest
from typer.testing import CliRunner

from spacy_longtail.cli import longtail


@pytest.fixture
def run(tickets_dir):
    def run(*options, corpus="dev.spacy"):
        paths = [str(tickets_dir / "model"), str(tickets_dir / corpus)]
        return CliRunner().invoke(longtail, ["report", *paths, *options])

    return run


def test_page_is_written_and_the_headline_printed(run, tmp_path):
    path = tmp_path / "deep" / "report.html"
    result = run("--output", str(path))
    assert result.exit_code == 0
    assert "macro_f" in result.stdout
    assert path.read_text(encoding="utf8").startswith("<!DOCTYPE html>")


def test_json_is_all_that_is_on_stdout(run):
    data = json.loads(run("--json").stdout)
    assert data["about"]["n_labels"] == 9


def test_missing_corpus(run, tmp_path):
    path = tmp_path / "report.html"
    result = run("--output", str(path), corpus="nothing.spacy")
    assert result.exit_code == 1
    assert "[L602]" in result.output
    assert not path.exists()


def test_help_has_an_example():
    result = CliRunner().invoke(longtail, ["report", "--help"])
    words = " ".join(result.output.split())
    assert "python -m spacy longtail report training/model-best" in words
