import json

import pytest
from typer.testing import CliRunner

from spacy_longtail.cli import longtail


@pytest.fixture
def run(mixed_dir):
    def run(*options):
        paths = [str(mixed_dir / "model"), str(mixed_dir / "dev.spacy")]
        return CliRunner().invoke(longtail, ["report", *paths, *options])

    return run


def test_page_is_written_and_the_headline_printed(run, tmp_path):
    path = tmp_path / "report.html"
    result = run("--output", str(path))
    assert result.exit_code == 0
    for name in ("macro_f", "micro_f", "lrap", "ndcg_at_3"):
        assert name in result.stdout
    assert path.read_text(encoding="utf8").startswith("<!DOCTYPE html>")


def test_json_is_all_that_is_on_stdout(run):
    data = json.loads(run("--json", "--head", "20", "--mid", "4").stdout)
    assert (data["about"]["n_labels"], data["about"]["head"]) == (9, 20)
