"""How far logits are divided, and how much of the prior is put back: what makes
probabilities right.
"""

import math
from functools import lru_cache
from typing import Callable, Tuple

import numpy

from ..ops import slice_rows
from ..scoring.metrics import get_expected_macro_f, get_nats
from ..scoring.predictions import pair_columns

PRIORS = [round(0.05 * step, 2) for step in range(21)]
# Temperatures are searched between these.
COLDEST, HOTTEST = 0.05, 20.0
# Logits that are looked at together, so that they stay in the cache.
BLOCK = 1 << 16
GOLDEN = (5.0**0.5 - 1.0) / 2.0
# A temperature, and how improbable the gold labels are with it.
FitT = Tuple[float, float]


def fit_temperature(Z: numpy.ndarray, gold: numpy.ndarray) -> FitT:
    """Find the most likely temperature of labels that exclude each other, by the gold
    labels and a weak prior, see get_penalty.

    The negative log likelihood is convex in 1 / temperature: its slope, mean logit
    minus gold logit, changes its sign once, and still does with that of the prior
    unless the logits are tiny. Newton's method, with a bisection wherever that would
    leave the bracket.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2,
        with a maximum a posteriori instead of a maximum likelihood estimate.
        https://arxiv.org/abs/1706.04599

    Z (numpy.ndarray): Logits of shape (docs, labels).
    gold (numpy.ndarray): Columns of the gold labels. Documents whose label has no
        column say nothing about the temperature and are left out.
    RETURNS (FitT): 1.0 if there is nothing to learn from, and the negative log
        likelihood in nats per document, with what the prior adds to it.
    """
    rows = numpy.flatnonzero(gold < Z.shape[1])
    if not len(rows):
        return 1.0, 0.0
    tops = Z.max(axis=1)
    wanted = Z[rows, gold[rows]] - tops[rows]
    low, high, factor, loss = 1.0 / HOTTEST, 1.0 / COLDEST, 1.0, 0.0
    for _ in range(60):
        sums, firsts, seconds = _sum_moments(Z, tops, rows, factor)
        means = firsts / sums
        log, n = math.log(factor), len(rows)
        loss = float((numpy.log(sums) - factor * wanted).mean()) + get_penalty(log, n)
        slope = float((means - wanted).mean()) + log / factor / n
        curve = float((seconds / sums - means**2).mean())
        curve += (1.0 - log) / factor**2 / n
        low, high = (factor, high) if slope < 0 else (low, factor)
        step = factor - slope / curve if curve > 0 else -1.0
        if abs(step - factor) < 1e-4 * factor or high / low < 1.0001:
            break
        factor = step if low < step < high else math.sqrt(low * high)
    # Digits that JSON keeps, so that a saved pipeline has the very same.
    return round(1.0 / factor, 6), loss


def _sum_moments(
    Z: numpy.ndarray, tops: numpy.ndarray, rows: numpy.ndarray, factor: float
) -> numpy.ndarray:
    """Sum exp(factor * z) * z**k over the labels of some documents, for k of 0, 1 and
    2, with z the logits less the highest one of the document.

    RETURNS (numpy.ndarray): Array of shape (3, rows).
    """
    sums = numpy.zeros((3, len(rows)), dtype=Z.dtype)
    for part in slice_rows(len(rows), Z.shape[1], BLOCK):
        own = Z[rows[part]] - tops[rows[part], None]
        E = numpy.exp(factor * own)
        sums[0, part] = E.sum(axis=1)
        for k in (1, 2):
            E *= own
            sums[k, part] = E.sum(axis=1)
    return sums


def fit_pair_temperature(
    get_probabilities: Callable[[float], numpy.ndarray], truths: numpy.ndarray
) -> FitT:
    """Find the most likely temperature where a document can have several labels, by the
    binary loss of each pair of a document and a label, see fit_temperature.

    With independent labels the loss has one minimum in 1 / temperature, so that a
    golden-section search finds it.

    get_probabilities (Callable[[float], numpy.ndarray]): Of shape (docs, labels),
        under a temperature.
    truths (numpy.ndarray): 1.0, 0.0 or NaN, same shape.
    RETURNS (FitT): 1.0 if nothing is known, and the loss in nats per pair, with what
        the prior adds to it.
    """
    n_pairs = int((~numpy.isnan(truths)).sum())
    if not n_pairs:
        return 1.0, 0.0

    def get_loss_at(log: float) -> float:
        loss = get_pair_loss(get_probabilities(math.exp(log)), truths)
        return loss + get_penalty(log, n_pairs)

    log = search(get_loss_at, math.log(COLDEST), math.log(HOTTEST), 0.002)
    # Digits that JSON keeps, see above.
    return round(math.exp(log), 6), get_loss_at(log)


def get_pair_loss(P: numpy.ndarray, truths: numpy.ndarray) -> float:
    """RETURNS (float): The mean of get_nats over known pairs, 0.0 without any."""
    is_known = ~numpy.isnan(truths)
    if not is_known.any():
        return 0.0
    return float(get_nats(P[is_known], truths[is_known]).mean())


def get_penalty(log: float, n: int) -> float:
    """Let the log of the temperature be normally distributed around 0.0 with a standard
    deviation of 1.0. If all labels of a small corpus are found easily, the gold labels
    alone would make predictions ever more certain.

    n (int): What the loss is a mean of: the more there is, the less the prior matters.
    RETURNS (float): Nats to add to the loss.
    """
    return log**2 / 2 / n


def fit_prior(fit: Callable[[float], FitT]) -> Tuple[float, float]:
    """Find the prior and the temperature that are most likely.

    The likelihood is concave in 1 / temperature and prior / temperature together, so
    its best value at each prior has one peak: a golden-section search finds it.

    fit (Callable[[float], FitT]): Finds the temperature under a prior.
    RETURNS (Tuple[float, float]): Prior from 0.0 to 1.0, and temperature.
    """
    fit = lru_cache(maxsize=None)(fit)
    found = search(lambda prior: fit(prior)[1], 0.0, 1.0, 0.02)
    # The ends are never tried otherwise.
    prior = min((round(found, 2), 0.0, 1.0), key=lambda prior: fit(prior)[1])
    return prior, fit(prior)[0]


def choose_prior(
    get_logits: Callable[[float], numpy.ndarray], P: numpy.ndarray, now: float
) -> float:
    """Choose the prior with the best macro-F1 to expect.

    get_logits (Callable[[float], numpy.ndarray]): Logits under a prior.
    P (numpy.ndarray): Calibrated probabilities, see get_expected_macro_f.
    now (float): The present prior, which stays unless another is better.
    RETURNS (float): From 0.0 to 1.0.
    """
    nothing, names = numpy.zeros(len(P), "int64"), tuple(map(str, range(P.shape[1])))
    predictions = pair_columns(nothing, nothing, P[:, 0], names, calibrated=P)
    rated = {}
    for prior in (now, *PRIORS):
        guess = get_logits(prior).argmax(axis=1)
        given = predictions.give_columns(guess, P[:, 0])
        rated[prior] = float(get_expected_macro_f(given, given.ones)[0])
    # The first of the best.
    return max(rated, key=rated.__getitem__)


def search(
    function: Callable[[float], float], low: float, high: float, tolerance: float
) -> float:
    """Find where a function with one minimum is lowest, by golden sections.

    Source: Kiefer 1953, "Sequential Minimax Search for a Maximum".
        https://doi.org/10.2307/2032161

    low, high (float): Where to look.
    tolerance (float): How far off the result may be.
    """
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    values = function(left), function(right)
    while high - low > tolerance:
        if values[0] <= values[1]:
            high, right = right, left
            left = high - GOLDEN * (high - low)
            values = function(left), values[0]
        else:
            low, left = left, right
            right = low + GOLDEN * (high - low)
            values = values[1], function(right)
    return (low + high) / 2
