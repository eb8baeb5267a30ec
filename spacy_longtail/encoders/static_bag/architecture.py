from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model, chain
from thinc.types import Floats2d

from ...ops import MIN_NORM
from ...settings import check_at_least
from .bag import StaticBag, predict_sums
from .features import (
    BagFeatures,
    BigramFeatures,
    FeatureKind,
    FeatureKinds,
    WordFeatures,
)
from .row_table import RowTable

NAME = "StaticBag"


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
    kinds: List[FeatureKind] = [
        WordFeatures(word_learn_rate if trainable else 0.0, vectors)
    ]
    if trainable and bigram_buckets:
        rate, buckets = bigram_learn_rate, bigram_buckets
        kinds.append(BigramFeatures(rate, buckets, min_bigram_count))
    features = FeatureKinds(kinds, vectors.width)
    table = RowTable(vectors.width, vectors.name, gain_learn_rate)
    extract: Model[List[Doc], BagFeatures] = Model(
        "extract_bag", forward, attrs={"features": features}
    )
    model = chain(extract, StaticBag(table, features.get_start))
    model.attrs["is_frozen"] = not trainable
    model.attrs["observe"] = count_corpus
    model.attrs["split"] = split_vector
    model.set_dim("nO", vectors.width)
    return model


def forward(
    model: Model[List[Doc], BagFeatures], docs: List[Doc], is_train: bool
) -> Tuple[BagFeatures, Callable]:
    return model.attrs["features"].extract(docs), lambda d_features: []


def count_corpus(model: Model[List[Doc], Floats2d], docs: Optional[List[Doc]]) -> None:
    extract, bag = model.layers
    extract.attrs["features"].count(docs)
    if docs is None:
        cast(RowTable, bag.shims[0]).clear()


def split_vector(
    model: Model[List[Doc], Floats2d], doc: Doc
) -> Dict[str, numpy.ndarray]:
    extract, bag = model.layers
    features: BagFeatures = extract.predict([doc])
    # Each feature as a document of its own.
    lengths = numpy.ones(len(features.keys), dtype="int64")
    table = cast(RowTable, bag.shims[0])
    single = features._replace(lengths=lengths)
    parts = predict_sums(table, bag.attrs["get_start"], single)
    parts = parts / max(float(numpy.linalg.norm(parts.sum(axis=0))), MIN_NORM)
    return extract.attrs["features"].split(parts, doc)
