from typing import Any, Callable, Optional, Tuple

import numpy
from thinc.api import Ops
from thinc.backends import get_array_ops
from thinc.types import Floats2d

from ...errors import Errors
from ...ops import sigmoid, softplus, spread_groups, sum_groups
from ...settings import MOST
from ...taxonomy import Taxonomy
from ..core import LeafLoss, SumsT


class BinaryCrossEntropy(LeafLoss):
    """Independent cross-entropies, one for each label, the core of all binary losses.

    The classes are the leaves that are trained on their own, then the Others. The odds
    of an Other are the sum of its members' odds, so its logit is their logsumexp. It
    is true if any of its members is; a member's share of the gradient is its share of
    the odds. A truth is 1.0 where a document has the leaf, 0.0 where it hasn't, and NaN
    where that isn't known, which has no gradient. The loss is the sum over labels.

    taxonomy (Taxonomy): The label tree.
    log_odds (numpy.ndarray): The log_prior of LeafLoss, as log odds.
    shifts (Optional[numpy.ndarray]): Added to the logits, of shape (leaves,).
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        log_odds: numpy.ndarray,
        shifts: Optional[numpy.ndarray] = None,
    ) -> None:
        super().__init__(log_odds)
        self.shifts = shifts
        self.heads = numpy.flatnonzero(taxonomy.other_of < 0)
        members = [other.members for other in taxonomy.others]
        self.members = numpy.asarray([m for group in members for m in group], "int64")
        self.sizes = numpy.asarray([len(group) for group in members], "int32")

    def _calculate(self, Z: Floats2d, truths: Floats2d) -> SumsT:
        ops = get_array_ops(Z)
        xp = ops.xp
        if self.shifts is not None:
            Z = Z + xp.asarray(self.shifts, Z.dtype)
        Z, Y, shares = self._pool(ops, Z, xp.asarray(truths, dtype=Z.dtype))
        is_known = ~xp.isnan(Y)
        losses, dZ = self._compare(xp, Z, xp.where(is_known, Y, 0.0))
        losses, dZ = xp.where(is_known, losses, 0.0), xp.where(is_known, dZ, 0.0)
        return self._unpool(ops, dZ, shares), losses.sum(), is_known.any(axis=1).sum()

    def _compare(self, xp: Any, Z: Floats2d, Y: Floats2d) -> Tuple[Floats2d, Floats2d]:
        """The loss of each class of each document and its derivative by the logit.

        Z (Floats2d): Logits of shape (docs, classes).
        Y (Floats2d): 1.0 or 0.0. Where it isn't known, what is returned is ignored.
        """
        return softplus(Z) - Z * Y, sigmoid(Z) - Y

    def _pool(
        self, ops: Ops, Z: Floats2d, Y: Floats2d
    ) -> Tuple[Floats2d, Floats2d, Floats2d]:
        """Turn leaves to classes, and find each member's share of its Other's odds."""
        xp = ops.xp
        if not len(self.members):
            return Z, Y, Z[:, :0]
        sizes, heads = ops.asarray1i(self.sizes), ops.asarray1i(self.heads)
        members = ops.asarray1i(self.members)
        Z_members, Y_members = Z[:, members], Y[:, members]
        tops = ops.reduce_max(ops.as_contig(Z_members.T), sizes)[0].T
        exps = xp.exp(Z_members - spread_groups(ops, tops, sizes))
        sums = sum_groups(ops, exps, sizes)
        shares = exps / spread_groups(ops, sums, sizes)
        n_yes = sum_groups(ops, (Y_members == 1.0).astype(Z.dtype), sizes)
        n_unknown = sum_groups(ops, xp.isnan(Y_members).astype(Z.dtype), sizes)
        Y_others = xp.where(n_unknown > 0, xp.nan, 0.0)
        Y_others = xp.where(n_yes > 0, 1.0, Y_others).astype(Z.dtype)
        Z = xp.concatenate([Z[:, heads], xp.log(sums) + tops], axis=1)
        return Z, xp.concatenate([Y[:, heads], Y_others], axis=1), shares

    def _unpool(self, ops: Ops, dZ: Floats2d, shares: Floats2d) -> Floats2d:
        if not len(self.members):
            return dZ
        n_heads = len(self.heads)
        d_logits = ops.xp.zeros((len(dZ), self.n_leaves), dtype=dZ.dtype)
        d_logits[:, ops.asarray1i(self.heads)] = dZ[:, :n_heads]
        d_others = spread_groups(ops, dZ[:, n_heads:], ops.asarray1i(self.sizes))
        d_logits[:, ops.asarray1i(self.members)] = d_others * shares
        return d_logits

    def _get_class_values(self, values: numpy.ndarray) -> numpy.ndarray:
        """Values of leaves as those of classes. Members of an Other have the same."""
        firsts = self.members[numpy.cumsum(self.sizes) - self.sizes]
        return numpy.concatenate([values[self.heads], values[firsts]])


# Builds the loss once the taxonomy is known.
BuildBinaryT = Callable[[Taxonomy], BinaryCrossEntropy]


def check_not_negative(loss: str, **settings: float) -> None:
    """RAISES (ValueError): L108 if a setting of a loss isn't finite and at least 0."""
    for name, value in settings.items():
        check_setting(loss, name, value, 0.0 <= value <= MOST, "of at least 0")


def check_setting(
    loss: str, name: str, value: float, is_fine: bool, expected: str
) -> None:
    """RAISES (ValueError): L108 if the setting of a loss isn't fine."""
    if not is_fine:
        text = Errors.L108.format(loss=loss, name=name, expected=expected, value=value)
        raise ValueError(text)
