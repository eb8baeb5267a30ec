import math

import numpy
import pytest

from spacy_longtail.taxonomy import build_taxonomy


@pytest.fixture
def taxonomy():
    """Six leaves; a/y and a/z are pooled, with a mean of 2 documents."""
    counts = {"a/x": 50, "a/y": 1, "a/z": 3, "b/v": 9, "b/w/u": 4, "c": 33}
    return build_taxonomy(counts, min_count=4)


@pytest.fixture
def get_truths():
    """Returns the mask of the leaves that gold labels allow; None for no label."""

    def get_truths(taxonomy, labels):
        truths = numpy.zeros((len(labels), len(taxonomy.leaves)))
        for row, label in enumerate(labels):
            if label is not None:
                truths[row, taxonomy.compatible(label)] = 1.0
        return truths

    return get_truths


@pytest.fixture
def truths(taxonomy, get_truths):
    """A leaf, a pooled leaf, two inner nodes, no label."""
    return get_truths(taxonomy, ["c", "a/y", "b", "a", None])


@pytest.fixture
def corpus(taxonomy, get_truths):
    """One row for each training document."""
    labels = numpy.repeat(taxonomy.leaves, taxonomy.counts).tolist()
    return get_truths(taxonomy, labels)


@pytest.fixture
def logits(truths):
    return numpy.random.RandomState(0).randn(*truths.shape)


@pytest.fixture
def get_numeric_gradient():
    """Returns the gradient of a loss by central differences."""

    def get_numeric_gradient(loss, logits, truths):
        numeric = numpy.zeros_like(logits)
        for index in numpy.ndindex(*logits.shape):
            step = numpy.zeros_like(logits)
            step[index] = 1e-6
            above = loss.get_loss(logits + step, truths)
            numeric[index] = (above - loss.get_loss(logits - step, truths)) / 2e-6
        return numeric

    return get_numeric_gradient


@pytest.fixture
def get_slow_loss():
    """Returns the loss by the formula, one document and one leaf at a time."""

    def get_slow_loss(logits, truths, *, weights=None, shifts=None, counts=None):
        total, n_docs = 0.0, 0
        for row, allowed in zip(logits.tolist(), truths.tolist()):
            columns = [column for column, value in enumerate(allowed) if value]
            if not columns:
                continue
            z = [v + (0.0 if shifts is None else shifts[i]) for i, v in enumerate(row)]
            share = sum(math.exp(z[c]) for c in columns) / sum(map(math.exp, z))
            n = [1.0 if counts is None else counts[c] for c in columns]
            w = [1.0 if weights is None else weights[c] for c in columns]
            weight = sum(a * b for a, b in zip(n, w)) / sum(n)
            total -= weight * math.log(share)
            n_docs += 1
        return total / n_docs

    return get_slow_loss
