import json

import pytest
from typer.testing import CliRunner

from spacy_longtail.cli import longtail


@pytest.fixture
def run(tickets_dir):
    def run(*options, text="my card and hotel"):
        arguments = ["explain", str(tickets_dir / "model"), text, *options]
        return CliRunner().invoke(longtail, arguments)

    return run


def test_path_and_words_are_printed(run):
    result = run()
    assert result.exit_code == 0
    assert "money/card" in result.stdout
    assert "log of the odds" in result.stdout


def test_json_is_all_that_is_on_stdout(run):
    data = json.loads(run("--label", "home/garden", "--json").stdout)
    assert data["kind"] == "longtail_textcat"
    assert data["label"] == "home/garden"
    assert [word["text"] for word in data["words"]] == ["my", "card", "and", "hotel"]


def test_page_is_written(run, tmp_path):
    path = tmp_path / "words.html"
    assert run("--output", str(path)).exit_code == 0
    assert "<mark" in path.read_text(encoding="utf8")


def test_errors_are_clear(run):
    assert "[L521]" in run(text=" ").output
    result = run("--label", "nothing")
    assert result.exit_code == 1
    assert "[L522]" in result.output


def test_one_label_at_a_time(run):
    result = run("--label", "money/card", "--label", "home/garden")
    assert result.exit_code == 1
    assert "[L523]" in result.output


def test_help_has_an_example():
    result = CliRunner().invoke(longtail, ["explain", "--help"])
    words = " ".join(result.output.split())
    assert 'explain training/model-best "my card was stolen"' in words
