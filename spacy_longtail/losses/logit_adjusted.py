from functools import partial

from thinc.api import get_current_ops

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
    if not 0.0 <= tau <= MOST:
        raise ValueError(Errors.L105.format(value=tau))
    return partial(build_logit_adjusted, tau=tau)


def build_logit_adjusted(taxonomy: Taxonomy, *, tau: float) -> TaxonomyCrossEntropy:
    log_prior = get_log_prior(taxonomy.class_counts)
    ops = get_current_ops()
    return TaxonomyCrossEntropy(
        # Above 1.0 tau favours the tail on purpose: nothing is left to take out.
        ops.asarray1f(max(1.0 - tau, 0.0) * log_prior),
        shifts=ops.asarray1f(tau * log_prior),
    )
