"""What a loss takes beside its input: it must not grow by arrays of documents and
labels, which are large where there are tens of thousands of labels.
"""

import tracemalloc

import numpy
import pytest
from numpy.testing import assert_allclose
from spacy import registry

from spacy_longtail.losses import core
from spacy_longtail.taxonomy import build_taxonomy

LOSSES = [
    "WeightedCrossEntropy",
    "ClassBalanced",
    "LogitAdjusted",
    "GeneralizedCrossEntropy",
    "Focal",
    "LDAM",
    "Asymmetric",
    "BinaryLogitAdjusted",
    "DistributionBalanced",
    "WeightedBinaryCrossEntropy",
]
N_LABELS, N_DOCS = 6000, 64


@pytest.fixture(params=LOSSES)
def loss(request):
    """Every second label is pooled, below one of 60 parents."""
    counts = {f"{i % 60}/{i}": 1 + 9 * (i % 2) for i in range(N_LABELS)}
    make = registry.losses.get(f"spacy-longtail.{request.param}.v1")
    return make()(build_taxonomy(counts, min_count=3, n_docs=N_LABELS))


@pytest.fixture
def batch():
    """Logits, and truths of which the last document says nothing."""
    rng = numpy.random.RandomState(0)
    truths = numpy.zeros((N_DOCS, N_LABELS), dtype="float32")
    truths[numpy.arange(N_DOCS), rng.randint(0, N_LABELS, N_DOCS)] = 1.0
    return rng.randn(N_DOCS, N_LABELS).astype("float32"), truths


def test_at_most_three_arrays_of_documents_and_labels(loss, batch):
    loss(*batch)
    tracemalloc.start()
    loss(*batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 3 * batch[0].nbytes


def test_documents_can_be_looked_at_together_or_not(loss, batch, monkeypatch):
    d_logits, nats = loss(*batch)
    monkeypatch.setattr(core, "BLOCK", 1 << 30)
    d_expected, expected = loss(*batch)
    assert nats == pytest.approx(expected, rel=1e-6)
    assert_allclose(d_logits, d_expected, rtol=1e-5, atol=1e-9)
