import pytest
from spacy.symbols import IDS

from spacy_longtail.audit import audit_corpus
from spacy_longtail.audit.corpus import SPACE, fetch_texts, get_key, read_docbin
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
    texts = fetch_texts([path], range(len(SYMBOLS)), Columns())
    assert list(texts.values()) == [f"the word {symbol}" for symbol in SYMBOLS]


@pytest.mark.parametrize("word", ["X", "VERB", "DATE", "PRODUCT", "mark"])
def test_near_copies_with_a_symbol_are_shown(write, word):
    texts = [f"please tell me where the {word} on my card is {w}" for w in ("now", "")]
    path = write([(texts[0], {"a": 1.0}), (texts[1].strip(), {"b": 1.0})])
    (pair,) = audit_corpus(path).texts.near_conflicts
    assert all(word in text for text in pair["texts"])
