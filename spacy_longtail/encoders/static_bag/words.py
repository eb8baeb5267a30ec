import re
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, Dict, List, NamedTuple, Tuple, Union

import numpy
from spacy.attrs import LOWER
from spacy.strings import StringStore
from spacy.tokens import Doc

from .run_cache import RunCache

# Scripts that write a syllable or a word with a character: Chinese, Japanese, Korean …
DENSE = re.compile(
    "[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
# What a token can be, by its text.
WORD, SPACE, CHARACTER = range(3)
GET_VOCAB, GET_LOWER = attrgetter("vocab"), attrgetter("lower")
# Tokens of a document, on average, up to which one by one is faster than an array.
SHORT = 12


class Strings(NamedTuple):
    """The texts of hashes, which are the same in all vocabularies."""

    stores: List[Union[StringStore, Dict[int, str]]]

    def find(self, key: int) -> str:
        # The stub of StringStore doesn't know that it takes hashes.
        stores: List[Any] = self.stores
        return next((s for s in stores if key in s), stores[0])[key]


class Words(NamedTuple):
    """The lower-cased words of documents, one after another, white space left out.

    hashes (numpy.ndarray): uint64 array of shape (words,).
    lengths (numpy.ndarray): Words of each document, int64 array, (docs,).
    is_dense (numpy.ndarray): Whether a word is one character of a script that writes
        a syllable or a word with it, bool, (words,).
    strings (Strings): Has their texts.
    """

    hashes: numpy.ndarray
    lengths: numpy.ndarray
    is_dense: numpy.ndarray
    strings: Strings

    @property
    def owners(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The document of each word, int64, (words,)."""
        return numpy.arange(len(self.lengths)).repeat(self.lengths)


# The same for all vocabularies, so there is one for all.
KINDS = RunCache((), "int8", max_keys=100_000, max_numbers=100_000)


def collect_words(docs: List[Doc]) -> Words:
    """RETURNS (Words): The words of documents, of any vocabularies."""
    if not docs:
        keys, lengths, flags = (numpy.zeros(0, t) for t in ("uint64", "int64", "?"))
        return Words(keys, lengths, flags, Strings([]))
    # One attribute is faster than several. The others follow from the word.
    lengths = numpy.fromiter(map(len, docs), "int64", len(docs))
    n_tokens = int(lengths.sum())
    if n_tokens <= SHORT * len(docs):
        tokens = chain.from_iterable(docs)
        hashes = numpy.fromiter(map(GET_LOWER, tokens), "uint64", n_tokens)
    else:
        hashes = numpy.concatenate([doc.to_array(LOWER) for doc in docs])
    vocabs: Dict[Any, None] = dict.fromkeys(map(GET_VOCAB, docs))
    strings = Strings([vocab.strings for vocab in vocabs])
    found = KINDS.look_up(hashes, partial(_find_kinds, strings))
    kinds = found.rows[found.starts]
    is_space = kinds == SPACE
    if is_space.any():
        owners = numpy.arange(len(docs)).repeat(lengths)
        lengths = numpy.bincount(owners[~is_space], minlength=len(docs))
        hashes, kinds = hashes[~is_space], kinds[~is_space]
    return Words(hashes, lengths, kinds == CHARACTER, strings)


def _find_kinds(
    strings: Strings, keys: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    keys = numpy.unique(keys)
    kinds = [_get_kind(strings.find(key)) for key in keys.tolist()]
    lengths = numpy.ones(len(keys), dtype="int64")
    return keys, lengths, numpy.asarray(kinds, dtype="int8")


def _get_kind(text: str) -> int:
    if text.isspace():
        return SPACE
    return CHARACTER if len(text) == 1 and DENSE.match(text) else WORD
