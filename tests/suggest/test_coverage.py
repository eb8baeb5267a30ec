from itertools import combinations

import numpy

from spacy_longtail.suggest.coverage import choose_spread


def make_vectors(*angles):
    radians = numpy.deg2rad(angles)
    return numpy.stack([numpy.cos(radians), numpy.sin(radians)], axis=1)


def test_one_of_each_cluster_is_chosen_and_its_middle_first():
    X = make_vectors(0, 5, 10, 100, 105)
    worth = numpy.asarray([1.0, 1.0, 1.0, 1.0, 0.9])
    assert choose_spread(X, worth, 2) == [1, 3]
    # The one that is worth more than the rest comes first.
    assert choose_spread(X, numpy.asarray([1.0, 1.0, 1.0, 1.0, 9.0]), 2) == [4, 1]


def test_choice_is_nearly_the_best():
    rng = numpy.random.default_rng(0)
    X = rng.standard_normal((12, 4))
    X /= numpy.linalg.norm(X, axis=1, keepdims=True)
    worth = rng.random(12)
    similarity = numpy.maximum(X @ X.T, 0.0)

    def sum_covered(rows):
        return float(worth @ similarity[:, list(rows)].max(axis=1))

    best = max(map(sum_covered, combinations(range(12), 3)))
    assert sum_covered(choose_spread(X, worth, 3)) >= (1 - 1 / numpy.e) * best


def test_each_text_is_chosen_once():
    X = numpy.zeros((4, 2))
    assert sorted(choose_spread(X, numpy.zeros(4), 9)) == [0, 1, 2, 3]
