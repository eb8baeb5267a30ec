from functools import partial
from typing import Any, Tuple

from thinc.types import Floats1d

from ..errors import Errors
from ..taxonomy import Taxonomy
from .core import BuildLossT, TaxonomyCrossEntropy
from .logit_adjusted import check_tau, split_prior


class GeneralizedCrossEntropy(TaxonomyCrossEntropy):
    """Between cross-entropy and 1 - p, see make_generalized_cross_entropy."""

    def __init__(self, taxonomy: Taxonomy, *, q: float, tau: float) -> None:
        log_prior, shifts = split_prior(taxonomy, tau)
        super().__init__(log_prior, shifts=shifts)
        self.q = q

    def _get_terms(self, xp: Any, log_p: Floats1d) -> Tuple[Floats1d, Floats1d]:
        if not self.q:
            return super()._get_terms(xp, log_p)
        scaled = self.q * log_p
        return xp.exp(scaled), -xp.expm1(scaled) / self.q


def make_generalized_cross_entropy(*, q: float = 0.3, tau: float = 1.0) -> BuildLossT:
    """Let go of documents whose gold label stays improbable, among them those with a
    wrong label and those that could have had another as well:

        (1 - p ** q) / q

    p is the probability of the gold label, with tau * log(prior) added to the logits
    as in "spacy-longtail.LogitAdjusted.v1". It's the same gradient times p ** q.

    Registered as "spacy-longtail.GeneralizedCrossEntropy.v1". The loss isn't in nats
    but at most 1 / q.

    Source: Zhang & Sabuncu (2018), "Generalized Cross Entropy Loss for Training Deep
        Neural Networks with Noisy Labels", equation 6.
        https://arxiv.org/abs/1805.07836

    q (float): From 0.0, the cross-entropy, to 1.0, the mean absolute error, which
        learns slowly.
    tau (float): From 0.0, which leaves the prior in the logits; 1.0 balances the
        classes.
    RAISES (ValueError): L109 if q isn't from 0.0 to 1.0, L105 if tau isn't a finite
        number from 0.0.
    """
    if not 0.0 <= q <= 1.0:
        raise ValueError(Errors.L109.format(value=q))
    check_tau(tau)
    return partial(GeneralizedCrossEntropy, q=q, tau=tau)
