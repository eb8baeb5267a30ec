import numpy
from thinc.api import NumpyOps

# Rows are summed in main memory, whatever device the rest of the model is on.
OPS = NumpyOps()
# Short runs are one chunk, and few rows of zeros are added to fill it.
CHUNK = 8


def sum_rows(
    table: numpy.ndarray, rows: numpy.ndarray, lengths: numpy.ndarray
) -> numpy.ndarray:
    """Sum rows of a table without copying them. The sum of a run doesn't depend on what
    other runs there are, to the bit.

    table (numpy.ndarray): float32 array of shape (rows, width). The first is zeros.
    rows (numpy.ndarray): Rows to sum, one run after another, int64. Those that are 0
        take no time.
    lengths (numpy.ndarray): How many rows each run has, int64, (runs,).
    RETURNS (numpy.ndarray): float32 array of shape (runs, width).
    """
    used = rows.nonzero()[0]
    owners = numpy.arange(len(lengths)).repeat(lengths)[used]
    lengths = numpy.bincount(owners, minlength=len(lengths))
    n_chunks = -(-lengths // CHUNK)
    if not len(used):
        return numpy.zeros((len(lengths), table.shape[1]), dtype="float32")
    firsts = CHUNK * (numpy.cumsum(n_chunks) - n_chunks)
    places = (firsts - numpy.cumsum(lengths) + lengths)[owners]
    places += numpy.arange(len(used))
    chunks = numpy.zeros((int(n_chunks.sum()), CHUNK), dtype="int32")
    chunks.ravel()[places] = rows[used]
    return OPS.reduce_sum(OPS.gather_add(table, chunks), n_chunks.astype("int32"))


def put_zeros_before(rows: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): A table for sum_rows, (1 + rows, width)."""
    return numpy.concatenate([numpy.zeros_like(rows, shape=(1, rows.shape[1])), rows])


def sum_runs(vectors: numpy.ndarray, owners: numpy.ndarray, n: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Sum of the vectors, (vectors, width), of each of n
    owners; float32, (n, width).

    owners (numpy.ndarray): Owner of each vector, ascending, from 0 to below n.
    """
    X = numpy.zeros((n, vectors.shape[1]), dtype="float32")
    if len(vectors):
        lengths = numpy.bincount(owners, minlength=n).astype("int32")
        # Ten times as fast as numpy.add.reduceat, but it can't end with empty runs.
        X[lengths > 0] = OPS.reduce_sum(vectors, lengths[lengths > 0])
    return X
