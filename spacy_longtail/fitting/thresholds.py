"""How probable a label has to be to be given."""

import math
from typing import Any, Dict, Optional

import numpy

from ..errors import Errors
from ..ops import LOWEST, find_cells, get_log_odds, slice_rows
from ..settings import is_between
from ..taxonomy import ROOT, Taxonomy
from .shrinkage import fit_shrunk_thresholds

N_GRID = 200
SMOOTHING = 30.0
# Below every probability.
UNKNOWN = -1.0
# Fewer predictions than this say too little about a threshold.
MIN_SUPPORT = 20
NEVER = 1.0
# Those that JSON keeps.
DIGITS = 8


def fit_thresholds(
    scores: numpy.ndarray,
    truths: numpy.ndarray,
    *,
    precision: Optional[float] = None,
    smoothing: Optional[float] = SMOOTHING,
    log_odds: Optional[numpy.ndarray] = None,
    overwrite: bool = False,
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
    smoothing (Optional[float]): Positive documents that the common threshold counts as,
        from 0.0. None to let the documents choose, and give about as many labels as
        there are, see fit_shrunk_thresholds; with a precision, as by default.
    log_odds (Optional[numpy.ndarray]): Log odds of the prior of each label, of shape
        (labels,), for that choice. None if they aren't known.
    overwrite (bool): Whether the scores may be changed, which saves a copy.
    RETURNS (numpy.ndarray): float64 array of shape (labels,), in (0, 1). A label
        without positive documents gets the common threshold.
    RAISES (ValueError): L326 if the shapes don't fit, L327 for settings out of range.
    """
    scores, truths = (_read_floats(values) for values in (scores, truths))
    if scores.shape != truths.shape or scores.ndim != 2:
        text = Errors.L326.format(scores=scores.shape, truths=truths.shape)
        raise ValueError(text)
    if precision is not None and not (is_between(precision, 0.0, 1.0) and precision):
        _refuse("precision", precision, "above 0 and at most 1, or None")
    if smoothing is not None and not is_between(smoothing, 0.0):
        _refuse("smoothing", smoothing, "a number of at least 0, or None")
    _, columns = find_cells(truths.shape, lambda part: truths[part] == 1.0)
    support = numpy.bincount(columns, minlength=truths.shape[1])
    if not support.any():
        return numpy.full(len(support), 0.5)
    # Slices of documents are changed to odds, for example.
    scores = scores if overwrite else scores.copy()
    for part in slice_rows(*scores.shape):
        own = numpy.clip(scores[part], LOWEST, 1.0 - LOWEST)
        # What isn't known is never above a threshold and never positive.
        own = numpy.where(numpy.isnan(truths[part]), UNKNOWN, own)
        is_shrunk = smoothing is None and precision is None
        scores[part] = get_log_odds(own.astype("float64")) if is_shrunk else own
    if smoothing is None and precision is None:
        prior = numpy.zeros(len(support)) if log_odds is None else log_odds
        odds = fit_shrunk_thresholds(scores, truths, prior)
        return 1.0 / (1.0 + numpy.exp(-odds))
    smoothing = SMOOTHING if smoothing is None else smoothing
    is_yes = truths == 1.0
    common = _fit_common(scores, is_yes, precision)
    own = _fit_each(scores, is_yes, precision, common)
    share = support / numpy.maximum(support + smoothing, 1e-9)
    odds = share * get_log_odds(own) + (1.0 - share) * get_log_odds(common)
    return 1.0 / (1.0 + numpy.exp(-odds))


def _read_floats(values: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): In half or single precision if they are, else in
    double.
    """
    values = numpy.asarray(values)
    is_short = values.dtype in ("float16", "float32")
    return values if is_short else values.astype("float64", copy=False)


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
    odds = (get_log_odds(above) + get_log_odds(below)) / 2.0
    has_none = below == UNKNOWN
    odds[has_none] = get_log_odds(numpy.minimum(above[has_none], common))
    return 1.0 / (1.0 + numpy.exp(-odds))


def _fit_common(
    scores: numpy.ndarray, is_yes: numpy.ndarray, precision: Optional[float]
) -> float:
    support = is_yes.sum(axis=0)
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


def _refuse(name: str, value: Any, expected: str) -> None:
    raise ValueError(Errors.L327.format(name=name, expected=expected, value=value))


def fit_precision_threshold(
    confidence: numpy.ndarray, is_right: numpy.ndarray, precision: float
) -> float:
    """Find the lowest threshold at which enough of what is left is right.

    confidence, is_right (numpy.ndarray): Probability of each prediction, and whether it
        is right, both of shape (docs,).
    precision (float): Wished share of right ones.
    RETURNS (float): 0.0 if all can stay, 1.0 if no threshold is high enough.
    """
    given = numpy.ones(len(confidence), dtype="int64")
    n_kept = _count_precise(confidence, is_right, given, precision)
    return _get_bound(confidence, n_kept) if n_kept else NEVER


def fit_coverage_threshold(confidence: numpy.ndarray, coverage: float) -> float:
    """RETURNS (float): The highest threshold that at least a share of the predictions
    reach, 0.0 if there are none. Those of the same confidence stay together.
    """
    if not len(confidence):
        return 0.0
    # The share of a whole number may have a rounding error.
    n_kept = max(math.ceil(coverage * len(confidence) - 1e-9), 1)
    return _get_bound(confidence, n_kept)


def fit_abstention_threshold(
    known: numpy.ndarray,
    right: numpy.ndarray,
    given: numpy.ndarray,
    *,
    precision: Optional[float] = None,
    coverage: Optional[float] = None,
) -> Optional[float]:
    """Find the lowest threshold, so that as many documents as possible get labels.

    known (numpy.ndarray): How sure it is that a document fits a known label, of shape
        (docs,).
    right, given (numpy.ndarray): How many of its labels are right, and how many it has,
        same shape.
    precision (Optional[float]): Wished share of right ones among the labels given.
    coverage (Optional[float]): Share of the documents that keep theirs, at least. Give
        one of the two.
    RETURNS (Optional[float]): From 0.0 to 1.0, None if nothing reaches the precision.
    """
    if not len(known):
        return None
    if precision is None:
        found = fit_coverage_threshold(known, 1.0 if coverage is None else coverage)
        return min(max(found, 0.0), 1.0)
    n_kept = _count_precise(known, right, given, precision)
    return min(max(float(numpy.sort(known)[-n_kept]), 0.0), 1.0) if n_kept else None


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
    min_support (int): Fewest predictions.
    RETURNS (Dict[str, float]): By node, "" being the root.
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

    probability, is_right (numpy.ndarray): Of the parents of abstained labels, both of
        shape (docs,).
    RETURNS (float): 0.5 without a wished precision; the wish itself, as if
        probabilities were exact, if there are too few documents.
    """
    if precision is None:
        return 0.5
    if len(probability) < min_support:
        return precision
    return fit_precision_threshold(probability, is_right, precision)


def _count_precise(
    confidence: numpy.ndarray,
    right: numpy.ndarray,
    given: numpy.ndarray,
    precision: float,
) -> int:
    """The most documents, surest first, whose labels are precise enough. Those of the
    same confidence stay or go together.
    """
    order = numpy.argsort(-confidence, kind="stable")
    n_given = numpy.maximum(numpy.cumsum(given[order]), 1)
    shares = numpy.cumsum(right[order]) / n_given
    is_last = numpy.append(numpy.diff(confidence[order]) < 0, True)[: len(order)]
    enough = numpy.flatnonzero((shares >= precision) & is_last)
    return int(enough[-1]) + 1 if len(enough) else 0


def _get_bound(confidence: numpy.ndarray, n_kept: int) -> float:
    """What divides the highest values from the others, in digits that JSON keeps."""
    if n_kept == len(confidence):
        return 0.0
    last, first = numpy.sort(confidence)[::-1][n_kept - 1 : n_kept + 1].tolist()
    bound = round((last + first) / 2, DIGITS)
    return bound if bound <= last else math.floor(last * 10**DIGITS) / 10**DIGITS
