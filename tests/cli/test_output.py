"""What the commands that write a file have in common."""

import os
import shutil
import sys

import pytest

from spacy_longtail.cli import longtail

TEXT = "my card and hotel room"


QUICK = ["explain", "audit", "init-config"]
ALL = [*QUICK, pytest.param("report", marks=pytest.mark.slow)]


@pytest.fixture(params=["report", "explain", "audit", "init-config"])
def name(request):
    if request.param in ("report", "audit"):
        pytest.importorskip("matplotlib")
    return request.param


@pytest.fixture
def call(run, name, tickets_dir):
    def call(output, *options, corpus=tickets_dir / "dev.spacy"):
        arguments = {
            "report": [tickets_dir / "model", corpus, "--output", output],
            "explain": [tickets_dir / "model", TEXT, "--output", output],
            "audit": [corpus, "--output", output],
            "init-config": [corpus, output],
        }
        return run(name, *arguments[name], *options)

    return call


def test_nothing_is_replaced_without_force(call, tmp_path):
    output = tmp_path / "output"
    output.write_text("mine")
    # Before anything is read.
    result = call(output, corpus=tmp_path / "nothing")
    assert result.exit_code == 1
    assert "[L604]" in result.output and "--force" in result.output
    assert output.read_text() == "mine"


@pytest.mark.parametrize("name", ALL, indirect=True)
def test_with_force_it_is_replaced(call, tmp_path):
    output = tmp_path / "output"
    output.write_text("mine")
    assert call(output, "--force").exit_code == 0
    assert len(output.read_text()) > 1000
    assert os.listdir(tmp_path) == ["output"]


def test_what_cannot_be_written_is_said_before_any_work(call, tmp_path):
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path, tmp_path / "file" / "page.html"):
        result = call(output, "--force", corpus=tmp_path / "nothing")
        assert result.exit_code == 1
        assert "[L625]" in result.output
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ALL, indirect=True)
def test_a_page_for_stdout_is_all_that_is_there(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = [call(output) for output in ("-", "/dev/stdout")]
    assert found[0].stdout == found[1].stdout
    assert found[0].stdout[0] in "<[#" and "Saved" not in found[0].stdout
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["report", "audit", "init-config"], indirect=True)
def test_the_corpus_is_never_written_over(call, tickets_dir, tmp_path):
    corpus = tmp_path / "dev.spacy"
    shutil.copy(tickets_dir / "dev.spacy", corpus)
    before = corpus.read_bytes()
    for output in (corpus, tmp_path / "other" / ".." / "dev.spacy"):
        result = call(output, "--force", corpus=corpus)
        assert result.exit_code == 1 and "[L603]" in result.output
        assert corpus.read_bytes() == before


@pytest.mark.parametrize("name", ["report", "explain", "audit"], indirect=True)
def test_a_page_and_json_cannot_both_be_on_stdout(call):
    result = call("-", "--json")
    assert result.exit_code == 1
    assert "[L609]" in result.output
    assert "<html" not in result.output and "{" not in result.output


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("options", [[], ["--json"], ["--output", "-"]], ids=str)
def test_a_full_disk_behind_stdout(tickets_dir, monkeypatch, capsys, options):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as found:
            longtail(["explain", str(tickets_dir / "model"), TEXT, *options])
        # What is left isn't written when it's closed: that would fail again.
    assert found.value.code == 1
    assert "[L605]" in capsys.readouterr().err
