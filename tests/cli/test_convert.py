import json
import subprocess
import sys

import pytest


def test_convert(run, table, tmp_path):
    result = run("convert", table, tmp_path / "out")
    assert result.exit_code == 0
    words = result.stdout.split()
    assert str(tmp_path / "out" / "train.spacy") in words
    assert words[words.index(str(tmp_path / "out" / "train.spacy")) + 1] == "49"


def test_json_is_all_that_is_printed(run, table, tmp_path):
    result = run("convert", table, tmp_path / "out", "--json", "--dev", "0.5")
    assert json.loads(result.stdout)["docs"] == {"train": 23, "dev": 27, "test": 10}


def test_add_in_place(run, table, tmp_path):
    out, new, names = tmp_path / "out", tmp_path / "new.csv", tmp_path / "names.csv"
    assert run("convert", table, out).exit_code == 0
    new.write_text("text,label\na new one,area 0/topic O\nnot yet,\n")
    names.write_text("old,new\narea 0/topic 0,area 0/topic zero\n")
    result = run("convert", new, out, "--add", out, "--rename", names)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "area 0/topic zero 0 10 was 'area 0/topic 0'" in said
    assert "Left out 1 of 2 rows without a label" in said
    assert "'area 0/topic O' is new" in said and "Did you mean" in said
    found = json.loads(run("convert", new, out, "--add", out, "--json").stdout)
    assert found["counts"]["area 0/topic zero"] == 10
    assert sum(change["repeated"] for change in found["changes"].values()) == 1
    # Without new texts.
    names.write_text("old,new\narea 0/topic O,area 0/topic 2\n")
    assert run("convert", out, "--add", out, "--rename", names).exit_code == 0


def test_what_is_about_a_corpus_needs_one(run, table, tmp_path):
    for option in ("--rename", "--descriptions"):
        result = run("convert", table, tmp_path / "out", option, table)
        assert result.exit_code == 1 and f"[L730] '{option}'" in result.output
    result = run("convert", table)
    assert result.exit_code == 1 and "[L731]" in result.output


def test_options_reach_the_function(run, tmp_path):
    path = tmp_path / "a.csv"
    lines = ["body;top;low", "hällo;A;B", "more;A;", ";A;B"]
    path.write_text("\n".join(lines), encoding="cp1252")
    args = ["--text", "body", "--label", "top", "--label", "low", "--separator", "|"]
    args += ["--encoding", "cp1252", "--delimiter", ";"]
    result = run("convert", path, tmp_path / "out", *args)
    assert result.exit_code == 0
    assert "Dropped 1 of 3 rows without a text." in result.stdout
    assert "1 rows lack their last levels" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    "content, message",
    [
        ("body,label\na,b\n", "[L613]"),
        ("text,label\na,b,c\n", "[L614]"),
        ("", "[L612]"),
    ],
)
def test_errors_are_short_and_exit_with_1(run, tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf8")
    result = run("convert", path, tmp_path / "out")
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_help_of_the_real_command_has_an_example():
    command = [sys.executable, "-m", "spacy", "longtail", "convert", "--help"]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Example: python -m spacy longtail convert tickets.csv" in child.stdout


def test_help_of_the_group(run):
    result = run("--help")
    assert result.exit_code == 0
    for name in ("convert", "audit", "init-config"):
        assert name in result.stdout
