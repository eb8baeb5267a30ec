import json

import pytest


def test_audit(run, table):
    result = run("audit", table)
    assert result.exit_code == 0
    output = " ".join(result.stdout.split())
    assert "60 documents, 6 labels, imbalance ratio 1" in output
    for title in (
        "Levels of the taxonomy",
        "What would be pooled",
        "Effective weights",
    ):
        assert title in output


def test_json_is_all_that_is_printed(run, table):
    result = run("audit", table, "--json", "--dev", table)
    facts = json.loads(result.stdout)
    assert facts["n_labels"] == 6
    assert facts["dev"]["n_shared"] == 60


def test_folder_of_convert_is_its_training_corpus(run, table, tmp_path):
    assert run("convert", table, tmp_path / "corpus").exit_code == 0
    dev = ("--dev", tmp_path / "corpus" / "dev.spacy", "--json")
    found = [
        json.loads(run("audit", tmp_path / "corpus" / name, *dev).stdout)
        for name in ("", "train.spacy")
    ]
    assert found[0] == found[1]
    assert found[0]["dev"]["n_shared"] == 0


def test_page(run, table, tmp_path):
    pytest.importorskip("matplotlib")
    result = run("audit", table, "-o", tmp_path / "audit.html")
    assert result.exit_code == 0
    assert "Saved the page" in result.stdout
    assert "<svg" in (tmp_path / "audit.html").read_text(encoding="utf8")


def test_no_corpus(run, tmp_path):
    result = run("audit", tmp_path)
    assert result.exit_code == 1
    assert "[L640]" in result.output


def test_separator_and_columns(run, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("body,topic\nx,a|b\ny,c\n", encoding="utf8")
    args = ["--text", "body", "--label", "topic", "--separator", "|", "--json"]
    facts = json.loads(run("audit", path, *args).stdout)
    assert (facts["depth"], facts["n_labels"]) == (2, 2)


def test_a_page_that_cannot_be_written(run, table, tmp_path):
    pytest.importorskip("matplotlib")
    result = run("audit", table, "-o", table / "audit.html")
    assert result.exit_code == 1
    assert "[L625]" in result.output and "audit.html" in result.output
    assert list(tmp_path.iterdir()) == [table]
