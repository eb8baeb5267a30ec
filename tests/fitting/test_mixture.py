import numpy
import pytest

from spacy_longtail.fitting.mixture import WEIGHTS, Case, fit_weights


def make_cases(n, *strengths, seed=0):
    """Each opinion knows the gold label as well as its strength says."""
    random = numpy.random.default_rng(seed)
    cases = []
    for _ in range(n):
        column = int(random.integers(4))
        logits = random.standard_normal((len(strengths), 4))
        logits[:, column] += strengths
        cases.append(Case(f"label {column}", column, logits))
    return cases


def test_opinion_that_knows_more_weighs_more():
    first, second = fit_weights(make_cases(300, 0.5, 3.0), n_free=2)
    assert first < second


def test_opinion_that_knows_nothing_weighs_nothing():
    for place in range(2):
        strengths = [3.0, 3.0]
        strengths[place] = 0.0
        weights = fit_weights(make_cases(300, *strengths), n_free=2)
        assert weights[place] <= 0.1 * weights[1 - place]


def test_weights_that_are_not_free_are_one():
    weights = fit_weights(make_cases(50, 2.0, 0.0), n_free=1)
    assert weights[1] == 1.0
    assert weights[0] in WEIGHTS


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_how_sure_all_are_does_not_matter(scale):
    cases = make_cases(200, 1.0, 2.0)
    scaled = [case._replace(logits=case.logits * scale) for case in cases]
    found, expected = (fit_weights(part, n_free=2) for part in (scaled, cases))
    numpy.testing.assert_allclose(found / found.max(), expected / expected.max())


def test_each_label_counts_the_same():
    """Of the frequent label the first opinion is right, of the rare ones the second."""
    frequent = [Case("frequent", 0, numpy.asarray([[2.0, 0.0], [0.0, 2.0]]))] * 50
    rare = [
        Case(f"rare {i}", 0, numpy.asarray([[0.0, 2.0], [2.0, 0.0]])) for i in range(5)
    ]
    first, second = fit_weights(frequent + rare, n_free=2)
    assert first < second
