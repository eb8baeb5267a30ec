from typing import Callable, Tuple, cast

import numpy
from thinc.api import Model, NumpyOps
from thinc.types import Floats2d

from ...ops import normalize_rows
from ...settings import check_share
from .features import BagFeatures, FeatureRows
from .row_table import RowTable

# Rows are summed in main memory, whatever device the rest of the model is on.
OPS = NumpyOps()
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
    get_start = model.attrs["get_start"]
    if not is_train:
        Y, _ = normalize_rows(predict_sums(table, get_start, features))
        return model.ops.asarray2f(Y), lambda dY: features
    keys, inverse = numpy.unique(features.keys, return_inverse=True)
    rows = table.find(keys)
    missing = numpy.flatnonzero(rows < 0)
    start = get_start(keys[missing])
    vectors = numpy.zeros((len(keys), table.width), dtype="float32")
    vectors[missing[start.found]] = start.vectors
    new = missing[start.rates > 0]
    rows[new] = table.add(keys[new], vectors[new], start.rates[start.rates > 0])
    learned = rows >= 0
    vectors[learned] = table.get(rows[learned])
    weights = features.weights
    rate = model.attrs["dropout_rate"]
    if rate:
        weights = weights * model.ops.get_dropout_mask(weights.shape, rate)
    docs = numpy.repeat(numpy.arange(len(features.lengths)), features.lengths)
    X = sum_runs(vectors[inverse] * weights[:, None], docs, len(features.lengths))
    Y, backprop_norm = normalize_rows(X)

    def backprop(dY: Floats2d) -> BagFeatures:
        dX = backprop_norm(model.ops.to_numpy(dY))
        # The same sum with the sides changed: for each feature over its documents.
        order = numpy.argsort(inverse, kind="stable")
        spread = dX[docs[order]] * weights[order, None]
        d_vectors = sum_runs(spread, inverse[order], len(keys))
        table.inc_grad(rows[learned], d_vectors[learned])
        return features

    return model.ops.asarray2f(Y), backprop


def predict_sums(
    table: RowTable, get_start: StartT, features: BagFeatures
) -> numpy.ndarray:
    """Sum the weighted vectors of each document. No feature of another document takes
    part, so a sum can't depend on what else is in the batch.

    RETURNS (numpy.ndarray): float32 array of shape (docs, width).
    """
    n_docs, weights = len(features.lengths), features.weights
    docs = numpy.repeat(numpy.arange(n_docs), features.lengths)
    rows = table.find(features.keys)
    missing = numpy.flatnonzero(rows < 0)
    start = get_start(features.keys[missing])
    is_used = rows >= 0
    is_used[missing[start.found]] = True
    # In the order of the document, so that a row that is new changes no sum.
    rows = rows[is_used]
    vectors = numpy.empty((len(rows), table.width), dtype="float32")
    vectors[rows >= 0] = table.get(rows[rows >= 0])
    vectors[rows < 0] = start.vectors
    vectors *= weights[is_used, None]
    return sum_runs(vectors, docs[is_used], n_docs)


def sum_runs(vectors: numpy.ndarray, owners: numpy.ndarray, n: int) -> numpy.ndarray:
    """Sum the vectors of each owner.

    vectors (numpy.ndarray): float32 array of shape (vectors, width).
    owners (numpy.ndarray): Owner of each vector, ascending, from 0 to below n.
    n (int): Number of owners.
    RETURNS (numpy.ndarray): float32 array of shape (n, width).
    """
    X = numpy.zeros((n, vectors.shape[1]), dtype="float32")
    if len(vectors):
        lengths = numpy.bincount(owners, minlength=n).astype("int32")
        # Ten times as fast as numpy.add.reduceat, but it can't end with empty runs.
        X[lengths > 0] = OPS.reduce_sum(vectors, lengths[lengths > 0])
    return X
