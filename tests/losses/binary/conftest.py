import numpy
import pytest

from spacy_longtail.taxonomy import build_taxonomy

# A document each: a leaf, two leaves of which one is pooled, none, nothing known, a
# label that isn't known beside others that are.
NAN = numpy.nan
TRUTHS = [
    [1.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 1.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [NAN, NAN, NAN, NAN, NAN],
    [NAN, 0.0, NAN, 1.0, 0.0],
]


@pytest.fixture
def binary_taxonomy():
    """Five leaves of 100 documents; a/y and a/z are pooled, with a mean of 2."""
    counts = {"a/x": 50, "a/y": 1, "a/z": 3, "b": 9, "c": 33}
    return build_taxonomy(counts, min_count=4, n_docs=100)


@pytest.fixture
def flat_taxonomy():
    """Three leaves of 100 documents, none is pooled."""
    return build_taxonomy({"a": 50, "b": 10, "c": 1}, n_docs=100)


@pytest.fixture
def binary_truths():
    return numpy.asarray(TRUTHS)


@pytest.fixture
def binary_logits():
    return numpy.random.RandomState(0).randn(5, 5)
