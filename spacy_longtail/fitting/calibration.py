import math
from typing import Callable, Sequence, Tuple

import numpy

from ..scoring.metrics import Guesses, MetricT, get_expected_macro_f
from .search import search

PRIORS = [round(0.05 * step, 2) for step in range(21)]
# 1 / temperature is searched between these.
LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(Z: numpy.ndarray, gold: numpy.ndarray) -> Tuple[float, float]:
    """Find the most likely temperature, by the gold labels and a weak prior: its log is
    normally distributed around 0.0 with a standard deviation of 1.0. If all labels of a
    small corpus are found easily, the gold labels alone would make predictions ever
    more certain.

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
    RETURNS (Tuple[float, float]): The temperature, 1.0 if there is nothing to learn
        from, and the negative log likelihood in nats per document, with what the prior
        adds to it.
    """
    known = gold < Z.shape[1]
    Z, gold = Z[known], gold[known]
    if not len(Z):
        return 1.0, 0.0
    Z = Z - Z.max(axis=1, keepdims=True)
    wanted = Z[numpy.arange(len(Z)), gold]
    low, high, factor, loss = LOWEST, HIGHEST, 1.0, 0.0
    for _ in range(60):
        E = numpy.exp(factor * Z)
        sums = E.sum(axis=1)
        means = (E * Z).sum(axis=1) / sums
        log, n = math.log(factor), len(Z)
        loss = float((numpy.log(sums) - factor * wanted).mean()) + log**2 / 2 / n
        slope = float((means - wanted).mean()) + log / factor / n
        curve = float(((E * Z * Z).sum(axis=1) / sums - means**2).mean())
        curve += (1.0 - log) / factor**2 / n
        low, high = (factor, high) if slope < 0 else (low, factor)
        step = factor - slope / curve if curve > 0 else -1.0
        if abs(step - factor) < 1e-4 * factor or high / low < 1.0001:
            break
        factor = step if low < step < high else math.sqrt(low * high)
    # Digits that JSON keeps, so that a saved pipeline has the very same.
    return round(1.0 / factor, 6), loss


def fit_prior_and_temperature(
    get_logits: Callable[[float], numpy.ndarray], gold: numpy.ndarray
) -> Tuple[float, float]:
    """Find the prior and the temperature that are most likely, see fit_temperature.

    The likelihood is concave in 1 / temperature and prior / temperature together, so
    its best value at each prior has one peak: a golden-section search finds it.

    get_logits (Callable[[float], numpy.ndarray]): Logits under a prior.
    gold (numpy.ndarray): See fit_temperature.
    RETURNS (Tuple[float, float]): Prior from 0.0 to 1.0, and temperature.
    """

    def try_prior(prior: float) -> float:
        return fit_temperature(get_logits(prior), gold)[1]

    found = search(try_prior, 0.0, 1.0, 0.02)
    # The ends are never tried otherwise.
    prior = min((round(found, 2), 0.0, 1.0), key=try_prior)
    return prior, fit_temperature(get_logits(prior), gold)[0]


def choose_prior(
    get_logits: Callable[[float], numpy.ndarray], P: numpy.ndarray, now: float
) -> float:
    """Choose the prior with the best macro-F1 to expect.

    get_logits (Callable[[float], numpy.ndarray]): Logits under a prior.
    P (numpy.ndarray): Calibrated probabilities, see get_expected_macro_f.
    now (float): The present prior, which stays unless another is better.
    RETURNS (float): From 0.0 to 1.0.
    """
    W = numpy.ones((1, len(P)))
    rated = {}
    for prior in (now, *PRIORS):
        guess = get_logits(prior).argmax(axis=1)
        guesses = Guesses(guess, guess, P[:, 0])
        rated[prior] = float(get_expected_macro_f(guesses, W, P)[0])
    # The first of the best.
    return max(rated, key=rated.__getitem__)


def rate_priors(
    get_logits: Callable[[float], numpy.ndarray],
    gold: numpy.ndarray,
    metric: MetricT,
    W: numpy.ndarray,
    priors: Sequence[float] = tuple(PRIORS),
) -> numpy.ndarray:
    """Measure predictions under several priors. The temperature has no part in it.

    metric (MetricT): Of the labels, not of their probabilities.
    W (numpy.ndarray): Weightings of the documents, (weightings, docs).
    RETURNS (numpy.ndarray): Of shape (priors, weightings).
    """
    rated = []
    for prior in priors:
        guess = get_logits(prior).argmax(axis=1)
        rated.append(metric(Guesses(gold, guess, numpy.ones(len(guess))), W))
    return numpy.stack(rated)
