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


def test_codes_have_titles_and_a_table_that_names_none_is_an_error(run, tmp_path):
    corpus, codes = tmp_path / "rows.csv", tmp_path / "codes.csv"
    corpus.write_text("text,label\nmy till,D/1\na shelf,D/2\n", encoding="utf8")
    codes.write_text("code,title\nD/1,Tills\n", encoding="utf8")
    result = run("audit", corpus, "--descriptions", codes, "--json")
    assert json.loads(result.stdout)["titles"] == {"D/1": "Tills"}
    codes.write_text("code,title\nX/7,Tills\n", encoding="utf8")
    result = run("audit", corpus, "--descriptions", codes)
    assert result.exit_code == 1 and "[L670]" in result.output


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


def write_table(tmp_path, n=12):
    """Two labels, and one text with the wrong one."""
    words = {"a": "card debit chip pin", "b": "flight plane airport seat"}
    rows = [f"{words[x]} {i},{x}" for x in words for i in range(n)]
    rows.append(f"{words['a']} again,b")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf8")
    return path


def test_suspects(run, tmp_path):
    pytest.importorskip("matplotlib")
    table, suspects = write_table(tmp_path), tmp_path / "suspects.csv"
    result = run("audit", table, "--cross-validate", 5, "-o", suspects)
    assert result.exit_code == 0
    assert "Labels to look at, 1 of 1 texts" in result.stdout
    assert f"Saved the suspects to {suspects}" in " ".join(result.stdout.split())
    lines = suspects.read_text(encoding="utf8").splitlines()
    assert lines[0].startswith("text,label,given_label,suggested_label,")
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["card debit chip pin again", "", "b", "a"]
    ]
    page = tmp_path / "audit.html"
    args = ["--suspects", tmp_path / "other.csv", "-o", page, "--json"]
    found = json.loads(run("audit", table, "-x", 5, *args).stdout)
    assert found["cross_validation"]["suspects"][0]["suggested"] == ["a"]
    assert (tmp_path / "other.csv").read_bytes() == suspects.read_bytes()
    assert "card debit chip pin again" in page.read_text(encoding="utf8")
    # Nothing is written over.
    again = run("audit", table, "-x", 5, "-o", suspects)
    assert again.exit_code == 1
    assert "[L604]" in again.output


@pytest.mark.parametrize(
    "args, code",
    [
        (["-o", "suspects.csv"], "L746"),
        (["--suspects", "suspects.csv"], "L746"),
        (["-x", "5", "--suspects", "suspects.xlsx"], "L748"),
        (["-x", "1"], "L745"),
    ],
)
def test_suspects_that_cannot_be(run, tmp_path, args, code):
    result = run("audit", write_table(tmp_path), *args)
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
