from typing import Callable, NamedTuple, Tuple, cast

import numpy
from thinc.api import Model
from thinc.types import Floats2d

from ..ops import backprop_unit_rows
from .row_table import RowTable
from .settings import check_share

EPSILON = 1e-6


class BagFeatures(NamedTuple):
    """The features of a batch of documents, one after another.

    keys (numpy.ndarray): uint64 array of shape (features,).
    weights (numpy.ndarray): Share of its document, float32 array, (features,).
    lengths (numpy.ndarray): Features of each document, int64 array, (docs,).
    """

    keys: numpy.ndarray
    weights: numpy.ndarray
    lengths: numpy.ndarray


class FeatureRows(NamedTuple):
    """Where the vectors of features start, and at what rate they learn.

    vectors (numpy.ndarray): float32 array of shape (features, width).
    rates (numpy.ndarray): Multiples of the optimizer's rate, (features,). Features
        of rate 0.0 never get a row of their own.
    """

    vectors: numpy.ndarray
    rates: numpy.ndarray


StartT = Callable[[numpy.ndarray], FeatureRows]


def StaticBag(
    table: RowTable, get_start: StartT, *, dropout: float = 0.0
) -> Model[BagFeatures, Floats2d]:
    """Sum the weighted vectors of a document's features, to unit length.

    table (RowTable): The rows that training has touched.
    get_start (StartT): Gives the vectors of keys that have no row.
    dropout (float): Share of the features left out in training, in [0.0, 1.0). Set
        by the training loop.
    RETURNS (Model[BagFeatures, Floats2d]): Features to an array of shape (docs,
        width). A document without features is a row of zeros.
    RAISES (ValueError): L201 if the dropout is out of range.
    """
    check_share("StaticBag", "dropout", dropout)
    return Model(
        "static_bag",
        forward,
        dims={"nO": table.width},
        attrs={"get_start": get_start, "dropout_rate": dropout},
        shims=[table],
    )


def forward(
    model: Model[BagFeatures, Floats2d], features: BagFeatures, is_train: bool
) -> Tuple[Floats2d, Callable]:
    table = cast(RowTable, model.shims[0])
    keys, inverse = numpy.unique(features.keys, return_inverse=True)
    rows = table.find(keys)
    start = model.attrs["get_start"](keys[rows < 0])
    vectors = numpy.empty((len(keys), table.width), dtype="float32")
    vectors[rows < 0] = start.vectors
    if is_train:
        new = numpy.flatnonzero(rows < 0)[start.rates > 0]
        rates = start.rates[start.rates > 0]
        rows[new] = table.add(keys[new], vectors[new], rates)
    vectors[rows >= 0] = table.get(rows[rows >= 0])
    weights = features.weights
    if is_train and model.attrs["dropout_rate"]:
        weights = weights * model.ops.get_dropout_mask(
            weights.shape, model.attrs["dropout_rate"]
        )
    # Sums one document after another, so that a document's vector can't depend on
    # what else is in the batch. Features of weight or length 0 would only cost time.
    X = sum_features(vectors, inverse, weights, features.lengths)
    norms = numpy.maximum(numpy.sqrt((X * X).sum(axis=1, keepdims=True)), EPSILON)
    Y = X / norms

    def backprop(dY: Floats2d) -> BagFeatures:
        dX = backprop_unit_rows(model.ops.to_numpy(dY), Y, norms)
        # The same sum with the sides changed: for each feature over its documents.
        docs = numpy.repeat(numpy.arange(len(X)), features.lengths)
        order = numpy.argsort(inverse, kind="stable")
        n_docs = numpy.bincount(inverse, minlength=len(keys))
        d_vectors = sum_features(dX, docs[order], weights[order], n_docs)
        learned = rows >= 0
        table.inc_grad(rows[learned], d_vectors[learned])
        return features

    return model.ops.asarray2f(Y), backprop


def get_vectors(
    model: Model[BagFeatures, Floats2d], keys: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): What the layer predicts with for features, float32
    array of shape (keys, width).
    """
    table = cast(RowTable, model.shims[0])
    rows = table.find(keys)
    vectors = numpy.empty((len(keys), table.width), dtype="float32")
    vectors[rows < 0] = model.attrs["get_start"](keys[rows < 0]).vectors
    vectors[rows >= 0] = table.get(rows[rows >= 0])
    return vectors


def sum_features(
    vectors: numpy.ndarray,
    indices: numpy.ndarray,
    weights: numpy.ndarray,
    lengths: numpy.ndarray,
) -> numpy.ndarray:
    """Sum weighted vectors, for one document after another.

    vectors (numpy.ndarray): float32 array of shape (distinct features, width).
    indices (numpy.ndarray): Row of each feature in it, of shape (features,).
    weights (numpy.ndarray): Weight of each feature, of shape (features,).
    lengths (numpy.ndarray): Features of each document, of shape (docs,).
    RETURNS (numpy.ndarray): float32 array of shape (docs, width).
    """
    docs = numpy.repeat(numpy.arange(len(lengths)), lengths)
    used = (weights > 0) & vectors.any(axis=1)[indices]
    docs, indices, weights = docs[used], indices[used], weights[used]
    X = numpy.zeros((len(lengths), vectors.shape[1]), dtype="float32")
    if len(docs):
        weighted = vectors[indices]
        weighted *= weights[:, None]
        starts = numpy.flatnonzero(numpy.diff(docs, prepend=-1))
        X[docs[starts]] = numpy.add.reduceat(weighted, starts, axis=0)
    return X
