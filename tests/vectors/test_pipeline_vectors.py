import pickle
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import spacy
import srsly
from spacy.vectors import Vectors

from spacy_longtail.encoders.static_bag.architecture import build_static_bag
from spacy_longtail.vectors.pipeline import TYPICAL_LENGTH, make_pipeline_vectors

VECTORS = {"bank": [3.0, 0.0], "London": [0.0, 4.0], "Bank": [1.0, 1.0]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nlp = spacy.blank("en")
    nlp.vocab.vectors = Vectors(shape=(4, 2), strings=nlp.vocab.strings)
    for word, vector in VECTORS.items():
        nlp.vocab.set_vector(word, numpy.array(vector, dtype="float32"))
    nlp.vocab.strings.add("banks")
    nlp.vocab.vectors.add("banks", row=nlp.vocab.vectors.find(key="bank"))
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_rows_are_the_vectors_in_another_scale(folder: Path) -> None:
    table = make_pipeline_vectors(path=str(folder))
    assert (table.name, table.width) == (str(folder), 2)
    rows = [table.find(word)[0] for word in VECTORS]
    # "Bank" has the row that exact case gives it; lengths are 3, 4, sqrt(2).
    expected = numpy.array(list(VECTORS.values())) * TYPICAL_LENGTH / 3
    numpy.testing.assert_allclose(table.get(numpy.array(rows)), expected, rtol=1e-6)
    assert table.get(numpy.array(rows)).dtype == numpy.float32


def test_words_are_found_in_any_case_and_without_accents(folder: Path) -> None:
    table = make_pipeline_vectors(path=str(folder))
    assert table.words[table.find("london")[0]] == "London"
    assert table.words[table.find("bank")[0]] == "bank"
    assert table.find("banks") == table.find("bänk") == table.find("bank")
    assert table.find("bankxyz") == table.find("") == table.find("\ud800") == ()


def test_vocab_folder_serves_too(folder: Path) -> None:
    table = make_pipeline_vectors(path=str(folder / "vocab"))
    assert len(table.find("bank")) == 1


def test_installed_package_is_found_without_running_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "xx_toy_md"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('was run')")
    folder.rename(package / "xx_toy_md-1.0.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert len(make_pipeline_vectors(path="xx_toy_md").find("bank")) == 1


def test_table_is_pickled_as_its_path(folder: Path) -> None:
    table = make_pipeline_vectors(path=str(folder))
    table.find("bank")
    content = pickle.dumps(table)
    assert b"London" not in content
    assert pickle.loads(content).find("london") == table.find("london")


@pytest.mark.parametrize("path", [None, ""])
def test_path_is_needed(path: str) -> None:
    with pytest.raises(ValueError, match=r"\[L256\]"):
        make_pipeline_vectors(path=path)


@pytest.mark.parametrize("path", ["no_such_package", "no/such/folder", "\x00"])
def test_missing_pipeline_is_an_error(path: str) -> None:
    with pytest.raises(ValueError, match=r"\[L257\]"):
        make_pipeline_vectors(path=path)


def test_pipeline_without_vectors_is_an_error(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path)
    with pytest.raises(ValueError, match=r"\[L258\]"):
        make_pipeline_vectors(path=str(tmp_path))


def test_truncated_vectors_are_an_error(folder: Path) -> None:
    path = folder / "vocab" / "vectors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"\[L255\]"):
        make_pipeline_vectors(path=str(folder))


@pytest.mark.parametrize(
    "file,content",
    [
        ("vectors.cfg", b"["),
        ("key2row", b"\x93"),
        ("key2row", b"\x81\xa1a\x00"),
        ("key2row", b"\x81\x01\xcd\xff\xff"),
        ("strings.json", b"{"),
    ],
)
def test_damaged_part_is_an_error(folder: Path, file: str, content: bytes) -> None:
    (folder / "vocab" / file).write_bytes(content)
    with pytest.raises(ValueError, match=rf"\[L255\].*{file}"):
        make_pipeline_vectors(path=str(folder)).find("london")


@pytest.fixture
def floret(tmp_path: Path) -> Path:
    nlp = spacy.blank("xx")
    data = numpy.random.RandomState(0).randn(2000, 32).astype("float32")
    settings = {"minn": 2, "maxn": 3, "hash_count": 2, "hash_seed": 7}
    nlp.vocab.vectors = Vectors(data=data, mode="floret", bow="[", **settings)
    nlp.to_disk(tmp_path / "floret")
    return tmp_path / "floret"


def test_any_word_is_the_mean_of_its_rows_in_floret_vectors(floret: Path) -> None:
    table, vocab = make_pipeline_vectors(path=str(floret)), spacy.load(floret).vocab
    scale = table.data.scales[0]
    for word in ("karte", "kartenverlust", "a", "", "é東", "x" * 99):
        rows = table.find(word)
        expected = vocab[word].vector * scale if word else numpy.zeros(32)
        found = table.get(numpy.array(rows)).mean(axis=0) if rows else numpy.zeros(32)
        numpy.testing.assert_allclose(found, expected, atol=1e-5)
    assert table.find("\ud800") == ()
    assert len(table.find("x" * 10_000)) == len(table.find("x" * 100))
    copy = pickle.loads(pickle.dumps(table))
    assert copy.find("karte") == table.find("karte")
    assert copy.digest == table.digest


def test_floret_vectors_are_the_start_of_an_encoder(floret: Path) -> None:
    nlp = spacy.blank("xx")
    encoder = build_static_bag(make_pipeline_vectors(path=str(floret)))
    encoder.initialize()
    texts = "Kartenverlust", "Karte verloren", "Geld senden"
    whole, parts, others = encoder.predict([nlp.make_doc(text) for text in texts])
    assert whole @ parts > 0.3 > whole @ others


@pytest.mark.parametrize(
    "name,value", [("minn", -1), ("maxn", None), ("hash_count", 5), ("bow", 3)]
)
def test_damaged_settings_of_floret_are_an_error(
    floret: Path, name: str, value: Any
) -> None:
    path = floret / "vocab" / "vectors.cfg"
    srsly.write_json(path, {**srsly.read_json(path), name: value})
    with pytest.raises(ValueError, match=rf"\[L259\] .*'{name}' .* is {value}"):
        make_pipeline_vectors(path=str(floret))
