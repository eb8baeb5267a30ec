from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import numpy

from .metrics import SHARE, Metric
from .predictions import Predictions, count

# Numbers that are held at a time.
CHUNK = 4_000_000


class Interval(NamedTuple):
    """A figure, and where it is on 95 % of such choices of documents."""

    value: float
    low: float
    high: float


class Comparison(NamedTuple):
    """A metric before and after, and the paired difference."""

    before: Interval
    after: Interval
    change: Interval

    @property
    def is_noise(self) -> bool:
        """RETURNS (bool): Whether the difference could as well have the other sign."""
        return self.change.low <= 0.0 <= self.change.high

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        parts = {key: list(value) for key, value in self._asdict().items()}
        return {**parts, "is_noise": self.is_noise}


def measure(metric: Metric, predictions: Predictions) -> float:
    """RETURNS (float): The metric over all documents alike."""
    value = float(metric.function(predictions, predictions.ones)[0])
    return metric.empty if numpy.isnan(value) else value


def estimate(
    predictions: Predictions,
    metrics: Mapping[str, Metric],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Dict[str, Interval]:
    """RETURNS (Dict[str, Interval]): Metrics with their intervals, by key."""
    drawn = bootstrap([predictions], metrics, resamples=resamples, seed=seed)
    return {
        key: get_interval(measure(metric, predictions), drawn[key][0])
        for key, metric in metrics.items()
    }


def compare(
    before: Predictions,
    after: Predictions,
    metrics: Mapping[str, Metric],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Dict[str, Comparison]:
    """RETURNS (Dict[str, Comparison]): Two systems on the same documents, by key."""
    drawn = bootstrap((before, after), metrics, resamples=resamples, seed=seed)
    found = {}
    for key, metric in metrics.items():
        old, new = measure(metric, before), measure(metric, after)
        draws, (low, high) = drawn[key], metric.bounds
        found[key] = Comparison(
            get_interval(old, draws[0], (low, high)),
            get_interval(new, draws[1], (low, high)),
            get_interval(new - old, draws[1] - draws[0], (low - high, high - low)),
        )
    return found


def bootstrap(
    systems: Sequence[Predictions],
    metrics: Mapping[str, Metric],
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

    systems (Sequence[Predictions]): Of the same documents.
    metrics (Mapping[str, Metric]): What to measure.
    resamples (int): From 1.
    RETURNS (Dict[str, numpy.ndarray]): For each metric an array of shape (systems,
        resamples), with NaN where the half has nothing to measure.
    """
    width = max(systems[0].n_docs, len(systems[0].labels))
    found: Dict[str, list] = {key: [] for key in metrics}
    for W in draw_weights(systems[0].n_docs, width, resamples=resamples, seed=seed):
        for key, metric in metrics.items():
            found[key].append([metric.function(system, W) for system in systems])
    drawn = {key: numpy.concatenate(parts, axis=1) for key, parts in found.items()}
    for key, values in drawn.items():
        values[numpy.isnan(values).all(axis=1)] = metrics[key].empty
    return drawn


def draw_weights(
    n_docs: int, width: int, *, resamples: int = 1000, seed: int = 0
) -> Iterator[numpy.ndarray]:
    """Draw the random halves of bootstrap.

    width (int): Numbers that a resample needs, which says how many are drawn together.
    YIELDS (numpy.ndarray): Weights of some resamples, 0.0 or 2.0, (resamples, docs).
    """
    rng = numpy.random.default_rng(seed)
    size = max(1, CHUNK // max(width, 1))
    for start in range(0, resamples, size):
        shape = (min(size, resamples - start), n_docs)
        W = 2.0 * rng.integers(0, 2, shape, dtype="int8")
        # Of a few documents, a half can be none.
        W[~W.any(axis=1)] = 1.0
        yield W


def compare_labels(
    before: Predictions,
    after: Predictions,
    columns: numpy.ndarray,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> List[Interval]:
    """Compare the F1 of single labels, in pairs. A label of which few documents have
    another decision has an interval with 0.0: it takes six that have become right.

    before, after (Predictions): With the same labels, of the same documents.
    columns (numpy.ndarray): The labels, of shape (labels,).
    RETURNS (List[Interval]): What has changed, for each of them.
    """
    before, after = before.keep_labels(columns), after.keep_labels(columns)
    whole = count(after).f[0] - count(before).f[0]
    width = max(after.n_docs, len(columns))
    drawn: List[numpy.ndarray] = []
    for W in draw_weights(after.n_docs, width, resamples=resamples, seed=seed):
        old, new = count(before, W), count(after, W)
        is_there = new.support + old.guessed + new.guessed > 0
        drawn.append(numpy.where(is_there, new.f - old.f, numpy.nan))
    values = numpy.concatenate(drawn).T
    return [
        get_interval(float(value), draws, (-1.0, 1.0), is_shifted=False)
        for value, draws in zip(whole, values)
    ]


def get_interval(
    value: float,
    values: numpy.ndarray,
    bounds: Tuple[float, float] = SHARE,
    *,
    is_shifted: bool = True,
) -> Interval:
    """Find where the middle 95 % of the bootstrap values are.

    Fewer documents raise a calibration error, on average. This bias, which all
    resamples share, is taken out if it is more than chance.

    A resample that has nothing to measure could have had any value. It takes six
    documents until these are fewer than 2.5 %.

    value (float): The metric of all documents.
    values (numpy.ndarray): Bootstrap values, of shape (resamples,).
    bounds (Tuple[float, float]): Values that the metric can have.
    is_shifted (bool): Whether the bias is taken out. Of a few documents it is no bias:
        it would hide that nothing at all changes in many halves of them.
    RETURNS (Interval): Around the value.
    """
    is_known = ~numpy.isnan(values)
    known = values[is_known] if is_known.any() else numpy.asarray([value])
    shift = value - known.mean()
    if not is_shifted or abs(shift) <= 3.0 * known.std() / len(known) ** 0.5:
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


def get_share_interval(n: int, n_all: int) -> Interval:
    """Find where a share of independent things is. Unlike a bootstrap's, the interval
    has a width where all or none are counted.

    Source: Wilson (1927), "Probable Inference, the Law of Succession, and Statistical
        Inference". https://doi.org/10.1080/01621459.1927.10502953

    n, n_all (int): Those counted, of at least one.
    """
    share, z = n / n_all, 1.959964
    middle = (share + z * z / (2 * n_all)) / (1 + z * z / n_all)
    spread = (share * (1 - share) / n_all + (z / (2 * n_all)) ** 2) ** 0.5
    half = z * spread / (1 + z * z / n_all)
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))
