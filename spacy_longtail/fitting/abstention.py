import math
from typing import Dict, Optional

import numpy

from ..taxonomy import ROOT, Taxonomy

# Fewer predictions than this say too little about a threshold.
MIN_SUPPORT = 20
NEVER = 1.0
DIGITS = 8


def fit_precision_threshold(
    confidence: numpy.ndarray, is_right: numpy.ndarray, precision: float
) -> float:
    """Find the lowest threshold at which enough of what is left is right.

    confidence (numpy.ndarray): Probability of each prediction, of shape (docs,).
    is_right (numpy.ndarray): Whether it is right, of shape (docs,).
    precision (float): Wished share of right ones.
    RETURNS (float): 0.0 if all can stay, 1.0 if no threshold is high enough.
    """
    order = numpy.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    shares = numpy.cumsum(is_right[order]) / numpy.arange(1, len(order) + 1)
    # Predictions of the same confidence stay or go together.
    is_last = numpy.append(confidence[1:] < confidence[:-1], True)
    enough = numpy.flatnonzero((shares >= precision) & is_last)
    if not len(enough):
        return NEVER
    last = enough[-1]
    return _get_bound(confidence, int(last) + 1)


def fit_coverage_threshold(confidence: numpy.ndarray, coverage: float) -> float:
    """RETURNS (float): The highest threshold that at least a share of the predictions
    reach, 0.0 if there are none.
    """
    if not len(confidence):
        return 0.0
    # The share of a whole number may have a rounding error.
    n_kept = max(math.ceil(coverage * len(confidence) - 1e-9), 1)
    return _get_bound(numpy.sort(confidence)[::-1], n_kept)


def fit_label_thresholds(
    taxonomy: Taxonomy,
    guess: numpy.ndarray,
    confidence: numpy.ndarray,
    is_right: numpy.ndarray,
    precision: float,
    *,
    min_support: int = MIN_SUPPORT,
) -> Dict[str, float]:
    """Find a threshold for each node that enough predictions are below. A label whose
    predictions are too few has that of its parent, which is fitted on the predictions
    of all labels below it, and so on up to the root.

    guess (numpy.ndarray): Columns of the predicted labels, of shape (docs,).
    confidence, is_right, precision: See fit_precision_threshold.
    min_support (int): Fewest predictions.
    RETURNS (Dict[str, float]): For LongtailTextCategorizer.thresholds.
    """
    thresholds = {ROOT: fit_precision_threshold(confidence, is_right, precision)}
    for node, (start, end) in taxonomy.ranges.items():
        below = (guess >= start) & (guess < end)
        if below.sum() >= min_support:
            thresholds[node] = fit_precision_threshold(
                confidence[below], is_right[below], precision
            )
    return thresholds


def fit_ancestor_threshold(
    probability: numpy.ndarray,
    is_right: numpy.ndarray,
    precision: Optional[float],
    *,
    min_support: int = MIN_SUPPORT,
) -> float:
    """Find how probable the parent of an abstained label has to be to be kept.

    probability (numpy.ndarray): Of the parents of abstained labels, of shape (docs,).
    is_right (numpy.ndarray): Whether they are right, of shape (docs,).
    precision (Optional[float]): Wished share of right ones.
    RETURNS (float): 0.5 without a wish; the wish itself, as if probabilities were
        exact, if there are too few documents.
    """
    if precision is None:
        return 0.5
    if len(probability) < min_support:
        return precision
    return fit_precision_threshold(probability, is_right, precision)


def _get_bound(confidence: numpy.ndarray, n_kept: int) -> float:
    """Find what divides the first values from the others, in digits that JSON keeps."""
    if n_kept == len(confidence):
        return 0.0
    last, first = float(confidence[n_kept - 1]), float(confidence[n_kept])
    bound = round((last + first) / 2, DIGITS)
    return bound if bound <= last else math.floor(last * 10**DIGITS) / 10**DIGITS
