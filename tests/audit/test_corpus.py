import json

import pytest
from spacy.symbols import IDS

from spacy_longtail.audit import audit_corpus
from spacy_longtail.audit.advice import needs_ngrams
from spacy_longtail.audit.corpus import CorpusFiles, fetch_texts, read_docbin
from spacy_longtail.convert import convert_corpus
from spacy_longtail.similar import SPACE, get_key
from spacy_longtail.tables.columns import Columns

# The empty string is a symbol too, but no word.
SYMBOLS = sorted(filter(None, IDS))


def test_words_named_like_symbols_are_read_as_words(write):
    """Their number in a Doc is that of the symbol, not the hash of the word."""
    path = write([(f"the word {symbol}", {"a": 1.0}) for symbol in SYMBOLS])
    chunk = read_docbin(path)
    rows = chunk.keys.reshape((len(SYMBOLS), 3))
    assert rows[:, 2].tolist() == [get_key(symbol) for symbol in SYMBOLS]
    assert SPACE not in rows
    texts = fetch_texts(CorpusFiles([path], Columns(), {}), range(len(SYMBOLS)))
    assert list(texts.values()) == [f"the word {symbol}" for symbol in SYMBOLS]


@pytest.mark.parametrize("word", ["X", "VERB", "DATE", "PRODUCT", "mark"])
def test_near_copies_with_a_symbol_are_shown(write, word):
    texts = [f"please tell me where the {word} on my card is {w}" for w in ("now", "")]
    path = write([(texts[0], {"a": 1.0}), (texts[1].strip(), {"b": 1.0})])
    (pair,) = audit_corpus(path).texts.near_conflicts
    assert all(word in text for text in pair["texts"])


@pytest.mark.parametrize(
    "lang,text",
    [
        ("zh", "糖尿病视网膜"),
        ("xx", "糖尿病の治療を開始しました。"),
        ("hi", "मुझे हिन्दी पसंद है"),
        ("xx", "ฉันรักภาษาไทยมาก"),
        ("xx", "나는 한국어를 사랑합니다"),
        ("xx", "Это хорошая карта"),
    ],
)
@pytest.mark.parametrize("name", ["train.spacy", "train.jsonl"])
def test_vectors_know_few_words_of_any_script(tmp_path, lang, text, name):
    path = tmp_path / "rows.jsonl"
    rows = [{"text": text, "label": "a"}, {"text": text + "!", "label": "b"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    convert_corpus([path], tmp_path, lang=lang, dev=0.0, test=0.0)
    path.rename(tmp_path / "train.jsonl")
    facts = audit_corpus(tmp_path / name)
    assert facts.texts.known_share < 0.5
    assert needs_ngrams(facts)
