from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model, chain

from ...errors import Errors
from ...settings import check_at_least, check_share
from ..contract import EncoderT
from .bag import BagT, StaticBag, split_bag
from .features import (
    BagFeatures,
    BigramFeatures,
    FeatureKind,
    FeatureKinds,
    WordFeatures,
)
from .ngram_bag import NgramBag, join_bags, join_halves, list_views, split_ngrams
from .ngrams import NgramRows
from .row_table import RowTable
from .words import collect_words

NAME, NGRAMS = "StaticBag", "ngrams"
MAX_BUCKETS = 2**30
MAX_WIDTH, MAX_NGRAMS = 4096, 10_000_000


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
    ngram_width: int = 0,
    ngram_learn_rate: float = 25.0,
    ngram_dropout: float = 0.4,
    min_ngram_count: int = 2,
    max_ngrams: int = 50000,
    split_words: bool = False,
    word_weight: float = 0.8,
) -> EncoderT:
    """Build an encoder that adds up word vectors, to unit length.

    The vector of a document is the mean of its words' static vectors plus the mean
    of its bigrams' vectors. Words are compared in lower case; an unknown word is
    the mean of its word pieces. The vectors carry a weight by frequency. In
    training, each word that occurs gets a row of its own that starts at the static
    vector; bigrams, hashed into a number of buckets, start at zero.

    Character n-grams make a second unit vector beside that, if they are wanted: the sum
    of the rows of the n-grams of all words, which start at random and as long as their
    inverse document frequency. They know what words share whatever the language is.
    Both vectors learn apart: in training, a document is a row for each of them.

    Registered as "spacy-longtail.StaticBag.v1".

    Source: mean of weighted word vectors after Arora et al. (2017), "A Simple but
        Tough-to-Beat Baseline for Sentence Embeddings"; hashed bigrams after Joulin
        et al. (2017), "Bag of Tricks for Efficient Text Classification".

    vectors (StaticVectors): The word vectors, for example those of
        "spacy-longtail.BundledVectors.v2".
    trainable (bool): Whether words and bigrams learn. If False, each training text
        is encoded only once.
    word_learn_rate (float): Multiple of the optimizer's rate for words, from 0.0.
    bigram_learn_rate (float): The same for bigrams, from 0.0.
    gain_learn_rate (float): The same for the weight that each word and bigram has as
        a whole, from 0.0.
    bigram_buckets (int): Number of buckets, from 0 for no bigrams.
    min_bigram_count (int): Bigrams that occur less often in the training corpus
        stay at zero, from 1. Counted by bucket while the pipeline is initialized.
    ngram_width (int): Width of the vectors of character n-grams, from 0 for none. Needs
        trainable.
    ngram_learn_rate (float): How far n-grams move in the first step of training, all
        together, in units of their start, from 0.0. That of a rate of 0.001 of the
        optimizer, and as much more or less with another.
    ngram_dropout (float): Share of a word's n-grams left out in training, from 0.0 to
        below 1.0.
    min_ngram_count (int): N-grams that occur in fewer training documents have no
        vector, from 1.
    max_ngrams (int): Most n-grams with a vector, from 1; the most frequent ones.
    split_words (bool): Whether n-grams are those of the words that a token is made of,
        as in "Kaufmann/-frau": some languages' tokenizers don't split it.
    word_weight (float): Weight of words and bigrams beside n-grams, from 0.0 to 1.0:
        its square is their share in the similarity of two documents.
    RETURNS (Model[List[Doc], Floats2d]): Documents to an array of shape (docs,
        width), rows of unit length, or of zeros for documents without words.
    RAISES (ValueError): L201 if a setting is out of range.
    """
    check_vectors(vectors)
    check_at_least(NAME, "gain_learn_rate", gain_learn_rate, 0.0)
    check_at_least(NAME, "word_weight", word_weight, 0.0, 1.0)
    check_at_least(NAME, "word_learn_rate", word_learn_rate, 0.0)
    words = WordFeatures(word_learn_rate if trainable else 0.0, vectors)
    bigrams = make_bigrams(bigram_learn_rate, bigram_buckets, min_bigram_count)
    kinds: List[FeatureKind] = [words, *bigrams] if trainable else [words]
    features = FeatureKinds(kinds, vectors.width)
    rates = vectors.name, gain_learn_rate
    table = RowTable(vectors.width, *rates, get_features=features.get_digest)
    extract: Any = Model("extract_bag", extract_bag, attrs={"features": features})
    bag = StaticBag(table, features.get_start)
    rows = make_ngram_rows(ngram_width, min_ngram_count, max_ngrams, split_words)
    ngrams = make_ngram_bag(rows, ngram_learn_rate, ngram_dropout)
    if trainable and ngram_width:
        bag = join_bags(bag, ngrams, word_weight)
    model: EncoderT = chain(extract, bag)
    attrs = {"observe": count_corpus, "restart": restart_tables, "split": split_vector}
    model.attrs.update(attrs, is_frozen=not trainable, counts_first=bool(bag.layers))
    if bag.layers:
        model.attrs["views"] = list_views(bag)
    model.set_dim("nO", bag.get_dim("nO"))
    return model


def check_vectors(vectors: Any) -> None:
    if not {"name", "width", "find", "get"} <= {*dir(vectors)}:
        expected = "such as those of 'spacy-longtail.BundledVectors.v2'"
        text = Errors.L201.format(
            layer=NAME, name="vectors", expected=expected, value=vectors
        )
        raise ValueError(text)


def make_bigrams(
    learn_rate: float, n_buckets: int, min_count: int
) -> List[BigramFeatures]:
    check_at_least(NAME, "bigram_learn_rate", learn_rate, 0.0)
    check_at_least(NAME, "bigram_buckets", n_buckets, 0, MAX_BUCKETS)
    check_at_least(NAME, "min_bigram_count", min_count, 1)
    return [BigramFeatures(learn_rate, n_buckets, min_count)] if n_buckets else []


def make_ngram_rows(
    width: int, min_count: int, max_ngrams: int, splits: bool
) -> NgramRows:
    check_at_least(NAME, "ngram_width", width, 0, MAX_WIDTH)
    check_at_least(NAME, "min_ngram_count", min_count, 1)
    check_at_least(NAME, "max_ngrams", max_ngrams, 1, MAX_NGRAMS)
    return NgramRows(width, min_count, max_ngrams, splits)


def make_ngram_bag(rows: NgramRows, learn_rate: float, dropout: float) -> BagT:
    check_at_least(NAME, "ngram_learn_rate", learn_rate, 0.0)
    check_share(NAME, "ngram_dropout", dropout)
    table = RowTable(rows.width, NGRAMS, shared_rate=learn_rate)
    return NgramBag(table, rows, dropout=dropout)


def extract_bag(
    model: Model[List[Doc], BagFeatures], docs: List[Doc], is_train: bool
) -> Tuple[BagFeatures, Callable]:
    return model.attrs["features"].extract(docs), lambda d_features: []


def count_corpus(model: EncoderT, docs: Optional[List[Doc]]) -> None:
    extract, bag = model.layers
    if docs is not None and not docs:
        return
    words = None if docs is None else collect_words(docs)
    extract.attrs["features"].count(words)
    for node in bag.walk():
        for table in cast(List[RowTable], node.shims):
            if words is None:
                table.clear()
            if "ngrams" in node.attrs:
                node.attrs["ngrams"].count(table, words)


def restart_tables(model: EncoderT, keep: float) -> None:
    """Let all rows start anew, but for a share of what they have learned."""
    extract, bag = model.layers
    extract.attrs["features"].count(None)
    for node in bag.walk():
        for table in cast(List[RowTable], node.shims):
            table.restart(keep)


def split_vector(model: EncoderT, doc: Doc) -> Dict[str, numpy.ndarray]:
    extract, bag = model.layers
    kinds, features = extract.attrs["features"], extract.predict([doc])
    if not bag.layers:
        return split_bag(bag, kinds, features, doc)
    static, ngrams = bag.layers
    halves = (
        split_bag(static, kinds, features, doc),
        split_ngrams(ngrams, features, doc),
    )
    return join_halves(bag, halves)
