from functools import partial
from typing import Optional

import numpy

from ..errors import Errors
from ..settings import MOST
from ..taxonomy import Taxonomy
from .core import MAX_WEIGHT, BuildLossT, TaxonomyCrossEntropy, weight_classes


def make_weighted_cross_entropy(
    *, power: float = 1.0, cap: Optional[float] = None, normalize: bool = False
) -> BuildLossT:
    """Weight each document inversely to the frequency of its class:

        weight = (total / (num_classes * count)) ** power

    Registered as "spacy-longtail.WeightedCrossEntropy.v1". An Other that pools k
    labels counts as k classes with their mean count.

    Source: the "balanced" heuristic of King & Zeng (2001), "Logistic Regression in
        Rare Events Data", as in scikit-learn's compute_class_weight.

    power (float): From 0.0, no weighting, to 1.0, inverse frequency, or more.
    cap (Optional[float]): Largest weight before 'normalize', above 0.0. None for no
        limit.
    normalize (bool): Whether to scale the weights so that their mean over the
        training documents is 1.0, which only 'power' and 'cap' change.
    RAISES (ValueError): L102 or L103 if power or cap is out of range.
    """
    if not 0.0 <= power <= MOST:
        raise ValueError(Errors.L102.format(value=power))
    if cap is not None and not cap > 0.0:
        raise ValueError(Errors.L103.format(value=cap))
    return partial(
        build_weighted_cross_entropy, power=power, cap=cap, normalize=normalize
    )


def build_weighted_cross_entropy(
    taxonomy: Taxonomy, *, power: float, cap: Optional[float], normalize: bool
) -> TaxonomyCrossEntropy:
    counts = taxonomy.class_counts
    with numpy.errstate(over="ignore"):
        weights = (counts.sum() / (len(counts) * counts)) ** power
    weights = numpy.clip(weights, 1 / MAX_WEIGHT, MAX_WEIGHT)
    if cap is not None:
        weights = numpy.minimum(weights, cap)
    if normalize:
        weights = weights * counts.sum() / (counts * weights).sum()
    return weight_classes(counts, weights)
