from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, List, NamedTuple, Optional, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import NumpyOps

from ...saved import get_digest
from ...vectors.table import StaticVectors
from .words import Strings, Words, collect_words

# Rows are summed in main memory, whatever device the rest of the model is on.
OPS = NumpyOps()
MAX_CACHED_WORDS = 500_000
# Bits of the number of a bucket. The bits above it are the kind's.
BUCKET_BITS = numpy.uint64(32)
# Stand for the edges of a document in bigrams.
BEGIN, END = numpy.uint64(0x9E3779B97F4A7C15), numpy.uint64(0xC2B2AE3D27D4EB4F)


class BagFeatures(NamedTuple):
    """The features of a batch of documents, one after another.

    keys (numpy.ndarray): uint64 array of shape (features,).
    weights (numpy.ndarray): Share of its document, float32 array, (features,).
    lengths (numpy.ndarray): Features of each document, int64 array, (docs,).
    words (Words): The words that they are made of.
    """

    keys: numpy.ndarray
    weights: numpy.ndarray
    lengths: numpy.ndarray
    words: Words

    @property
    def owners(self) -> numpy.ndarray:
        return numpy.arange(len(self.lengths)).repeat(self.lengths)


class FeatureRows(NamedTuple):
    """Where the vectors of features start, and at what rate they learn.

    found (numpy.ndarray): Which of the features start at a vector, ascending; the
        others start at zeros.
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
        """Find where features start. For strings, see BagFeatures."""
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
    # Rows of the pieces of words seen before, by their hash. Another thread can empty
    # it at any time.
    _pieces: Dict[int, Tuple[int, ...]] = field(default_factory=dict)

    def get_keys(self, words: Words) -> Tuple[numpy.ndarray, numpy.ndarray]:
        return words.hashes, words.lengths

    def get_identity(self) -> Any:
        # Vectors of others need no digest.
        return getattr(self.vectors, "digest", None)

    def get_start(
        self, keys: numpy.ndarray, width: int, strings: Strings
    ) -> FeatureRows:
        pieces = self._find_pieces(keys.tolist(), strings)
        counts = numpy.asarray([len(p) for p in pieces], dtype="int32")
        rows = numpy.asarray([row for p in pieces for row in p], dtype="int64")
        start = super().get_start(keys, width, strings)
        if not len(rows):
            return start
        found, counts = numpy.flatnonzero(counts), counts[counts > 0]
        means = OPS.reduce_sum(self.vectors.get(rows), counts) / counts[:, None]
        return start._replace(found=found, vectors=means)

    def _find_pieces(self, keys: List[int], strings: Strings) -> List[Tuple[int, ...]]:
        known, found = self._pieces, []
        if len(known) > MAX_CACHED_WORDS:
            known = self._pieces = {}
        for key in keys:
            rows = known.get(key)
            if rows is None:
                rows = known[key] = self.vectors.find(strings.find(key))
            found.append(rows)
        return found

    def split(self, parts: numpy.ndarray, words: Words) -> numpy.ndarray:
        return parts

    def __reduce__(self) -> Any:
        return WordFeatures, (self.rate, self.vectors)


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
        hashes, lengths = words.hashes, words.lengths
        ends = numpy.cumsum(lengths)
        starts = (ends - lengths)[lengths > 0]
        left = numpy.insert(hashes, starts, BEGIN)
        right = numpy.insert(hashes, ends[lengths > 0], END)
        keys = left * BEGIN + (right ^ (right >> numpy.uint64(29))) * END
        keys ^= keys >> numpy.uint64(32)
        keys = keys % numpy.uint64(self.n_buckets) + self.first
        return keys, lengths + (lengths > 0)

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
        """RETURNS (BagFeatures): The features of each document, kind after kind."""
        if not docs:
            keys, weights, lengths = (numpy.zeros(0, t) for t in ("u8", "f4", "i8"))
            nothing = Words(keys, lengths, numpy.zeros(0, "?"), Strings([]))
            return BagFeatures(keys, weights, lengths, nothing)
        words = collect_words(docs)
        keys, counts = zip(*(kind.get_keys(words) for kind in self.kinds))
        n = numpy.concatenate(counts)
        owners = numpy.tile(numpy.arange(len(docs)), len(counts)).repeat(n)
        order = numpy.argsort(owners, kind="stable")
        weights = numpy.repeat(1.0 / numpy.maximum(n, 1), n)[order].astype("float32")
        lengths = numpy.sum(counts, axis=0)
        keys = numpy.concatenate(keys)[order]
        return BagFeatures(keys, weights, lengths, words)

    def get_start(self, keys: numpy.ndarray, strings: Strings) -> FeatureRows:
        """RETURNS (FeatureRows): Where features start, of whatever kind they are."""
        numbers, others = keys >> BUCKET_BITS, [kind.number for kind in self.kinds[1:]]
        numbers[~numpy.isin(numbers, others)] = 0
        rates, starts = numpy.zeros(len(keys), dtype="float32"), []
        for kind in self.kinds:
            places = numpy.flatnonzero(numbers == kind.number)
            start = kind.get_start(keys[places], self.width, strings)
            rates[places] = start.rates
            starts.append((places[start.found], start.vectors))
        found, vectors = map(numpy.concatenate, zip(*starts))
        order = numpy.argsort(found)
        return FeatureRows(found[order], vectors[order], rates)

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


def sum_runs(vectors: numpy.ndarray, owners: numpy.ndarray, n: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Sum of the vectors, (vectors, width), of each of n
    owners; float32, (n, width).

    owners (numpy.ndarray): Owner of each vector, ascending, from 0 to below n.
    """
    X = numpy.zeros((n, vectors.shape[1]), dtype="float32")
    if len(vectors):
        lengths = numpy.bincount(owners, minlength=n).astype("int32")
        # Ten times as fast as numpy.add.reduceat, but it can't end with empty runs.
        X[lengths > 0] = OPS.reduce_sum(vectors, lengths[lengths > 0])
    return X
