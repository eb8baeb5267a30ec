import math
import tracemalloc

import numpy
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from spacy_longtail.fitting import calibration
from spacy_longtail.fitting.calibration import (
    choose_prior,
    fit_pair_temperature,
    fit_prior,
    fit_temperature,
    get_pair_loss,
    search,
)
from spacy_longtail.ops import softmax
from spacy_longtail.scoring.bootstrap import measure
from spacy_longtail.scoring.metrics import find_metrics
from spacy_longtail.scoring.predictions import pair_columns

LOG_PRIOR = numpy.log([0.5, 0.25, 0.15, 0.07, 0.03])


def sigmoid(Z):
    return 1.0 / (1.0 + numpy.exp(-Z))


def draw(Z, seed=0):
    """Draw gold labels that the logits are right about."""
    P = softmax(Z)
    points = numpy.random.default_rng(seed).random((len(P), 1))
    return (P.cumsum(axis=1) < points).sum(axis=1).clip(max=P.shape[1] - 1)


def draw_several(Z, seed=0):
    points = numpy.random.default_rng(seed).random(Z.shape)
    return (points < sigmoid(Z)).astype(float)


class OneLabel:
    """Documents whose labels exclude each other."""

    draw = staticmethod(draw)

    @staticmethod
    def fit(Z, truths):
        return fit_temperature(Z, truths)

    @staticmethod
    def get_loss(Z, truths):
        return -numpy.log(softmax(Z)[numpy.arange(len(Z)), truths]).mean()

    @staticmethod
    def count(truths):
        return len(truths)

    @staticmethod
    def make_easy(Z):
        gold = Z.argmax(axis=1)
        return 4.0 * numpy.eye(5)[gold], gold


class SeveralLabels:
    """Documents with any number of labels."""

    draw = staticmethod(draw_several)

    @staticmethod
    def fit(Z, truths):
        return fit_pair_temperature(lambda heat: sigmoid(Z / heat), truths)

    @staticmethod
    def get_loss(Z, truths):
        return get_pair_loss(sigmoid(Z), truths)

    @staticmethod
    def count(truths):
        return truths.size

    @staticmethod
    def make_easy(Z):
        return 6.0 * numpy.sign(Z), (Z > 0.0).astype(float)


BOTH = pytest.mark.parametrize("labels", [OneLabel, SeveralLabels])


@pytest.fixture
def Z():
    return 2.0 * numpy.random.default_rng(1).standard_normal((4000, 5))


@BOTH
@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_most_likely_temperature_is_found(Z, labels, temperature):
    truths = labels.draw(Z)
    found, loss = labels.fit(Z * temperature, truths)
    assert found == pytest.approx(temperature, rel=0.07)

    def get_loss(log):
        nats = labels.get_loss(Z * temperature / math.exp(log), truths)
        return nats + log**2 / 2 / labels.count(truths)

    best = minimize_scalar(get_loss, bounds=(-3, 3), method="bounded")
    assert found == pytest.approx(math.exp(best.x), rel=0.005)
    assert loss == pytest.approx(best.fun, rel=1e-4)


@BOTH
@pytest.mark.parametrize("n_docs", [1, 5, 40])
def test_easy_documents_do_not_make_it_certain(Z, labels, n_docs):
    """Without a prior, the temperature would run to its bound."""
    found, _ = labels.fit(*labels.make_easy(Z[:n_docs]))
    assert 0.25 < found < 1.0


@BOTH
@pytest.mark.parametrize("prior", [0.0, 0.4, 1.0])
def test_prior_and_temperature_are_found(Z, labels, prior):
    truths = labels.draw(Z + prior * LOG_PRIOR)
    found, temperature = fit_prior(
        lambda share: labels.fit(2 * (Z + share * LOG_PRIOR), truths)
    )
    assert found == pytest.approx(prior, abs=0.12)
    assert temperature == pytest.approx(2.0, rel=0.1)


def test_documents_can_be_looked_at_together_or_not(Z, monkeypatch):
    found = fit_temperature(Z, draw(Z))
    monkeypatch.setattr(calibration, "BLOCK", 1)
    assert fit_temperature(Z, draw(Z)) == pytest.approx(found, rel=1e-6)


def test_temperature_takes_no_copy_of_the_logits():
    Z = numpy.random.RandomState(0).randn(200, 20_000).astype("float32")
    tracemalloc.start()
    fit_temperature(Z, numpy.arange(200))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < Z.nbytes / 2


def test_documents_of_unseen_labels_are_left_out(Z):
    gold = draw(Z)
    expected = fit_temperature(Z[:3000], gold[:3000])
    gold[3000:] = 5
    assert fit_temperature(Z, gold) == pytest.approx(expected)


def test_the_fewer_pairs_are_known_the_more_the_prior_counts():
    truths = numpy.random.default_rng(0).integers(0, 2, (20, 3)).astype(float)
    easy = 6.0 * (2.0 * truths - 1.0)
    found, _ = SeveralLabels.fit(easy, truths)
    unknown = numpy.full(truths.shape, numpy.nan)
    unknown[0, 0] = truths[0, 0]
    fewer, _ = SeveralLabels.fit(easy, unknown)
    assert found < fewer < 1.0


@pytest.mark.parametrize("sign,bound", [(1.0, 0.05), (-1.0, 20.0)])
def test_temperature_stays_in_bounds(Z, sign, bound):
    gold = (sign * Z).argmax(axis=1)
    assert fit_temperature(Z, gold)[0] == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize(
    "labels, truths",
    [
        (OneLabel, numpy.asarray([7, 8])),
        (SeveralLabels, numpy.full((2, 3), numpy.nan)),
    ],
)
def test_nothing_to_learn_from(labels, truths):
    assert labels.fit(numpy.zeros((2, 3)), truths) == (1.0, 0.0)


def test_loss_of_pairs_is_that_of_scikit_learn(Z):
    P, truths = sigmoid(Z), draw_several(Z)
    expected = log_loss(truths.ravel(), P.ravel())
    assert get_pair_loss(P, truths) == pytest.approx(expected, rel=1e-4)
    truths[:, 2:] = numpy.nan
    expected = log_loss(truths[:, :2].ravel(), P[:, :2].ravel())
    assert get_pair_loss(P, truths) == pytest.approx(expected, rel=1e-4)


def test_chosen_prior_has_the_best_macro_f(Z):
    Z = Z / 2
    P = softmax(Z + 0.8 * LOG_PRIOR)
    gold = draw(Z + 0.8 * LOG_PRIOR)

    def get_logits(share):
        return Z + share * LOG_PRIOR

    chosen = choose_prior(get_logits, P, 1.0)
    metric = find_metrics("tune", False)["macro_f"]
    rated = [
        measure(metric, pair_columns(gold, get_logits(s).argmax(1), P[:, 0], "abcde"))
        for s in (0.0, chosen, 1.0)
    ]
    assert 0.0 < chosen < 1.0
    assert rated[1] > max(rated[0], rated[2])


def test_present_prior_stays_if_none_is_better(Z):
    assert choose_prior(lambda share: Z, softmax(Z), 0.33) == 0.33


@pytest.mark.parametrize("lowest", [-2.0, 0.3, 1.0])
def test_search_finds_the_lowest_value(lowest):
    found = search(lambda x: abs(x - lowest) ** 1.5, -2.0, 1.0, 0.001)
    assert found == pytest.approx(lowest, abs=0.001)
