"""How much the terms of a model should say."""

from typing import Optional

import numpy

from ..evaluation.evidence import Evidence
from ..pipeline.settings import read_prior
from .wish import Wish

PRIORS = [0.0, 0.25, 0.5, 0.75, 1.0]
SHARES = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def choose_share(
    evidence: Evidence, wish: Wish, now: Optional[float]
) -> Optional[float]:
    """Choose the share of the terms with the best macro-F1, or accuracy if that is
    wished, under the prior that is best with it. What a share gets counts half, its
    neighbours a quarter each, so that chance says less.

    now (Optional[float]): The present share, None if there are no terms.
    RETURNS (Optional[float]): The share; the present one if probabilities are what is
        wished, or if no other is better.
    """
    if now is None or wish.goal == "calibration":
        return now
    priors = PRIORS if wish.prior is None else [read_prior(wish.prior)]
    biases = [evidence.pipe.get_bias(prior) for prior in priors]
    gold = evidence.predictions.gold_columns
    rated = []
    for share in SHARES:
        logits = evidence.remix(share).raw.logits
        columns = (evidence.columns[(logits + bias).argmax(axis=1)] for bias in biases)
        rated.append(max(_rate(guess, gold, wish) for guess in columns))
    padded = numpy.pad(rated, 1, mode="edge")
    smooth = padded[:-2] / 4 + padded[1:-1] / 2 + padded[2:] / 4
    best = int(smooth.argmax())
    present = int(numpy.abs(numpy.asarray(SHARES) - now).argmin())
    return SHARES[best] if smooth[best] > smooth[present] else now


def _rate(guess: numpy.ndarray, gold: numpy.ndarray, wish: Wish) -> float:
    """RETURNS (float): Macro-F1 over the gold labels of the documents, or accuracy."""
    is_right = guess == gold
    if wish.goal == "accuracy":
        return float(is_right.mean())
    n = int(max(guess.max(), gold.max())) + 1
    right, given, wanted = (
        numpy.bincount(columns, minlength=n)
        for columns in (gold[is_right], guess, gold)
    )
    has_gold = wanted > 0
    return float((2 * right / numpy.maximum(given + wanted, 1))[has_gold].mean())
