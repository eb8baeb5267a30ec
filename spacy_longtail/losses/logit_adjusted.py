from functools import partial
from typing import Tuple

from thinc.api import get_current_ops
from thinc.types import Floats1d

from ..errors import Errors
from ..settings import MOST
from ..taxonomy import Taxonomy
from .core import BuildLossT, TaxonomyCrossEntropy, get_log_prior


def make_logit_adjusted(*, tau: float = 1.0) -> BuildLossT:
    """Add tau * log(prior) to the logits in training, so that the model doesn't
    have to learn the prior and its own logits are free of it.

    Registered as "spacy-longtail.LogitAdjusted.v1". The prior of a member of an
    Other is that of the mean count of its members, so an Other that pools k labels
    competes as k labels. At tau = 1.0 it's the balanced softmax of Ren et al. (2020).

    Source: Menon et al. (2021), "Long-Tail Learning via Logit Adjustment", equation
        10. https://arxiv.org/abs/2007.07314

    tau (float): From 0.0, the plain loss; 1.0 balances the classes, more favours the
        rare ones.
    RAISES (ValueError): L105 if tau isn't a finite number from 0.0.
    """
    check_tau(tau)
    return partial(build_logit_adjusted, tau=tau)


def build_logit_adjusted(taxonomy: Taxonomy, *, tau: float) -> TaxonomyCrossEntropy:
    log_prior, shifts = split_prior(taxonomy, tau)
    return TaxonomyCrossEntropy(log_prior, shifts=shifts)


def check_tau(tau: float) -> None:
    """RAISES (ValueError): L105 if tau isn't a finite number from 0.0."""
    if not 0.0 <= tau <= MOST:
        raise ValueError(Errors.L105.format(value=tau))


def split_prior(taxonomy: Taxonomy, tau: float) -> Tuple[Floats1d, Floats1d]:
    """RETURNS (Tuple[Floats1d, Floats1d]): What is left of the log prior in the logits
    of a model, and what is added to them in training, both of shape (leaves,).
    """
    log_prior, ops = get_log_prior(taxonomy.class_counts), get_current_ops()
    # Above 1.0 tau favours the tail on purpose: nothing is left to take out.
    left = ops.asarray1f(max(1.0 - tau, 0.0) * log_prior)
    return left, ops.asarray1f(tau * log_prior)
