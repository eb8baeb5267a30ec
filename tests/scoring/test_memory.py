"""Arrays of all documents and labels are as few as can be: with 4,000 documents and
50,000 labels each has 1.6 GB in double precision.
"""

import tracemalloc

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.training import Example

from spacy_longtail import ops
from spacy_longtail.fitting.thresholds import fit_thresholds
from spacy_longtail.pipeline.kinds.multilabel import MultilabelLabels
from spacy_longtail.scoring.metrics import find_metrics
from spacy_longtail.scoring.multilabel import read_multilabel
from spacy_longtail.scoring.predictions import pair_scores
from spacy_longtail.taxonomy import build_taxonomy

N_DOCS, N_LABELS = 60, 6000
METRICS = {**find_metrics("scorer", True), **find_metrics("report", True)}
METRICS.update(find_metrics("tune", True))
NLP = spacy.blank("en")
TAXONOMY = build_taxonomy({f"{i}": 5 for i in range(N_LABELS)}, n_docs=9000)


def make_arrays():
    """Truths and probabilities; of the first label nothing is known."""
    rng = numpy.random.RandomState(0)
    P = rng.beta(0.1, 3.0, (N_DOCS, N_LABELS)).astype("float32")
    truths = (rng.rand(N_DOCS, N_LABELS) < P / 50).astype("float32")
    truths[:, 0] = numpy.nan
    return truths, P


def make_predictions():
    truths, P = make_arrays()
    labels = [f"{i}" for i in range(N_LABELS)]
    counts = numpy.arange(N_LABELS)
    return pair_scores(truths, P, P > 0.5, labels, counts=counts, n_training=9000)


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(ops, "SLICE", 2 * N_LABELS)


def get_peak(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("key", METRICS)
def test_metrics_in_slices_are_the_same(key, monkeypatch):
    W = numpy.random.RandomState(1).rand(3, N_DOCS)
    expected = METRICS[key].function(make_predictions(), W)
    monkeypatch.setattr(ops, "SLICE", 2 * N_LABELS)
    assert_allclose(METRICS[key].function(make_predictions(), W), expected, rtol=1e-12)


@pytest.mark.parametrize("key", METRICS)
def test_metrics_make_no_arrays_of_all_documents(key, small_slices):
    predictions = make_predictions()
    size = predictions.scores.P.nbytes
    peak = get_peak(lambda: METRICS[key].function(predictions, predictions.ones))
    assert peak < size


def test_thresholds_in_slices_are_the_same(monkeypatch):
    truths, P = make_arrays()
    log_odds = numpy.linspace(-5.0, -1.0, N_LABELS)
    expected = fit_thresholds(P, truths, smoothing=None, log_odds=log_odds)
    monkeypatch.setattr(ops, "SLICE", 2 * N_LABELS)
    found = fit_thresholds(P, truths, smoothing=None, log_odds=log_odds)
    assert_allclose(found, expected, rtol=1e-6)


def test_thresholds_take_little_more_than_the_odds(small_slices):
    truths, P = make_arrays()
    log_odds = numpy.zeros(N_LABELS)
    peak = get_peak(
        lambda: fit_thresholds(P, truths, smoothing=None, log_odds=log_odds)
    )
    assert peak < 3 * P.nbytes


def make_examples(n_docs, n_cats):
    """Each document has one gold label; n_cats of its cats are kept."""
    for row in range(n_docs):
        reference, doc = NLP.make_doc("a"), NLP.make_doc("a")
        reference.cats = {f"{row}": 1.0}
        columns = range(row, row + n_cats)
        doc.cats = {f"{i % N_LABELS}": 0.9 / (1 + i - row) for i in columns}
        yield Example(doc, reference)


def test_reading_takes_six_bytes_a_document_and_label(small_slices):
    """Four for the probability and two for the truth."""
    examples, needed = list(make_examples(200, 100)), numpy.full(N_LABELS, 0.5)

    def read():
        read_multilabel(
            examples, TAXONOMY, pipe="pipe", get_thresholds=lambda labels: needed
        )

    read()
    peak = get_peak(read)
    # From Python 3.12 on, tracemalloc counts an array twice while it is resized.
    assert peak < 9 * 200 * N_LABELS


def test_fitting_takes_little_more_than_reading(small_slices):
    kind = MultilabelLabels("pipe")
    # What a document takes is made before.
    examples = list(make_examples(100, N_LABELS))
    peak = get_peak(lambda: kind.fit_thresholds(examples, TAXONOMY, smoothing=None))
    assert peak < 12 * 100 * N_LABELS
