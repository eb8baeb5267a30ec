from functools import partial
from typing import Any, Tuple

from thinc.types import Floats2d

from ...ops import sigmoid, softplus
from ...settings import LEAST, MOST
from ...taxonomy import Taxonomy
from .core import BinaryCrossEntropy, BuildBinaryT, check_not_negative, check_setting

NAME = "DistributionBalanced"


def make_distribution_balanced(
    *,
    alpha: float = 0.1,
    beta: float = 10.0,
    mu: float = 0.2,
    kappa: float = 0.05,
    scale: float = 2.0,
) -> BuildBinaryT:
    """Weight each label of a document against the labels it occurs with, and let go of
    documents without a label sooner than of those with it:

        r = (1 / n of the label) / (sum of 1 / n of the document's labels)
        weight = alpha + sigmoid(beta * (r - mu))
        z = logit - kappa * log(N / n - 1)
        loss = weight * log(1 + exp(-z))                      with the label
        loss = weight * log(1 + exp(scale * z)) / scale       without

    Registered as "spacy-longtail.DistributionBalanced.v1". The first two lines make up
    for documents that are there for another of their labels; a document without labels
    isn't re-balanced, its r is 1. As in text classification, mu depends on the data.

    Source: Wu et al. (2020), "Distribution-Balanced Loss for Multi-Label Classification
        in Long-Tailed Datasets", equations 2 to 8. https://arxiv.org/abs/2007.09654

    alpha (float): Least weight, from 0.0.
    beta (float): How sharp the weights change, from 0.0.
    mu (float): The r whose weight is in the middle.
    kappa (float): Share of the prior that is added to the logits, from 0.0.
    scale (float): Tolerance for documents without the label, above 0.0; 1.0 for none.
    RAISES (ValueError): L108 if a setting is out of range.
    """
    check_not_negative(NAME, alpha=alpha, beta=beta, kappa=kappa)
    check_setting(NAME, "scale", scale, LEAST <= scale <= MOST, "above 0")
    check_setting(NAME, "mu", mu, abs(mu) <= MOST, "that is finite")
    return partial(
        DistributionBalanced, alpha=alpha, beta=beta, mu=mu, kappa=kappa, scale=scale
    )


class DistributionBalanced(BinaryCrossEntropy):
    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        alpha: float,
        beta: float,
        mu: float,
        kappa: float,
        scale: float,
    ) -> None:
        log_odds = taxonomy.log_odds
        super().__init__(
            taxonomy, log_odds=(1.0 - kappa) * log_odds, shifts=kappa * log_odds
        )
        self.alpha, self.beta, self.mu, self.scale = alpha, beta, mu, scale
        counts = taxonomy.class_counts
        n_docs = counts.sum() if taxonomy.n_docs is None else taxonomy.n_docs
        self.inverse = float(n_docs) / self._get_class_values(counts)

    def _compare(self, xp: Any, Z: Floats2d, Y: Floats2d) -> Tuple[Floats2d, Floats2d]:
        inverse = xp.asarray(self.inverse, dtype=Z.dtype)
        # Not by a BLAS, which would start threads.
        totals = xp.einsum("ij,j->i", Y, inverse).reshape((-1, 1))
        ratios = xp.where(totals > 0, inverse / xp.where(totals > 0, totals, 1.0), 1.0)
        weights = self.alpha + sigmoid(self.beta * (ratios - self.mu))
        loss_no = softplus(self.scale * Z) / self.scale
        losses = xp.where(Y > 0, softplus(-Z), loss_no)
        d_logits = xp.where(Y > 0, -sigmoid(-Z), sigmoid(self.scale * Z))
        return weights * losses, weights * d_logits
