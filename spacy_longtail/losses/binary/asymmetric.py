from functools import partial
from typing import Any, Tuple

from thinc.types import Floats2d

from ...ops import sigmoid, softplus
from ...taxonomy import Taxonomy
from .core import BinaryCrossEntropy, BuildBinaryT, check_not_negative, check_setting

NAME = "Asymmetric"
EPSILON = 1e-8


def make_asymmetric(
    *, gamma_positive: float = 1.0, gamma_negative: float = 4.0, margin: float = 0.05
) -> BuildBinaryT:
    """Focus on the hard documents, and more so among those without the label:

        -(1 - p) ** gamma_positive * log(p)       with the label
        -q ** gamma_negative * log(1 - q)         without, q = max(p - margin, 0)

    Registered as "spacy-longtail.Asymmetric.v1". With both gammas and the margin at 0.0
    it's the plain loss. The probabilities are too high by design, so that a threshold
    of 0.5 means little: fit thresholds.

    Source: Ridnik et al. (2021), "Asymmetric Loss For Multi-Label Classification",
        equations 4 to 7. https://arxiv.org/abs/2009.14119

    gamma_positive (float): From 0.0.
    gamma_negative (float): From 0.0.
    margin (float): Documents without the label whose probability is below it are
        ignored, from 0.0 to below 1.0.
    RAISES (ValueError): L108 if a setting is out of range.
    """
    gammas = {"gamma_positive": gamma_positive, "gamma_negative": gamma_negative}
    check_not_negative(NAME, **gammas)
    expected = "of at least 0 and below 1"
    check_setting(NAME, "margin", margin, 0.0 <= margin < 1.0, expected)
    return partial(Asymmetric, margin=margin, **gammas)


class Asymmetric(BinaryCrossEntropy):
    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        gamma_positive: float,
        gamma_negative: float,
        margin: float,
    ) -> None:
        super().__init__(taxonomy, log_odds=taxonomy.log_odds)
        self.gamma_positive = gamma_positive
        self.gamma_negative = gamma_negative
        self.margin = margin

    def _compare(self, xp: Any, Z: Floats2d, Y: Floats2d) -> Tuple[Floats2d, Floats2d]:
        P, N = sigmoid(Z), sigmoid(-Z)
        log_p = -softplus(-Z)
        focus = N**self.gamma_positive
        loss_yes = -focus * log_p
        d_yes = focus * (self.gamma_positive * P * log_p - N)
        gamma, margin = self.gamma_negative, self.margin
        Q = xp.maximum(P - margin, 0.0)
        # 1 - Q without the rounding error of 1 - p, which matters where p is near 1.
        left = xp.where(Q > 0, N + margin, 1.0)
        log_left = xp.log(xp.maximum(left, EPSILON)) if margin else -softplus(Z)
        focus = Q**gamma
        # dQ/dz = p (1 - p) where Q > 0. With gamma = 0 its power has no slope.
        slope = gamma * xp.where(Q > 0, Q, 1.0) ** (gamma - 1.0) * log_left
        ratio = xp.where(left > 0, N / xp.where(left > 0, left, 1.0), 1.0)
        loss_no = -focus * log_left
        d_no = xp.where(Q > 0, focus * P * ratio - slope * P * N, 0.0)
        return xp.where(Y > 0, loss_yes, loss_no), xp.where(Y > 0, d_yes, d_no)
