import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal
from spacy.tokens import Doc

from spacy_longtail.encoders.terms import reader as terms
from spacy_longtail.encoders.terms.reader import KnownTerms, TermReader

TEXTS = ["the red cat, the dog", "", "red cats ...", "新しい 猫"]


@pytest.fixture(scope="module")
def docs():
    nlp = spacy.blank("xx")
    return [nlp.make_doc(text) for text in TEXTS]


def find(terms, row):
    return set(terms.keys[terms.rows == row].tolist())


def test_documents_share_words_and_ngrams(docs):
    nlp = spacy.blank("xx")
    terms = TermReader().read([nlp.make_doc(text) for text in ("red", "Reds", "blue")])
    red, reds, blue = (find(terms, row) for row in range(3))
    assert red & reds and not red & blue
    assert not any(key % 2 == 0 for key in red & reds)


def test_pairs_are_those_of_words_without_punctuation(docs):
    nlp = spacy.blank("xx")
    texts = "red cat", "red, cat", "cat red", "red", "cat"
    terms = TermReader().read([nlp.make_doc(text) for text in texts])
    pair, same, other, *alone = (find(terms, row) for row in range(5))
    assert pair == same != other
    assert len(pair - set.union(*alone)) == len(other - set.union(*alone)) == 1


def test_words_that_a_token_is_made_of():
    nlp = spacy.blank("de")
    texts = "Büro-Kaufmann/-frau ...", "büro kaufmann frau"
    docs = [nlp.make_doc(text) for text in texts]
    whole, parts = TermReader().read(docs), TermReader(splits=True).read(docs)
    assert find(whole, 0) != find(whole, 1)
    assert find(parts, 0) == find(parts, 1) == find(whole, 1)


def test_terms_are_counted_once_per_document(docs):
    terms = TermReader().read(docs)
    assert len(set(zip(terms.rows.tolist(), terms.keys.tolist()))) == len(terms.keys)
    assert terms.counts.max() == 2
    assert not find(terms, 1)


def test_what_else_is_read_does_not_matter(docs):
    whole = TermReader().read(docs)
    for row, doc in enumerate(docs):
        alone = TermReader().read([doc])
        assert_array_equal(alone.keys, whole.keys[whole.rows == row])
    assert not len(TermReader().read([]).keys)


def test_vectors_have_unit_length_and_repeated_terms_weigh_more(docs):
    terms = TermReader().read(docs)
    known = numpy.unique(terms.keys)
    X = KnownTerms(known, numpy.ones(len(known), "float32")).weigh(terms)
    squares = numpy.bincount(X.rows, weights=X.values**2, minlength=4)
    assert_allclose(squares, [1.0, 0.0, 1.0, 1.0], atol=1e-6)
    first = X.rows == 0
    twice = terms.counts[first] == 2
    of_words = known[X.columns[first]] % 2 == 0
    values = X.values[first]
    assert values[twice & of_words].min() > values[~twice & of_words].max()


def test_unknown_terms_are_left_out(docs):
    terms = TermReader().read(docs)
    for known in (terms.keys[:0], numpy.asarray([5], "uint64")):
        idf = numpy.ones(len(known), "float32")
        assert not len(KnownTerms(known, idf).weigh(terms).rows)


def test_terms_that_are_weighed_as_they_come_weigh_the_same(docs):
    reader = TermReader()
    terms = reader.read(docs)
    # Half of them, so that some are unknown.
    keys = numpy.unique(terms.keys)[::2]
    known = KnownTerms(keys, numpy.linspace(1, 3, len(keys)).astype("float32"))
    whole, found = known.weigh(terms), known.count_and_weigh(*reader.find(docs))
    assert len(whole.rows) > 30
    for expected, array in zip(whole, found):
        assert_array_equal(array, expected)
    assert not len(known.count_and_weigh(*reader.find([])).rows)


def test_ngrams_go_across_the_characters_that_are_tokens_of_chinese():
    nlp = spacy.blank("xx")
    whole = TermReader().read([nlp.make_doc("新しい")])
    split = TermReader().read([Doc(nlp.vocab, list("新しい"), spaces=[False] * 3)])
    ngrams = {key for key in find(whole, 0) if key % 2}
    assert ngrams == {key for key in find(split, 0) if key % 2}


def test_what_is_kept_of_texts_without_spaces_is_bounded(monkeypatch):
    sizes = {"max_keys": 1000, "max_numbers": 1000}
    monkeypatch.setattr(terms, "NGRAMS_KEPT", sizes)
    nlp, reader = spacy.blank("xx"), TermReader()
    texts = [f"{chr(0x4E00 + i)}日本語" * 100 for i in range(20)]
    found = [reader.read([nlp.make_doc(text)]) for text in texts]
    assert reader._kept._n_rows < 3000
    again = reader.read([nlp.make_doc(texts[0])])
    assert_array_equal(again.keys, found[0].keys)
