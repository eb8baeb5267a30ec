from functools import partial

from ...taxonomy import Taxonomy
from .core import BinaryCrossEntropy, BuildBinaryT, check_not_negative


def make_binary_logit_adjusted(*, tau: float = 1.0) -> BuildBinaryT:
    """Add tau * log(prior / (1 - prior)) to each logit in training, so that the model
    doesn't have to learn how frequent a label is. At tau = 0.0 it's the plain loss.

    Registered as "spacy-longtail.BinaryLogitAdjusted.v1".

    Source: Menon et al. (2021), "Long-Tail Learning via Logit Adjustment", equation
        10, for two classes. https://arxiv.org/abs/2007.07314

    tau (float): From 0.0; 1.0 takes the whole prior out of the logits.
    RAISES (ValueError): L108 if tau is out of range.
    """
    check_not_negative("BinaryLogitAdjusted", tau=tau)
    return partial(build_binary_logit_adjusted, tau=tau)


def build_binary_logit_adjusted(
    taxonomy: Taxonomy, *, tau: float
) -> BinaryCrossEntropy:
    log_odds = taxonomy.log_odds
    return BinaryCrossEntropy(
        taxonomy, log_odds=(1.0 - tau) * log_odds, shifts=tau * log_odds
    )
