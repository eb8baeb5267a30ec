import warnings

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from sklearn.metrics import accuracy_score, f1_score
from spacy.training import Example

from spacy_longtail.scoring.exclusive import longtail_score, make_longtail_scorer
from spacy_longtail.scoring.metrics import find_metrics
from spacy_longtail.taxonomy import Other, Taxonomy

NLP = spacy.blank("en")
COUNTS = {
    "bank/Other": 12,
    "bank/card/lost": 60,
    "bank/card/stolen": 9,
    "bank/transfer": 50,
    "travel/Other": 3,
    "travel/visa": 2,
}
TAXONOMY = Taxonomy(
    leaves=tuple(COUNTS),
    counts=tuple(COUNTS.values()),
    others=(Other("bank", (0, 2)), Other("travel", (4, 5))),
)


def make_example(gold, guess=None, *, cats=None, probability=None):
    """The gold label or cats; the decision's label, "" if the pipe abstained."""
    reference = NLP.make_doc("a ticket")
    reference.cats = {gold: 1.0} if isinstance(gold, str) else dict(gold)
    predicted = NLP.make_doc("a ticket")
    predicted.cats = dict(cats or {})
    if guess is not None:
        decision = {"label": guess or None, "probability": probability}
        predicted.user_data["longtail"] = decision
    return Example(predicted, reference)


def score(examples, taxonomy=TAXONOMY, **kwargs):
    labels = taxonomy.leaves
    return longtail_score(examples, taxonomy=taxonomy, labels=labels, **kwargs)


@pytest.mark.parametrize("seed", range(3))
def test_equals_sklearn_with_abstentions(seed):
    random = numpy.random.RandomState(seed)
    names = numpy.asarray([f"{i % 20}/{i}" for i in range(300)])
    gold = names[random.zipf(1.3, 2000) % 300]
    guess = numpy.where(random.rand(2000) < 0.6, gold, random.permutation(gold))
    guess[random.rand(2000) < 0.1] = ""
    taxonomy = Taxonomy(leaves=tuple(names), counts=(1,) * 300)
    scores = score([make_example(*pair) for pair in zip(gold, guess)], taxonomy)
    f = f1_score(gold, guess, labels=sorted(set(gold)), average=None)
    table = scores["longtail_f_per_label"]
    assert_allclose([table[label]["f"] for label in sorted(set(gold))], f)
    assert scores["longtail_macro_f"] == pytest.approx(f.mean())
    assert scores["longtail_accuracy"] == pytest.approx(accuracy_score(gold, guess))
    assert scores["longtail_coverage"] == pytest.approx((guess != "").mean())


def test_buckets_equal_sklearn():
    random = numpy.random.RandomState(0)
    names = numpy.asarray(TAXONOMY.leaves)
    gold, guess = random.choice(names, 200), random.choice(names, 200)
    scores = score([make_example(*pair) for pair in zip(gold, guess)])
    buckets = {"head": [1, 3], "mid": [0], "tail": [2, 4, 5]}
    for name, columns in buckets.items():
        f = f1_score(gold, guess, labels=names[columns], average="macro")
        assert scores[f"longtail_{name}_f"] == pytest.approx(f)


def test_gold_equal_to_predicted_gives_one():
    scores = score([make_example(name, name, probability=1.0) for name in COUNTS])
    assert scores.pop("longtail_ece") == 0.0
    table = scores.pop("longtail_f_per_label")
    # No second stage has refined anything.
    scores = {key: scores[key] for key in scores if "refined" not in key}
    assert set(scores.values()) == {1.0}
    assert list(table) == sorted(COUNTS)
    for name, row in table.items():
        count = COUNTS[name]
        assert row == {"p": 1.0, "r": 1.0, "f": 1.0, "support": 1, "count": count}


def test_hierarchical_scores_equal_hand_computed_ones():
    examples = [
        # 3 gold nodes, 3 predicted, 2 in common
        make_example("bank/card/lost", "bank/card/stolen"),
        # 2, 3, 1
        make_example("bank/transfer", "bank/card/lost"),
        # 2, 2, 0
        make_example("travel/visa", "bank/transfer"),
        # 3, 0, 0
        make_example("bank/card/lost", ""),
    ]
    scores = score(examples)
    assert scores["longtail_hier_p"] == pytest.approx(3 / 8)
    assert scores["longtail_hier_r"] == pytest.approx(3 / 10)
    assert scores["longtail_hier_f"] == pytest.approx(6 / 18)
    assert scores["longtail_coarse_accuracy"] == 0.5
    assert scores["longtail_accuracy"] == 0.0


def test_same_name_under_another_parent_is_another_label():
    scores = score([make_example("bank/Other", "travel/Other")])
    assert scores["longtail_hier_f"] == 0.0
    assert scores["longtail_accuracy"] == 0.0
    assert scores["longtail_coarse_accuracy"] == 0.0
    assert scores["longtail_other_recall"] == 0.0
    assert scores["longtail_f_per_label"]["travel/Other"]["support"] == 0


def test_abstention_is_missed_but_no_false_positive():
    examples = [
        make_example("travel/visa", "travel/visa"),
        make_example("travel/visa", ""),
    ]
    scores = score(examples)
    row = scores["longtail_f_per_label"]["travel/visa"]
    assert (row["p"], row["r"], row["support"]) == (1.0, 0.5, 2)
    assert scores["longtail_coverage"] == 0.5
    assert scores["longtail_hier_p"] == 1.0
    assert scores["longtail_hier_r"] == 0.5


@pytest.mark.parametrize("kept, coarse", [("bank", 1.0), ("travel", 0.0), (None, 0.0)])
def test_broad_category_that_is_kept_counts_at_the_first_level(kept, coarse):
    """The document has no label, but the right half of one is better than nothing."""
    eg = make_example("bank/card/lost", "")
    levels = [[kept, 0.9]] if kept else []
    eg.predicted.user_data["longtail"]["levels"] = levels
    scores = score([eg])
    assert scores["longtail_coarse_accuracy"] == coarse
    assert scores["longtail_coverage"] == scores["longtail_accuracy"] == 0.0
    assert scores["longtail_hier_r"] == 0.0


def test_decision_to_abstain_wins_over_cats():
    eg = make_example("travel/visa", "", cats={"travel/visa": 0.9})
    assert score([eg])["longtail_coverage"] == 0.0


@pytest.mark.parametrize("cats", [{}, {"POSITIVE": 0.9}, {"travel/visa": 0.0}])
def test_document_without_prediction_has_abstained(cats):
    scores = score([make_example("travel/visa", cats=cats)])
    assert scores["longtail_coverage"] == 0.0
    assert scores["longtail_accuracy"] == 0.0
    assert scores["longtail_macro_f"] == 0.0
    assert scores["longtail_ece"] is None


def test_without_decision_the_most_probable_label_of_ours_counts():
    cats = {"travel/visa": 0.3, "bank/Other": 0.5, "POSITIVE": 0.9}
    scores = score([make_example("bank/Other", cats=cats)])
    assert scores["longtail_accuracy"] == 1.0
    assert scores["longtail_ece"] == pytest.approx(0.5)


def test_gold_at_inner_node_counts_in_hierarchical_and_coarse_scores_only():
    examples = [
        make_example("bank/card", "bank/card/lost"),
        make_example("bank/transfer", "travel/visa"),
    ]
    scores = score(examples)
    assert scores["longtail_coarse_accuracy"] == 0.5
    # Gold 2 + 2 nodes, predicted 3 + 2, 2 in common.
    assert scores["longtail_hier_p"] == pytest.approx(2 / 5)
    assert scores["longtail_hier_r"] == pytest.approx(2 / 4)
    assert scores["longtail_accuracy"] == 0.0
    assert set(scores["longtail_f_per_label"]) == {"bank/transfer", "travel/visa"}


def test_only_inner_gold_leaves_the_scores_of_leaves_out():
    scores = score([make_example("bank/card", "bank/card/lost", probability=0.9)])
    assert scores["longtail_hier_r"] == 1.0
    for key in ("macro_f", "accuracy", "tail_f", "other_recall", "ece"):
        assert scores[f"longtail_{key}"] is None


def test_predicted_inner_node_is_no_leaf():
    scores = score([make_example("bank/card/lost", "bank/card")])
    assert scores["longtail_hier_p"] == 1.0
    assert scores["longtail_accuracy"] == 0.0
    assert scores["longtail_coverage"] == 1.0
    assert set(scores["longtail_f_per_label"]) == {"bank/card/lost"}


def test_unseen_gold_label_is_missed_with_one_warning():
    examples = [make_example(f"travel/new{i}", "travel/visa") for i in range(6)]
    examples += [make_example("travel/new0", "bank/transfer")]
    examples += [make_example("bank/transfer", "bank/transfer")]
    with pytest.warns(UserWarning, match=r"\[LW501\] 7 documents") as record:
        scores = score(examples)
    assert len(record) == 1
    assert "travel/new4" in str(record[0].message)
    assert "travel/new5" not in str(record[0].message)
    assert scores["longtail_accuracy"] == pytest.approx(1 / 8)
    assert scores["longtail_coarse_accuracy"] == pytest.approx(7 / 8)
    # 6 unseen labels with 0, "bank/transfer" with 2 / 3.
    assert scores["longtail_macro_f"] == pytest.approx(2 / 3 / 7)
    assert scores["longtail_tail_f"] == 0.0
    assert scores["longtail_f_per_label"]["travel/new0"]["count"] == 0


def test_label_added_later_and_decided_is_known():
    eg = make_example("travel/new", "travel/new", cats={"travel/new": 0.6})
    missed = make_example("travel/new", "travel/visa", cats={"travel/new": 0.1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score([eg, missed])
    assert scores["longtail_accuracy"] == 0.5
    assert scores["longtail_f_per_label"]["travel/new"]["count"] == 0


@pytest.mark.parametrize("cats", [{}, {"POSITIVE": 0.2, "NEGATIVE": 0.8}])
def test_gold_labels_of_another_pipe_are_not_ours(cats):
    """Known by the predictions or by standing beside one of our labels."""
    both = {"travel/visa": 1.0, "POSITIVE": 1.0, "NEGATIVE": 0.0}
    examples = [
        make_example({"POSITIVE": 1.0}, "travel/visa", cats=cats),
        make_example(both, "travel/visa", cats=cats),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(examples)
    assert scores["longtail_accuracy"] == 1.0
    assert scores["longtail_f_per_label"]["travel/visa"]["support"] == 1
    assert set(scores["longtail_f_per_label"]) == {"travel/visa"}


def test_predicted_labels_of_another_pipe_rule_out_theirs():
    eg = make_example({"NEGATIVE": 1.0}, "travel/visa", cats={"NEGATIVE": 0.8})
    assert score([eg])["longtail_accuracy"] is None


def test_several_unknown_gold_labels_are_left_out():
    """Ours exclude each other, so they can't be ours."""
    eg = make_example({"urgent": 1.0, "angry": 1.0}, "travel/visa")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score([eg])["longtail_accuracy"] is None


def test_dense_and_sparse_gold_are_equal():
    names = list(COUNTS)
    pairs = list(zip(names, names[1:] + names[:1])) + [(names[0], names[0])]
    dense = [
        make_example({name: float(name == gold) for name in names}, guess)
        for gold, guess in pairs
    ]
    scores = score([make_example(*pair) for pair in pairs])
    assert score(dense) == scores
    assert scores["longtail_accuracy"] == pytest.approx(1 / 7)


def test_ancestors_may_be_positive_beside_the_gold_label():
    gold = {"bank/card/lost": 1.0, "bank": 1.0, "bank/card": 1.0}
    scores = score([make_example(gold, "bank/card/lost")])
    assert scores["longtail_accuracy"] == 1.0


def test_two_gold_labels_are_an_error():
    eg = make_example({"bank/transfer": 1.0, "travel": 1.0}, "bank/transfer")
    with pytest.raises(ValueError, match=r"\[L502\].*'bank/transfer', 'travel'"):
        score([eg])


@pytest.mark.parametrize("gold", [{}, {"travel/visa": 0.0}, {"travel/visa": -1.0}])
def test_documents_without_gold_label_are_left_out(gold):
    examples = [
        make_example(gold, "travel/Other"),
        make_example("bank/Other", "bank/Other"),
    ]
    assert score(examples)["longtail_macro_f"] == 1.0
    assert score(examples)["longtail_hier_p"] == 1.0


@pytest.mark.parametrize("taxonomy", [None, TAXONOMY])
def test_no_examples_give_none(taxonomy):
    scores = longtail_score(iter([]), taxonomy=taxonomy)
    assert scores.pop("longtail_f_per_label") == {}
    assert scores == {f"longtail_{key}": None for key in find_metrics("scorer", False)}


def test_buckets_without_leaves_are_none():
    """A label that is predicted but never gold doesn't fill its bucket."""
    scores = score([make_example("bank/Other", "bank/transfer")])
    assert scores["longtail_mid_f"] == 0.0
    assert scores["longtail_head_f"] is None
    assert scores["longtail_tail_f"] is None


def test_bounds_of_the_buckets_are_settings():
    examples = [
        make_example("travel/visa", "travel/visa"),
        make_example("travel/Other", ""),
    ]
    scorer = make_longtail_scorer(head=3, mid=2)
    # The component passes its whole cfg.
    scores = scorer(examples, taxonomy=TAXONOMY.to_dict(), labels=[], threshold=0.5)
    assert scores["longtail_head_f"] == 0.0
    assert scores["longtail_mid_f"] == 1.0
    assert scores["longtail_tail_f"] is None


@pytest.mark.parametrize("head, mid", [(10, 10), (10, 50), (50, 0), (50, -1)])
def test_scorer_rejects_bounds(head, mid):
    with pytest.raises(ValueError, match=r"\[L501\]"):
        make_longtail_scorer(head=head, mid=mid)


def test_other_recall_is_of_pooled_gold_labels():
    examples = [
        make_example("bank/Other", "bank/card/stolen"),
        make_example("travel/visa", "bank/Other"),
        make_example("travel/visa", "bank/transfer"),
        make_example("bank/card/stolen", ""),
        make_example("bank/transfer", "bank/transfer"),
    ]
    assert score(examples)["longtail_other_recall"] == 0.25
    plain = Taxonomy(leaves=TAXONOMY.leaves, counts=TAXONOMY.counts)
    assert score(examples, plain)["longtail_other_recall"] is None


@pytest.mark.parametrize(
    "gold, first, label, fixed, broken",
    [
        ("bank/transfer", "bank/Other", "bank/transfer", 1, 0),
        ("bank/transfer", "bank/transfer", "bank/Other", 0, 1),
        ("bank/transfer", "bank/transfer", "bank/transfer", 0, 0),
        ("bank/transfer", "bank/Other", "travel/visa", 0, 0),
        # Abstention shows in the coverage.
        ("bank/transfer", "bank/transfer", "", 0, 0),
        # No gold label.
        ({}, "bank/transfer", "bank/Other", 0, 0),
    ],
)
def test_what_a_second_stage_fixes_and_breaks(gold, first, label, fixed, broken):
    refined = make_example(gold, label)
    refined.predicted.user_data["longtail"]["first"] = first
    others = [make_example("travel/visa", "travel/visa")] * 3
    scores = score([refined, *others])
    n_docs = 3 if gold == {} else 4
    assert scores["longtail_refined_fixed"] == fixed / n_docs
    assert scores["longtail_refined_broken"] == broken / n_docs
    assert scores["longtail_refined_gain"] == (fixed - broken) / n_docs


def test_without_a_second_stage_nothing_was_refined():
    scores = score([make_example("travel/visa", "bank/Other")])
    for key in ("fixed", "broken", "gain"):
        assert scores[f"longtail_refined_{key}"] is None


def test_without_taxonomy_the_counts_are_unknown():
    eg = make_example("a/b", cats={"a/b": 0.6, "c": 0.4})
    scores = longtail_score([eg], labels=["a/b", "c"])
    assert scores["longtail_macro_f"] == 1.0
    assert scores["longtail_head_f"] is None
    assert scores["longtail_f_per_label"]["a/b"]["count"] is None


def test_without_taxonomy_labels_with_others_below_are_inner_nodes():
    eg = make_example("a", "a/b")
    scores = longtail_score([eg], labels=["a", "a/b", "c"])
    assert scores["longtail_hier_r"] == 1.0
    assert scores["longtail_accuracy"] is None


def test_separator_of_the_taxonomy_is_used():
    taxonomy = Taxonomy(leaves=("a > b", "a > c/d"), counts=(1, 1), separator=" > ")
    scores = score([make_example("a > b", "a > c/d")], taxonomy)
    assert scores["longtail_hier_f"] == 0.5


def test_calibration_error_equals_slow_reference():
    random = numpy.random.RandomState(0)
    # Some on the edges of the bins, which belong to the bin below.
    probabilities = [*random.rand(500), 0.0, 1.0, 0.2, 0.4]
    names = list(COUNTS)
    pairs = [(random.choice(names), random.choice(names)) for _ in probabilities]
    error = 0.0
    for low, high in zip(numpy.linspace(0, 1, 16), numpy.linspace(0, 1, 16)[1:]):
        rows = [
            i for i, p in enumerate(probabilities) if low < p <= high or p == low == 0.0
        ]
        accuracy = numpy.mean([pairs[i][0] == pairs[i][1] for i in rows])
        confidence = numpy.mean([probabilities[i] for i in rows])
        error += len(rows) / len(pairs) * abs(accuracy - confidence)
    examples = [
        make_example(*pair, probability=p) for pair, p in zip(pairs, probabilities)
    ]
    examples.append(make_example("travel/visa", "", probability=0.3))
    examples.append(make_example("travel/visa", "travel/visa"))
    assert score(examples)["longtail_ece"] == pytest.approx(error)


def test_edge_between_bins_belongs_to_the_lower_bin():
    edge = numpy.linspace(0, 1, 16)[3]
    examples = [
        make_example("travel/visa", "travel/visa", probability=edge),
        make_example("travel/visa", "bank/Other", probability=edge - 0.01),
    ]
    error = abs(edge - 1 + edge - 0.01) / 2
    assert score(examples)["longtail_ece"] == pytest.approx(error)


def test_scores_are_python_numbers():
    scores = score([make_example("travel/visa", "travel/visa", probability=0.5)])
    row = scores.pop("longtail_f_per_label")["travel/visa"]
    assert {type(value) for value in row.values()} == {float, int}
    assert {type(v) for v in scores.values() if v is not None} == {float}


@pytest.mark.parametrize("has_decision", [True, False])
def test_many_documents_and_labels(has_decision):
    """Dense gold, with decisions or with the most probable of doc.cats."""
    random = numpy.random.RandomState(0)
    names = [f"{i % 20}/{i}" for i in range(1063)]
    taxonomy = Taxonomy(leaves=tuple(names), counts=(1,) * 1063)
    zeros = dict.fromkeys(names, 0.0)
    cats = [dict(zip(names, row.tolist())) for row in random.rand(50, 1063)]
    dense = [{**zeros, name: 1.0} for name in random.choice(names, 50)]
    guesses = random.choice(names, 1000) if has_decision else [None] * 1000
    examples = [make_example("", guess, probability=0.5) for guess in guesses]
    for i, eg in enumerate(examples):
        eg.reference.cats, eg.predicted.cats = dense[i % 50], cats[i % 50]
    scores = score(examples, taxonomy)
    predicted = [
        guess or max(eg.predicted.cats, key=eg.predicted.cats.__getitem__)
        for guess, eg in zip(guesses, examples)
    ]
    hits = [eg.reference.cats[name] for name, eg in zip(predicted, examples)]
    assert scores["longtail_coverage"] == 1.0
    assert scores["longtail_accuracy"] == pytest.approx(numpy.mean(hits))
