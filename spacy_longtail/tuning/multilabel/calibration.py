import math
from typing import Callable, Tuple

import numpy

from ...fitting.search import search
from .metrics import LOWEST

COLDEST, HOTTEST = 0.05, 20.0


def get_loss(P: numpy.ndarray, truths: numpy.ndarray) -> float:
    """RETURNS (float): How improbable what is known is, in nats per pair of a document
    and a label.
    """
    is_known = ~numpy.isnan(truths)
    if not is_known.any():
        return 0.0
    P, is_yes = numpy.clip(P[is_known], LOWEST, 1.0 - LOWEST), truths[is_known] == 1.0
    return float(-numpy.log(numpy.where(is_yes, P, 1.0 - P)).mean())


def fit_temperature(
    get_probabilities: Callable[[float], numpy.ndarray], truths: numpy.ndarray
) -> Tuple[float, float]:
    """Find the most likely temperature, by its loss and a weak prior: its log is
    normally distributed around 0.0 with a standard deviation of 1.0. If all labels of a
    small corpus are found easily, the loss alone would make predictions ever more
    certain. The more documents there are, the less the prior matters.

    With independent labels the loss has one minimum in 1 / temperature, so that a
    golden-section search finds it.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2,
        with a binary loss for each label, and a maximum a posteriori instead of a
        maximum likelihood estimate. https://arxiv.org/abs/1706.04599

    get_probabilities (Callable[[float], numpy.ndarray]): Of shape (docs, labels),
        under a temperature.
    truths (numpy.ndarray): 1.0, 0.0 or NaN, same shape.
    RETURNS (Tuple[float, float]): The temperature, 1.0 if nothing is known, and the
        loss with what the prior adds to it.
    """
    n_pairs = int((~numpy.isnan(truths)).sum())
    if not n_pairs:
        return 1.0, 0.0

    def get_loss_at(log: float) -> float:
        loss = get_loss(get_probabilities(math.exp(log)), truths)
        return loss + log**2 / 2 / n_pairs

    log = search(get_loss_at, math.log(COLDEST), math.log(HOTTEST), 0.002)
    # Digits that JSON keeps, so that a saved pipeline has the very same.
    return round(math.exp(log), 6), get_loss_at(log)


def fit_prior_and_temperature(
    get_probabilities: Callable[[float, float], numpy.ndarray], truths: numpy.ndarray
) -> Tuple[float, float]:
    """Find the prior and the temperature that are most likely, see fit_temperature.

    get_probabilities (Callable[[float, float], numpy.ndarray]): Of shape (docs,
        labels), under a prior and a temperature.
    truths (numpy.ndarray): See fit_temperature.
    RETURNS (Tuple[float, float]): Prior from 0.0 to 1.0, and temperature.
    """

    def fit(prior: float) -> Tuple[float, float]:
        return fit_temperature(lambda heat: get_probabilities(prior, heat), truths)

    found = search(lambda prior: fit(prior)[1], 0.0, 1.0, 0.02)
    # The ends are never tried otherwise.
    prior = min((round(found, 2), 0.0, 1.0), key=lambda prior: fit(prior)[1])
    return prior, fit(prior)[0]
