import numpy
import pytest

from spacy_longtail.fitting.mixture import Case, fit_weights, get_mixture_loss


def make_cases(noise):
    """The first stage's row is right, a ranker's row is noise, as far as wanted."""
    random = numpy.random.RandomState(0)
    cases = []
    for i in range(60):
        gold = i % 3
        signal = 1.5 * numpy.eye(3)[gold] + random.randn(3)
        cases.append(Case("abc"[gold], gold, numpy.vstack([signal, noise(random)])))
    return cases


def test_source_of_noise_gets_no_weight():
    weights = fit_weights(make_cases(lambda random: 3 * random.randn(3)), is_free=True)
    assert weights[0] > 0.0
    assert weights[1] <= 0.1 * weights[0]


def test_weight_of_a_single_ranker_stays():
    weights = fit_weights(make_cases(lambda random: 3 * random.randn(3)), is_free=False)
    assert weights[0] == 2.8
    assert weights[1] == 1.0


def test_loss_does_not_depend_on_the_scale():
    cases = make_cases(lambda random: numpy.zeros(3))
    losses = [
        get_mixture_loss(cases, numpy.asarray([weight, 0.0])) for weight in (1.0, 2.0)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_each_label_counts_the_same():
    """Nine documents of one label weigh as much as one of another."""
    good, bad = numpy.asarray([[2.0, 0.0]]), numpy.asarray([[0.0, 2.0]])
    cases = [Case("a", 0, good)] * 9 + [Case("b", 0, bad)]
    even = [Case("a", 0, good), Case("b", 0, bad)]
    weights = numpy.ones(1)
    assert get_mixture_loss(cases, weights) == pytest.approx(
        get_mixture_loss(even, weights)
    )
