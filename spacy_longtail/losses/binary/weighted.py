from functools import partial
from typing import Any, Optional, Tuple

import numpy
from thinc.types import Floats2d

from ...ops import sigmoid, softplus
from ...taxonomy import Taxonomy
from ..core import MAX_WEIGHT
from .core import BinaryCrossEntropy, BuildBinaryT, check_not_negative, check_setting

NAME = "WeightedBinaryCrossEntropy"


def make_weighted_binary_cross_entropy(
    *, power: float = 1.0, cap: Optional[float] = 10.0
) -> BuildBinaryT:
    """Weight the documents that have a label by how many have not:

        weight = (documents without / documents with) ** power

    Registered as "spacy-longtail.WeightedBinaryCrossEntropy.v1". A label of more than
    half of the documents gets a weight below 1.

    Source: King & Zeng (2001), "Logistic Regression in Rare Events Data", section 4.2;
        the "pos_weight" of binary cross-entropy in deep-learning libraries.

    power (float): From 0.0, no weighting, to 1.0, inverse frequency, or more.
    cap (Optional[float]): Largest weight, above 0.0. None for no limit.
    RAISES (ValueError): L108 if a setting is out of range.
    """
    check_not_negative(NAME, power=power)
    if cap is not None:
        check_setting(NAME, "cap", cap, cap > 0.0, "above 0 or null")
    return partial(WeightedBinaryCrossEntropy, power=power, cap=cap)


class WeightedBinaryCrossEntropy(BinaryCrossEntropy):
    def __init__(
        self, taxonomy: Taxonomy, *, power: float, cap: Optional[float]
    ) -> None:
        with numpy.errstate(over="ignore"):
            weights = numpy.exp(-power * taxonomy.log_odds)
        weights = numpy.clip(weights, 1 / MAX_WEIGHT, MAX_WEIGHT)
        if cap is not None:
            weights = numpy.minimum(weights, cap)
        # Weighting the positives by w is training on w times their odds.
        super().__init__(taxonomy, log_odds=taxonomy.log_odds + numpy.log(weights))
        self.weights = self._get_class_values(weights)

    def _compare(self, xp: Any, Z: Floats2d, Y: Floats2d) -> Tuple[Floats2d, Floats2d]:
        weights = 1.0 + Y * (xp.asarray(self.weights, Z.dtype) - 1.0)
        return weights * (softplus(Z) - Z * Y), weights * (sigmoid(Z) - Y)
