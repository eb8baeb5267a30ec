from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, NamedTuple, Optional, Tuple

import numpy
from spacy.tokens import Doc

from ...saved import get_digest
from ...vectors.table import StaticVectors
from .sums import put_zeros_before, sum_runs
from .words import Strings, Words, collect_words

# Bits of the number of a bucket. The bits above it are the kind's.
BUCKET_BITS = numpy.uint64(32)
# Stand for the edges of a document in bigrams.
BEGIN, END = numpy.uint64(0x9E3779B97F4A7C15), numpy.uint64(0xC2B2AE3D27D4EB4F)


class BagFeatures(NamedTuple):
    """The features of a batch of documents, kind after kind, and one document after
    another. A document is the sum of the means of its features of each kind.

    keys (numpy.ndarray): uint64 array of shape (features,).
    counts (numpy.ndarray): Features of each kind that each document has, int64 array,
        (kinds, docs).
    words (Words): The words that they are made of.
    """

    keys: numpy.ndarray
    counts: numpy.ndarray
    words: Words

    @property
    def lengths(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Features of each run: each document of each kind."""
        return self.counts.ravel()

    @property
    def shares(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Share of a feature of each run, float32, (runs,)."""
        return (1.0 / numpy.maximum(self.lengths, 1)).astype("float32")

    def average(self, sums: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Documents, (docs, width), of the sum of the features
        of each run, float32 array of shape (runs, width).
        """
        shape = self.counts.shape
        sums = sums.reshape((*shape, sums.shape[1]))
        return numpy.einsum("kdw,kd->dw", sums, self.shares.reshape(shape))

    def spread(self, X: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What each feature of a run gets of its document's
        row of X, (docs, width), after a row of zeros; float32, (1 + runs, width).
        """
        runs = X * self.shares.reshape((*self.counts.shape, 1))
        return put_zeros_before(runs.reshape((self.counts.size, X.shape[1])))


class FeatureRows(NamedTuple):
    """Where the vectors of features start, and at what rate they learn.

    found (numpy.ndarray): Which of the features start at a vector; the others start at
        zeros. Of those with the same key, one is enough.
    vectors (numpy.ndarray): Theirs, float32 array of shape (found, width).
    rates (numpy.ndarray): Multiples of the optimizer's rate, (features,). Features
        of rate 0.0 never get a row of their own.
    """

    found: numpy.ndarray
    vectors: numpy.ndarray
    rates: numpy.ndarray


@dataclass(eq=False)
class FeatureKind(ABC):
    """A kind of feature. Those of a document share its weight equally, start at zeros
    and learn at one rate, unless the kind says something else.

    rate (float): Multiple of the optimizer's learning rate, from 0.0.
    """

    # Name of its part of an explanation.
    name: ClassVar[str]
    # The upper half of its keys: no other kind may have it, and saved rows are found
    # by it. 0 for the kind whose keys are all that are nobody else's.
    number: ClassVar[int]
    rate: float

    @abstractmethod
    def get_keys(self, words: Words) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Keys, uint64, one document
        after another, and how many each document has, int64, (docs,).
        """

    def get_identity(self) -> Any:
        """RETURNS (Any): JSON values that keys and start vectors depend on, beside the
        documents.
        """
        return None

    def get_start(
        self, keys: numpy.ndarray, width: int, strings: Strings
    ) -> FeatureRows:
        """Find where features start. Their keys can have repeats. For strings, see
        BagFeatures.
        """
        nothing = numpy.zeros((0, width), dtype="float32")
        rates = numpy.full(len(keys), self.rate, dtype="float32")
        return FeatureRows(numpy.zeros(0, dtype="int64"), nothing, rates)

    def count(self, words: Optional[Words]) -> None:
        """Count features of the training corpus. None forgets all that were counted."""
        return  # A kind that starts the same everywhere has nothing to count.

    @abstractmethod
    def split(self, parts: numpy.ndarray, words: Words) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What the features of a document bring to it, of
        shape (features, width), divided among its words: (words, width).
        """


@dataclass(eq=False)
class WordFeatures(FeatureKind):
    """Words. Their keys are their hashes, and they start at their static vectors; an
    unknown word is the mean of its pieces.
    """

    # Some words, like "mark", have one of spaCy's symbols as their hash, a small
    # number; that a word's hash is among the buckets is as good as impossible.
    name, number = "words", 0
    vectors: StaticVectors

    def get_keys(self, words: Words) -> Tuple[numpy.ndarray, numpy.ndarray]:
        return words.hashes, words.lengths

    def get_identity(self) -> Any:
        # Vectors of others need no digest.
        return getattr(self.vectors, "digest", None)

    def get_start(
        self, keys: numpy.ndarray, width: int, strings: Strings
    ) -> FeatureRows:
        start = super().get_start(keys, width, strings)
        different, firsts = numpy.unique(keys, return_index=True)
        texts = map(strings.find, different.tolist())
        found = [self.vectors.find(text) for text in texts]
        lengths = numpy.asarray([len(pieces) for pieces in found], dtype="int64")
        pieces = numpy.asarray([row for rows in found for row in rows], dtype="int64")
        vectors = numpy.zeros((len(firsts), width), dtype="float32")
        if len(pieces):
            owners = numpy.arange(len(firsts)).repeat(lengths)
            vectors = sum_runs(self.vectors.get(pieces), owners, len(firsts))
            vectors /= numpy.maximum(lengths, 1)[:, None].astype("float32")
        return start._replace(found=firsts, vectors=vectors)

    def split(self, parts: numpy.ndarray, words: Words) -> numpy.ndarray:
        return parts


@dataclass(eq=False)
class BigramFeatures(FeatureKind):
    """Each two neighbouring words, the edges of a document included, hashed into
    buckets. Those that were counted less than min_count times don't learn.
    """

    name, number = "bigrams", 1
    first = numpy.uint64(number) << BUCKET_BITS
    n_buckets: int
    min_count: int
    # Occurrences of each bucket. Unknown, for example after loading: all learn.
    _counts: Optional[numpy.ndarray] = None

    def get_keys(self, words: Words) -> Tuple[numpy.ndarray, numpy.ndarray]:
        lengths = words.lengths + (words.lengths > 0)
        last = numpy.cumsum(lengths)[lengths > 0] - 1
        is_inner = numpy.ones(int(lengths.sum()), dtype="bool")
        is_inner[last] = False
        right = numpy.full(len(is_inner), END)
        right[is_inner] = words.hashes
        left = numpy.full(len(is_inner), BEGIN)
        left[1:][is_inner[:-1]] = right[:-1][is_inner[:-1]]
        keys = left * BEGIN + (right ^ (right >> numpy.uint64(29))) * END
        keys ^= keys >> numpy.uint64(32)
        keys %= numpy.uint64(self.n_buckets)
        return keys + self.first, lengths

    def get_identity(self) -> Any:
        return self.n_buckets

    def get_start(
        self, keys: numpy.ndarray, width: int, strings: Strings
    ) -> FeatureRows:
        start = super().get_start(keys, width, strings)
        if self._counts is not None:
            start.rates[self._counts[keys - self.first] < self.min_count] = 0.0
        return start

    def count(self, words: Optional[Words]) -> None:
        if words is None:
            self._counts = None
            return
        if self._counts is None:
            self._counts = numpy.zeros(self.n_buckets, dtype="int64")
        numpy.add.at(self._counts, self.get_keys(words)[0] - self.first, 1)

    def split(self, parts: numpy.ndarray, words: Words) -> numpy.ndarray:
        # Half of each bigram for each of its words, all of it at the edges.
        halves = parts.copy()
        halves[1:-1] /= 2
        return halves[:-1] + halves[1:]

    def __reduce__(self) -> Any:
        return BigramFeatures, (self.rate, self.n_buckets, self.min_count)


@dataclass(eq=False)
class FeatureKinds:
    """All the kinds of feature of a bag, that with the number 0 first. The vectors of
    the kinds, all of the same width, add up.
    """

    kinds: List[FeatureKind]
    width: int

    def get_digest(self) -> str:
        """RETURNS (str): Tells these kinds from others, and their vectors."""
        return get_digest([[kind.number, kind.get_identity()] for kind in self.kinds])

    def extract(self, docs: List[Doc]) -> BagFeatures:
        """RETURNS (BagFeatures): The features of documents, of any vocabularies."""
        words = collect_words(docs)
        keys, counts = zip(*(kind.get_keys(words) for kind in self.kinds))
        return BagFeatures(numpy.concatenate(keys), numpy.stack(counts), words)

    def get_start(self, keys: numpy.ndarray, strings: Strings) -> FeatureRows:
        """RETURNS (FeatureRows): Where features start, of whatever kind they are."""
        rates, numbers = numpy.zeros(len(keys), dtype="float32"), keys >> BUCKET_BITS
        starts = [(numpy.zeros(0, "int64"), numpy.zeros((0, self.width), "float32"))]
        is_left = numpy.ones(len(keys), dtype="bool")
        # The keys of the first are those that are no other's.
        for kind in self.kinds[::-1]:
            places = (numbers == kind.number if kind.number else is_left).nonzero()[0]
            is_left[places] = False
            # What a batch is made of: few of them are new, and most of these bigrams.
            if not len(places):
                continue
            start = kind.get_start(keys[places], self.width, strings)
            rates[places] = start.rates
            starts.append((places[start.found], start.vectors))
        found, vectors = map(numpy.concatenate, zip(*starts))
        return FeatureRows(found, vectors, rates)

    def count(self, words: Optional[Words]) -> None:
        for kind in self.kinds:
            kind.count(words)

    def split(self, parts: numpy.ndarray, doc: Doc) -> Dict[str, numpy.ndarray]:
        """RETURNS (Dict[str, numpy.ndarray]): By kind, what the features of a document
        bring to it, of shape (features, width), divided among its tokens, (tokens,
        width).
        """
        words, found, start = collect_words([doc]), {}, 0
        tokens = [token.i for token in doc if not token.is_space]
        for kind in self.kinds:
            end = start + len(kind.get_keys(words)[0])
            found[kind.name] = numpy.zeros((len(doc), self.width))
            if end > start:
                found[kind.name][tokens] = kind.split(parts[start:end], words)
            start = end
        return found

    def __deepcopy__(self, memo: Dict[int, Any]) -> "FeatureKinds":
        # Two layers share it, which are copied one by one.
        return self
