"""Ridge regression of many labels on sparse vectors."""

from typing import Iterator, NamedTuple, Tuple

import numpy

from ...ops import sigmoid
from ..static_bag.sums import sum_runs
from .reader import Weighted

# Numbers that are multiplied at a time: what memory has room for.
MAX_PRODUCTS, MAX_NUMBERS = 4_000_000, 8_000_000
# For the diagonal of the inverse.
N_DRAWS = 64
# Pairs of a document and a label, to calibrate with.
MAX_PAIRS = 1_000_000
N_STEPS = 20


class Postings(NamedTuple):
    """A sparse matrix by row.

    starts, sizes (numpy.ndarray): Where each row starts, and how many numbers it has.
    columns, values (numpy.ndarray): Of the numbers, row after row.
    width (int): Number of columns.
    """

    starts: numpy.ndarray
    sizes: numpy.ndarray
    columns: numpy.ndarray
    values: numpy.ndarray
    width: int


def multiply(X: Weighted, n_rows: int, postings: Postings) -> numpy.ndarray:
    """Multiply sparse vectors with a sparse matrix. It doesn't matter for a vector what
    others there are.

    X (Weighted): Vectors whose columns are rows of the matrix.
    RETURNS (numpy.ndarray): float32 array of shape (n_rows, width).
    """
    found = numpy.zeros((n_rows, postings.width), dtype="float32")
    sizes = postings.sizes[X.columns]
    for first, last, part in _cut(X.rows, sizes, n_rows):
        n, size = sizes[part], int(sizes[part].sum())
        offsets = postings.starts[X.columns[part]] - (numpy.cumsum(n) - n)
        places = numpy.arange(size) + offsets.repeat(n)
        cells = ((X.rows[part] - first) * postings.width).repeat(n)
        cells += postings.columns[places]
        products = postings.values[places] * X.values[part].repeat(n)
        n_cells = (last - first) * postings.width
        sums = numpy.bincount(cells, weights=products, minlength=n_cells)
        found[first:last] = sums.reshape((last - first, postings.width))
    return found


def multiply_codes(
    X: Weighted, n_rows: int, codes: numpy.ndarray, scales: numpy.ndarray
) -> numpy.ndarray:
    """Multiply sparse vectors with a matrix of 8 bits: several times as fast as its
    postings, and it doesn't matter for a vector what others there are, either.

    codes (numpy.ndarray): int8 array of shape (columns, width).
    scales (numpy.ndarray): float32 array of shape (width,), that of each column.
    RETURNS (numpy.ndarray): float32 array of shape (n_rows, width).
    """
    width = codes.shape[1]
    found = numpy.zeros((n_rows, width), dtype="float32")
    sizes = numpy.full(len(X.rows), width)
    for first, last, part in _cut(X.rows, sizes, n_rows):
        products = codes[X.columns[part]] * X.values[part][:, None]
        found[first:last] = sum_runs(products, X.rows[part] - first, last - first)
    return found * scales


def _cut(
    rows: numpy.ndarray, sizes: numpy.ndarray, n_rows: int
) -> Iterator[Tuple[int, int, slice]]:
    """Cut documents into runs with few products. Yields the first document, the one
    after the last, and the places of their terms.
    """
    bounds = numpy.searchsorted(rows, numpy.arange(n_rows + 1))
    totals = numpy.append(0, numpy.cumsum(sizes))[bounds]
    first = 0
    while first < n_rows:
        most = numpy.searchsorted(totals, totals[first] + MAX_PRODUCTS, side="right")
        last = min(max(int(most) - 1, first + 1), n_rows)
        yield first, last, slice(int(bounds[first]), int(bounds[last]))
        first = last


def transpose(X: Weighted, n_rows: int, width: int) -> Postings:
    """RETURNS (Postings): The documents of each term."""
    order = numpy.argsort(X.columns, kind="stable")
    sizes = numpy.bincount(X.columns, minlength=width)
    starts = numpy.cumsum(sizes) - sizes
    return Postings(starts, sizes, X.rows[order], X.values[order], n_rows)


def fit_dual(
    X: Weighted, postings: Postings, Y: numpy.ndarray, penalty: float
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Solve (X X' + penalty) A = Y, so that X' A are the weights of a ridge regression,
    and find what it predicts for each document without that document.

    Source: leave-one-out after Cawley & Talbot (2003), "Efficient leave-one-out
        cross-validation of kernel Fisher discriminant classifiers"; the diagonal of
        the inverse after Bekas, Kokiopoulou & Saad (2007), "An estimator for the
        diagonal of a matrix".

    Y (numpy.ndarray): float32 array of shape (docs, labels), each of mean 0.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): A and the predictions, same shape.
    """
    n_docs = len(Y)
    gram = multiply(X, n_docs, postings)
    gram[numpy.diag_indices(n_docs)] += penalty
    draws = numpy.random.RandomState(0).randint(2, size=(n_docs, N_DRAWS)) * 2.0 - 1.0
    solved = numpy.linalg.solve(gram, numpy.hstack([Y, draws.astype("float32")]))
    duals, inverse = solved[:, : Y.shape[1]], solved[:, Y.shape[1] :]
    # It is between these bounds.
    diagonal = (draws * inverse).mean(axis=1).clip(1 / gram.diagonal(), 1 / penalty)
    return duals, (Y - duals / diagonal[:, None]).astype("float32")


def get_largest_weights(
    postings: Postings, duals: numpy.ndarray, max_weights: int
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Find the largest weights of each label.

    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): float32 weights and the term of each,
        ascending; both of shape (labels, weights).
    """
    n_terms, n_labels = len(postings.sizes), duals.shape[1]
    owners = numpy.arange(n_terms).repeat(postings.sizes)
    step = max(MAX_NUMBERS // max(len(owners), 1), 1)
    most = min(max_weights, n_terms)
    weights, terms = [], []
    for start in range(0, n_labels, step):
        part = duals[:, start : start + step].astype("float32")
        products = part[postings.columns] * postings.values[:, None]
        W = numpy.ascontiguousarray(sum_runs(products, owners, n_terms).T)
        top = numpy.argpartition(-numpy.abs(W), most - 1, axis=1)[:, :most]
        top.sort(axis=1)
        terms.append(top)
        weights.append(numpy.take_along_axis(W, top, axis=1))
    return numpy.concatenate(weights), numpy.concatenate(terms)


def calibrate(
    scores: numpy.ndarray, truths: numpy.ndarray, log_odds: numpy.ndarray
) -> numpy.ndarray:
    """Find the a, b and c with which a * score + b * log odds of the prior + c are log
    odds, by logistic regression.

    scores, truths (numpy.ndarray): (docs, labels); truths can be NaN.
    RETURNS (numpy.ndarray): float64 array of shape (3,).
    """
    n_docs = max(MAX_PAIRS // max(scores.shape[1], 1), 1)
    rows = numpy.random.RandomState(0).permutation(len(scores))[:n_docs]
    is_known = ~numpy.isnan(truths[rows])
    prior = numpy.broadcast_to(log_odds, is_known.shape)[is_known]
    score = scores[rows][is_known].astype("float64")
    F = numpy.stack([score, prior, numpy.ones(len(prior))], axis=1)
    y, found = truths[rows][is_known], numpy.asarray([5.0, 1.0, 0.0])
    for _ in range(N_STEPS):
        P = sigmoid(F @ found)
        slopes = (F * (P * (1.0 - P))[:, None]).T @ F
        step = numpy.linalg.solve(slopes + 1e-3 * numpy.eye(3), F.T @ (y - P))
        found = found + step.clip(-5.0, 5.0)
    return found
