import pytest
import spacy
from spacy.tokens import DocBin

from spacy_longtail.batch import BatchOptions, load_classifier, predict
from spacy_longtail.monitor import period as module
from spacy_longtail.monitor.period import read_period

TEXTS = ["my card and pin", "", "my visa", "the oven and the flight", "my visa", "tax"]


@pytest.fixture
def classifier(kind_dir):
    return load_classifier(kind_dir / "model", BatchOptions(top=0))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("\n".join(["id,text", *(f"1,{t}" for t in TEXTS)]), encoding="utf8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_answers_of_predict_are_those_of_the_pipeline(
    classifier, kind_dir, table, tmp_path, suffix
):
    out = tmp_path / f"answers{suffix}"
    predict(kind_dir / "model", table, out)
    found, read = (read_period(p, classifier, None) for p in (table, out))
    assert (found.is_predicted, read.is_predicted) == (False, True)
    assert found.counts == read.counts
    assert (found.n_failed, read.n_failed) == (1, 1)
    assert (found.n_docs, sum(found.counts.values())) == (5, 5)
    assert found.known == pytest.approx(read.known)
    assert found.sample == read.sample


def test_prefix_of_predict(classifier, kind_dir, tmp_path):
    path, out = tmp_path / "texts.csv", tmp_path / "out.csv"
    path.write_text("text,label\nmy visa,theirs\n", encoding="utf8")
    predict(kind_dir / "model", path, out)
    read = read_period(out, classifier, None)
    assert read.is_predicted
    assert "theirs" not in str(read.counts)


def test_corpus(classifier, table, tmp_path):
    nlp = spacy.blank("xx")
    texts = filter(None, TEXTS)
    DocBin(docs=map(nlp.make_doc, texts)).to_disk(tmp_path / "texts.spacy")
    found = read_period(tmp_path / "texts.spacy", classifier, None)
    assert found.counts == read_period(table, classifier, None).counts


def test_second_stage(classifier, table, tmp_path):
    path = tmp_path / "answers.csv"
    rows = ["a,x,0.5,first", "b,x,0.5,second", "c,x,0.99,second"]
    path.write_text("\n".join(["text,label,known,stage", *rows]), encoding="utf8")
    found = read_period(path, classifier, "second")
    counts = {(key.is_second, key.step): n for key, n in found.counts.items()}
    assert counts == {(False, 25): 1, (True, 25): 1, (True, 49): 1}
    assert found.known == pytest.approx(1.99)


def test_sample_is_bounded_and_even(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_TEXTS", 100)
    path = tmp_path / "answers.csv"
    rows = [f"{i},x,0.5,first" for i in range(3000)]
    path.write_text("\n".join(["text,label,known,stage", *rows]), encoding="utf8")
    found = read_period(path, classifier, None)
    assert (len(found.sample), found.n_docs) == (100, 3000)
    mean = sum(int(text) for text, _ in found.sample) / 100
    assert 1200 < mean < 1800


def test_table_of_answers_without_texts(classifier, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("label,known,stage\nx,0.5,first\n", encoding="utf8")
    found = read_period(path, classifier, None)
    assert (found.has_texts, found.n_docs) == (False, 1)
