import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.pipeline.kinds.multilabel import MultilabelLabels, NodeProbabilities
from spacy_longtail.pipeline.stored import unpack_decision
from spacy_longtail.taxonomy import build_taxonomy

KIND = MultilabelLabels("pipe")

COUNTS = {"a/u/x": 9, "a/u/y": 1, "a/v/x": 1, "a/v/y": 1, "a/v/z": 9, "b": 1, "c": 9}


@pytest.fixture
def taxonomy():
    """Below "a/v" two are pooled; "a/u/y" and "b" are pooled at the top."""
    taxonomy = build_taxonomy(COUNTS, min_count=2, keep=["a/u/y"], n_docs=20)
    assert [other.parent for other in taxonomy.others] == ["a/v"]
    return taxonomy


@pytest.fixture
def P(taxonomy):
    logits = numpy.random.RandomState(0).randn(30, len(COUNTS))
    return KIND.get_probabilities(logits, taxonomy)


def describe(taxonomy, P, thresholds=0.5):
    kind = MultilabelLabels("pipe")
    values = numpy.full(len(taxonomy.leaves), thresholds).tolist()
    kind.settings.thresholds = dict(zip(taxonomy.leaves, values))
    writer = kind.make_writer(taxonomy)
    _, stored = writer.describe(P, P.max(axis=1), "stage", "reason")
    return [unpack_decision(data) for data in stored]


def get_slow_probability(taxonomy, p, node):
    """1 - the product over leaves and Others below a node."""
    start, stop = taxonomy.ranges[node]
    columns = set(range(start, stop))
    missing = 1.0
    for other in taxonomy.others:
        members = columns & set(other.members)
        missing *= 1.0 - sum(p[m] for m in members)
        columns -= members
    for column in columns:
        missing *= 1.0 - p[column]
    return 1.0 - missing


def test_odds_of_an_other_are_the_sum_of_its_members(taxonomy):
    logits = numpy.random.RandomState(1).randn(4, len(COUNTS))
    P = KIND.get_probabilities(logits, taxonomy)
    members = list(taxonomy.others[0].members)
    odds = numpy.exp(logits[:, members])
    mass = odds.sum(axis=1) / (1.0 + odds.sum(axis=1))
    assert_allclose(P[:, members].sum(axis=1), mass)
    assert_allclose(P[:, members] / mass[:, None], odds / odds.sum(1, keepdims=True))
    heads = [c for c in range(len(COUNTS)) if c not in members]
    assert_allclose(P[:, heads], 1.0 / (1.0 + numpy.exp(-logits[:, heads])))


@pytest.mark.parametrize("min_count", [0, 2, 20])
def test_node_probability_is_that_of_any_leaf_below(min_count):
    """20 pools labels of different parents in one Other at the top."""
    taxonomy = build_taxonomy(COUNTS, min_count=min_count, n_docs=20)
    logits = numpy.random.RandomState(2).randn(5, len(COUNTS))
    P = KIND.get_probabilities(logits, taxonomy)
    for number, node in enumerate(taxonomy.nodes):
        nodes = numpy.full(len(P), number)
        found = NodeProbabilities(taxonomy)(P, numpy.arange(len(P)), nodes)
        slow = [get_slow_probability(taxonomy, p, node) for p in P]
        assert_allclose(found, slow, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 10.0, 1000.0])
def test_parent_is_at_least_as_probable_as_its_children(taxonomy, scale):
    """Also where probabilities are 0.0 and 1.0 after rounding."""
    logits = scale * numpy.random.RandomState(3).randn(50, len(COUNTS))
    P = KIND.get_probabilities(logits.astype("float32"), taxonomy)
    for decision in describe(taxonomy, P):
        levels = [probability for _, probability in decision["levels"]]
        assert levels == sorted(levels, reverse=True)
        assert levels[-1] == decision["probability"]
        assert 0.0 <= levels[0] <= 1.0


def test_labels_are_those_above_their_threshold_most_probable_first(taxonomy):
    P = numpy.asarray([[0.3, 0.9, 0.1, 0.1, 0.6, 0.2, 0.4]])
    thresholds = numpy.asarray([0.2, 0.8, 0.5, 0.5, 0.7, 0.2, 0.5])
    (decision,) = describe(taxonomy, P, thresholds)
    assert decision["labels"] == ["a/u/y", "a/u/x", "b"]
    assert decision["label"] == "a/u/y"
    assert decision["other"] == ("a/v", pytest.approx(0.2))


def test_no_label_may_be_above_its_threshold(taxonomy):
    P = numpy.full((1, len(COUNTS)), 0.1)
    (decision,) = describe(taxonomy, P)
    assert decision["labels"] == []
    assert decision["label"] == "a/u/x"


def test_without_pooled_labels_there_is_no_other():
    taxonomy = build_taxonomy({"a": 5, "b": 5}, n_docs=10)
    (decision,) = describe(taxonomy, numpy.asarray([[0.5, 0.2]]))
    assert decision["other"] is None
    assert decision["levels"] == [("a", 0.5)]
