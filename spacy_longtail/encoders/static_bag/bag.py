from typing import Callable, Dict, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...ops import MIN_NORM, ForwardT, normalize_rows
from ...settings import check_share
from .features import BagFeatures, FeatureKinds, FeatureRows
from .row_table import RowTable
from .run_cache import RunCache, Runs, RunsT
from .sums import sum_rows
from .words import Strings

BagT = Model[BagFeatures, Floats2d]
StartT = Callable[[numpy.ndarray, Strings], FeatureRows]
# Of the vectors of features, 64 MB.
VECTORS_KEPT = {"max_keys": 1_000_000, "max_numbers": 16_000_000}


def StaticBag(table: RowTable, get_start: StartT, *, dropout: float = 0.0) -> BagT:
    """Sum the weighted vectors of a document's features, to unit length.

    get_start (StartT): Gives the vectors of keys that have no row in the table.
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
        attrs={
            "get_start": get_start,
            "dropout_rate": dropout,
            "kept": RunCache((table.width,), "float32", **VECTORS_KEPT),
        },
        shims=[table],
    )


def forward(model: BagT, features: BagFeatures, is_train: bool) -> ForwardT:
    if is_train:
        return update(model, features)
    runs = find_vectors(model, features)
    sums = sum_rows(runs.rows, runs.starts, features.lengths)
    Y, _ = normalize_rows(features.average(sums))
    return model.ops.asarray2f(Y), lambda dY: features


def update(model: BagT, features: BagFeatures) -> ForwardT:
    table, lengths = cast(RowTable, model.shims[0]), features.lengths
    keys, inverse = numpy.unique(features.keys, return_inverse=True)
    rows = table.find(keys)
    missing = numpy.flatnonzero(rows < 0)
    start = model.attrs["get_start"](keys[missing], features.words.strings)
    # The first stands for features that are left out.
    vectors = numpy.zeros((1 + len(keys), table.width), dtype="float32")
    vectors[1 + missing[start.found]] = start.vectors
    new = missing[start.rates > 0]
    rows[new] = table.add(keys[new], vectors[1 + new], start.rates[start.rates > 0])
    learned = numpy.flatnonzero(rows >= 0)
    vectors[1 + learned] = table.get_exact(rows[learned])
    rate, ops = model.attrs["dropout_rate"], model.ops
    is_kept = ops.to_numpy(ops.get_dropout_mask(inverse.shape, rate)) > 0
    scale = numpy.float32(1.0 / (1.0 - rate))
    sums = sum_rows(vectors, (1 + inverse) * is_kept, lengths)
    Y, backprop_norm = normalize_rows(features.average(sums) * scale)

    def backprop(dY: Floats2d) -> BagFeatures:
        dX = backprop_norm(ops.to_numpy(dY)) * scale
        # The same sum with the sides changed: for each feature over its documents.
        order = numpy.argsort(inverse, kind="stable")
        runs = (numpy.arange(len(lengths)).repeat(lengths) + 1) * is_kept
        d_vectors = sum_rows(features.spread(dX), runs[order], numpy.bincount(inverse))
        table.inc_grad(rows[learned], d_vectors[learned])
        return features

    return ops.asarray2f(Y), backprop


def find_vectors(model: BagT, features: BagFeatures) -> Runs:
    """RETURNS (Runs): The vector of each feature, or none. It can't depend on what else
    is in the batch.
    """
    table, get_start = cast(RowTable, model.shims[0]), model.attrs["get_start"]

    def find(keys: numpy.ndarray) -> RunsT:
        rows = table.find(keys)
        has_row = rows >= 0
        start = get_start(keys[~has_row], features.words.strings)
        others, firsts = numpy.unique(keys[~has_row][start.found], return_index=True)
        vectors = start.vectors[firsts]
        if has_row.any():
            learned, firsts = numpy.unique(keys[has_row], return_index=True)
            others = numpy.concatenate([others, learned])
            vectors = numpy.vstack([vectors, table.get(rows[has_row][firsts])])
        return others, numpy.ones(len(others), dtype="int64"), vectors

    kept: RunCache = model.attrs["kept"]
    return kept.look_up(features.keys, find, table.state)


def split_bag(
    model: BagT, kinds: FeatureKinds, features: BagFeatures, doc: Doc
) -> Dict[str, numpy.ndarray]:
    runs = find_vectors(model, features)
    shares = features.shares.repeat(features.lengths)
    parts = runs.rows[runs.starts] * shares[:, None]
    parts = parts / max(float(numpy.linalg.norm(parts.sum(axis=0))), MIN_NORM)
    return kinds.split(parts, doc)
