import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.ops import unit_rows
from spacy_longtail.pipeline.prototypes import ClassSums, get_prototypes
from spacy_longtail.taxonomy import Taxonomy

TAXONOMY = Taxonomy(leaves=("a", "b", "c"), counts=(3, 1, 0))


def make_sums():
    random = numpy.random.RandomState(0)
    X = random.randn(4, 5).astype("float32")
    sums = ClassSums()
    sums.add(["b", "a"], X[:2])
    sums.add(["a", "a"], X[2:])
    return sums, unit_rows(X)


@pytest.mark.parametrize("kappa", [0.0, 1.0, 7.5])
def test_prototype_is_the_mean_shrunk_towards_the_name(kappa):
    sums, X = make_sums()
    names = unit_rows(numpy.random.RandomState(1).randn(3, 5))
    found = get_prototypes(TAXONOMY, sums, names, kappa)
    members = {0: [1, 2, 3], 1: [0], 2: []}
    for leaf, rows in members.items():
        slow = X[rows].sum(axis=0) + kappa * names[leaf]
        norm = numpy.linalg.norm(slow)
        assert_allclose(found[leaf], slow / norm if norm else slow, atol=1e-5)


def test_counts_documents_by_label():
    assert make_sums()[0].counts == {"a": 3, "b": 1}


def test_takes_any_number_of_labels():
    sums = ClassSums()
    labels = [f"label {i}" for i in range(500)]
    for start in range(0, 500, 50):
        part = labels[start : start + 50]
        sums.add(part * 2, numpy.ones((100, 3), dtype="float32"))
    assert_allclose(sums.get(labels), numpy.full((500, 3), 2 / 3**0.5))
    assert_allclose(sums.get(["unknown"]), numpy.zeros((1, 3)))
