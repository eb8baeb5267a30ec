from typing import Any, Optional

import numpy

from ..errors import Errors

LOWEST, HIGHEST = 1e-6, 1.0 - 1e-6
N_GRID = 200
SMOOTHING = 30.0
# Below every probability.
UNKNOWN = -1.0


def fit_thresholds(
    scores: numpy.ndarray,
    truths: numpy.ndarray,
    *,
    precision: Optional[float] = None,
    smoothing: float = SMOOTHING,
) -> numpy.ndarray:
    """Find for each label the probability from which a document should have it.

    Maximizes F1, or, if a precision is wished, the recall among thresholds that reach
    it. With few positive documents the best threshold is chance, so that it is shrunk
    towards the best common threshold of all labels, in log odds: that of a label with n
    positive documents counts n / (n + smoothing).

    Source: per-label thresholds after Yang (2001), "A Study of Thresholding Strategies
        for Text Categorization" (SCut); the shrinkage is that of an empirical mean.

    scores (numpy.ndarray): Probabilities of shape (docs, labels).
    truths (numpy.ndarray): 1.0, 0.0 or NaN for what isn't known, same shape.
    precision (Optional[float]): Wished precision, above 0.0 to 1.0. None for best F1.
        A label that reaches it nowhere gets the threshold with the best precision.
    smoothing (float): Positive documents that the common threshold counts as, from 0.0.
    RETURNS (numpy.ndarray): float64 array of shape (labels,), in (0, 1). A label
        without positive documents gets the common threshold.
    RAISES (ValueError): L326 if the shapes don't fit, L327 for settings out of range.
    """
    scores = numpy.asarray(scores, dtype="float64")
    truths = numpy.asarray(truths, dtype="float64")
    if scores.shape != truths.shape or scores.ndim != 2:
        text = Errors.L326.format(scores=scores.shape, truths=truths.shape)
        raise ValueError(text)
    _check("precision", precision, precision is None or 0.0 < precision <= 1.0)
    _check("smoothing", smoothing, 0.0 <= smoothing < float("inf"))
    scores = numpy.clip(scores, LOWEST, HIGHEST)
    # What isn't known is never above a threshold and never positive.
    scores = numpy.where(numpy.isnan(truths), UNKNOWN, scores)
    is_yes = truths == 1.0
    support = is_yes.sum(axis=0)
    common = _fit_common(scores, is_yes, precision)
    if not support.any():
        return numpy.full(len(support), common)
    own = _fit_each(scores, is_yes, precision, common)
    share = support / numpy.maximum(support + smoothing, 1e-9)
    odds = share * _to_odds(own) + (1.0 - share) * _to_odds(common)
    return 1.0 / (1.0 + numpy.exp(-odds))


def _fit_each(
    scores: numpy.ndarray,
    is_yes: numpy.ndarray,
    precision: Optional[float],
    common: float,
) -> numpy.ndarray:
    """Find the threshold of each label in the middle between two documents. If none
    that is known is below the best cut, nothing says how much lower it could be than
    the common threshold.
    """
    order = numpy.argsort(-scores, axis=0, kind="stable")
    ranked = numpy.take_along_axis(scores, order, axis=0)
    right = numpy.cumsum(numpy.take_along_axis(is_yes, order, axis=0), axis=0)
    guessed = numpy.arange(1, len(scores) + 1)[:, None]
    merit = _get_merit(right, guessed, right[-1], precision)
    # A threshold can't separate equal scores.
    below = numpy.pad(ranked[1:], ((0, 1), (0, 0)), constant_values=UNKNOWN)
    merit[(ranked == below) | (ranked == UNKNOWN)] = -numpy.inf
    best = merit.argmax(axis=0)
    columns = numpy.arange(scores.shape[1])
    above, below = ranked[best, columns], below[best, columns]
    odds = (_to_odds(above) + _to_odds(below)) / 2.0
    has_none = below == UNKNOWN
    odds[has_none] = _to_odds(numpy.minimum(above[has_none], common))
    return 1.0 / (1.0 + numpy.exp(-odds))


def _fit_common(
    scores: numpy.ndarray, is_yes: numpy.ndarray, precision: Optional[float]
) -> float:
    support = is_yes.sum(axis=0)
    if not support.any():
        return 0.5
    grid = 1.0 / (1.0 + numpy.exp(-numpy.linspace(-6.0, 6.0, N_GRID + 1)))
    merits = []
    for threshold in grid:
        guess = scores >= threshold
        right, guessed = (guess & is_yes).sum(axis=0), guess.sum(axis=0)
        merit = _get_merit(right, guessed, support, precision)
        merits.append(merit[support > 0].mean())
    # Of several that are the best, the one that gives a label to the fewest.
    return float(grid[numpy.flatnonzero(merits == numpy.max(merits))[-1]])


def _get_merit(
    right: numpy.ndarray,
    guessed: numpy.ndarray,
    support: numpy.ndarray,
    precision: Optional[float],
) -> numpy.ndarray:
    """What is maximized: F1, or recall where the precision is reached, and below that
    the precision less 1.
    """
    if precision is None:
        return 2.0 * right / numpy.maximum(guessed + support, 1)
    found = right / numpy.maximum(guessed, 1)
    recall = right / numpy.maximum(support, 1)
    return numpy.where(found >= precision, recall, found - 1.0)


def _to_odds(P: Any) -> Any:
    P = numpy.clip(P, LOWEST, HIGHEST)
    return numpy.log(P) - numpy.log1p(-P)


def _check(name: str, value: Any, is_fine: bool) -> None:
    if not is_fine:
        expected = {"precision": "above 0 and at most 1, or None"}
        text = expected.get(name, "a number of at least 0")
        raise ValueError(Errors.L327.format(name=name, expected=text, value=value))
