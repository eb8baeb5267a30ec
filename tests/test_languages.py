import os
import sys
from inspect import cleandoc
from shutil import which

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus, Example

from spacy_longtail.audit import audit_corpus
from spacy_longtail.convert import convert_corpus
from spacy_longtail.init_config import init_config
from spacy_longtail.languages import TOKENIZERS, make_blank
from spacy_longtail.loading import check_language, find_language, load_pipeline
from spacy_longtail.loading import read_corpus as read

TABLE = """
text,label
Ho perso la carta,banca/carta
"L'argento è partito",banca/bonifico
Oggi un volo,viaggio/aereo
"""
LIBRARIES = {"ja": "sudachipy", "ko": "natto", "th": "pythainlp", "vi": "pyvi"}


@pytest.fixture
def convert(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(cleandoc(TABLE), encoding="utf8")

    def run(lang, name="corpus"):
        convert_corpus([path], tmp_path / name, lang=lang, dev=0.0, test=0.0)
        return tmp_path / name / "train.spacy"

    return run


@pytest.mark.parametrize("lang", sorted(TOKENIZERS))
def test_missing_tokenizer_says_what_to_install_in_one_line(lang, monkeypatch):
    monkeypatch.setitem(sys.modules, LIBRARIES[lang], None)
    monkeypatch.setitem(sys.modules, f"{LIBRARIES[lang]}.tokenize", None)
    match = rf"^\[L671\] .*'{lang}' .*pip install {LIBRARIES[lang]}.*language xx[^\n]*$"
    with pytest.raises(ValueError, match=match):
        make_blank(lang)


def test_missing_tokenizer_of_a_pipeline(monkeypatch, tmp_path):
    spacy.blank("xx").to_disk(tmp_path / "model")
    for name in ("config.cfg", "meta.json"):
        path = tmp_path / "model" / name
        text = path.read_text("utf8").replace('"xx"', '"th"')
        tokenizer = "spacy.th.ThaiTokenizer"
        path.write_text(text.replace("spacy.Tokenizer.v1", tokenizer), "utf8")
    monkeypatch.setitem(sys.modules, "pythainlp.tokenize", None)
    with pytest.raises(ValueError, match=r"\[L671\].*pip install pythainlp"):
        load_pipeline(str(tmp_path / "model"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "lang,library", [*LIBRARIES.items(), ("zh", "spacy"), ("xx", "spacy")]
)
def test_installed_tokenizer_goes_the_whole_way(lang, library, convert):
    pytest.importorskip(library)
    if lang == "ko" and not (which("mecab-config") or os.environ.get("MECAB_PATH")):
        pytest.skip("a library of the operating system is missing")
    path = convert(lang)
    assert f'lang = "{lang}"' in init_config(audit_corpus(path))


@pytest.mark.parametrize("lang", ["it", "xx", "zh", "grc"])
def test_corpus_knows_its_language_and_the_config_follows(convert, lang):
    path = convert(lang)
    assert find_language(path) == find_language(path.parent) == lang
    facts = audit_corpus(path)
    assert facts.lang == lang
    assert f"3 documents in the language {lang}" in facts.tables()[0].title
    config = init_config(facts)
    assert f'# As in the corpus.\nlang = "{lang}"' in config
    assert config == init_config(facts, lang=None)


def test_spacy_reads_a_corpus_with_a_language(convert):
    nlp = spacy.blank("it")
    docs = [example.reference for example in Corpus(convert("it"))(nlp)]
    assert [token.text for token in docs[1]][:2] == ["L'", "argento"]
    assert docs[1].cats == {"banca/bonifico": 1.0}


def test_a_corpus_of_others_has_no_language(tmp_path):
    docs = list(spacy.blank("it").pipe(["uno", "due"]))
    for doc in docs:
        doc.cats = {doc.text: 1.0}
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    (tmp_path / "empty.spacy").write_bytes(b"")
    assert find_language(tmp_path / "train.spacy") is None
    assert find_language(tmp_path / "empty.spacy") is None
    facts = audit_corpus(tmp_path / "train.spacy")
    assert facts.lang is None
    assert 'lang = "de"' in init_config(facts, lang="de")
    assert 'lang = "en"' in init_config(facts)


def test_large_corpus_has_its_language_in_every_shard(convert, monkeypatch):
    monkeypatch.setattr("spacy_longtail.convert.shards.MAX_DOCS", 1)
    path = convert("it")
    assert [find_language(shard) for shard in sorted(path.iterdir())] == ["it"] * 3
    assert find_language(path) == "it"


@pytest.mark.filterwarnings("error")
def test_another_language_is_said(convert):
    path = convert("it")
    match = r"\[LW509\] .*corpus.* made for .*'it', but .*'de'.*again with --lang"
    with pytest.warns(UserWarning, match=match):
        assert 'lang = "de"' in init_config(audit_corpus(path), lang="de")
    with pytest.warns(UserWarning, match=match):
        next(read(spacy.blank("de"), path))
    with pytest.warns(UserWarning, match=match):
        check_language(path.parent, "de")
    for lang in ("it", None):
        init_config(audit_corpus(path), lang=lang)
    next(read(spacy.blank("it"), path))


@pytest.mark.parametrize("lang,n_warnings", [("it", 0), ("xx", 1)])
def test_training_notices_another_language(convert, lang, n_warnings, recwarn):
    path = convert("it")
    nlp = spacy.blank(lang)
    nlp.add_pipe("longtail_textcat")
    nlp.config["paths"]["train"] = str(path)
    nlp.config["corpora"]["train"]["path"] = "${paths.train}"
    reader = Corpus(path)
    nlp.initialize(lambda: reader(nlp))
    assert sum("[LW509]" in str(w.message) for w in recwarn) == n_warnings


def test_training_without_a_path_has_nothing_to_notice():
    nlp = spacy.blank("it")
    nlp.add_pipe("longtail_textcat")
    docs = [(nlp.make_doc(text), {text: 1.0}) for text in ("gatto", "cane")]
    examples = [Example.from_dict(doc, {"cats": cats}) for doc, cats in docs]
    nlp.initialize(lambda: examples)
    assert nlp("cane")._.longtail.label == "cane"


def test_dev_of_another_language_is_said(convert):
    train, dev = convert("it"), convert("en", "other")
    said = audit_corpus(train, dev=dev).advice
    sentence = "The corpus was made for the language it, and dev for en: convert both "
    assert any(found.startswith(sentence) for found in said)
    assert not any(
        found.startswith(sentence) for found in audit_corpus(train, dev=train).advice
    )
