import re

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_longtail.cli  # noqa: F401
from spacy_longtail.vectors.folder import make_table_vectors


def run(*arguments):
    result = CliRunner().invoke(app, ["longtail", "distill", *map(str, arguments)])
    plain = re.sub(r"\x1b\[[\d;]*m", "", result.output)
    return result.exit_code, " ".join(plain.split())


def test_writes_a_table(tiny_bert, tmp_path):
    (tmp_path / "corpus.txt").write_text("bank bank\nhouse\n")
    arguments = ["--corpus", tmp_path / "corpus.txt", "--width", 8]
    code, output = run(tiny_bert, tmp_path / "out", *arguments)
    assert code == 0
    assert "29 words and 26 pieces, 8 dimensions" in output
    table = make_table_vectors(path=str(tmp_path / "out"))
    assert table.name == "out" and "bank" in table.words
    assert "house" not in table.words


def test_only_a_vocabulary(tiny_bert, tmp_path):
    (tmp_path / "words.txt").write_text("bank\nhouse\n")
    code, _ = run(tiny_bert, tmp_path / "out", "--vocab", tmp_path / "words.txt")
    assert code == 0
    assert make_table_vectors(path=str(tmp_path / "out")).words == ("bank", "house")


def test_missing_model(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, output = run(tmp_path / "none", tmp_path / "out")
    assert code == 1
    assert "[L211]" in output
    assert not (tmp_path / "out").exists()
