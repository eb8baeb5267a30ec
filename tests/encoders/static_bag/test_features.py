"""A new kind of feature is one class: it isn't known anywhere else."""

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.encoders.static_bag.bag import StaticBag
from spacy_longtail.encoders.static_bag.features import (
    BUCKET_BITS,
    BigramFeatures,
    FeatureKind,
    FeatureKinds,
    FeatureRows,
    WordFeatures,
)
from spacy_longtail.encoders.static_bag.row_table import RowTable
from spacy_longtail.vectors.table import StaticTable

WIDTH = 4
WORDS = ["dog", "bites", "man"]
TABLE = StaticTable.from_arrays(
    WORDS, numpy.random.RandomState(0).randn(3, WIDTH), name="test"
)
INITIALS = numpy.random.RandomState(1).randn(256, WIDTH).astype("float32")
NLP = spacy.blank("en")


class Initials(FeatureKind):
    """The first letter of each word, which starts at a vector of its own."""

    name, number = "initials", 7

    def get_keys(self, words):
        letters = [
            ord(words.strings.find(key)[0]) % 256 for key in words.hashes.tolist()
        ]
        first = numpy.uint64(self.number) << BUCKET_BITS
        return numpy.asarray(letters, dtype="uint64") + first, words.lengths

    def get_start(self, keys, width, strings):
        letters = (keys & numpy.uint64(255)).astype("int64")
        rates = numpy.full(len(keys), self.rate, dtype="float32")
        return FeatureRows(numpy.arange(len(keys)), INITIALS[letters], rates)

    def split(self, parts, words):
        return parts


@pytest.fixture
def kinds():
    words = WordFeatures(0.7, TABLE)
    return FeatureKinds([words, BigramFeatures(0.5, 1000, 1), Initials(0.2)], WIDTH)


def make_docs(*texts):
    return [NLP.make_doc(text) for text in texts]


def test_vectors_of_the_kinds_add_up(kinds):
    docs = make_docs("dog bites man", "", "cat bites", " dog")
    bag = StaticBag(RowTable(WIDTH, "test"), kinds.get_start)
    for doc, found in zip(docs, bag.predict(kinds.extract(docs))):
        words = [token.text for token in doc if not token.is_space]
        slow = numpy.zeros(WIDTH)
        for word in words:
            slow += INITIALS[ord(word[0])] / len(words)
            if word in WORDS:
                slow += TABLE.get([WORDS.index(word)])[0] / len(words)
        norm = max(numpy.linalg.norm(slow), 1e-6)
        assert_allclose(found, slow / norm, rtol=1e-5, atol=1e-6)


def test_each_kind_learns_at_its_own_rate(kinds):
    features = kinds.extract(make_docs("dog man"))
    rates = kinds.get_start(features.keys, features.words.strings).rates
    assert_allclose(rates, [0.7, 0.7, 0.5, 0.5, 0.5, 0.2, 0.2])


def test_splits_by_kind_and_token(kinds):
    doc = make_docs("dog  bites man")[0]
    features = kinds.extract([doc])
    parts = numpy.random.RandomState(2).randn(len(features.keys), WIDTH)
    found = kinds.split(parts, doc)
    assert list(found) == ["words", "bigrams", "initials"]
    assert_allclose(sum(part.sum(0) for part in found.values()), parts.sum(0))
    assert_array_equal(found["initials"][[0, 2, 3]], parts[-3:])
    assert not any(part[1].any() for part in found.values())


def test_keys_of_saved_rows_stay_what_they_are(kinds):
    """The hash of a word, and a bucket in the second four billion."""
    keys = kinds.extract(make_docs("dog")).keys
    assert keys[0] == NLP.vocab.strings["dog"]
    assert [int(key) - 2**32 for key in keys[1:3]] == [608, 825]
