"""Weights that are fitted where a document can have several labels."""

import numpy
import pytest

from spacy_longtail.pipeline.fallback.fitting import find_contrasts

NAME = "longtail_textcat_multilabel"


@pytest.fixture
def kind(several):
    return several.get_pipe("zero_shot_fallback").kind


@pytest.fixture
def taxonomy(several):
    return several.get_pipe("zero_shot_fallback").taxonomy


def test_gold_labels_are_told_from_those_that_are_wrong(
    several, kind, taxonomy, make_several_examples
):
    """Not from each other, and not from what isn't known."""
    data = [
        ("a", ["bank/fee", "bank/loan", "travel/visa"]),
        ("b", {"bank/fee": 1.0, "bank/loan": 0.0, "bank/card": 0.0}),
        ("c", {"bank/fee": 1.0, "bank/card": 0.0}),
        ("d", {"bank": 1.0}),
        ("e", None),
        ("f", []),
    ]
    examples = make_several_examples(several, data)
    golds = [kind.read_truths(eg, i, taxonomy) for i, eg in enumerate(examples)]
    labels = ("bank/fee", "bank/loan", "travel/visa")
    fee, loan, visa = (taxonomy.index[label] for label in labels)
    members = [fee, loan, visa]
    found = [find_contrasts(gold[members]) for gold in golds]
    assert found[0] == [(0, [0]), (1, [1]), (2, [2])]
    assert found[1] == [(0, [0, 1])]
    assert found[2] == [(0, [0])]
    assert found[3:] == [[], [], []]
    card = taxonomy.index["bank/card"]
    found = find_contrasts(golds[0][[card, fee, loan]])
    assert found == [(1, [0, 1]), (2, [0, 2])]


def test_labels_given_are_right_wrong_or_unknown(
    several, kind, taxonomy, make_several_examples
):
    data = [
        ("a", ["bank/fee"]),
        ("b", {"bank/fee": 1.0, "bank/card": 0.0}),
        ("c", None),
    ]
    examples = make_several_examples(several, data)
    golds = [kind.read_truths(eg, i, taxonomy) for i, eg in enumerate(examples)]
    labels = ["bank/fee", "bank/card", "travel/visa"]
    found = [kind.count_right(labels, gold, taxonomy) for gold in golds]
    assert found == [(1, 3), (1, 2), (0, 0)]
    assert kind.count_right([], golds[0], taxonomy) == (0, 0)


def test_mixture_weight_is_fitted_and_kept(several, make_several_examples):
    pipe = several.get_pipe("zero_shot_fallback")
    data = [
        ("lend me money for papers", ["bank/loan", "travel/visa"]),
        ("what does it cost", ["bank/fee"]),
    ] * 6
    found = pipe.fit_mixture(make_several_examples(several, data))
    assert found == {"mixture": pipe.settings.mixture_weight}
    assert several.pipe_names == [NAME, "zero_shot_fallback"]
    assert "bank/loan" in several("lend me money")._.longtail.labels


def test_first_stage_outweighs_a_ranker_that_is_wrong(several, make_several_examples):
    pipe = several.get_pipe("zero_shot_fallback")
    several("x")
    arrays = pipe.ranker.arrays
    arrays["W"], arrays["b"] = -20.0 * arrays["W"], -20.0 * arrays["b"]
    data = [("lend me money", ["bank/loan"]), ("what does it cost", ["bank/fee"])] * 8
    found = pipe.fit_mixture(make_several_examples(several, data))
    assert found["mixture"] == 2.8
    assert not numpy.isnan(list(several("lend me money").cats.values())).any()
