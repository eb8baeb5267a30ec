import re

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_longtail.cli  # noqa: F401
from spacy_longtail.vectors.pipeline import make_pipeline_vectors
from spacy_longtail.vectors.table import make_table_vectors


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


def test_imitates_the_transformer_on_texts(tiny_bert, tmp_path):
    lines = [
        f"{a} {b} {c}" for a in "abcdefgh" for b in "mnopqr" for c in ("bank", "x")
    ]
    (tmp_path / "texts.csv").write_text("\n".join(["body", *lines]))
    arguments = ["--width", 8, "--imitate", tmp_path / "texts.csv", "--text", "body"]
    code, output = run(tiny_bert, tmp_path / "out", *arguments)
    assert code == 0
    assert "Imitation learnt from 87 sentences" in output
    after, before = re.findall(r"9 others (0\.\d+), (0\.\d+) before", output)[0]
    assert float(after) > float(before)
    table = make_table_vectors(path=str(tmp_path / "out"))
    assert "bank" in table.words
    run(tiny_bert, tmp_path / "again", *arguments)
    for name in ("rows.npy", "scales.npy"):
        same = (tmp_path / "again" / name).read_bytes()
        assert (tmp_path / "out" / name).read_bytes() == same


def test_too_few_texts_to_imitate(tiny_bert, tmp_path):
    (tmp_path / "texts.txt").write_text("card\n")
    code, output = run(tiny_bert, tmp_path / "out", "--imitate", tmp_path / "texts.txt")
    assert code == 1 and "[L263]" in output
    assert not (tmp_path / "out").exists()


def test_only_a_vocabulary(tiny_bert, tmp_path):
    (tmp_path / "words.txt").write_text("bank\nhouse\n")
    code, _ = run(tiny_bert, tmp_path / "out", "--vocab", tmp_path / "words.txt")
    assert code == 0
    assert make_table_vectors(path=str(tmp_path / "out")).words == ("bank", "house")


def test_spacy_vectors(tiny_bert, tmp_path):
    (tmp_path / "corpus.txt").write_text("bank bank\n")
    arguments = ["--corpus", tmp_path / "corpus.txt", "--width", 8]
    run(tiny_bert, tmp_path / "table", *arguments)
    code, output = run(tiny_bert, tmp_path / "out", *arguments, "--spacy")
    assert code == 0
    assert "29 words and no pieces, 8 dimensions" in output
    nlp = spacy.load(tmp_path / "out")
    assert nlp.vocab.vectors.shape == (29, 8)
    table = make_table_vectors(path=str(tmp_path / "table"))
    expected = table.get(table.find("bank"))[0]
    assert_allclose(nlp("bank").vector, expected, atol=1e-6)
    again = make_pipeline_vectors(path=str(tmp_path / "out"))
    found = again.get(again.find("bank"))[0]
    scale = numpy.linalg.norm(found) / numpy.linalg.norm(expected)
    assert_allclose(found, scale * expected, atol=0.02)


def test_missing_model(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, output = run(tmp_path / "none", tmp_path / "out")
    assert code == 1
    assert "[L211]" in output
    assert not (tmp_path / "out").exists()
