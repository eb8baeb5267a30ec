from typing import Any, Dict, List, NamedTuple, Union

import numpy
from spacy.attrs import IS_SPACE, LENGTH, LOWER
from spacy.strings import StringStore
from spacy.tokens import Doc


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
    is_single (numpy.ndarray): Whether a word is one character, bool, (words,).
    strings (Strings): Has their texts.
    """

    hashes: numpy.ndarray
    lengths: numpy.ndarray
    is_single: numpy.ndarray
    strings: Strings

    @property
    def owners(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The document of each word, int64, (words,)."""
        return numpy.arange(len(self.lengths)).repeat(self.lengths)


def collect_words(docs: List[Doc]) -> Words:
    """RETURNS (Words): The words of documents, at least one, of any vocabularies."""
    attrs = [LOWER, IS_SPACE, LENGTH]
    tokens = numpy.concatenate([doc.to_array(attrs) for doc in docs])
    is_word = tokens[:, 1] == 0
    owners = numpy.repeat(numpy.arange(len(docs)), [len(doc) for doc in docs])
    lengths = numpy.bincount(owners[is_word], minlength=len(docs))
    stores = {id(doc.vocab): doc.vocab.strings for doc in docs}
    tokens, strings = tokens[is_word], Strings(list(stores.values()))
    return Words(tokens[:, 0], lengths, tokens[:, 2] == 1, strings)
