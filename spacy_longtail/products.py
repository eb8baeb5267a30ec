"""Products of matrices, on the thread that asks for them.

NumPy's BLAS shares a product among threads of its own, as many as there are cores, in
every process. Where several processes share a machine these wait for each other. Up to
2 ** 18 multiplications OpenBLAS, which NumPy brings, starts none, so products are made
in blocks of at most so many. In billions of operations per second, measured on one core
with 256 rows of width 256 times 150 to 8,000 rows:

                                          AVX-512       its kernels for AVX2
    blocks of 32 rows, packed            122 to 147         50 to 55
    blocks of 32 rows, as they come      104 to 115         46 to 49
    NumPy, blocks of 64 rows              85 to 95          64 to 69
    Thinc's BLIS, blocks of 64 rows       56 to 66          62 to 67

A limit of threads (threadpoolctl) would be one of the whole process, which other code
notices. On a GPU, a product is what its library makes it.
"""

from functools import lru_cache
from typing import Any, Iterator, List, NamedTuple, Tuple, Union

import numpy
from thinc.api import NumpyOps, get_array_module

MOST_MULTIPLIED = 1 << 18
# Of a block. With more, many documents would be faster, and a single one slower.
N_ROWS = 32
# Of what is multiplied at a time. The rest is added.
MAX_DEPTH = 256
OPS = NumpyOps(use_blis=True)


class PackedRows(NamedTuple):
    """The right side of multiply_rows, in the order in which it is read.

    blocks (List[Any]): Arrays of shape (blocks, depth, columns), the last columns
        zeros, one for each part of the width.
    columns (Any): In place of blocks, the rows as columns, of shape (width, rows).
    n_rows (int): How many there are.
    """

    blocks: List[Any]
    columns: Any
    n_rows: int


def pack_rows(W: Any) -> PackedRows:
    """Prepare rows to be multiplied with again and again.

    W (Any): Array of shape (rows, width).
    """
    n_rows, width = W.shape
    if not isinstance(W, numpy.ndarray):
        return PackedRows([], W.T, n_rows)
    if not _is_fair(W.dtype.char, width):
        return PackedRows([], numpy.ascontiguousarray(W.T), n_rows)
    return PackedRows(_make_blocks(W), None, n_rows)


def _make_blocks(W: numpy.ndarray) -> List[numpy.ndarray]:
    blocks = []
    for part in _cut_depth(W.shape[1]):
        columns = _count_columns(part.stop - part.start)
        padded = numpy.zeros((-(-len(W) // columns) * columns, W.shape[1]), W.dtype)
        padded[: len(W)] = W
        stacked = padded[:, part].reshape((-1, columns, part.stop - part.start))
        blocks.append(numpy.ascontiguousarray(stacked.transpose(0, 2, 1)))
    return blocks


@lru_cache(maxsize=None)
def _is_fair(dtype: str, width: int) -> bool:
    """RETURNS (bool): Whether a row gets the same result at each place of a block. The
    kernels of OpenBLAS for AVX2 calculate every second six rows in another order.
    """
    rng = numpy.random.default_rng(0)
    W = PackedRows(_make_blocks(rng.standard_normal((1, width)).astype(dtype)), None, 1)
    W.blocks[:] = [rng.standard_normal(b.shape).astype(dtype) for b in W.blocks]
    X = numpy.repeat(rng.standard_normal((1, width)).astype(dtype), N_ROWS, axis=0)
    W = W._replace(n_rows=W.blocks[0].shape[2])
    found = numpy.empty((N_ROWS, W.n_rows), dtype)
    _multiply_packed(X, W, found)
    return bool((found == found[0]).all())


def multiply_rows(X: Any, W: Union[Any, PackedRows], out: Any = None) -> Any:
    """Multiply each row with each of other rows, X @ W.T, so that the result of a row
    doesn't depend on how many rows there are.

    A BLAS takes another path through its code, with other roundings, for another
    number of rows, so that number is always the same here. Where that isn't enough for
    32 bits, it's BLIS that multiplies: its results are the same at every place.

    X (Any): Array of shape (rows, width).
    W (Union[Any, PackedRows]): Array of the same type, of shape (columns, width),
        packed if it's to be used again.
    out (Any): Where to put the result, an array of shape (rows, columns).
    RETURNS (Any): The result.
    """
    n_rows, width = X.shape
    xp = get_array_module(X)
    W = W if isinstance(W, PackedRows) else pack_rows(W)
    padded = X
    if n_rows % N_ROWS or not X.flags["C_CONTIGUOUS"]:
        padded = xp.zeros((-(-n_rows // N_ROWS) * N_ROWS, width), dtype=X.dtype)
        padded[:n_rows] = X
    found = out
    if out is None or len(padded) > n_rows:
        found = xp.empty((len(padded), W.n_rows), dtype=X.dtype)
    _multiply_padded(padded, W, found)
    if out is None or found is out:
        return found[:n_rows]
    out[:] = found[:n_rows]
    return out


def _multiply_padded(X: Any, W: PackedRows, out: Any) -> None:
    if W.columns is None:
        return _multiply_packed(X, W, out)
    stacked = X.reshape((-1, N_ROWS, X.shape[1]))
    if isinstance(X, numpy.ndarray) and X.dtype == "float32":
        for A, found in zip(stacked, out.reshape((-1, N_ROWS, W.n_rows))):
            # It can't write between the columns of others.
            found[:] = OPS.gemm(A, W.columns)
    else:
        out[:] = (stacked @ W.columns).reshape(out.shape)


def multiply_matrices(A: Any, B: Any) -> Any:
    """RETURNS (Any): A @ B, of two matrices of the same type."""
    if not isinstance(A, numpy.ndarray):
        return A @ B
    out = numpy.zeros((A.shape[0], B.shape[1]), A.dtype)
    target = out
    for part in _cut_depth(A.shape[1]):
        if part.start:
            target = numpy.empty_like(out)
        _multiply_part(A[:, part], B[part], target)
        if part.start:
            out += target
    return out


def _multiply_part(A: numpy.ndarray, B: numpy.ndarray, out: numpy.ndarray) -> None:
    size = _count_columns(A.shape[1])
    for rows, height in _cut(len(A), N_ROWS):
        for columns, width in _cut(B.shape[1], size):
            stacked = B[:, columns].reshape((len(B), -1, width)).transpose(1, 0, 2)
            _multiply_blocks(A[rows], stacked, out[rows, columns], height)


def _multiply_packed(X: numpy.ndarray, W: PackedRows, out: numpy.ndarray) -> None:
    target = out
    for part, blocks in zip(_cut_depth(X.shape[1]), W.blocks):
        if part.start:
            target = numpy.empty_like(out)
        n_whole = W.n_rows // blocks.shape[2]
        whole = n_whole * blocks.shape[2]
        if n_whole:
            _multiply_blocks(X[:, part], blocks[:n_whole], target[:, :whole], N_ROWS)
        if whole < W.n_rows:
            last = numpy.empty((len(X), blocks.shape[2]), X.dtype)
            _multiply_blocks(X[:, part], blocks[n_whole:], last, N_ROWS)
            target[:, whole:] = last[:, : W.n_rows - whole]
        if part.start:
            out += target


def _multiply_blocks(
    A: numpy.ndarray, blocks: numpy.ndarray, out: numpy.ndarray, height: int
) -> None:
    """Multiply blocks of so many rows of A with blocks of shape (depth, columns)."""
    n_blocks, depth, columns = blocks.shape
    stacked = A.reshape((1, -1, height, depth))
    # The rows change faster than the columns, of which there can be many more.
    shape = stacked.shape[1], height, n_blocks, columns
    target = out.reshape(shape).transpose(2, 0, 1, 3)
    numpy.matmul(stacked, blocks[:, None], out=target)


def _cut(n: int, size: int) -> Iterator[Tuple[slice, int]]:
    """YIELDS (Tuple[slice, int]): What can be cut into so many, and the rest."""
    whole = n // size * size
    if whole:
        yield slice(0, whole), size
    if whole < n:
        yield slice(whole, n), n - whole


def _cut_depth(depth: int) -> List[slice]:
    n_parts = -(-depth // MAX_DEPTH)
    size = -(-depth // max(n_parts, 1))
    return [slice(i, min(i + size, depth)) for i in range(0, depth, max(size, 1))]


def _count_columns(depth: int) -> int:
    return max(MOST_MULTIPLIED // (N_ROWS * depth) // 16 * 16, 16)
