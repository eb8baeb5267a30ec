import numpy
import pytest
import spacy
from numpy.testing import assert_array_equal
from spacy.tokens import Doc

from spacy_longtail.encoders.static_bag import words as words_module
from spacy_longtail.encoders.static_bag.run_cache import RunCache
from spacy_longtail.encoders.static_bag.words import collect_words

NLP, OTHER = spacy.blank("en"), spacy.blank("xx")
TEXTS = ["My  Card", "", " \n ", "京 都 x", "ÇA\u3000va \u00a0?"]


@pytest.fixture(params=[100_000, 2])
def max_keys(request, monkeypatch):
    """Those of a process that is new, and what is kept of words."""
    cache = RunCache((), "int8", max_keys=request.param, max_numbers=100_000)
    monkeypatch.setattr(words_module, "KINDS", cache)


def make_docs():
    return [nlp.make_doc(text) for nlp in (NLP, OTHER) for text in TEXTS]


def test_equals_a_loop_over_tokens(max_keys):
    for _ in range(2):
        docs = make_docs()
        words = collect_words(docs)
        slow = [[t for t in doc if not t.is_space] for doc in docs]
        assert words.lengths.tolist() == [len(doc) for doc in slow]
        assert words.hashes.tolist() == [t.lower for doc in slow for t in doc]
        is_dense = [t.text in ("京", "都") for doc in slow for t in doc]
        assert words.is_dense.tolist() == is_dense
        found = [words.strings.find(key) for key in words.hashes.tolist()]
        assert found == [t.lower_ for doc in slow for t in doc]
        assert_array_equal(words.owners, numpy.arange(10).repeat(words.lengths))


def test_words_do_not_depend_on_the_batch(max_keys):
    docs = make_docs()
    whole = collect_words(docs)
    ends = numpy.cumsum(whole.lengths)[:-1]
    for doc, hashes in zip(docs, numpy.split(whole.hashes, ends)):
        assert_array_equal(collect_words([doc]).hashes, hashes)


def test_runs_of_characters_are_no_character(max_keys):
    doc = Doc(NLP.vocab, words=["京", "京都", "ab", "ü"])
    assert collect_words([doc]).is_dense.tolist() == [True, False, False, False]


def test_no_documents_have_no_words():
    words = collect_words([])
    assert (len(words.hashes), len(words.lengths), len(words.owners)) == (0, 0, 0)
