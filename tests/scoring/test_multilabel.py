import numpy
import pytest
import spacy
from sklearn import metrics
from spacy.training import Example

from spacy_longtail.scoring.multilabel import (
    longtail_multilabel_score,
    make_longtail_multilabel_scorer,
)
from spacy_longtail.taxonomy import build_taxonomy

NLP = spacy.blank("en")
COUNTS = {"bank/card": 60, "bank/fee": 20, "bank/loan": 2, "visa": 1}
TAXONOMY = build_taxonomy(COUNTS, min_count=3, n_docs=70)
LEAVES = TAXONOMY.leaves


def make_example(gold, predicted):
    reference, doc = NLP.make_doc("a ticket"), NLP.make_doc("a ticket")
    reference.cats, doc.cats = gold, predicted
    return Example(doc, reference)


def score(pairs, **settings):
    examples = [make_example(*pair) for pair in pairs]
    return longtail_multilabel_score(examples, taxonomy=TAXONOMY, **settings)


@pytest.fixture(scope="module")
def random_pairs():
    random = numpy.random.RandomState(0)
    pairs = []
    for _ in range(80):
        gold = dict(zip(LEAVES, (random.rand(4) < 0.4).astype("f8").tolist()))
        gold[LEAVES[random.randint(4)]] = 1.0
        pairs.append((gold, dict(zip(LEAVES, random.rand(4).tolist()))))
    return pairs


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_scores_are_those_of_scikit_learn(random_pairs, threshold):
    scores = score(random_pairs, threshold=threshold)
    Y = numpy.asarray([list(gold.values()) for gold, _ in random_pairs])
    P = numpy.asarray([list(cats.values()) for _, cats in random_pairs])
    for average in ("macro", "micro"):
        expected = metrics.f1_score(Y, P >= threshold, average=average)
        assert scores[f"longtail_{average}_f"] == pytest.approx(expected)
    expected = metrics.precision_score(Y, P >= threshold, average="micro")
    assert scores["longtail_micro_p"] == pytest.approx(expected)
    expected = metrics.recall_score(Y, P >= threshold, average="micro")
    assert scores["longtail_micro_r"] == pytest.approx(expected)
    expected = metrics.label_ranking_average_precision_score(Y, P)
    assert scores["longtail_lrap"] == pytest.approx(expected)
    expected = metrics.average_precision_score(Y, P, average="macro")
    assert scores["longtail_macro_ap"] == pytest.approx(expected)
    expected = metrics.ndcg_score(Y, P, k=3)
    assert scores["longtail_ndcg_at_3"] == pytest.approx(expected)


def test_everything_right_is_one():
    golds = [{"bank/card": 1.0, "visa": 1.0}, {"bank/fee": 1.0}, {"bank/loan": 1.0}]
    scores = score([(gold, {**dict.fromkeys(LEAVES, 0.1), **gold}) for gold in golds])
    perfect = [key for key, value in scores.items() if value == 1.0]
    assert set(perfect) == {
        *("longtail_macro_f", "longtail_head_f", "longtail_mid_f", "longtail_tail_f"),
        *("longtail_micro_p", "longtail_micro_r", "longtail_micro_f"),
        *("longtail_macro_ap", "longtail_lrap", "longtail_p_at_1"),
        *("longtail_ndcg_at_1", "longtail_ndcg_at_3", "longtail_ndcg_at_5"),
        *("longtail_psp_at_3", "longtail_psp_at_5"),
    }
    # Two of the three documents have one label only. In the other one, the frequent of
    # two equal labels comes first, though the rare one counts more.
    assert scores["longtail_p_at_3"] == pytest.approx((2 + 1 + 1) / 9)
    assert 0.5 < scores["longtail_psp_at_1"] < 1.0


def test_head_mid_and_tail_are_by_training_documents():
    missed = {"bank/card": 0.9}
    scores = score([({"bank/card": 1.0}, missed), ({"visa": 1.0}, missed)])
    assert scores["longtail_head_f"] == pytest.approx(2 / 3)
    assert scores["longtail_mid_f"] is None
    assert scores["longtail_tail_f"] == 0.0
    assert scores["longtail_f_per_label"]["visa"] == {
        **{"p": 0.0, "r": 0.0, "f": 0.0, "support": 1, "count": 1, "threshold": 0.5}
    }


def test_thresholds_are_by_label():
    pairs = [({"bank/card": 1.0, "visa": 1.0}, {"bank/card": 0.4, "visa": 0.4})]
    assert score(pairs)["longtail_micro_r"] == 0.0
    scores = score(pairs, thresholds={"visa": 0.3})
    assert scores["longtail_micro_r"] == 0.5
    scores = score(pairs, thresholds={"visa": 0.3}, threshold=0.4)
    assert scores["longtail_micro_r"] == 1.0


def test_what_is_not_known_is_left_out():
    """The gold of the second document says nothing about "visa", that of the third
    nothing at all.
    """
    wrong = dict.fromkeys(LEAVES, 0.9)
    pairs = [
        ({"visa": 1.0}, {"visa": 0.9}),
        ({"bank/card": 1.0, "bank/fee": 0.0, "bank/loan": 0.0}, {**wrong}),
        ({}, wrong),
    ]
    per_label = score(pairs)["longtail_f_per_label"]
    assert per_label["visa"]["p"] == 1.0
    assert per_label["bank/fee"]["p"] == 0.0
    per_label = score(pairs, missing="negative")["longtail_f_per_label"]
    assert per_label["visa"]["p"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("threshold", [0.5, 0.0])
def test_labels_that_training_never_saw_are_missed(threshold):
    pairs = [({"visa": 1.0, "bank/mortgage": 1.0}, {"visa": 0.9})]
    with pytest.warns(UserWarning, match=r"\[LW502\] 1 gold labels.*bank/mortgage"):
        scores = score(pairs, threshold=threshold)
    assert scores["longtail_macro_f"] == 0.5
    assert scores["longtail_f_per_label"]["bank/mortgage"]["support"] == 1


@pytest.mark.filterwarnings("error")
def test_labels_of_another_component_are_left_alone():
    pairs = [({"visa": 1.0, "spam": 1.0}, {"visa": 0.9, "spam": 0.1})]
    assert score(pairs)["longtail_macro_f"] == 1.0


@pytest.mark.parametrize("pairs", [[], [({}, {"visa": 0.9})]])
def test_nothing_to_score_is_none(pairs):
    scores = score(pairs)
    assert scores.pop("longtail_f_per_label") == {}
    assert set(scores.values()) == {None}


def test_document_without_predictions_is_missed():
    scores = score([({"visa": 1.0}, {}), ({"bank/fee": 1.0}, {"bank/fee": 1.0})])
    assert scores["longtail_macro_f"] == 0.5


def make_decided(gold, predicted, **decision):
    example = make_example(gold, predicted)
    example.predicted.user_data["longtail"] = {"pipe": "pipe", **decision}
    return example


def score_decided(examples):
    return longtail_multilabel_score(
        examples, taxonomy=TAXONOMY, pipe="pipe", threshold=0.5
    )


def test_document_that_abstained_has_no_labels():
    examples = [
        make_decided({"visa": 1.0}, {"visa": 0.9}, label=None, labels=[]),
        make_decided({"visa": 1.0}, {"visa": 0.9}, label="visa", labels=["visa"]),
        make_decided({"visa": 1.0}, {"visa": 0.9}, label=None, labels=[], pipe="else"),
    ]
    scores = score_decided(examples)
    assert scores["longtail_micro_r"] == pytest.approx(2 / 3)
    assert scores["longtail_refined_fixed"] is None


def test_labels_that_were_cut_off_count_as_given():
    """With cats_top_k = 1, the decision has more labels than the cats."""
    gold = {"visa": 1.0, "bank/fee": 1.0}
    labels = ["visa", "bank/fee", "bank/card"]
    scores = score_decided(
        [make_decided(gold, {"visa": 0.9}, label="visa", labels=labels)]
    )
    assert scores["longtail_micro_r"] == 1.0
    assert scores["longtail_micro_p"] == pytest.approx(2 / 3)


def test_what_a_second_stage_changed_is_counted():
    """A label that is rightly given or taken away is fixed, what isn't known neither
    fixed nor broken.
    """
    decision = {"label": "visa", "first": "visa"}
    first = {**decision, "first_labels": ["bank/fee", "bank/loan"]}
    examples = [
        make_decided({"visa": 1.0}, {}, **first, labels=["visa", "bank/card"]),
        make_decided({"bank/fee": 1.0}, {}, **first, labels=[]),
        make_decided({"visa": 1.0, "bank/fee": 0.0}, {}, **first, labels=["bank/card"]),
        make_decided({"visa": 1.0}, {}, label="visa", labels=["visa"]),
        make_decided({"visa": 1.0}, {}, **{**first, "label": None}, labels=[]),
        make_decided({}, {}, **first, labels=[]),
    ]
    scores = score_decided(examples)
    assert scores["longtail_refined_fixed"] == pytest.approx((3 + 1 + 1) / 5)
    assert scores["longtail_refined_broken"] == pytest.approx((1 + 1 + 0) / 5)
    assert scores["longtail_refined_gain"] == pytest.approx(3 / 5)


def test_taxonomy_can_be_json(random_pairs):
    examples = [make_example(*pair) for pair in random_pairs]
    scores = longtail_multilabel_score(examples, taxonomy=TAXONOMY.to_dict())
    assert scores == score(random_pairs)


def test_ranks_can_be_chosen(random_pairs):
    scorer = make_longtail_multilabel_scorer(ks=[2])
    examples = [make_example(*pair) for pair in random_pairs]
    keys = [key for key in scorer(examples, taxonomy=TAXONOMY) if "_at_" in key]
    assert keys == ["longtail_p_at_2", "longtail_ndcg_at_2", "longtail_psp_at_2"]


@pytest.mark.parametrize("ks", [[0], [1, 2.5]])
def test_ranks_out_of_range_are_an_error(ks):
    with pytest.raises(ValueError, match=r"\[L503\].*at least 1"):
        make_longtail_multilabel_scorer(ks=ks)


def test_bounds_out_of_range_are_an_error():
    with pytest.raises(ValueError, match=r"\[L501\]"):
        make_longtail_multilabel_scorer(head=10, mid=10)
