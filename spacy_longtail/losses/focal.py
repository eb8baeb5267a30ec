from functools import partial
from typing import Any, Tuple

from thinc.api import get_current_ops
from thinc.types import Floats1d

from ..errors import Errors
from ..settings import MOST
from ..taxonomy import Taxonomy
from .core import EPSILON, BuildLossT, TaxonomyCrossEntropy, get_log_prior


class FocalLoss(TaxonomyCrossEntropy):
    """Cross-entropy times (1 - p) ** gamma, see make_focal."""

    def __init__(self, taxonomy: Taxonomy, *, gamma: float) -> None:
        log_prior = get_log_prior(taxonomy.class_counts)
        super().__init__(get_current_ops().asarray1f(log_prior))
        self.gamma = gamma

    def _get_terms(self, xp: Any, log_p: Floats1d) -> Tuple[Floats1d, Floats1d]:
        rest = -xp.expm1(log_p)
        modulation = rest**self.gamma
        # d/dz of (1 - u)^g log u, u = exp(log_p) and du/dz = u (Q - P). Where
        # u is 1, both terms are 0.
        slope = log_p / xp.maximum(rest, EPSILON)
        factors = modulation * (1.0 - self.gamma * xp.exp(log_p) * slope)
        return factors, -modulation * log_p


def make_focal(*, gamma: float = 2.0) -> BuildLossT:
    """Give documents that are already classified well less weight:
    -(1 - p) ** gamma * log(p), p the probability of the gold label.

    Registered as "spacy-longtail.Focal.v1". What the component takes for the prior in
    the logits is that of the plain loss, so "uniform" favours the tail somewhat.

    Source: Lin et al. (2017), "Focal Loss for Dense Object Detection", equation 4.
        https://arxiv.org/abs/1708.02002

    gamma (float): From 0.0, the plain loss; 1.0 to 3.0 are usual.
    RAISES (ValueError): L106 if gamma isn't a finite number from 0.0.
    """
    if not 0.0 <= gamma <= MOST:
        raise ValueError(Errors.L106.format(value=gamma))
    return partial(FocalLoss, gamma=gamma)
