import os
import shutil
import zlib
from pathlib import Path

import pytest
import spacy

from spacy_longtail import loading
from spacy_longtail.audit import audit_corpus
from spacy_longtail.files import PREFIX
from spacy_longtail.loading import (
    check_output,
    check_pipeline_output,
    load_pipeline,
    read_corpus,
    save_pipeline,
    write_text,
)
from spacy_longtail.tuning import tune_pipeline


def test_missing_pipeline(tmp_path):
    with pytest.raises(ValueError, match=r"\[L601\].*nothing"):
        load_pipeline(str(tmp_path / "nothing"))


def test_missing_corpus(tickets_nlp, tmp_path):
    (tmp_path / "dev.json").write_text("{}")
    problems = {
        tmp_path / "dev.spacy": "there is no such file",
        tmp_path / "dev.json": "it is no .spacy file",
        tmp_path: "no .spacy file in this folder",
    }
    for path, problem in problems.items():
        with pytest.raises(ValueError, match=rf"\[L602\].*{problem}"):
            read_corpus(tickets_nlp, path)


def test_folder_of_corpora(tickets_nlp, tickets_dir, tmp_path):
    data = (tickets_dir / "dev.spacy").read_bytes()
    for name in ("a.spacy", "b.spacy"):
        (tmp_path / name).write_bytes(data)
    n_docs = len(list(read_corpus(tickets_nlp, tickets_dir / "dev.spacy")))
    assert len(list(read_corpus(tickets_nlp, tmp_path))) == 2 * n_docs


def damage(content):
    """Four ways. In the last, a token is a word that the file doesn't have."""
    inner = bytearray(zlib.decompress(content))
    inner[inner.index(b"tokens") + 12] ^= 1
    return [b"", b"junk", content[:-9], zlib.compress(bytes(inner))]


@pytest.mark.parametrize("way", range(4))
def test_a_damaged_corpus_is_named(tickets_nlp, tickets_dir, tmp_path, way):
    path = tmp_path / "b.spacy"
    content = (tickets_dir / "dev.spacy").read_bytes()
    (tmp_path / "a.spacy").write_bytes(content)
    path.write_bytes(damage(content)[way])
    with pytest.raises(ValueError, match=r"\[L641\].*b\.spacy"):
        list(read_corpus(tickets_nlp, tmp_path))
    with pytest.raises(ValueError, match=r"\[L641\].*b\.spacy"):
        audit_corpus(tmp_path)


@pytest.fixture
def model(tickets_dir, tmp_path):
    """A pipeline that may be damaged."""
    return shutil.copytree(tickets_dir / "model", tmp_path / "model")


def leave_killed(path):
    """Leave a file or folder as a run does that is killed while it replaces it."""
    stage = path.parent / f"{PREFIX}killed"
    (stage / "new").mkdir(parents=True)
    (stage / "old").mkdir()
    path.rename(stage / "new" / path.name)


def test_what_a_killed_run_has_left_is_finished_by_whoever_reads(
    model, tickets_dir, tmp_path
):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shutil.copy(tickets_dir / "dev.spacy", corpus)
    leave_killed(model)
    nlp = load_pipeline(str(model))
    for path in (corpus, corpus / "dev.spacy"):
        leave_killed(corpus / "dev.spacy")
        assert len(list(read_corpus(nlp, path))) == 135
        leave_killed(corpus / "dev.spacy")
        assert audit_corpus(path).n_docs == 135
    assert sorted(os.listdir(tmp_path)) == ["corpus", "model"]
    assert os.listdir(corpus) == ["dev.spacy"]


def test_a_pipeline_that_is_replaced_while_it_is_read(model, monkeypatch):
    def load(path):
        nlp = spacy.load(path)
        model.rename(model.with_name("before"))
        shutil.copytree(model.with_name("before"), model)
        return nlp

    monkeypatch.setattr(loading, "load_model", load)
    with pytest.raises(ValueError, match=r"\[L607\].*model"):
        load_pipeline(str(model))


def test_a_corpus_that_is_replaced_while_it_is_read(tickets_nlp, tickets_dir, tmp_path):
    for name in ("a.spacy", "b.spacy"):
        shutil.copy(tickets_dir / "dev.spacy", tmp_path / name)
    examples = read_corpus(tickets_nlp, tmp_path)
    next(examples)
    (tmp_path / "notes.txt").write_text("not read")
    assert len(list(examples)) == 269
    examples = read_corpus(tickets_nlp, tmp_path)
    next(examples)
    # Also if that is why something fails.
    (tmp_path / "b.spacy").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"\[L607\].*b\.spacy"):
        list(examples)


@pytest.mark.parametrize("name", ["model", "model/inside", "."])
def test_input_is_never_written_over(tmp_path, name):
    (tmp_path / "model").mkdir()
    with pytest.raises(ValueError, match=r"\[L603\]"):
        check_output(tmp_path / name, force=True, source=str(tmp_path / "model"))


def test_the_corpus_and_the_folder_in_use_are_never_replaced(
    model, tickets_dir, tmp_path, monkeypatch
):
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(tickets_dir / "dev.spacy", data)
    with pytest.raises(ValueError, match=r"\[L603\].*dev\.spacy"):
        tune_pipeline(str(model), data / "dev.spacy", data, force=True)
    monkeypatch.chdir(data)
    with pytest.raises(ValueError, match=r"\[L603\]"):
        tune_pipeline(str(model), tickets_dir / "dev.spacy", Path(), force=True)
    assert os.listdir(data) == ["dev.spacy"]


def test_a_pipeline_replaces_only_a_pipeline(model, monkeypatch):
    check_pipeline_output(model, force=True)
    monkeypatch.chdir(model)
    with pytest.raises(ValueError, match=r"\[L603\]"):
        check_pipeline_output(model, force=True)
    monkeypatch.undo()
    (model / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match=r"\[L625\].*'thesis.txt'"):
        check_pipeline_output(model, force=True)
    (model / "meta.json").unlink()
    with pytest.raises(ValueError, match=r"\[L625\].*'config.cfg'"):
        check_pipeline_output(model, force=True)


def test_existing_output_needs_force(tickets_nlp, tmp_path):
    output = tmp_path / "out"
    spacy.blank("en").to_disk(output)
    old = output / "vocab" / "old.txt"
    old.write_text("old")
    with pytest.raises(ValueError, match=r"\[L604\].*--force"):
        save_pipeline(tickets_nlp, output)
    assert old.exists()
    save_pipeline(tickets_nlp, output, force=True)
    assert not old.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert load_pipeline(str(output)).pipe_names == ["longtail_textcat"]


@pytest.mark.parametrize(
    "error, raised, message",
    [
        (OSError("disk full"), ValueError, r"\[L625\].*out: disk full"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
    ],
)
def test_nothing_is_left_after_a_failure(
    tickets_nlp, tmp_path, monkeypatch, error, raised, message
):
    def to_disk(path):
        path.mkdir()
        (path / "half.txt").write_text("half")
        raise error

    monkeypatch.setattr(tickets_nlp, "to_disk", to_disk)
    with pytest.raises(raised, match=message):
        save_pipeline(tickets_nlp, tmp_path / "deep" / "out")
    assert list((tmp_path / "deep").iterdir()) == []


def test_text_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "report.html"
    write_text(path, "first")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "second \ud800")
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_that_is_read_only(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ValueError, match=r"\[L625\].*page\.html: Permission denied"):
        write_text(tmp_path / "locked" / "page.html", "text")


def test_a_text_never_replaces_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"\[L625\].*it is a folder"):
        write_text(tmp_path, "text")
