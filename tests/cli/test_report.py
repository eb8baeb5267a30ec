import json

import pytest
from typer.testing import CliRunner

from spacy_longtail.cli import longtail
from spacy_longtail.scoring import metrics


@pytest.fixture
def run(kind_dir):
    def run(*options, corpus="dev.spacy"):
        paths = [str(kind_dir / "model"), str(kind_dir / corpus)]
        return CliRunner().invoke(longtail, ["report", *paths, *options])

    return run


def get_share_of_labels(predictions, W):
    """Share of the labels that documents have been given at all."""
    n_given = len(set(predictions.given.columns.tolist()))
    return W[:, 0] * 0 + n_given / len(predictions.labels)


def test_metric_of_the_table_is_printed_and_on_the_page(run, tmp_path, monkeypatch):
    note = "of all; {head}, {mid}, {below}"
    new = metrics.Metric("used", "used labels", note, get_share_of_labels, ("report",))
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, new))
    path = tmp_path / "deep" / "report.html"
    result = run("--output", str(path), "--head", "20", "--mid", "4")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    for name in ("macro_f", "tail_f", "ece", "used"):
        assert [name] in [row[:1] for row in rows]
    page = path.read_text(encoding="utf8")
    assert page.startswith("<!DOCTYPE html>")
    card = page[page.index('id="card-used"') :].split("</div>")[0]
    assert "<h3>Used labels</h3>" in card and "of all; 20, 4, 19" in card


def test_json_is_all_that_is_on_stdout(run):
    data = json.loads(run("--json", "--head", "20", "--mid", "4").stdout)
    assert (data["about"]["n_labels"], data["about"]["head"]) == (9, 20)


def test_answers_come_first_and_v1_is_named(run, kind_dir, tmp_path):
    path = tmp_path / "report.html"
    result = run("--against", str(kind_dir / "model"), "--output", str(path))
    words = " ".join(result.stdout.split())
    assert words.index("No decision differs from those of model.") < 20
    assert words.index("can go unattended") < words.index("Mend first:")
    assert words.index("Mend first:") < words.index("macro_f")
    assert '<section id="against">' in path.read_text(encoding="utf8")


@pytest.mark.slow
def test_baseline(run, kind_dir):
    pytest.importorskip("sklearn")
    train = str(kind_dir / "dev.spacy")
    result = run("--baseline", "--train", train, "--json")
    found = json.loads(result.stdout)["against"]
    assert found["name"] == "a balanced LinearSVC"
    # It has learned these by heart.
    assert found["verdict"] == "worse"


@pytest.mark.parametrize(
    "options, said",
    [
        (["--baseline"], "no --train"),
        (["--train", "x.spacy"], "no --baseline"),
        (["--baseline", "--train", "x.spacy", "--against", "y"], "both --against"),
    ],
)
def test_what_to_compare_with_has_to_be_clear(run, options, said):
    result = run(*options)
    assert result.exit_code == 1
    assert "[L760]" in result.output and said in " ".join(result.output.split())


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
