"""Array maths. Groups are neighbouring columns, whose `lengths` say how many columns
each of them has, from left to right.
"""

from math import comb, erfc, sqrt
from typing import Any, Callable, Iterator, List, Optional, Tuple

import numpy
from thinc.api import Ops, get_array_module
from thinc.types import Floats2d, Ints1d

EPSILON = 1e-9
# Log odds of a probability of exactly 0.0 or 1.0 wouldn't be finite.
LOWEST = 1e-6
# Numbers in the rows of a slice, 16 MB in double precision.
SLICE = 1 << 21
# Shorter vectors have no direction that could be learned from.
MIN_NORM = 1e-6
# From so many columns on, the largest are looked for in two steps.
WIDE, LANES = 4096, 16
# Times whole numbers, it makes different numbers of 64 bits.
ODD = 0x9E3779B97F4A7C15
# What a layer makes of its input, and what turns the gradient of that into the input's.
ForwardT = Tuple[Floats2d, Callable]


def unit_rows(X: Any) -> Any:
    """RETURNS (Any): Each row of X, (rows, width), scaled to length 1.0; a row of zeros
    stays as it is.
    """
    norms = (X * X).sum(axis=1, keepdims=True) ** 0.5
    return X / (norms + (norms < EPSILON))


def normalize_rows(X: Any) -> Tuple[Any, Callable[[Any], Any]]:
    """Scale each row to length 1.0, as a layer; a row of zeros stays as it is.

    X (Any): Array of shape (rows, width).
    RETURNS (Tuple[Any, Callable[[Any], Any]]): Array of the same type and shape, and
        a function from its gradient to that of X: what is orthogonal to the rows.
    """
    xp = get_array_module(X)
    norms = xp.maximum(xp.sqrt(xp.einsum("ij,ij->i", X, X)), MIN_NORM)[:, None]
    Y = X / norms

    def backprop(dY: Any) -> Any:
        return (dY - Y * (dY * Y).sum(axis=1, keepdims=True)) / norms

    return Y, backprop


def sum_groups(ops: Ops, X: Floats2d, lengths: Ints1d) -> Floats2d:
    """RETURNS (Floats2d): Sum of each group of X, (rows, columns): (rows, groups)."""
    # Thinc's reductions work on runs of rows, on every device.
    sums = ops.reduce_sum(ops.as_contig(X.T), lengths)
    return ops.as_contig(sums.T)


def spread_groups(ops: Ops, X: Floats2d, lengths: Ints1d) -> Floats2d:
    """RETURNS (Floats2d): Values of groups, (rows, groups), repeated for each of their
    columns: (rows, columns).
    """
    spread = ops.backprop_reduce_sum(ops.as_contig(X.T), lengths)
    return ops.as_contig(spread.T)


def log_softmax_groups(ops: Ops, Z: Floats2d, lengths: Ints1d) -> Floats2d:
    """RETURNS (Floats2d): The logits Z, (rows, columns), with each group normalized to
    the logs of a distribution.
    """
    # The maximum of the group, not of the row: a whole group could underflow.
    tops, _ = ops.reduce_max(ops.as_contig(Z.T), lengths)
    Z = Z - spread_groups(ops, ops.as_contig(tops.T), lengths)
    sums = sum_groups(ops, ops.xp.exp(Z), lengths)
    return Z - spread_groups(ops, ops.xp.log(sums), lengths)


def sigmoid(Z: Any) -> Any:
    """RETURNS (Any): 1 / (1 + exp(-Z)), without overflow; an array like Z."""
    xp = get_array_module(Z)
    exps = xp.exp(-xp.abs(Z))
    return xp.where(Z >= 0, 1.0, exps) / (1.0 + exps)


def softplus(Z: Any) -> Any:
    """RETURNS (Any): log(1 + exp(Z)), without overflow: -log of sigmoid(-Z)."""
    xp = get_array_module(Z)
    return xp.maximum(Z, 0.0) + xp.log1p(xp.exp(-xp.abs(Z)))


def softmax(Z: numpy.ndarray, *, out: Optional[numpy.ndarray] = None) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Each row of the logits as a distribution, written to
    `out` if that is given, which can be the logits.
    """
    P = numpy.subtract(Z, Z.max(axis=1, keepdims=True), out=out)
    numpy.exp(P, out=P)
    P /= P.sum(axis=1, keepdims=True)
    return P


def get_log_odds(P: Any) -> Any:
    """RETURNS (Any): Log odds; probabilities of 0.0 or 1.0 count as nearly that."""
    P = numpy.clip(P, LOWEST, 1.0 - LOWEST)
    return numpy.log(P) - numpy.log1p(-P)


def mean_by_class(
    sums: numpy.ndarray, counts: numpy.ndarray, names: numpy.ndarray, kappa: float
) -> numpy.ndarray:
    """Shrink the mean vector of each class towards the vector of its name:
    unit((sums + kappa * names) / (counts + kappa)).

    Source: the posterior mean of a class centre with a normal prior at its name,
        kappa the prior's weight in documents.

    sums (numpy.ndarray): Sum of the unit vectors of each class, (classes, width).
    counts (numpy.ndarray): Documents of each class, of shape (classes,).
    names (numpy.ndarray): Unit vectors of the names, of shape (classes, width).
    kappa (float): From 0.0, the plain mean. Above, a name counts as so many
        documents.
    RETURNS (numpy.ndarray): Unit vectors of shape (classes, width).
    """
    total = numpy.maximum(counts + kappa, EPSILON)[:, None]
    return unit_rows((sums + kappa * names) / total)


def spread_runs(starts: numpy.ndarray, lengths: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The places of runs, one run after another, int64."""
    before = numpy.cumsum(lengths) - lengths
    return numpy.arange(int(lengths.sum())) + (starts - before).repeat(lengths)


def top_columns(P: numpy.ndarray, k: int) -> numpy.ndarray:
    """Find the k largest columns of each row, largest first, ties by column.

    P (numpy.ndarray): Array of shape (rows, columns).
    k (int): From 1; more than there are columns gives all of them.
    RETURNS (numpy.ndarray): int64 array of shape (rows, k).
    """
    n_rows, n_columns = P.shape
    k = min(k, n_columns)
    if n_columns < WIDE or n_columns < 4 * LANES * k:
        return _find_largest(P, k)
    # Lane j has column j and every n_lanes-th one from there, so that the maxima of
    # all lanes are found in one go. The k largest are in the lanes that have the k
    # largest maxima.
    n_lanes = n_columns // LANES
    end = n_lanes * LANES
    maxima = P[:, :end].reshape((n_rows, LANES, n_lanes)).max(axis=1)
    lanes, is_tied = _mark_largest(maxima, k)
    top = numpy.empty((n_rows, k), dtype="int64")
    # Which of several lanes with the same maximum isn't known before they are read.
    top[is_tied] = _find_largest(P[is_tied], k)
    rows = numpy.flatnonzero(~is_tied)
    # In this order, columns are ascending.
    lanes = lanes.reshape((-1, 1, k)) + numpy.arange(0, end, n_lanes)[:, None]
    rest = numpy.tile(numpy.arange(end, n_columns), (len(rows), 1))
    columns = numpy.hstack([lanes.reshape((len(rows), k * LANES)), rest])
    places = _find_largest(P[rows[:, None], columns], k)
    top[rows] = numpy.take_along_axis(columns, places, axis=1)
    return top


def _mark_largest(P: numpy.ndarray, k: int) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The k largest columns of each row,
    ascending, without rows where it isn't clear which ones these are, one row after
    the other, and which rows these are.
    """
    n_columns = P.shape[1]
    last = numpy.partition(P, n_columns - k, axis=1)[:, n_columns - k, None]
    found = numpy.flatnonzero(P >= last)
    is_tied = numpy.zeros(len(P), dtype=bool)
    if len(found) != k * len(P):
        rows = found // n_columns
        is_tied = numpy.bincount(rows, minlength=len(P)) != k
        found = found[~is_tied[rows]]
    return found % n_columns, is_tied


def _find_largest(P: numpy.ndarray, k: int) -> numpy.ndarray:
    """Find what top_columns does, k being at most the number of columns."""
    columns, is_tied = _mark_largest(P, k)
    top = columns.reshape((-1, k))
    values = P if not is_tied.any() else P[~is_tied]
    # An index is several times as fast as take_along_axis for few rows.
    rows = numpy.arange(len(top))[:, None]
    top = top[rows, (-values[rows, top]).argsort(axis=1, kind="stable")]
    if len(top) == len(P):
        return top
    found = numpy.empty((len(P), k), dtype="int64")
    found[~is_tied] = top
    found[is_tied] = (-P[is_tied]).argsort(axis=1, kind="stable")[:, :k]
    return found


def mix(values: numpy.ndarray) -> numpy.ndarray:
    """Spread every bit of a number over all others.

    Source: the finalizer of SplitMix64, Steele, Lea & Flood (2014), "Fast Splittable
        Pseudorandom Number Generators". https://doi.org/10.1145/2714064.2660195
    """
    values = values ^ (values >> numpy.uint64(30))
    values = values * numpy.uint64(0xBF58476D1CE4E5B9)
    values = values ^ (values >> numpy.uint64(27))
    values = values * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))


def slice_rows(n_rows: int, n_columns: int, most: int = 0) -> Iterator[slice]:
    """YIELDS (slice): Rows of an array of shape (rows, columns), together all of them,
    each so few that arrays of their shape are small whatever the number of columns.

    most (int): Numbers in them, if a row doesn't have more. 0 for SLICE.
    """
    size = max((most or SLICE) // max(n_columns, 1), 1)
    for start in range(0, n_rows, size):
        yield slice(start, start + size)


def find_cells(
    shape: Tuple[int, int], test: Callable[[slice], numpy.ndarray]
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Find cells of an array, as numpy.nonzero does, without a mask of all of them.

    test (Callable[[slice], numpy.ndarray]): Makes the mask of some rows.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Rows and columns, one row after the
        other, both int64.
    """
    found: List[numpy.ndarray] = [numpy.zeros((2, 0), dtype="int64")]
    for part in slice_rows(*shape):
        rows, columns = numpy.nonzero(test(part))
        found.append(numpy.stack([rows + part.start, columns]))
    rows, columns = numpy.hstack(found)
    return rows, columns


class RowStack:
    """An array whose rows come one by one, of which nothing is there twice.

    n_columns (int): Columns.
    dtype (str): Type of its numbers.
    """

    def __init__(self, n_columns: int, dtype: str) -> None:
        self.n_rows = 0
        self._rows = numpy.zeros((0, n_columns), dtype=dtype)

    def append(self, row: Any) -> None:
        """row (Any): Numbers of shape (columns,)."""
        if self.n_rows == len(self._rows):
            # The system moves large memory to another address without a copy.
            self._resize(self.n_rows + max(self.n_rows // 16, 16))
        self._rows[self.n_rows] = row
        self.n_rows += 1

    def take(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): All rows, (rows, columns). None can follow."""
        self._resize(self.n_rows)
        found = self._rows
        del self._rows
        return found

    def _resize(self, n_rows: int) -> None:
        # Nobody else has a reference until it's taken.
        self._rows.resize((n_rows, self._rows.shape[1]), refcheck=False)


def get_idf(counts: numpy.ndarray, n_docs: int) -> numpy.ndarray:
    """Find the smoothed inverse document frequency, ln((1 + n) / (1 + df)) + 1.

    Source: as in scikit-learn, after Salton & Buckley (1988), "Term-weighting
        Approaches in Automatic Text Retrieval".

    counts (numpy.ndarray): How many of the documents have each term.
    """
    return numpy.log((1 + n_docs) / (1 + counts)) + 1


def get_chance(n_first: int, n_second: int) -> float:
    """Find how probable it is that the first of two outcomes comes at least so often if
    both are equally likely: the sign test, with its mid-p correction, half of the
    probability of the very same.

    Source: Lancaster (1961), "Significance Tests in Discrete Distributions".

    RETURNS (float): From 0.0 to 1.0, 0.5 without any.
    """
    n = n_first + n_second
    if n > 100:
        # Close to normal, and the coefficients would be large.
        return erfc((n_first - n_second) / sqrt(2 * n)) / 2
    more = sum(comb(n, k) for k in range(n_first + 1, n + 1))
    return (more + comb(n, n_first) / 2) / 2**n
