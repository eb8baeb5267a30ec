"""Documents as sparse vectors of terms: words, pairs of words, character n-grams."""

from typing import Any, List, NamedTuple, Tuple

import numpy
from spacy.tokens import Doc

from ...ops import ODD, mix
from ..static_bag.ngrams import NGRAMS_KEPT, find_ngrams, join_characters
from ..static_bag.run_cache import RunCache, Runs, RunsT
from ..static_bag.words import Words, collect_words

# Of the squared length of a vector: words and pairs of words, and character n-grams.
SHARES = numpy.asarray([0.4, 0.6])
PAIR, WORD = numpy.uint64(0xD6E8FEB86659FD93), numpy.uint64(0xA0761D6478BD642F)
EDGE = numpy.uint64(ODD)


class Terms(NamedTuple):
    """The different terms of documents, those of one document after another.

    rows (numpy.ndarray): The document of each, ascending, int64 array, (terms,).
    keys (numpy.ndarray): Their keys, uint64, ascending within a document. The last bit
        says which part of the vector they belong to.
    counts (numpy.ndarray): How often each occurs, int64.
    """

    rows: numpy.ndarray
    keys: numpy.ndarray
    counts: numpy.ndarray


class Weighted(NamedTuple):
    """Sparse vectors of unit length. rows: see Terms.

    columns (numpy.ndarray): Which number of the vector each is, int64.
    values (numpy.ndarray): The numbers, float32.
    """

    rows: numpy.ndarray
    columns: numpy.ndarray
    values: numpy.ndarray


class TermReader:
    """Finds the terms of documents. The n-grams of words seen before are kept, in
    bounded memory.
    """

    def __init__(self) -> None:
        self._kept = RunCache((), "uint64", **NGRAMS_KEPT)

    def __reduce__(self) -> Any:
        return TermReader, ()

    def read(self, docs: List[Doc]) -> Terms:
        """RETURNS (Terms): Those of documents of any vocabularies."""
        if not docs:
            nothing = numpy.zeros(0, dtype="int64")
            return Terms(nothing, nothing.astype("uint64"), nothing)
        words = collect_words(docs)
        joined, _ = join_characters(words)
        found = self._find_ngrams(joined)
        ngrams = joined.owners.repeat(found.lengths), found.get()
        is_word = self._find_ngrams(words).lengths > 0
        # What has no letter and no digit in it is no word, and parts no pair.
        owners, hashes = words.owners[is_word], words.hashes[is_word]
        singles = owners, _make_even(mix(hashes ^ WORD))
        parts = singles, _find_pairs(owners, hashes), ngrams
        rows, keys = map(numpy.concatenate, zip(*parts))
        order = numpy.lexsort((keys, rows))
        rows, keys = rows[order], keys[order]
        is_first = numpy.ones(len(keys), dtype=bool)
        is_first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
        firsts = numpy.flatnonzero(is_first)
        counts = numpy.diff(firsts, append=len(keys))
        return Terms(rows[firsts], keys[firsts], counts)

    def _find_ngrams(self, words: Words) -> Runs:
        """RETURNS (Runs): The keys of the n-grams of words."""

        def find(keys: numpy.ndarray) -> RunsT:
            keys = numpy.unique(keys)
            texts = [words.strings.find(key) for key in keys.tolist()]
            found, lengths = find_ngrams(texts)
            is_word = numpy.asarray([any(map(str.isalnum, text)) for text in texts])
            found = found[is_word.repeat(lengths)]
            return keys, lengths * is_word, found | numpy.uint64(1)

        return self._kept.look_up(words.hashes, find)


def _find_pairs(
    owners: numpy.ndarray, hashes: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Each two neighbouring words."""
    is_pair = owners[1:] == owners[:-1]
    keys = mix(hashes[:-1] * PAIR + hashes[1:] * EDGE)
    return owners[1:][is_pair], _make_even(keys[is_pair])


def _make_even(keys: numpy.ndarray) -> numpy.ndarray:
    return keys & ~numpy.uint64(1)


def weigh(terms: Terms, known: numpy.ndarray, idf: numpy.ndarray) -> Weighted:
    """Weigh terms by tf-idf, and each part of a document to the same length.

    Source: (1 + ln tf) * idf, Salton & Buckley (1988), "Term-weighting Approaches in
        Automatic Text Retrieval".

    known (numpy.ndarray): Keys of the terms that have a weight, ascending, uint64.
    idf (numpy.ndarray): Their inverse document frequency, float32, (known,).
    """
    places = numpy.searchsorted(known, terms.keys)
    is_known = places < len(known)
    is_known[is_known] = known[places[is_known]] == terms.keys[is_known]
    rows, columns = terms.rows[is_known], places[is_known]
    values = (1.0 + numpy.log(terms.counts[is_known])) * idf[columns]
    part = (known[columns] & numpy.uint64(1)).astype("int64")
    owners = rows * len(SHARES) + part
    sums = numpy.bincount(owners, weights=values * values)
    values = values * numpy.sqrt(SHARES[part] / sums[owners])
    return Weighted(rows, columns, values.astype("float32"))
