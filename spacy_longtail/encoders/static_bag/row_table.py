from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import numpy
import srsly
from thinc.api import Optimizer
from thinc.shims import Shim

from ...errors import Errors
from ...saved import check_fields, check_type, read_array, read_msgpack, refuse
from ...vectors.table import quantize
from .key_index import KeyIndex

# 1: without "features".
FORMAT = 2
MAX_GAIN = 20.0
# That of Adam (Kingma & Ba 2015) and of the configs.
USUAL_RATE = 0.001
# Rows that move at once: what a processor's cache has room for.
AT_ONCE = 128


class RowTable(Shim):
    """A trainable table that has only the rows that training has touched.

    A row comes into being the first time its key occurs in a training batch, at a
    start vector of the caller's. An update of a batch costs time for the rows in the
    batch, not for the table: Thinc would step through every row of a parameter.
    Training uses them in full precision. What is predicted with and saved are the rows
    in 8 bits with a scale each, so that a saved table predicts exactly what it did
    before.

    A row is exp(gain) * direction, so that training can turn a whole row up or down
    faster than each of its numbers alone.

    Source: the update is Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980)
        on the touched rows only, like SparseAdam of PyTorch. With a shared rate it is
        AdaGrad-Norm (Ward et al. 2020, https://jmlr.org/papers/v21/18-352.html): plain
        steps along the gradient, over the root of the sum of squares of all gradients
        so far, so that rare rows move no further than they matter.

    width (int): Length of each row.
    vectors (str): Name of the vectors that rows start from, checked on load.
    gain_rate (float): Multiple of the optimizer's learning rate for gains, from 0.0.
    shared_rate (Optional[float]): If set, all rows share a step size: how far they move
        together in the first step, in units of each row's own rate, at the usual
        learning rate of the optimizer, USUAL_RATE. From 0.0.
    get_features (Optional[Callable[[], str]]): Gives the digest of what keys and start
        vectors are made of, checked on load, too.
    """

    def __init__(
        self,
        width: int,
        vectors: str,
        gain_rate: float = 0.0,
        *,
        shared_rate: Optional[float] = None,
        get_features: Optional[Callable[[], str]] = None,
    ) -> None:
        super().__init__(None)
        self.width = width
        self.vectors = vectors
        self.gain_rate = gain_rate
        self.shared_rate = shared_rate
        self.get_features = get_features
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        # Those of an earlier training, see restart.
        self._earlier: Optional[Tuple[KeyIndex, numpy.ndarray]] = None
        self._keep = 0.0
        # The row of each key.
        self.index = KeyIndex(numpy.zeros(0, dtype="uint64"))
        self.codes = numpy.zeros((0, self.width), dtype="int8")
        self.scales = numpy.zeros(0, dtype="float32")
        self.rates = numpy.zeros(0, dtype="float32")
        # These exist in training only: directions and gains in full precision, and the
        # two moments of Adam, or the sum of squares. The gain is the last column.
        self._exact = numpy.zeros((0, self.width + 1), dtype="float32")
        self._moments = self._make_moments(0)
        self._pending: List[Tuple[numpy.ndarray, numpy.ndarray]] = []
        self._n_updates = 0
        self._sum_squares = 0.0
        # Which rows aren't in 8 bits yet, as training has changed them.
        self._is_behind = numpy.zeros(0, dtype="bool")
        # Another object whenever a row has changed, and the one that is in 8 bits.
        self.state = self._rounded = object()

    def restart(self, keep: float) -> None:
        """Forget all rows but for a share of what they have learned: a row that comes
        into being again starts so far from its start vector.

        Source: the shrinking of Ash & Adams (2020), "On Warm-Starting Neural Network
            Training". https://arxiv.org/abs/1910.08475

        keep (float): From 0.0 to 1.0.
        """
        earlier = self.index, self.get(numpy.arange(len(self)))
        self.clear()
        self._earlier, self._keep = earlier, keep

    def __len__(self) -> int:
        return len(self.index)

    def find(self, keys: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Row of each key, -1 for none; int64, (keys,)."""
        return self.index.find(keys)

    def get(self, rows: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What predicts, float32, (rows, width)."""
        self._catch_up()
        vectors = self.codes[rows].astype("float32")
        vectors *= self.scales[rows, None]
        return vectors

    def get_exact(self, rows: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What learns, float32, (rows, width)."""
        self._prepare()
        exact = self._exact.take(rows, axis=0)
        if self.gain_rate:
            exact[:, :-1] *= numpy.exp(exact[:, -1:])
        return exact[:, :-1]

    def add(
        self, keys: numpy.ndarray, vectors: numpy.ndarray, rates: numpy.ndarray
    ) -> numpy.ndarray:
        """Add rows for keys that have none, uint64 without repeats. They start at the
        vectors, (new, width), and learn at these multiples of the optimizer's rate.

        RETURNS (numpy.ndarray): The new rows, int64 array of shape (new,).
        """
        self._prepare()
        added = self.index.add(keys)
        self._reserve(len(self))
        self.rates[added] = rates
        self._exact[added, :-1] = vectors
        if self._earlier is not None:
            index, learned = self._earlier
            found = index.find(keys)
            known = numpy.flatnonzero(found >= 0)
            steps = learned[found[known]] - vectors[known]
            self._exact[added[known], :-1] += self._keep * steps
        self._change(added)
        return added

    def inc_grad(self, rows: numpy.ndarray, d_rows: numpy.ndarray) -> None:
        """Keep the gradient, (rows, width), of some rows, int64 without repeats, until
        the next finish_update.
        """
        self._pending.append((rows, d_rows))

    def finish_update(self, optimizer: Optimizer) -> None:
        """Update the rows that have a gradient with the optimizer's settings."""
        if not self._pending:
            return
        rows = numpy.concatenate([rows for rows, _ in self._pending])
        grads = numpy.concatenate([d_rows for _, d_rows in self._pending])
        if len(self._pending) > 1:
            rows, inverse = numpy.unique(rows, return_inverse=True)
            merged = numpy.zeros((len(rows), self.width), dtype=grads.dtype)
            numpy.add.at(merged, inverse, grads)
            grads = merged
        self._pending = []
        self._prepare()
        clip = optimizer.grad_clip
        # A product of vectors so long would start threads of a BLAS.
        squares = numpy.einsum("ij,ij->i", grads, grads) if clip else grads[:0]
        norm = float(squares.sum(dtype="float64")) ** 0.5
        if clip and norm > clip:
            grads = grads * (clip / norm)
        if self.shared_rate is not None:
            size = self._get_shared_size(optimizer, rows, grads)
            move = partial(self._move_shared, size)
        else:
            move = partial(self._move, optimizer)
            self._n_updates += optimizer.b1 > 0.0 and optimizer.b2 > 0.0
        for start in range(0, len(rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            move(rows[part], grads[part])
        self._change(rows)

    def to_bytes(self) -> bytes:
        self._catch_up()
        n_rows = len(self)
        features = self.get_features() if self.get_features else ""
        msg: Dict[str, Any] = {"format": FORMAT, "vectors": self.vectors}
        msg["features"] = features
        msg["keys"] = self.index.get_keys().tobytes()
        for name in ("codes", "scales", "rates"):
            msg[name] = getattr(self, name)[:n_rows].tobytes()
        return srsly.msgpack_dumps(msg)

    def from_bytes(self, data: bytes) -> "RowTable":
        """Read what to_bytes wrote.

        RAISES (ValueError): L203 if the rows belong to other vectors, L204 if a newer
            version wrote them, L361 if they can't be what was written.
        """
        msg = check_type(read_msgpack(data), dict, "the table")
        found = check_type(msg.get("format"), int, "'format'")
        if found > FORMAT:
            raise ValueError(Errors.L204.format(found=found, known=FORMAT))
        texts = ["vectors", "features"][:found]
        arrays = ("keys", "codes", "scales", "rates")
        kinds: Dict[str, Any] = {"format": int, **dict.fromkeys(arrays, bytes)}
        check_fields(msg, {**kinds, **dict.fromkeys(texts, str)}, "the table")
        if msg["vectors"] != self.vectors:
            text = Errors.L203.format(saved=msg["vectors"], found=self.vectors)
            raise ValueError(text)
        if self.get_features and msg.get("features", "") not in (
            "",
            self.get_features(),
        ):
            refuse("its word vectors or its features aren't those of the config")
        n_rows = len(msg["keys"]) // 8
        keys = read_array(msg["keys"], "uint64", (n_rows,), "'keys'")
        if len(numpy.unique(keys)) < n_rows:
            refuse("a key has two rows")
        self.clear()
        self.index = KeyIndex(keys)
        shape = n_rows, self.width
        self.codes = read_array(msg["codes"], "int8", shape, "'codes'").copy()
        self.scales = read_array(msg["scales"], "float32", shape[:1], "'scales'").copy()
        self.rates = read_array(msg["rates"], "float32", shape[:1], "'rates'").copy()
        self._is_behind = numpy.zeros(n_rows, dtype="bool")
        return self

    def to_device(self, device_type: str, device_id: int) -> None:
        """The rows stay in main memory, only their sums go to the device."""

    def _prepare(self) -> None:
        """Allocate what only training needs, after loading or at the start."""
        n_rows = len(self.codes)
        if len(self._exact) < n_rows:
            self._exact = numpy.pad(self.get(numpy.arange(n_rows)), ((0, 0), (0, 1)))
            self._moments = self._make_moments(n_rows)

    def _make_moments(self, n_rows: int) -> numpy.ndarray:
        n_moments = 2 if self.shared_rate is None else 0
        return numpy.zeros((n_moments, n_rows, self.width + 1), dtype="float32")

    def _reserve(self, n_rows: int) -> None:
        size = len(self.codes)
        if n_rows <= size:
            return
        more = max(n_rows, 2 * size, 1024) - size
        grow: Callable[..., Any] = numpy.pad
        self.codes = grow(self.codes, ((0, more), (0, 0)))
        self.scales = grow(self.scales, (0, more))
        self.rates = grow(self.rates, (0, more))
        self._is_behind = grow(self._is_behind, (0, more))
        self._exact = grow(self._exact, ((0, more), (0, 0)))
        self._moments = grow(self._moments, ((0, 0), (0, more), (0, 0)))

    def _move(
        self, optimizer: Optimizer, rows: numpy.ndarray, grads: numpy.ndarray
    ) -> None:
        # The chain rule of exp(gain) * direction.
        exact = self._exact.take(rows, axis=0)
        gains, steps = numpy.exp(exact[:, -1:]), numpy.empty_like(exact)
        numpy.multiply(grads, gains, out=steps[:, :-1])
        steps[:, -1] = numpy.einsum("ij,ij->i", grads, exact[:, :-1]) * gains[:, 0]
        b1, b2 = optimizer.b1, optimizer.b2
        if b1 > 0.0 and b2 > 0.0:
            squares = steps * steps
            mom1, mom2 = (moments.take(rows, axis=0) for moments in self._moments)
            for mom, b, new in ((mom1, b1, steps), (mom2, b2, squares)):
                mom *= b
                new *= 1.0 - b
                mom += new
            self._moments[0, rows], self._moments[1, rows] = mom1, mom2
            mom1 /= 1.0 - b1**self._n_updates
            mom2 /= 1.0 - b2**self._n_updates
            numpy.sqrt(mom2, out=mom2)
            mom2 += optimizer.eps
            steps = numpy.divide(mom1, mom2, out=mom1)
        steps[:, :-1] *= self.rates[rows, None]
        steps[:, -1] *= self.gain_rate
        steps *= optimizer.learn_rate
        exact -= steps
        # What training that diverges would do to exp(gain).
        exact[:, -1] = exact[:, -1].clip(-MAX_GAIN, MAX_GAIN)
        self._exact[rows] = exact

    def _get_shared_size(
        self, optimizer: Optimizer, rows: numpy.ndarray, grads: numpy.ndarray
    ) -> float:
        squares = numpy.einsum("ij,ij->i", grads, grads) * self.rates[rows] ** 2
        self._sum_squares += float(squares.sum(dtype="float64"))
        size = cast(float, self.shared_rate) * optimizer.learn_rate / USUAL_RATE
        return size / (self._sum_squares**0.5 + optimizer.eps)

    def _move_shared(
        self, size: float, rows: numpy.ndarray, grads: numpy.ndarray
    ) -> None:
        exact = self._exact.take(rows, axis=0)
        factors = self.rates[rows, None] ** 2 * numpy.float32(size)
        exact[:, :-1] -= grads * factors
        self._exact[rows] = exact

    def _change(self, rows: numpy.ndarray) -> None:
        self._is_behind[rows] = True
        self.state = object()

    def _catch_up(self) -> None:
        """Round the rows that training has changed to 8 bits."""
        state = self.state
        if self._rounded is not state:
            rows = numpy.flatnonzero(self._is_behind)
            self.codes[rows], self.scales[rows] = quantize(self.get_exact(rows))
            self._is_behind[rows] = False
            self._rounded = state
