import numpy
import pytest

from spacy_longtail.fitting.abstention import (
    fit_ancestor_threshold,
    fit_coverage_threshold,
    fit_label_thresholds,
    fit_precision_threshold,
)
from spacy_longtail.taxonomy import build_taxonomy


def array(*values):
    return numpy.asarray(values)


@pytest.mark.parametrize(
    "confidence,is_right,precision,expected",
    [
        (array(0.9, 0.8, 0.7, 0.6), array(1, 1, 0, 0), 1.0, 0.75),
        (array(0.9, 0.8, 0.7, 0.6), array(1, 1, 0, 1), 0.75, 0.0),
        (array(0.9, 0.8, 0.7, 0.6), array(0, 1, 1, 0), 0.9, 1.0),
        # Equal probabilities can't be told apart.
        (array(0.9, 0.7, 0.7, 0.6), array(1, 1, 0, 0), 1.0, 0.8),
    ],
)
def test_precision_threshold(confidence, is_right, precision, expected):
    found = fit_precision_threshold(confidence, is_right.astype(bool), precision)
    assert found == pytest.approx(expected)


def test_precision_is_reached_with_the_most_documents():
    rng = numpy.random.default_rng(0)
    confidence = rng.random(500)
    is_right = rng.random(500) < confidence
    threshold = fit_precision_threshold(confidence, is_right, 0.8)
    assert is_right[confidence >= threshold].mean() >= 0.8
    lower = [t for t in numpy.sort(confidence) if t < threshold]
    assert all(is_right[confidence >= t].mean() < 0.8 for t in lower)


def test_coverage_threshold():
    confidence = array(0.1, 0.2, 0.3, 0.4, 0.5)
    threshold = fit_coverage_threshold(confidence, 0.6)
    assert (confidence >= threshold).mean() == 0.6
    assert fit_coverage_threshold(confidence, 1.0) == 0.0


@pytest.mark.parametrize(
    "n, coverage, n_kept", [(5, 0.5, 3), (5, 0.6, 3), (100, 0.07, 7), (5, 0.01, 1)]
)
def test_coverage_is_at_least_the_wished_share(n, coverage, n_kept):
    confidence = numpy.linspace(0.1, 0.9, n)
    threshold = fit_coverage_threshold(confidence, coverage)
    assert (confidence >= threshold).sum() == n_kept


def test_rounding_keeps_what_the_threshold_has_to_keep():
    confidence = array(0.1, 0.123456785, 0.1234567851)
    for coverage in (0.3, 0.6):
        kept = confidence >= fit_coverage_threshold(confidence, coverage)
        assert kept.mean() >= coverage


def test_rare_labels_have_the_threshold_of_their_parent():
    tree = build_taxonomy({"a/x": 1, "a/y": 1, "b/x": 1, "b/y": 1})
    guess = numpy.repeat([0, 1, 2, 3], [4, 2, 1, 1])
    confidence = array(0.9, 0.8, 0.7, 0.6, 0.9, 0.5, 0.9, 0.4)
    is_right = array(1, 1, 0, 0, 1, 1, 0, 1).astype(bool)
    found = fit_label_thresholds(tree, guess, confidence, is_right, 1.0, min_support=4)
    assert found == pytest.approx({"": 1.0, "a": 0.75, "a/x": 0.75})


def test_ancestor_threshold():
    probability, is_right = array(0.9, 0.8, 0.7), array(True, True, False)
    assert fit_ancestor_threshold(probability, is_right, None) == 0.5
    assert fit_ancestor_threshold(probability, is_right, 0.9) == 0.9
    found = fit_ancestor_threshold(probability, is_right, 0.9, min_support=3)
    assert found == pytest.approx(0.75)
