import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.pipeline.fallback.router import redistribute
from spacy_longtail.pipeline.kinds.exclusive import insert_exclusive
from spacy_longtail.pipeline.kinds.multilabel import (
    discount_other,
    insert_independent,
)
from spacy_longtail.taxonomy import Other

PLAN = (Other("a", (0, 2)), Other("b", (3, 4, 6)))


@pytest.fixture
def P():
    return numpy.random.RandomState(0).dirichlet(numpy.ones(8), size=4)


def spread_slowly(P, others, scores, weight):
    """P(leaf) = P(Other) * P(leaf | Other, document), one leaf after the other."""
    result = P.tolist()
    for row, numbers in enumerate(others):
        values = iter(scores[row])
        for number in numbers:
            members = PLAN[number].members
            mass = sum(P[row][m] for m in members)
            odds = [numpy.exp(next(values)) * P[row][m] ** weight for m in members]
            for member, odd in zip(members, odds):
                result[row][member] = mass * odd / sum(odds)
    return result


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_spread_is_the_product_of_both_stages(P, weight):
    others = [[0], [0, 1], [], [1]]
    random = numpy.random.RandomState(1)
    sizes = [sum(len(PLAN[n].members) for n in numbers) for numbers in others]
    scores = [random.randn(size) for size in sizes]
    found = redistribute(P, PLAN, others, scores, weight)
    assert_allclose(found, spread_slowly(P, others, scores, weight), rtol=1e-9)
    # Nothing else has moved, not by rounding either.
    assert (found[:, [1, 5, 7]] == P[:, [1, 5, 7]]).all()
    assert (found[2] == P[2]).all()
    assert_allclose(found.sum(axis=1), P.sum(axis=1), rtol=1e-12)


def test_spread_of_extreme_scores_and_of_no_mass(P):
    P[0, [0, 2]] = 0.0
    scores = [numpy.asarray([1e4, -1e4]), numpy.asarray([-1e4, 1e4])]
    found = redistribute(P[:2], PLAN, [[0], [0]], scores, 1.0)
    assert numpy.isfinite(found).all()
    assert found[0, 0] == found[0, 2] == 0.0
    assert found[1, 0] == 0.0
    assert found[1, 2] == pytest.approx(P[1, 0] + P[1, 2])


def test_no_weight_for_the_first_stage_leaves_the_scores_alone(P):
    found = redistribute(
        P[:1], PLAN, [[0]], [numpy.asarray([0.0, numpy.log(3.0)])], 0.0
    )
    assert found[0, 2] == pytest.approx(3 * found[0, 0])


def test_run_time_label_keeps_the_order_and_the_ratios_of_the_others(P):
    P[:, [5, 7]] = 0.0
    margins = numpy.asarray(
        [[0.0, -1.0], [5.0, -50.0], [-700.0, -numpy.inf], [60.0, 0]]
    )
    found = insert_exclusive(P, margins, [5, 7], 0.0)
    assert_allclose(found.sum(axis=1), P.sum(axis=1))
    old = [0, 1, 2, 3, 4, 6]
    ratios = found[:, old] / P[:, old]
    assert_allclose(ratios, numpy.broadcast_to(ratios[:, :1], ratios.shape))
    assert found[0, 5] == pytest.approx(found[0, old].max())
    assert found[1, 5] == found[1].max()
    assert_allclose(found[2], P[2], atol=1e-12)


def test_the_more_the_first_stage_is_trusted_the_less_a_new_label_gets(P):
    P[:, 7] = 0.0
    P[0, 0] = 30.0
    P /= P.sum(axis=1, keepdims=True)
    shares = [
        insert_exclusive(P, numpy.ones((4, 1)), [7], trust)[0, 7]
        for trust in (0, 0.2, 1)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[2]


def test_doubt_takes_from_the_others_that_were_ranked(P):
    deficit = numpy.asarray([0.0, numpy.log(2.0), 1.0, 1000.0])
    found = discount_other(P, PLAN, [[0, 1], [0], [], [1]], deficit)
    assert (found[[0, 2]] == P[[0, 2]]).all()
    assert_allclose(found[1, [0, 2]], P[1, [0, 2]] / 2)
    assert (found[1, [1, 3, 4, 5, 6, 7]] == P[1, [1, 3, 4, 5, 6, 7]]).all()
    assert (found[3, [3, 4, 6]] == 0.0).all()


def test_label_beside_others_takes_nothing_from_them(P):
    P[:, [5, 7]] = 0.0
    margins = numpy.asarray(
        [[0.0, -1.0], [5.0, -50.0], [-700.0, -numpy.inf], [900.0, 0]]
    )
    similarity = numpy.asarray([1.0, 0.5, 0.7, 0.0])
    found = insert_independent(P, margins, [5, 7], 0.0, similarity)
    old = [0, 1, 2, 3, 4, 6]
    assert (found[:, old] == P[:, old]).all()
    assert found[0, 5] == 0.5
    assert found[0, 7] == pytest.approx(1 / (1 + numpy.e))
    assert found[1, 5] == pytest.approx(0.5 / (1 + numpy.exp(-5)))
    assert found[2].tolist() == pytest.approx(P[2].tolist())
    # A document that is close to nothing has no label.
    assert (found[3, [5, 7]] == 0.0).all()


def test_label_beside_others_starts_from_the_best_of_them():
    P = numpy.asarray([[0.9, 0.2, 0.0], [0.1, 0.05, 0.0]])
    found = insert_independent(P, numpy.zeros((2, 1)), [2], 1.0, numpy.ones(2))
    assert_allclose(found[:, 2], [0.9, 0.1])
