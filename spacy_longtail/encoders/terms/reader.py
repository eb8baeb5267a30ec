"""Documents as sparse vectors of terms: words, pairs of words, character n-grams."""

from itertools import chain
from typing import Any, List, NamedTuple, Tuple

import numpy
from spacy.strings import get_string_id  # type: ignore[attr-defined]  # Cython
from spacy.tokens import Doc

from ...ops import ODD, mix
from ..static_bag.key_index import KeyIndex
from ..static_bag.ngrams import (
    NGRAMS_KEPT,
    find_ngrams,
    find_part_ngrams,
    join_characters,
    split_word,
)
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

    columns (numpy.ndarray): Which number of the vector each is, int64, ascending within
        a document.
    values (numpy.ndarray): The numbers, float32.
    """

    rows: numpy.ndarray
    columns: numpy.ndarray
    values: numpy.ndarray


class KnownTerms:
    """Terms that have a weight: the columns of sparse vectors.

    keys (numpy.ndarray): Their keys, uint64, ascending, no two alike.
    idf (numpy.ndarray): Their inverse document frequency, float32, (terms,).
    """

    def __init__(self, keys: numpy.ndarray, idf: numpy.ndarray) -> None:
        self.idf = idf
        self._parts = (keys & numpy.uint64(1)).astype("int64")
        self._index = KeyIndex(keys)

    def weigh(self, terms: Terms) -> Weighted:
        """Weigh terms by tf-idf, and each part of a document to the same length. Others
        are left out.

        Source: (1 + ln tf) * idf, Salton & Buckley (1988), "Term-weighting Approaches
            in Automatic Text Retrieval".
        """
        columns = self._index.find(terms.keys)
        known = (columns >= 0).nonzero()[0]
        return self._weigh(terms.rows[known], columns[known], terms.counts[known])

    def count_and_weigh(self, rows: numpy.ndarray, keys: numpy.ndarray) -> Weighted:
        """Weigh what TermReader.find gives, without sorting others than known terms."""
        columns, n_terms = self._index.find(keys), max(len(self.idf), 1)
        known = (columns >= 0).nonzero()[0]
        cells = numpy.sort(rows[known] * n_terms + columns[known])
        firsts, counts = _count_runs(cells)
        rows, columns = numpy.divmod(cells[firsts], n_terms)
        return self._weigh(rows, columns, counts)

    def _weigh(
        self, rows: numpy.ndarray, columns: numpy.ndarray, counts: numpy.ndarray
    ) -> Weighted:
        values = (1.0 + numpy.log(counts)) * self.idf[columns]
        part = self._parts[columns]
        owners = rows * len(SHARES) + part
        sums = numpy.bincount(owners, weights=values * values)
        values = values * numpy.sqrt(SHARES[part] / sums[owners])
        return Weighted(rows, columns, values.astype("float32"))


class TermReader:
    """Finds the terms of documents. The n-grams of words seen before are kept, in
    bounded memory.

    splits (bool): Whether to find those of the words that a token is made of.
    """

    def __init__(self, splits: bool = False) -> None:
        self.splits = splits
        self._kept = RunCache((), "uint64", **NGRAMS_KEPT)
        self._parts = RunCache((), "uint64", **NGRAMS_KEPT)

    def __reduce__(self) -> Any:
        return TermReader, (self.splits,)

    def read(self, docs: List[Doc]) -> Terms:
        """RETURNS (Terms): Those of documents of any vocabularies."""
        rows, keys = self.find(docs)
        order = numpy.lexsort((keys, rows))
        rows, keys = rows[order], keys[order]
        firsts, counts = _count_runs(keys, rows)
        return Terms(rows[firsts], keys[firsts], counts)

    def find(self, docs: List[Doc]) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The document and the key of
        each term, each time that it occurs, in no order.
        """
        words = collect_words(docs)
        joined, _ = join_characters(words)
        found = self._find_ngrams(joined)
        ngrams = joined.owners.repeat(found.lengths), found.get()
        owners, hashes = self._find_words(words)
        singles = owners, _make_even(mix(hashes ^ WORD))
        parts = singles, _find_pairs(owners, hashes), ngrams
        rows, keys = map(numpy.concatenate, zip(*parts))
        return rows, keys

    def _find_words(self, words: Words) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The document and the hash of
        each word. What has no letter and no digit in it is none, and parts no pair.
        """

        def find(keys: numpy.ndarray) -> RunsT:
            keys = numpy.unique(keys)
            parts = [split_word(words.strings.find(key)) for key in keys.tolist()]
            parts = [[p for p in part if any(map(str.isalnum, p))] for part in parts]
            hashes = [get_string_id(part) for part in chain.from_iterable(parts)]
            lengths = numpy.asarray([*map(len, parts)], dtype="int64")
            return keys, lengths, numpy.asarray(hashes, dtype="uint64")

        if not self.splits:
            is_word = self._find_ngrams(words).lengths > 0
            return words.owners[is_word], words.hashes[is_word]
        found = self._parts.look_up(words.hashes, find)
        return words.owners.repeat(found.lengths), found.get()

    def _find_ngrams(self, words: Words) -> Runs:
        """RETURNS (Runs): The keys of the n-grams of words."""

        def find(keys: numpy.ndarray) -> RunsT:
            keys = numpy.unique(keys)
            texts = [words.strings.find(key) for key in keys.tolist()]
            read = find_part_ngrams if self.splits else find_ngrams
            found, lengths = read(texts)
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


def _count_runs(*columns: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Where runs of equal rows start,
    and how long they are, both int64.
    """
    is_first = numpy.zeros(len(columns[0]), dtype="bool")
    is_first[:1] = True
    for values in columns:
        is_first[1:] |= values[1:] != values[:-1]
    firsts = is_first.nonzero()[0]
    return firsts, numpy.diff(firsts, append=len(is_first))
