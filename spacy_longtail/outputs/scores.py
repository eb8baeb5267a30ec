"""How prediction scores documents against many rows, so that what it works with fits
into the cache of the processor.
"""

from typing import Any, List, NamedTuple, Tuple

from thinc.api import get_array_module
from thinc.types import Floats1d, Floats2d

from ..ops import EPSILON
from ..products import N_ROWS, PackedRows, multiply_rows, pack_rows

# Scores of documents that are worked on together, 1 MiB.
MOST_SCORES = 1 << 18
# If there are more rows, they are read in blocks, each for all documents.
MOST_AT_ONCE, MOST_ROWS = 20_000, 4096


class RowBlock(NamedTuple):
    """Neighbouring rows.

    place (slice): Which ones they are.
    W (PackedRows): The rows.
    biases (Any): What is added to their scores, of shape (rows,).
    scales (Any): 1.0 / their lengths, of the same shape.
    ends (Any): Those of them that stand for leaves.
    """

    place: slice
    W: PackedRows
    biases: Any
    scales: Any
    ends: Any


def cut_rows(W: Floats2d, biases: Floats1d, leaves: Any) -> List[RowBlock]:
    """Prepare rows to score documents against.

    leaves (Any): The rows that stand for leaves, integers.
    """
    lengths, is_end = measure_rows(W)[:, 0], get_array_module(W).zeros(len(W), bool)
    is_end[leaves] = True
    size, blocks = MOST_ROWS if len(W) > MOST_AT_ONCE else len(W), []
    for start in range(0, len(W), size):
        place = slice(start, min(start + size, len(W)))
        ends = slice(None) if is_end[place].all() else is_end[place].nonzero()[0]
        packed = pack_rows(W[place])
        blocks.append(
            RowBlock(place, packed, biases[place], 1.0 / lengths[place], ends)
        )
    return blocks


def score_blocks(blocks: List[RowBlock], X: Floats2d) -> Tuple[Floats2d, Floats1d]:
    """RETURNS (Tuple[Floats2d, Floats1d]): The product with each row, and its bias, of
    shape (docs, rows); and the highest cosine to a row that stands for a leaf, (docs,).
    """
    xp = get_array_module(X)
    Z = xp.empty((len(X), blocks[-1].place.stop), dtype=X.dtype)
    closest = xp.full(len(X), -xp.inf, dtype=X.dtype)
    for block in blocks:
        n_rows = block.W.n_rows
        step = max(MOST_SCORES // n_rows // N_ROWS * N_ROWS, N_ROWS)
        scaled = xp.empty((min(step, len(X)), n_rows), dtype=X.dtype)
        for start in range(0, len(X), step):
            docs = slice(start, start + step)
            scores = multiply_rows(X[docs], block.W, out=Z[docs, block.place])
            found = xp.multiply(scores, block.scales, out=scaled[: len(scores)])
            found = found[:, block.ends]
            if found.shape[1]:
                xp.maximum(closest[docs], found.max(axis=1), out=closest[docs])
            scores += block.biases
    return Z, closest / measure_rows(X)[:, 0]


def compare_blocks(blocks: List[RowBlock], X: Floats2d) -> Floats2d:
    """RETURNS (Floats2d): Cosines to all rows, of shape (docs, rows)."""
    cosines = [multiply_rows(X, block.W) * block.scales for block in blocks]
    return get_array_module(X).hstack(cosines) / measure_rows(X)


def measure_rows(X: Floats2d) -> Floats2d:
    """RETURNS (Floats2d): The length of each row, 1.0 for one of zeros, (rows, 1)."""
    lengths = (X * X).sum(axis=1, keepdims=True) ** 0.5
    return lengths + (lengths < EPSILON)
