from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy

from .exclusive import ABSTAINED, BIN_EDGES

CHUNK = 4_000_000
SHARE = (0.0, 1.0)


class Guesses(NamedTuple):
    """What was predicted for documents with a gold label.

    gold (numpy.ndarray): Index of the gold label, from 0, of shape (docs,).
    guess (numpy.ndarray): Index of the predicted label or ABSTAINED, (docs,).
    confidence (numpy.ndarray): Probability of the predicted label, (docs,).
    """

    gold: numpy.ndarray
    guess: numpy.ndarray
    confidence: numpy.ndarray


class Interval(NamedTuple):
    """A figure, and where it is on 95 % of such choices of documents."""

    value: float
    low: float
    high: float


# Of guesses of either kind, whose `gold` has a row for each document.
MetricT = Callable[[Any, numpy.ndarray], numpy.ndarray]


def get_accuracy(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of right labels, see get_macro_f."""
    return W @ (guesses.gold == guesses.guess) / W.sum(axis=1)


def get_coverage(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of documents with a label, see get_macro_f."""
    return W @ (guesses.guess != ABSTAINED) / W.sum(axis=1)


def get_precision(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of right labels among the documents that have
    one, 1.0 if none has, see get_macro_f.
    """
    given = W @ (guesses.guess != ABSTAINED)
    return divide(W @ (guesses.gold == guesses.guess), given, empty=1.0)


def get_macro_f(
    guesses: Guesses, W: numpy.ndarray, among: Optional[numpy.ndarray] = None
) -> numpy.ndarray:
    """Calculate the mean F1 of the labels with gold documents, as the scorer does, for
    several weightings of the documents at once.

    W (numpy.ndarray): Weights from 0.0, of shape (weightings, docs).
    among (Optional[numpy.ndarray]): Whether each label counts, of shape (labels,).
        None for all.
    RETURNS (numpy.ndarray): Of shape (weightings,). See divide.
    """
    gold, guess = guesses.gold, guesses.guess
    n_names = int(max(gold.max(), guess.max())) + 1 if among is None else len(among)
    support = sum_by_id(gold, W, n_names)
    given = guess != ABSTAINED
    guessed = sum_by_id(guess[given], W[:, given], n_names)
    is_right = gold == guess
    right = sum_by_id(gold[is_right], W[:, is_right], n_names)
    return mean_f(right, guessed, support, among)


def mean_f(
    right: numpy.ndarray,
    guessed: numpy.ndarray,
    support: numpy.ndarray,
    among: Optional[numpy.ndarray],
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): See get_macro_f, from sums of shape (weightings,
    labels).
    """
    F = 2 * right / numpy.maximum(support + guessed, 1e-12)
    counts = support > 0 if among is None else (support > 0) & among
    return divide((F * counts).sum(axis=1), counts.sum(axis=1))


def get_ece(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """Calculate the expected calibration error as the scorer does, 0.0 if no document
    has a label.

    RETURNS (numpy.ndarray): See get_macro_f.
    """
    given = guesses.guess != ABSTAINED
    confidence, W = guesses.confidence[given], W[:, given]
    gaps = confidence - (guesses.gold == guesses.guess)[given]
    bins = numpy.digitize(confidence, BIN_EDGES[1:-1], right=True)
    totals = numpy.abs(sum_by_id(bins, W * gaps, len(BIN_EDGES))).sum(axis=1)
    return divide(totals, W.sum(axis=1))


def get_expected_macro_f(
    guesses: Guesses, W: numpy.ndarray, P: numpy.ndarray
) -> numpy.ndarray:
    """Calculate the macro-F1 to expect if probabilities are right, over all labels.

    It needs no gold labels. With one or two documents for most labels, the macro-F1 of
    gold labels is too kind to predictions of rare ones: labels that happen to have no
    document don't count, however often they are predicted.

    Source: the plug-in estimate of Ye et al. 2012, "Optimizing F-measure: A Tale of
        Two Approaches", https://arxiv.org/abs/1206.4625, of each label's F1.

    P (numpy.ndarray): Calibrated probabilities of shape (docs, labels).
    RETURNS (numpy.ndarray): See get_macro_f.
    """
    n_labels = P.shape[1]
    rows = numpy.flatnonzero((guesses.guess >= 0) & (guesses.guess < n_labels))
    columns, W = guesses.guess[rows], numpy.asarray(W, dtype="float64")
    right = sum_by_id(columns, W[:, rows] * P[rows, columns], n_labels)
    guessed = sum_by_id(columns, W[:, rows], n_labels)
    return (2 * right / numpy.maximum(W @ P + guessed, 1e-12)).mean(axis=1)


METRICS: Dict[str, MetricT] = {
    "macro_f": get_macro_f,
    "accuracy": get_accuracy,
    "ece": get_ece,
    "coverage": get_coverage,
    "precision": get_precision,
}


def bootstrap(
    systems: Sequence[Any],
    metrics: Mapping[str, MetricT],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Dict[str, numpy.ndarray]:
    """Find out how much metrics vary with the choice of documents.

    Each resample takes a random half of the documents, the same one in all systems, so
    that their differences are paired. In a mean over labels, those without a document
    in the half are left out. A label with a single document is left out as often as
    not, which is what lets the mean vary as much as it does with other documents: its
    own F1 can't, and the documents that a common bootstrap draws leave too few out.

    Source: the "double-or-nothing" weights of Owen and Eckles 2012, "Bootstrapping data
        arrays of arbitrary order", section 3. https://arxiv.org/abs/1106.2125

    systems (Sequence[Any]): Guesses for the same documents.
    metrics (Mapping[str, MetricT]): For example METRICS.
    resamples (int): From 1.
    RETURNS (Dict[str, numpy.ndarray]): For each metric an array of shape (systems,
        resamples), with NaN where the half has nothing to measure.
    """
    rng = numpy.random.default_rng(seed)
    n_docs = len(systems[0].gold)
    size = max(1, CHUNK // max(n_docs, 1))
    found: Dict[str, list] = {name: [] for name in metrics}
    for start in range(0, resamples, size):
        shape = (min(size, resamples - start), n_docs)
        W = 2.0 * rng.integers(0, 2, shape, dtype="int8")
        # Of a few documents, a half can be none.
        W[~W.any(axis=1)] = 1.0
        for name, metric in metrics.items():
            found[name].append([metric(system, W) for system in systems])
    return {name: numpy.concatenate(parts, axis=1) for name, parts in found.items()}


def get_interval(
    value: float, values: numpy.ndarray, bounds: Tuple[float, float] = SHARE
) -> Interval:
    """Find where the middle 95 % of the bootstrap values are.

    Fewer documents raise a calibration error, on average. This bias, which all
    resamples share, is taken out if it is more than chance.

    A resample that has nothing to measure could have had any value. It takes six
    documents until these are fewer than 2.5 %.

    value (float): The metric of all documents.
    values (numpy.ndarray): Bootstrap values, of shape (resamples,).
    bounds (Tuple[float, float]): Values that the metric can have.
    RETURNS (Interval): Around the value.
    """
    is_known = ~numpy.isnan(values)
    known = values[is_known] if is_known.any() else numpy.asarray([value])
    shift = value - known.mean()
    if abs(shift) <= 3.0 * known.std() / len(known) ** 0.5:
        shift = 0.0
    ends = (
        bounds[0] if numpy.isfinite(bounds[0]) else float(known.min()),
        bounds[1] if numpy.isfinite(bounds[1]) else float(known.max()),
    )
    lower = numpy.where(is_known, values + shift, ends[0])
    upper = numpy.where(is_known, values + shift, ends[1])
    low = numpy.quantile(lower, 0.025, method="lower")
    high = numpy.quantile(upper, 0.975, method="higher")
    return Interval(
        float(value), max(float(low), bounds[0]), min(float(high), bounds[1])
    )


def get_value(metric: MetricT, guesses: Any) -> float:
    """RETURNS (float): The metric over all documents alike."""
    return float(metric(guesses, numpy.ones((1, len(guesses.gold))))[0])


def sum_by_id(ids: numpy.ndarray, W: numpy.ndarray, n_ids: int) -> numpy.ndarray:
    """Sum the weights of each id, for several weightings at once.

    ids (numpy.ndarray): From 0 to below n_ids, of shape (things,).
    W (numpy.ndarray): Weights of shape (weightings, things).
    RETURNS (numpy.ndarray): Array of shape (weightings, n_ids).
    """
    flat = (numpy.arange(len(W))[:, None] * n_ids + ids).ravel()
    sums = numpy.bincount(flat, weights=W.ravel(), minlength=len(W) * n_ids)
    return sums.reshape(len(W), n_ids)


def divide(
    parts: numpy.ndarray, wholes: numpy.ndarray, empty: float = 0.0
) -> numpy.ndarray:
    """Divide, for several weightings of the documents.

    RETURNS (numpy.ndarray): NaN for weightings without a whole or, if it is all of
        them, `empty`.
    """
    has_whole = wholes > 0
    missing = numpy.nan if has_whole.any() else empty
    return numpy.where(has_whole, parts / numpy.where(has_whole, wholes, 1.0), missing)
