import math

import numpy
import pytest
from scipy.optimize import minimize
from sklearn.metrics import log_loss

from spacy_longtail.fitting.search import search
from spacy_longtail.ops import sigmoid
from spacy_longtail.tuning.multilabel.calibration import (
    fit_prior_and_temperature,
    fit_temperature,
    get_loss,
)

LOG_ODDS = numpy.asarray([-0.5, -1.5, -3.0])


@pytest.fixture
def Z():
    return 2.0 * numpy.random.default_rng(1).standard_normal((3000, 3))


def draw(Z, seed=0):
    """Draw labels that the logits are right about."""
    points = numpy.random.default_rng(seed).random(Z.shape)
    return (points < sigmoid(Z)).astype(float)


def test_loss_is_that_of_scikit_learn(Z):
    P, truths = sigmoid(Z), draw(Z)
    expected = log_loss(truths.ravel(), P.ravel())
    assert get_loss(P, truths) == pytest.approx(expected, rel=1e-4)
    truths[:, 2] = numpy.nan
    expected = log_loss(truths[:, :2].ravel(), P[:, :2].ravel())
    assert get_loss(P, truths) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_temperature_is_found(Z, temperature):
    truths = draw(Z)
    found, loss = fit_temperature(lambda heat: sigmoid(Z * temperature / heat), truths)
    assert found == pytest.approx(temperature, rel=0.07)
    best = minimize(
        lambda x: (
            get_loss(sigmoid(Z * temperature / math.exp(x[0])), truths)
            + x[0] ** 2 / 2 / truths.size
        ),
        [0.0],
    )
    assert found == pytest.approx(math.exp(best.x[0]), rel=0.005)
    assert loss == pytest.approx(best.fun, rel=1e-4)


@pytest.mark.parametrize("prior", [0.0, 0.4, 1.0])
def test_prior_and_temperature_are_found(Z, prior):
    truths = draw(Z + prior * LOG_ODDS)
    found, heat = fit_prior_and_temperature(
        lambda share, heat: sigmoid(2 * (Z + share * LOG_ODDS) / heat), truths
    )
    assert found == pytest.approx(prior, abs=0.1)
    assert heat == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("n_docs", [1, 20, 200])
def test_easy_documents_do_not_make_it_certain(n_docs):
    """Without a prior, the temperature would run to its bound."""
    truths = numpy.random.default_rng(0).integers(0, 2, (n_docs, 3)).astype(float)
    Z = 6.0 * (2.0 * truths - 1.0)
    found, loss = fit_temperature(lambda heat: sigmoid(Z / heat), truths)
    assert 0.35 < found < 1.0
    unknown = numpy.full(truths.shape, numpy.nan)
    unknown[0, 0] = truths[0, 0]
    fewer, _ = fit_temperature(lambda heat: sigmoid(Z / heat), unknown)
    assert found <= fewer < 1.0, "the fewer are known, the more the prior counts"


def test_nothing_is_known():
    nothing = numpy.full((2, 3), numpy.nan)
    assert fit_temperature(lambda heat: numpy.zeros((2, 3)), nothing) == (1.0, 0.0)


@pytest.mark.parametrize("lowest", [-2.0, 0.3, 1.0])
def test_search_finds_the_lowest_value(lowest):
    found = search(lambda x: abs(x - lowest) ** 1.5, -2.0, 1.0, 0.001)
    assert found == pytest.approx(lowest, abs=0.001)
