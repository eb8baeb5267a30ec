import numpy
import pytest
from scipy.optimize import minimize_scalar

from spacy_longtail.fitting.calibration import (
    choose_prior,
    fit_prior_and_temperature,
    fit_temperature,
    rate_priors,
)
from spacy_longtail.ops import softmax
from spacy_longtail.scoring.metrics import METRICS

LOG_PRIOR = numpy.log([0.5, 0.25, 0.15, 0.07, 0.03])


def draw(Z, seed=0):
    """Draw gold labels that the logits are right about."""
    P = softmax(Z)
    points = numpy.random.default_rng(seed).random((len(P), 1))
    return (P.cumsum(axis=1) < points).sum(axis=1).clip(max=P.shape[1] - 1)


@pytest.fixture
def Z():
    return 2.0 * numpy.random.default_rng(1).standard_normal((4000, 5))


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_temperature_is_found(Z, temperature):
    found, loss = fit_temperature(Z * temperature, draw(Z))
    assert found == pytest.approx(temperature, rel=0.07)
    assert 0.0 < loss < numpy.log(5)


def test_no_other_temperature_is_more_likely(Z):
    gold, rows = draw(Z), numpy.arange(len(Z))
    best, loss = fit_temperature(Z * 2, gold)
    losses = [
        -numpy.log(softmax(Z * 2 / t)[rows, gold]).mean()
        + numpy.log(t) ** 2 / 2 / len(Z)
        for t in (0.9 * best, 1.1 * best)
    ]
    assert loss < min(losses)


def test_documents_of_unseen_labels_are_left_out(Z):
    gold = draw(Z)
    expected = fit_temperature(Z[:3000], gold[:3000])
    gold[3000:] = 5
    assert fit_temperature(Z, gold) == pytest.approx(expected)


@pytest.mark.parametrize("sign,bound", [(1.0, 0.05), (-1.0, 20.0)])
def test_temperature_stays_in_bounds(Z, sign, bound):
    gold = (sign * Z).argmax(axis=1)
    assert fit_temperature(Z, gold)[0] == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize("n_docs", [1, 5, 40])
def test_easy_documents_do_not_make_it_certain(Z, n_docs):
    """Without a prior, the temperature would run to its bound."""
    gold = Z[:n_docs].argmax(axis=1)
    easy = 4.0 * numpy.eye(5)[gold]
    found, _ = fit_temperature(easy, gold)
    assert 0.25 < found < 1.0

    def get_loss(log):
        P = softmax(easy / numpy.exp(log))[numpy.arange(n_docs), gold]
        return -numpy.log(P).sum() + log**2 / 2

    best = minimize_scalar(get_loss, bounds=(-3, 3), method="bounded").x
    assert found == pytest.approx(numpy.exp(best), rel=1e-3)


def test_nothing_to_learn_from():
    assert fit_temperature(numpy.zeros((2, 3)), numpy.asarray([7, 8])) == (1.0, 0.0)


@pytest.mark.parametrize("prior", [0.0, 0.4, 1.0])
def test_prior_and_temperature_are_found(Z, prior):
    gold = draw(Z + prior * LOG_PRIOR)
    found, temperature = fit_prior_and_temperature(
        lambda share: 2 * (Z + share * LOG_PRIOR), gold
    )
    assert found == pytest.approx(prior, abs=0.12)
    assert temperature == pytest.approx(2.0, rel=0.1)


def test_rated_priors_are_those_of_the_metric(Z):
    gold = draw(Z)
    W = numpy.stack([numpy.ones(4000), numpy.arange(4000) < 2000]).astype(float)
    rated = rate_priors(
        lambda share: Z + share * LOG_PRIOR, gold, METRICS["accuracy"], W, [0.0, 1.0]
    )
    expected = [(Z[:2000] + s * LOG_PRIOR).argmax(1) == gold[:2000] for s in (0, 1)]
    assert rated[:, 1].tolist() == [right.mean() for right in expected]


def test_chosen_prior_has_the_best_expected_macro_f(Z):
    Z = Z / 2
    P = softmax(Z + 0.8 * LOG_PRIOR)
    gold = draw(Z + 0.8 * LOG_PRIOR)

    def get_logits(share):
        return Z + share * LOG_PRIOR

    chosen = choose_prior(get_logits, P, 1.0)
    W = numpy.ones((1, len(Z)))
    metric = METRICS["macro_f"]
    rated = rate_priors(get_logits, gold, metric, W, [0.0, chosen, 1.0])[:, 0]
    assert 0.0 < chosen < 1.0
    assert rated[1] > max(rated[0], rated[2])


def test_present_prior_stays_if_none_is_better(Z):
    assert choose_prior(lambda share: Z, softmax(Z), 0.33) == 0.33
