"""How far shares have moved, beyond what chance does: arrays in, numbers out."""

import math
from typing import Any, List, NamedTuple, Sequence, Tuple

import numpy

from ..scoring.bootstrap import get_share_interval

# Of a normal distribution, for intervals of 95 %.
Z = 1.959963984540054
# From how many standard errors on a difference is taken as it is.
MIN_Z = 2.5
# Samples for a standard error.
N_SAMPLES = 200
# Numbers of a block of draws.
MAX_BLOCK = 1 << 22


class Groups(NamedTuple):
    """Which kinds of texts belong to which groups. A kind can belong to several.

    kinds (numpy.ndarray): Rows of the kinds, group after group, int64.
    starts (numpy.ndarray): Where each group begins, none of them empty, (groups,).
    weights (numpy.ndarray): Which part of a text counts, float64, like kinds.
    """

    kinds: numpy.ndarray
    starts: numpy.ndarray
    weights: numpy.ndarray

    def sum(self, counts: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Texts of each group, of shape (draws, groups), for
        those of each kind, of shape (draws, kinds).
        """
        size = max(MAX_BLOCK // max(len(self.kinds), 1), 1)
        blocks = [
            numpy.add.reduceat(
                counts[i : i + size, self.kinds] * self.weights, self.starts, axis=1
            )
            for i in range(0, len(counts), size)
        ]
        return numpy.concatenate(blocks)


def make_groups(members: Sequence[Sequence[Tuple[int, float]]]) -> Groups:
    """members (Sequence[Sequence[Tuple[int, float]]]): Kinds of each group, each with
    its weight.
    """
    sizes = [len(own) for own in members]
    pairs = [pair for own in members for pair in own]
    kinds, weights = zip(*pairs)
    starts = numpy.concatenate([[0], numpy.cumsum(sizes)[:-1]])
    return Groups(
        numpy.asarray(kinds, "int64"), starts.astype("int64"), numpy.asarray(weights)
    )


class ShareTest(NamedTuple):
    """Two periods beside each other.

    p_values (numpy.ndarray): Of each group, adjusted for all of them, (groups,).
    distance (float): Total variation distance of the shares, 0.0 to 1.0.
    noise (float): What of it is expected to be chance.
    spread (float): Standard error of the distance.
    p_value (float): Share of such deals in which all shares together have moved at
        least as far, see compare_shares.
    """

    p_values: numpy.ndarray
    distance: float
    noise: float
    spread: float
    p_value: float


def compare_shares(
    counts: numpy.ndarray,
    groups: Groups,
    parts: Groups,
    *,
    n_draws: int = 1000,
    seed: int = 0,
) -> ShareTest:
    """Compare two periods with as many deals of all their texts at random, which keep
    how labels occur together and lie above each other.

    The statistic of a group is the likelihood ratio of its share. Its p-value is the
    share of deals in which the largest of all groups is at least as large: of alarms at
    p <= a, all that are due to chance together happen in at most a share a of all
    comparisons, for any number of groups.

    The statistic of all parts together is the sum of their squared deviations over the
    square roots of what is expected. It notices a large part that moves a little as
    well as a small one that moves far: over what is expected itself, as of Pearson, it
    missed the first, and the distance misses the second.

    Source: Westfall and Young (1993), "Resampling-Based Multiple Testing", section 2.3
        (single-step maxT); Dunning (1993), "Accurate Methods for the Statistics of
        Surprise and Coincidence". https://aclanthology.org/J93-1003

    counts (numpy.ndarray): Texts of each kind, before and now, int64, (2, kinds).
    groups (Groups): What is tested.
    parts (Groups): What the distance is of: the weights of each kind sum to 1.0.
    n_draws (int): Deals.
    """
    rng = numpy.random.default_rng(seed)
    n_before, n_now = counts.sum(axis=1).tolist()
    pooled = counts.sum(axis=0)
    dealt = rng.multivariate_hypergeometric(pooled, n_now, n_draws, method="marginals")
    found = _get_ratios(groups.sum(counts[1:]), groups.sum(pooled[None]), *counts)
    of_deals = _get_ratios(groups.sum(dealt), groups.sum(pooled[None]), *counts)
    largest = of_deals.max(axis=1)
    # The last digits of sums differ with their order.
    n_above = (largest[:, None] >= found - 1e-7).sum(axis=0)
    before, now = parts.sum(counts)
    distance = get_distance(before / n_before, now / n_now)
    expected = (before + now) * (n_now / (n_before + n_now))
    moved, by_chance = (
        _get_deviation(own, expected) for own in (now, parts.sum(dealt))
    )
    again = [
        parts.sum(rng.multinomial(n, own / n, N_SAMPLES)) / n
        for n, own in zip((n_before, n_now), counts)
    ]
    return ShareTest(
        (1 + n_above) / (1 + n_draws),
        float(distance),
        find_noise(counts, parts),
        float(get_distance(*again).std()),
        float((1 + (by_chance >= moved - 1e-7).sum()) / (1 + n_draws)),
    )


def _get_deviation(now: numpy.ndarray, expected: numpy.ndarray) -> Any:
    scale = numpy.sqrt(numpy.maximum(expected, 1e-12))
    return ((now - expected) ** 2 / scale).sum(axis=-1)


def get_distance(before: numpy.ndarray, now: numpy.ndarray) -> Any:
    """RETURNS (numpy.ndarray): Half the sum of the absolute differences."""
    return 0.5 * numpy.abs(now - before).sum(axis=-1)


def find_noise(counts: numpy.ndarray, parts: Groups) -> float:
    """Find by how much the distance of two samples is larger than that of what they are
    drawn from, on average. The absolute difference of a share is that of a normal
    variable, folded at zero; its mean is taken for zero unless it's beyond MIN_Z
    standard errors. Where texts are so few that it isn't normal, it's at most the sum
    of both shares.

    Source: Leone, Nelson and Nottingham (1961), "The Folded Normal Distribution".
        https://doi.org/10.1080/00401706.1961.10489974
    """
    n = counts.sum(axis=1, keepdims=True)
    squares = parts._replace(weights=parts.weights**2)
    both = parts.sum(counts.sum(axis=0)[None])[0] / n.sum()
    variance = squares.sum(counts.sum(axis=0)[None])[0] / n.sum() - both**2
    deviation = numpy.sqrt(numpy.maximum(variance, 0.0) * (1.0 / n).sum())
    before, now = parts.sum(counts) / n
    z = numpy.abs(now - before) / numpy.maximum(deviation, 1e-12)
    z = numpy.where(z > MIN_Z, z, 0.0)
    erf = numpy.asarray([math.erf(value / 2**0.5) for value in z.tolist()])
    means = (2.0 / math.pi) ** 0.5 * numpy.exp(-0.5 * z * z) + z * erf
    by_chance = numpy.minimum(deviation * (means - z), 2.0 * both)
    return float(0.5 * by_chance.sum())


def _get_ratios(
    now: numpy.ndarray, both: numpy.ndarray, *counts: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Twice the log of how much more likely the texts of a
    group are with a share of their own in each period than with one for both.
    """
    n_before, n_now = (own.sum() for own in counts)
    cells = [now, n_now - now, both - now, n_before - both + now]
    margins = [both, n_now + n_before - both, n_now, n_before]
    found = sum(map(_weigh, cells)) - sum(map(_weigh, margins))
    return 2.0 * (found + _weigh(n_before + n_now))


def _weigh(n: Any) -> Any:
    n = numpy.asarray(n, "float64")
    return n * numpy.log(numpy.maximum(n, 1.0))


def find_shift(
    n_before: int, before: float, n_now: int, now: float
) -> Tuple[float, float]:
    """Find an interval of 95 % for the difference of two shares.

    before, now (float): How many of the texts.
    RETURNS (Tuple[float, float]): From -1.0 to 1.0.

    Source: Newcombe (1998), "Interval Estimation for the Difference Between Independent
        Proportions", method 10. https://pubmed.ncbi.nlm.nih.gov/9595617/
    """
    (p, low, high), (q, low_before, high_before) = (
        get_share_interval(round(now), n_now),
        get_share_interval(round(before), n_before),
    )
    down = ((p - low) ** 2 + (high_before - q) ** 2) ** 0.5
    up = ((high - p) ** 2 + (q - low_before) ** 2) ** 0.5
    return p - q - down, p - q + up


def find_below(p_values: Sequence[float], rate: float) -> List[int]:
    """Choose discoveries of which a share of at most `rate` is due to chance, on
    average.

    RETURNS (List[int]): Their places, the smallest p-value first.

    Source: Benjamini and Hochberg (1995), "Controlling the False Discovery Rate".
        https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
    """
    order = numpy.argsort(p_values, kind="stable")
    limits = rate * numpy.arange(1, len(order) + 1) / max(len(order), 1)
    good = numpy.flatnonzero(numpy.asarray(p_values)[order] <= limits)
    return order[: good[-1] + 1].tolist() if len(good) else []
