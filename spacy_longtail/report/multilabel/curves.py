from typing import Any, Dict, List

import numpy

from ..curves import bin_reliability
from .answers import MultilabelAnswers

N_POINTS = 100
LOWEST = 1e-6


def get_reliability(answers: MultilabelAnswers) -> List[Dict[str, Any]]:
    """Compare how probable labels are with how often documents have them, over all
    pairs of a document and a label.

    RETURNS (List[Dict[str, Any]]): For each bin of the probability: low, high, n, mean
        probability and accuracy, the last two None if it is empty.
    """
    gold, _, is_known, P = answers.guesses
    return bin_reliability(P[is_known], gold[is_known])


def get_tradeoff(answers: MultilabelAnswers) -> Dict[str, Any]:
    """Find out how precision and recall change if all thresholds are raised or lowered
    together, by the same log odds.

    RETURNS (Dict[str, Any]): Points of recall, precision and shift, the least change
        first, and "now", the recall and precision of the pipeline as it is.
    """
    gold, guess, is_known, P = answers.guesses
    margins = (_to_odds(P) - _to_odds(answers.thresholds))[is_known]
    order = numpy.argsort(-margins, kind="stable")
    right = numpy.cumsum(gold[is_known][order])
    n = numpy.arange(1, len(order) + 1)
    # Further down, there is hardly anything to be found.
    last = min(int(numpy.searchsorted(right, right[-1])), len(order) - 1)
    picked = numpy.unique(
        numpy.searchsorted(right, numpy.linspace(1, right[-1], N_POINTS)).clip(max=last)
    )
    given, n_right = int(guess.sum()), int((guess & gold).sum())
    return {
        "points": [
            {
                "recall": float(right[i] / right[-1]),
                "precision": float(right[i] / n[i]),
                "shift": float(margins[order[i]]),
            }
            for i in picked
        ],
        "now": {
            "recall": n_right / max(int(gold.sum()), 1),
            "precision": n_right / max(given, 1),
        },
    }


def _to_odds(P: numpy.ndarray) -> numpy.ndarray:
    P = numpy.clip(P, LOWEST, 1.0 - LOWEST)
    return numpy.log(P) - numpy.log1p(-P)
