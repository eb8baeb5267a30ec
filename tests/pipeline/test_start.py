import tracemalloc

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.ops import unit_rows
from spacy_longtail.pipeline.start import (
    ClassSums,
    VectorSample,
    fit_bias,
    get_prototypes,
)
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
    assert_allclose(sums.get(labels, 3), numpy.full((500, 3), 2 / 3**0.5))
    assert_allclose(sums.get(["unknown"], 3), numpy.zeros((1, 3)))


def test_mean_probability_is_the_prior():
    logits = 20.0 * numpy.random.RandomState(0).randn(500, 3)
    prior = numpy.asarray([0.5, 0.1, 0.001])
    bias = fit_bias(logits, numpy.log(prior / (1.0 - prior)))
    P = 1.0 / (1.0 + numpy.exp(-logits - bias))
    assert_allclose(P.mean(axis=0), prior, rtol=1e-6)


def test_bias_of_any_logits_is_found():
    """Those that Newton's method alone would miss, too, and more than a block."""
    random = numpy.random.RandomState(0)
    scales = 10.0 ** random.uniform(-6, 3, 300)
    logits = (random.standard_cauchy((40, 300)) * scales).astype("float32")
    log_odds = random.uniform(-14, 14, 300)
    bias = fit_bias(logits, log_odds)
    step = 1e-6 * numpy.maximum(numpy.abs(logits).max(axis=0), 1.0)
    for sign in (-1.0, 1.0):
        Z = logits + bias + sign * step
        P = 1.0 / (1.0 + numpy.exp(-Z.clip(-700, 700)))
        gaps = P.mean(axis=0) - 1.0 / (1.0 + numpy.exp(-log_odds))
        assert (sign * gaps >= -1e-12).all()


def test_equal_logits_need_the_difference():
    bias = fit_bias(numpy.full((5, 2), 3.0), numpy.asarray([0.0, -2.0]))
    assert_allclose(bias, [-3.0, -5.0])


def test_without_documents_there_is_no_bias():
    assert_array_equal(fit_bias(numpy.zeros((0, 2)), numpy.zeros(2)), [0.0, 0.0])


def test_small_corpus_is_kept_as_it_is():
    sample = VectorSample(size=10)
    sample.add(numpy.asarray([[1.0], [2.0]], "f4"))
    sample.add(numpy.asarray([[3.0]], "f4"))
    assert_array_equal(sample.get(), [[1.0], [2.0], [3.0]])


def test_sample_of_nothing_is_empty():
    sample = VectorSample(size=0)
    sample.add(numpy.ones((5, 2), "f4"))
    assert sample.get().shape == (0, 0)


def test_sample_of_a_large_corpus_is_from_all_of_it():
    sample = VectorSample(size=400)
    for start in range(0, 4000, 100):
        sample.add(numpy.arange(start, start + 100.0).reshape((-1, 1)))
    kept = sample.get()[:, 0]
    assert len(set(kept.tolist())) == 400
    assert 1800 < kept.mean() < 2200


def test_sampling_does_not_disturb_the_random_numbers_of_training():
    numpy.random.seed(0)
    expected = numpy.random.rand()
    numpy.random.seed(0)
    VectorSample(size=1).add(numpy.zeros((5, 2)))
    assert numpy.random.rand() == expected


def test_prototypes_take_little_more_than_they_are():
    """The sums are twice as large, and no more arrays of all labels are made."""
    sums, names = ClassSums(), numpy.ones((8000, 64), dtype="float32")
    leaves = tuple(f"{i:04}" for i in range(8000))
    for start in range(0, 8000, 500):
        sums.add(leaves[start : start + 500], names[start : start + 500])
    tracemalloc.start()
    found = get_prototypes(Taxonomy(leaves, (1,) * 8000), sums, names, 1.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_allclose(found, 1 / 8, rtol=1e-6)
    assert peak < 2 * names.nbytes
