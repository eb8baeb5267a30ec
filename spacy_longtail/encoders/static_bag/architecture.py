from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import numpy
from spacy.attrs import IS_SPACE, LOWER
from spacy.strings import StringStore
from spacy.tokens import Doc
from thinc.api import Model, NumpyOps, chain
from thinc.types import Floats2d

from ...settings import check_at_least
from ...vectors.types import StaticVectors
from .bag import (
    EPSILON,
    BagFeatures,
    FeatureRows,
    StaticBag,
    predict_sums,
)
from .row_table import RowTable

NAME = "StaticBag"
OPS = NumpyOps()
# Stand for the edges of a document in bigrams.
BEGIN, END = numpy.uint64(0x9E3779B97F4A7C15), numpy.uint64(0xC2B2AE3D27D4EB4F)
# Buckets are keys like the hashes of words. Some words, like "mark", have one of
# spaCy's symbols as their hash, a small number; that a word's hash is among the buckets
# is as good as impossible.
FIRST_BUCKET = numpy.uint64(1 << 32)
MAX_CACHED_WORDS = 500_000


def build_static_bag(
    # StaticVectors. The oldest series of confection can't check for a protocol.
    vectors: Any,
    *,
    trainable: bool = True,
    word_learn_rate: float = 0.7,
    bigram_learn_rate: float = 0.5,
    gain_learn_rate: float = 10.0,
    bigram_buckets: int = 1048576,
    min_bigram_count: int = 2,
) -> Model[List[Doc], Floats2d]:
    """Build an encoder that adds up word vectors, to unit length.

    The vector of a document is the mean of its words' static vectors plus the mean
    of its bigrams' vectors. Words are compared in lower case; an unknown word is
    the mean of its word pieces. The vectors carry a weight by frequency. In
    training, each word that occurs gets a row of its own that starts at the static
    vector; bigrams, hashed into a number of buckets, start at zero.

    Registered as "spacy-longtail.StaticBag.v1".

    Source: mean of weighted word vectors after Arora et al. (2017), "A Simple but
        Tough-to-Beat Baseline for Sentence Embeddings"; hashed bigrams after Joulin
        et al. (2017), "Bag of Tricks for Efficient Text Classification".

    vectors (StaticVectors): The word vectors, for example those of
        "spacy-longtail.BundledVectors.v1".
    trainable (bool): Whether words and bigrams learn. If False, each training text
        is encoded only once.
    word_learn_rate (float): Multiple of the optimizer's rate for words, from 0.0.
    bigram_learn_rate (float): The same for bigrams, from 0.0.
    gain_learn_rate (float): The same for the weight that each word and bigram has as
        a whole, from 0.0.
    bigram_buckets (int): Number of buckets, from 0 for no bigrams.
    min_bigram_count (int): Bigrams that occur less often in the training corpus
        stay at zero, from 1. Counted by bucket while the pipeline is initialized.
    RETURNS (Model[List[Doc], Floats2d]): Documents to an array of shape (docs,
        width), rows of unit length, or of zeros for documents without words.
    RAISES (ValueError): L201 if a setting is out of range.
    """
    check_at_least(NAME, "word_learn_rate", word_learn_rate, 0.0)
    check_at_least(NAME, "bigram_learn_rate", bigram_learn_rate, 0.0)
    check_at_least(NAME, "gain_learn_rate", gain_learn_rate, 0.0)
    check_at_least(NAME, "bigram_buckets", bigram_buckets, 0)
    check_at_least(NAME, "min_bigram_count", min_bigram_count, 1)
    if not trainable:
        word_learn_rate = bigram_learn_rate = bigram_buckets = 0
    start = StartVectors(vectors, word_learn_rate, bigram_learn_rate, min_bigram_count)
    table = RowTable(vectors.width, vectors.name, gain_learn_rate)
    extract: Model[List[Doc], BagFeatures] = Model(
        "extract_bag", forward, attrs={"start": start, "bigram_buckets": bigram_buckets}
    )
    model = chain(extract, StaticBag(table, start))
    model.attrs["is_frozen"] = not trainable
    model.attrs["observe"] = observe
    model.attrs["split"] = split
    model.set_dim("nO", vectors.width)
    return model


def forward(
    model: Model[List[Doc], BagFeatures], docs: List[Doc], is_train: bool
) -> Tuple[BagFeatures, Callable]:
    words, lengths = get_words(docs)
    if docs:
        model.attrs["start"].learn_words(words, docs[0].vocab.strings)
    buckets, n_bigrams = get_bigrams(words, lengths, model.attrs["bigram_buckets"])
    bigrams = _weigh(buckets + FIRST_BUCKET, n_bigrams)
    features = _join(_weigh(words, lengths), bigrams)
    return features, lambda d_features: []


class StartVectors:
    """Gives the static vector of words, zeros of anything else.

    vectors (StaticVectors): The word vectors.
    word_rate (float): Learning rate of words, see FeatureRows.
    bigram_rate (float): Learning rate of bigrams.
    min_count (int): Bigrams that were observed less often don't learn.
    """

    def __init__(
        self,
        vectors: StaticVectors,
        word_rate: float,
        bigram_rate: float,
        min_count: int = 1,
    ) -> None:
        self.vectors = vectors
        self.word_rate = word_rate
        self.bigram_rate = bigram_rate
        self.min_count = min_count
        # Occurrences of each bucket. Unknown, for example after loading: all learn.
        self._counts: Optional[numpy.ndarray] = None
        # Rows of the pieces of each word seen so far, by the hash of the word.
        self._pieces: Dict[int, Tuple[int, ...]] = {}

    def learn_words(self, words: numpy.ndarray, strings: StringStore) -> None:
        """Look up words by their text, which their hash alone doesn't give.

        words (numpy.ndarray): Hashes of lower-cased words, uint64.
        strings (StringStore): Where their texts are.
        """
        if len(self._pieces) > MAX_CACHED_WORDS:
            self._pieces.clear()
        pieces, find = self._pieces, self.vectors.find
        for word in set(words.tolist()):
            if word not in pieces:
                pieces[word] = find(strings[word])

    def __call__(self, keys: numpy.ndarray) -> FeatureRows:
        """See FeatureRows. Words have to be known by learn_words."""
        is_word = (keys < FIRST_BUCKET) | (keys >= 2 * FIRST_BUCKET)
        pieces = [self._pieces.get(key, ()) for key in keys[is_word].tolist()]
        counts = numpy.asarray([len(p) for p in pieces], dtype="int32")
        rows = numpy.asarray([row for p in pieces for row in p], dtype="int64")
        found = numpy.flatnonzero(is_word)[counts > 0]
        counts = counts[counts > 0]
        vectors = numpy.zeros((0, self.vectors.width), dtype="float32")
        if len(rows):
            vectors = OPS.reduce_sum(self.vectors.get(rows), counts) / counts[:, None]
        rates = numpy.where(is_word, self.word_rate, self.bigram_rate)
        if self._counts is not None:
            buckets = numpy.where(is_word, 0, keys - FIRST_BUCKET).astype("int64")
            rates[~is_word & (self._counts[buckets] < self.min_count)] = 0.0
        return FeatureRows(found, vectors, rates.astype("float32"))

    def forget_counts(self) -> None:
        """Let all bigrams learn, until some are counted."""
        self._counts = None

    def count(self, buckets: numpy.ndarray, n_buckets: int) -> None:
        """Count bigrams of the training corpus.

        buckets (numpy.ndarray): int64 array of shape (bigrams,), from 0.
        n_buckets (int): Number of buckets.
        """
        if self._counts is None:
            self._counts = numpy.zeros(n_buckets, dtype="int64")
        numpy.add.at(self._counts, buckets, 1)

    def __reduce__(self) -> Any:
        arguments = self.vectors, self.word_rate, self.bigram_rate, self.min_count
        return StartVectors, arguments


def observe(model: Model[List[Doc], Floats2d], docs: Optional[List[Doc]]) -> None:
    """Let the encoder count the training corpus, batch by batch.

    docs (Optional[List[Doc]]): A batch. None, before the first, forgets everything
        that was counted and learned; if no batch follows, all bigrams learn.
    """
    extract, bag = model.layers
    start, n_buckets = extract.attrs["start"], extract.attrs["bigram_buckets"]
    if docs is None:
        start.forget_counts()
        cast(RowTable, bag.shims[0]).clear()
    elif n_buckets:
        buckets, _ = get_bigrams(*get_words(docs), n_buckets)
        start.count(buckets.astype("int64"), n_buckets)


def split(
    model: Model[List[Doc], Floats2d], doc: Doc
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Split the vector of a document into what each token brings to it.

    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The parts of the words, and those of
        the bigrams, half of each bigram for each of its words, all of it at the edges;
        arrays of shape (tokens, width) that sum to the vector.
    """
    extract, bag = model.layers
    features: BagFeatures = extract.predict([doc])
    # Each feature as a document of its own.
    lengths = numpy.ones(len(features.keys), dtype="int64")
    table = cast(RowTable, bag.shims[0])
    single = features._replace(lengths=lengths)
    parts = predict_sums(table, bag.attrs["get_start"], single)
    parts = parts / max(float(numpy.linalg.norm(parts.sum(axis=0))), EPSILON)
    tokens = [token.i for token in doc if not token.is_space]
    words, bigrams = numpy.zeros((2, len(doc), parts.shape[1]))
    words[tokens] = parts[: len(tokens)]
    pairs = parts[len(tokens) :]
    if len(pairs):
        pairs[1:-1] /= 2
        bigrams[tokens] = pairs[:-1] + pairs[1:]
    return words, bigrams


def get_words(docs: List[Doc]) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Collect the hashes of the lower-cased words, white space left out.

    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): uint64 array of shape (words,)
        and the words per document, of shape (docs,).
    """
    if not docs:
        return numpy.zeros(0, dtype="uint64"), numpy.zeros(0, dtype="int64")
    tokens = numpy.concatenate([doc.to_array([LOWER, IS_SPACE]) for doc in docs])
    is_word = tokens[:, 1] == 0
    owners = numpy.repeat(numpy.arange(len(docs)), [len(doc) for doc in docs])
    return tokens[is_word, 0], numpy.bincount(owners[is_word], minlength=len(docs))


def get_bigrams(
    words: numpy.ndarray, lengths: numpy.ndarray, n_buckets: int
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Hash each two neighbouring words, the edges of a document included.

    words (numpy.ndarray): Hashes of words, uint64 array of shape (words,).
    lengths (numpy.ndarray): Words per document, of shape (docs,).
    n_buckets (int): Number of buckets, 0 for no bigrams.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Buckets as a uint64 array and the
        bigrams per document: one more than words, none without words.
    """
    if not n_buckets:
        return words[:0], numpy.zeros_like(lengths)
    ends = numpy.cumsum(lengths)
    starts = (ends - lengths)[lengths > 0]
    left = numpy.insert(words, starts, BEGIN)
    right = numpy.insert(words, ends[lengths > 0], END)
    hashes = left * BEGIN + (right ^ (right >> numpy.uint64(29))) * END
    hashes ^= hashes >> numpy.uint64(32)
    return hashes % numpy.uint64(n_buckets), lengths + (lengths > 0)


def _weigh(keys: numpy.ndarray, lengths: numpy.ndarray) -> BagFeatures:
    weights = numpy.repeat(1.0 / numpy.maximum(lengths, 1), lengths)
    return BagFeatures(keys, weights.astype("float32"), lengths)


def _join(first: BagFeatures, second: BagFeatures) -> BagFeatures:
    """Put the features of each document side by side."""
    n_docs = len(first.lengths)
    owners = numpy.concatenate(
        [numpy.repeat(numpy.arange(n_docs), part.lengths) for part in (first, second)]
    )
    order = numpy.argsort(owners, kind="stable")
    return BagFeatures(
        numpy.concatenate([first.keys, second.keys])[order],
        numpy.concatenate([first.weights, second.weights])[order],
        first.lengths + second.lengths,
    )
