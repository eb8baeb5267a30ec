from functools import partial

from ..errors import Errors
from ..taxonomy import Taxonomy
from .core import BuildLossT, TaxonomyCrossEntropy, weight_classes


def make_class_balanced(*, beta: float = 0.999) -> BuildLossT:
    """Weight each document by the inverse of the effective number of examples of
    its class, (1 - beta**n) / (1 - beta), scaled so that the mean over the classes
    is 1.0.

    Registered as "spacy-longtail.ClassBalanced.v1". An Other that pools k labels
    counts as k classes with their mean count.

    Source: Cui et al. (2019), "Class-Balanced Loss Based on Effective Number of
        Samples", section 4. https://arxiv.org/abs/1901.05555

    beta (float): From 0.0, no weighting, to just below 1.0, inverse frequency.
    RAISES (ValueError): L104 if beta isn't in [0.0, 1.0).
    """
    if not 0.0 <= beta < 1.0:
        raise ValueError(Errors.L104.format(value=beta))
    return partial(build_class_balanced, beta=beta)


def build_class_balanced(taxonomy: Taxonomy, *, beta: float) -> TaxonomyCrossEntropy:
    counts = taxonomy.class_counts
    weights = (1.0 - beta) / (1.0 - beta**counts)
    return weight_classes(counts, weights / weights.mean())
