"""How much the terms of a model should say."""

from typing import Optional

import numpy

from ..evaluation.evidence import Evidence
from ..fitting.calibration import fit_temperature
from ..pipeline.settings import read_prior
from .wish import Wish

SHARES = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
# Which of the two documents are like is soon seen, and the rest hardly matters here.
PRIORS = [0.0, 1.0]


def choose_share(
    evidence: Evidence, gold: numpy.ndarray, wish: Wish, now: Optional[float]
) -> Optional[float]:
    """Choose the share of the terms under which the gold labels are most likely, at its
    best temperature. Macro-F1 would say more of what is wished, but so much less surely
    that on a few hundred documents the choice is chance.

    gold (numpy.ndarray): Columns of the gold labels among the component's own.
    now (Optional[float]): The present share, None if there are no terms.
    RETURNS (Optional[float]): The share, the present one if no other is better.
    """
    if now is None:
        return None
    priors = PRIORS if wish.prior is None else [read_prior(wish.prior)]

    def rate(share: float) -> float:
        mixed = evidence.remix(share)
        return min(fit_temperature(mixed.get_logits(p), gold)[1] for p in priors)

    return min([now, *SHARES], key=rate)
