import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.rankers.base import make_noop_ranker
from spacy_longtail.rankers.combined import make_combined_ranker
from spacy_longtail.rankers.lexical import make_lexical_ranker
from spacy_longtail.rankers.prototype import make_prototype_ranker

NEW = "travel/cruise"


def make_parts():
    return {"meaning": make_prototype_ranker(), "words": make_lexical_ranker()}


@pytest.fixture
def parts(cards, encode):
    parts = make_parts()
    for ranker in parts.values():
        ranker.set_labels(cards, encode)
        ranker.bind(encode)
    return parts


def test_scores_are_a_weighted_sum_and_margins_a_weighted_mean(parts, ask):
    weights = {"meaning": 0.5, "words": 2.0}
    ranker = make_combined_ranker(rankers=parts, weights=weights)
    found = ask(ranker, "money", "ship", added=[NEW])
    a, b = (ask(parts[name], "money", "ship", added=[NEW]) for name in weights)
    sums = 0.5 * numpy.stack(a.scores) + 2.0 * numpy.stack(b.scores)
    assert_allclose(found.scores, sums)
    assert_allclose(found.margins, (0.5 * a.margins + 2.0 * b.margins) / 2.5)
    # The words can't tell.
    assert_allclose(found.similarity, a.similarity)


def test_ranker_of_no_weight_changes_nothing(parts, ask):
    weights = {"meaning": 1.0, "words": 0.0}
    ranker = make_combined_ranker(rankers=parts, weights=weights)
    found, alone = (ask(r, "money", added=[NEW]) for r in (ranker, parts["meaning"]))
    assert_allclose(found.scores, alone.scores)
    assert_allclose(found.margins, alone.margins)


def test_nobody_can_tell(ask):
    ranker = make_combined_ranker(rankers={"a": make_noop_ranker()})
    found = ask(ranker, "money", added=[NEW])
    assert found.margins is None
    assert found.similarity is None


def test_bytes_round_trip_with_the_weights(cards, encode, ask):
    ranker = make_combined_ranker(rankers=make_parts())
    ranker.load()
    ranker.set_labels(cards, encode)
    ranker.weights = {"meaning": 0.3, "words": 0.7}
    loaded = make_combined_ranker(rankers=make_parts())
    loaded.from_bytes(ranker.to_bytes())
    assert loaded.weights == ranker.weights
    for each in (ranker, loaded):
        each.bind(encode)
    assert_allclose(ask(loaded, "cost").scores, ask(ranker, "cost").scores)


@pytest.mark.parametrize("weights", [{}, {"a": 1.0, "b": 1.0}, {"b": 1.0}])
def test_weights_that_do_not_fit_the_rankers(weights):
    with pytest.raises(ValueError, match=r"\[L407\]"):
        make_combined_ranker(rankers={"a": make_noop_ranker()}, weights=weights)


def test_no_rankers():
    with pytest.raises(ValueError, match=r"\[L407\]"):
        make_combined_ranker(rankers={})


def test_weight_out_of_range():
    rankers = {"a": make_noop_ranker()}
    with pytest.raises(ValueError, match=r"\[L405\] CombinedRanker.*'a'"):
        make_combined_ranker(rankers=rankers, weights={"a": -1.0})
