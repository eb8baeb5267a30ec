from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple, cast

from thinc.api import get_array_module, get_current_ops
from thinc.loss import Loss
from thinc.types import Floats1d, Floats2d

from ..errors import Errors
from ..ops import slice_rows
from ..taxonomy import Taxonomy

EPSILON = 1e-30
# Largest weight of a document, whose square still fits into 32 bits.
MAX_WEIGHT = 1e9
# Numbers of the logits that are looked at together: what they need besides should fit
# into the cache of a processor, and never be another batch of as many labels.
BLOCK = 1 << 16


# Gradient and loss, summed over documents, and of how many anything is known.
SumsT = Tuple[Floats2d, Any, Any]


@dataclass(eq=False)
class LeafLoss(Loss, ABC):
    """A loss over the leaves of a taxonomy.

    log_prior (Any): The part of the prior, as logs or log odds, that the logits of a
        model trained with this loss contain, of shape (leaves,). Zeros if the loss
        takes all of it out. The component subtracts it to predict with another prior.
    """

    log_prior: Any

    @property
    def n_leaves(self) -> int:
        return len(self.log_prior)

    def __call__(self, guesses: Floats2d, truths: Floats2d) -> Tuple[Floats2d, float]:
        """Calculate gradient and loss together.

        guesses (Floats2d): Logits of shape (docs, leaves).
        truths (Floats2d): What is known of each leaf, same shape; see the class.
        RETURNS (Tuple[Floats2d, float]): The gradient with respect to the logits,
            and the loss in nats per document of which anything is known, 0.0 without
            any.
        RAISES (ValueError): L101 if the shapes don't fit.
        """
        found, wanted, n_leaves = guesses.shape, truths.shape, self.n_leaves
        if found != wanted or found[1] != n_leaves:
            text = Errors.L101.format(guesses=found, truths=wanted, n_leaves=n_leaves)
            raise ValueError(text)
        d_logits = get_array_module(guesses).empty_like(guesses)
        loss, n_known = 0.0, 0
        for rows in slice_rows(len(guesses), n_leaves, BLOCK):
            part = self._calculate(guesses[rows], truths[rows])
            d_logits[rows] = part[0]
            loss += float(part[1])
            n_known += int(part[2])
        scale = 1.0 / max(n_known, 1)
        d_logits *= scale
        return cast(Floats2d, d_logits), loss * scale

    def get_grad(self, guesses: Floats2d, truths: Floats2d) -> Floats2d:
        return self(guesses, truths)[0]

    def get_loss(self, guesses: Floats2d, truths: Floats2d) -> float:
        return self(guesses, truths)[1]

    @abstractmethod
    def _calculate(self, Z: Floats2d, truths: Floats2d) -> SumsT:
        """RETURNS (SumsT): Of some documents, arrays that were checked."""


@dataclass(eq=False)
class TaxonomyCrossEntropy(LeafLoss):
    """Cross-entropy over the leaves of a taxonomy, the core of all losses here.

    The truth of a document is 1.0 for the set S of leaves that its gold label allows:
    one leaf, the leaves of an Other, or those below an inner node; 0.0 otherwise. The
    likelihood is the sum over S, so the loss is -w log(sum of p over S) with p =
    softmax(logits + shifts). Documents that allow no leaf are ignored.

    weights (Optional[Floats1d]): Weight of a document by its class, of shape
        (leaves,), or None for 1.0. For a set it's the mean over its documents.
    shifts (Optional[Floats1d]): Added to the logits, of shape (leaves,).
    counts (Optional[Floats1d]): Documents behind each leaf, for that mean.
    """

    weights: Optional[Floats1d] = None
    shifts: Optional[Floats1d] = None
    counts: Optional[Floats1d] = None

    def _calculate(self, Z: Floats2d, truths: Floats2d) -> SumsT:
        xp = get_array_module(Z)
        has_label = xp.any(truths, axis=1)
        Z = self._shift(Z, truths)
        P, Q, log_likelihood = self._get_posteriors(xp, Z, truths, has_label)
        scale = self._get_scale(xp, truths, has_label)
        factors, losses = self._get_terms(xp, log_likelihood)
        P -= Q
        P *= cast(Floats2d, (factors * scale).reshape((-1, 1)).astype(P.dtype))
        return P, xp.sum(losses * scale), has_label.sum()

    def _shift(self, Z: Floats2d, truths: Floats2d) -> Floats2d:
        return Z if self.shifts is None else Z + self.shifts

    def _get_posteriors(
        self, xp: Any, Z: Floats2d, truths: Floats2d, has_label: Any
    ) -> Tuple[Floats2d, Floats2d, Floats1d]:
        """The softmax P, the softmax Q among the allowed leaves only, and the log
        of the share of P that is allowed (0.0 for documents without a label).
        """
        P = Z - xp.max(Z, axis=1, keepdims=True)
        # The set's own maximum keeps its sum from underflowing to 0.
        Q = xp.where(truths > 0, P, xp.asarray(-xp.inf, P.dtype))
        tops = xp.where(has_label, Q.max(axis=1), 0.0).reshape((-1, 1))
        Q -= tops
        xp.exp(Q, out=Q)
        set_sums = xp.where(has_label, Q.sum(axis=1), 1.0).reshape((-1, 1))
        Q /= set_sums
        xp.exp(P, out=P)
        sums = P.sum(axis=1, keepdims=True)
        P /= sums
        log_likelihood = xp.log(set_sums) + tops - xp.log(sums)
        # Rounding can lift it above 0, and focal loss takes a root of 1 - p.
        log_likelihood = xp.minimum(log_likelihood[:, 0], 0.0)
        log_likelihood = xp.where(has_label, log_likelihood, 0.0)
        return P, Q, log_likelihood

    def _get_scale(self, xp: Any, truths: Floats2d, has_label: Any) -> Floats1d:
        """The weight of each document, 0.0 for those without a label."""
        if self.weights is None:
            return has_label
        counts = xp.ones_like(self.weights) if self.counts is None else self.counts
        # Not by a BLAS, which would start threads.
        totals, weights = (
            xp.einsum("ij,j->i", truths, factors)
            for factors in (counts, counts * self.weights)
        )
        return has_label * weights / xp.maximum(totals, EPSILON)

    def _get_terms(self, xp: Any, log_p: Floats1d) -> Tuple[Floats1d, Floats1d]:
        """The factor of (P - Q) in the gradient and the loss, by document."""
        return xp.ones_like(log_p), -log_p


# Builds the loss once the taxonomy is known.
BuildLossT = Callable[[Taxonomy], TaxonomyCrossEntropy]


def get_log_prior(class_counts: Floats1d) -> Floats1d:
    """RETURNS (Floats1d): Log of each leaf's share of the documents."""
    xp = get_array_module(class_counts)
    return xp.log(class_counts / xp.sum(class_counts))


def weight_classes(counts: Floats1d, weights: Floats1d) -> TaxonomyCrossEntropy:
    """Build the loss that weights documents by their class.

    counts (Floats1d): Documents behind each leaf, of shape (leaves,).
    weights (Floats1d): Weight of each leaf's documents, same shape.
    """
    ops = get_current_ops()
    return TaxonomyCrossEntropy(
        # Weighting documents by w is training on class counts of n * w.
        ops.asarray1f(get_log_prior(counts * weights)),
        weights=ops.asarray1f(weights),
        counts=ops.asarray1f(counts),
    )
