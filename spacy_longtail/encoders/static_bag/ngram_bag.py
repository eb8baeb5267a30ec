from typing import Dict, List, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...ops import MIN_NORM, ForwardT, normalize_rows
from ..contract import View
from .bag import BagT
from .features import BagFeatures
from .ngrams import NgramRows, join_characters
from .row_table import RowTable
from .sums import put_zeros_before, sum_rows
from .words import Words


def NgramBag(table: RowTable, ngrams: NgramRows, *, dropout: float) -> BagT:
    """Sum the rows of the character n-grams of a document's words, to unit length.

    dropout (float): Share of a word's n-grams left out in training, in [0.0, 1.0).
    RETURNS (Model[BagFeatures, Floats2d]): Features to an array of shape (docs,
        width). A document without n-grams that have a row is a row of zeros.
    """
    return Model(
        "ngram_bag",
        forward_ngrams,
        dims={"nO": table.width},
        attrs={"ngrams": ngrams, "ngram_dropout": dropout},
        shims=[table],
    )


def forward_ngrams(model: BagT, features: BagFeatures, is_train: bool) -> ForwardT:
    table = cast(RowTable, model.shims[0])
    words, _ = join_characters(features.words)
    ngrams: NgramRows = model.attrs["ngrams"]
    ngrams.settle(table)
    if not is_train:
        runs = ngrams.sum_words(table, words.hashes, words.strings)
        Y, _ = normalize_rows(sum_rows(runs.rows, runs.starts, words.lengths))
        return model.ops.asarray2f(Y), lambda dY: features
    return update_ngrams(model, features, words)


def update_ngrams(model: BagT, features: BagFeatures, words: Words) -> ForwardT:
    table, ops = cast(RowTable, model.shims[0]), model.ops
    ngrams: NgramRows = model.attrs["ngrams"]
    # Of each different word, so that a frequent one takes no more time than a rare one.
    hashes, inverse = numpy.unique(words.hashes, return_inverse=True)
    runs = ngrams.find(table, hashes, words.strings)
    touched, places = numpy.unique(runs.get(), return_inverse=True)
    # One is left out of all documents of the batch, so that it costs nothing.
    mask = ops.get_dropout_mask(touched.shape, model.attrs["ngram_dropout"])
    is_kept = ops.to_numpy(mask) > 0
    # Their rows here, 0 for those that are left out.
    places = (numpy.cumsum(is_kept) * is_kept)[places]
    touched = touched[is_kept]
    rows = put_zeros_before(table.get_exact(touched))
    sums = put_zeros_before(sum_rows(rows, places, runs.lengths))
    Y, backprop_norm = normalize_rows(sum_rows(sums, 1 + inverse, words.lengths))

    def backprop(dY: Floats2d) -> BagFeatures:
        dX = put_zeros_before(backprop_norm(ops.to_numpy(dY)))
        # The same sums with the sides changed: for each word over its documents, for
        # each n-gram over its words.
        order = numpy.argsort(inverse, kind="stable")
        d_words = sum_rows(dX, 1 + words.owners[order], numpy.bincount(inverse))
        order = numpy.argsort(places, kind="stable")[numpy.count_nonzero(places == 0) :]
        of_word = 1 + numpy.arange(len(hashes)).repeat(runs.lengths)
        lengths = numpy.bincount(places, minlength=1 + len(touched))[1:]
        d_rows = sum_rows(put_zeros_before(d_words), of_word[order], lengths)
        table.inc_grad(touched, d_rows)
        return features

    return ops.asarray2f(Y), backprop


def join_bags(static: BagT, ngrams: BagT, weight: float) -> BagT:
    """Put the unit vectors of two bags beside each other, to unit length: weight * the
    one, and sqrt(1 - weight ** 2) * the other, so that the cosine of two documents is
    the mean of both, weighted by the squares.

    Each learns to do without the other: in training a document is one row for each,
    see contract.View. Together, the better one would explain the training texts, and
    the other would learn little from them.

    weight (float): That of the first, from 0.0 to 1.0.
    """
    return Model(
        "join_bags",
        forward_join,
        layers=[static, ngrams],
        dims={"nO": static.get_dim("nO") + ngrams.get_dim("nO")},
        attrs={"weights": [weight, (1.0 - weight**2) ** 0.5]},
    )


def list_views(model: BagT) -> List[View]:
    """RETURNS (List[View]): The bags that have any weight."""
    found, start = [], 0
    for layer, weight in zip(model.layers, model.attrs["weights"]):
        columns = slice(start, start + layer.get_dim("nO"))
        found += [View(columns, weight)] if weight else []
        start = columns.stop
    return found


def forward_join(model: BagT, features: BagFeatures, is_train: bool) -> ForwardT:
    if is_train:
        return update_apart(model, features)
    parts = [layer.predict(features) for layer in model.layers]
    weights, width = model.attrs["weights"], model.layers[0].get_dim("nO")
    xp = model.ops.xp
    X = xp.empty((len(parts[0]), model.get_dim("nO")), dtype="float32")
    xp.multiply(parts[0], weights[0], out=X[:, :width])
    xp.multiply(parts[1], weights[1], out=X[:, width:])
    Y, _ = normalize_rows(X)
    return Y, lambda dY: features


def update_apart(model: BagT, features: BagFeatures) -> ForwardT:
    views, ops = list_views(model), model.ops
    layers = [
        lay for lay, weight in zip(model.layers, model.attrs["weights"]) if weight
    ]
    parts, backprops = zip(*(layer(features, True) for layer in layers))
    n_docs = len(parts[0])
    Y = ops.alloc2f(len(views) * n_docs, model.get_dim("nO"))
    places = [slice(i * n_docs, (i + 1) * n_docs) for i in range(len(views))]
    for rows, view, part in zip(places, views, parts):
        Y[rows, view.columns] = part / view.weight

    def backprop(dY: Floats2d) -> BagFeatures:
        for rows, view, finish in zip(places, views, backprops):
            finish(ops.as_contig(dY[rows, view.columns] / view.weight))
        return features

    return Y, backprop


def split_ngrams(
    model: BagT, features: BagFeatures, doc: Doc
) -> Dict[str, numpy.ndarray]:
    """RETURNS (Dict[str, numpy.ndarray]): What the n-grams of each token bring to the
    unit vector of a document, (tokens, width).
    """
    table = cast(RowTable, model.shims[0])
    words, sizes = join_characters(features.words)
    parts = numpy.zeros((len(doc), table.width))
    ngrams: NgramRows = model.attrs["ngrams"]
    ngrams.settle(table)
    runs = ngrams.sum_words(table, words.hashes, words.strings)
    sums = runs.rows[runs.starts]
    # A run of characters is what each of them brings in equal parts.
    each = (sums / numpy.maximum(sizes, 1)[:, None]).repeat(sizes, axis=0)
    parts[[token.i for token in doc if not token.is_space]] = each
    norm = max(float(numpy.linalg.norm(sums.sum(axis=0))), MIN_NORM)
    return {"ngrams": parts / norm}


def join_halves(
    model: BagT, halves: Tuple[Dict[str, numpy.ndarray], ...]
) -> Dict[str, numpy.ndarray]:
    """RETURNS (Dict[str, numpy.ndarray]): What both bags bring to the joined vector, by
    kind of feature, (tokens, width).
    """
    joined, start, total = {}, 0, model.get_dim("nO")
    for weight, half in zip(model.attrs["weights"], halves):
        for kind, parts in half.items():
            end = start + parts.shape[1]
            joined[kind] = numpy.zeros((len(parts), total))
            joined[kind][:, start:end] = weight * parts
        start = end
    norm = numpy.linalg.norm(sum(part.sum(axis=0) for part in joined.values()))
    return {kind: part / max(float(norm), MIN_NORM) for kind, part in joined.items()}
