import numpy
import pytest

from spacy_longtail.pipeline.decision import Decision, back_off
from spacy_longtail.taxonomy import build_taxonomy

TREE = build_taxonomy({"a/x": 3, "a/y/1": 3, "a/y/2": 3, "b": 3})


def make_data():
    levels = [("a", 0.9), ("a/y", 0.7), ("a/y/1", 0.4)]
    return {"label": "a/y/1", "probability": 0.4, "levels": levels, "stage": "first"}


@pytest.mark.parametrize(
    "thresholds,expected",
    [
        ({}, [0.0, 0.0, 0.0, 0.0]),
        ({"": 0.5}, [0.5, 0.5, 0.5, 0.5]),
        ({"": 0.5, "a": 0.2, "a/y/1": 0.9}, [0.2, 0.9, 0.2, 0.5]),
    ],
)
def test_nearest_threshold_counts(thresholds, expected):
    assert TREE.spread(thresholds).tolist() == expected


def test_threshold_of_an_unknown_node():
    with pytest.raises(ValueError, match=r"\[L314\].*'a/z'"):
        TREE.spread({"a/z": 0.5})


def test_sure_decision_stays():
    assert back_off(make_data(), 0.4, 0.9) == make_data()


@pytest.mark.parametrize(
    "threshold,ancestor_threshold,path",
    [
        (0.5, 0.0, ["a", "a/y"]),
        (0.5, 0.8, ["a"]),
        (0.8, 0.0, ["a"]),
        (0.5, 0.95, []),
        (0.95, 0.0, []),
    ],
)
def test_deepest_sure_ancestor_is_kept(threshold, ancestor_threshold, path):
    data = back_off(make_data(), threshold, ancestor_threshold)
    decision = Decision.from_dict(data)
    assert (decision.label, decision.labels) == (None, ())
    assert decision.stage == "abstained"
    assert list(decision.path) == [node for node, _ in decision.levels] == path
    assert decision.probability == (decision.levels[-1][1] if path else 0.0)
    assert "'a/y/1' has a probability of 0.400" in decision.reason


def test_component_abstains_and_leaves_cats_alone(tickets_nlp, tickets_dev):
    texts = [example.reference.text for example in tickets_dev]
    before = list(tickets_nlp.pipe(texts))
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    pipe.thresholds = {"": 0.6}
    after = list(tickets_nlp.pipe(texts))
    gone = [doc._.longtail.probability < 0.6 for doc in before]
    assert 0 < sum(gone) < len(gone)
    assert [doc._.longtail.label is None for doc in after] == gone
    for old, new in zip(before, after):
        assert old.cats == new.cats
        assert old._.longtail.candidates == new._.longtail.candidates
        assert new._.longtail.path == old._.longtail.path[: len(new._.longtail.path)]


def test_abstention_counts_in_coverage(tickets_nlp, tickets_dev):
    tickets_nlp.get_pipe("longtail_textcat").thresholds = {"money": 1.0}
    scores = tickets_nlp.evaluate(tickets_dev)
    assert 0.3 < scores["longtail_coverage"] < 0.9
    assert scores["longtail_accuracy"] < scores["longtail_coverage"]


def test_result_does_not_depend_on_the_batch(tickets_nlp, tickets_dev):
    tickets_nlp.get_pipe("longtail_textcat").thresholds = {"": 0.5, "home": 0.9}
    texts = ["", *(example.reference.text for example in tickets_dev)]
    together = [doc._.longtail for doc in tickets_nlp.pipe(texts)]
    alone = [tickets_nlp(text)._.longtail for text in texts]
    assert [d.path for d in together] == [d.path for d in alone]
    assert [d.label for d in together] == [d.label for d in alone]


def test_thresholds_are_saved(tickets_nlp, tmp_path):
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    pipe.thresholds = {"": 0.5, "money/card": 0.25}
    pipe.ancestor_threshold = 0.75
    tickets_nlp.to_disk(tmp_path)
    loaded = type(tickets_nlp).from_config(tickets_nlp.config).from_disk(tmp_path)
    found = loaded.get_pipe("longtail_textcat")
    assert found.thresholds == pipe.thresholds
    assert found.ancestor_threshold == 0.75
    text = "my card and loan and tree"
    assert loaded(text)._.longtail == tickets_nlp(text)._.longtail


def test_training_again_forgets_thresholds(tickets_nlp, tickets_dev):
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    pipe.thresholds = {"": 0.5}
    tickets_nlp.initialize(lambda: tickets_dev)
    assert pipe.thresholds == {}


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", None, True])
def test_threshold_out_of_range(tickets_nlp, value):
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    with pytest.raises(ValueError, match=r"\[L313\].*thresholds\[''\]"):
        pipe.thresholds = {"": value}
    with pytest.raises(ValueError, match=r"\[L313\].*ancestor_threshold"):
        pipe.ancestor_threshold = value
    assert pipe.thresholds == {}


def test_changing_a_copy_of_the_thresholds_changes_nothing(tickets_nlp):
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    pipe.thresholds["money"] = 1.0
    assert pipe.thresholds == {}


@pytest.fixture
def pipe(kind):
    """A trained component of each kind, without thresholds."""
    return kind.load_nlp().get_pipe(kind.factory)


def test_thresholds_are_those_of_nodes_and_only_what_was_set(pipe):
    thresholds = {"": 1.0, "bank": 0.0, "bank/card": 0.5}
    pipe.thresholds = thresholds
    assert pipe.thresholds == thresholds
    labels = ["travel/hotel", "bank/loan", "bank/card", "bank/gold", "unknown"]
    assert pipe.get_thresholds(labels).tolist() == [1.0, 0.0, 0.5, 0.0, 1.0]
    pipe.thresholds = {}
    default = getattr(pipe.settings, "threshold", 0.0)
    assert pipe.thresholds == {}
    assert set(pipe.get_thresholds(pipe.labels)) == {default}


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", None, True])
def test_bad_thresholds_change_nothing(pipe, value):
    pipe.thresholds = {"bank": 0.5}
    with pytest.raises(ValueError, match=r"\[L313\].*thresholds\['bank'\]"):
        pipe.thresholds = {"bank": value}
    with pytest.raises(ValueError, match=r"\[L314\].*'bank/cart'.*bank/card"):
        pipe.thresholds = {"bank/cart": 0.5}
    assert pipe.thresholds == {"bank": 0.5}


def test_labels_that_exclude_each_other_have_no_thresholds_to_fit(trained):
    with pytest.raises(ValueError, match=r"\[L328\].*'longtail_textcat'"):
        trained.get_pipe("longtail_textcat").fit_thresholds([])


def test_thresholds_of_0_and_1_give_all_labels_and_none(multilabel):
    nlp = multilabel.load_nlp()
    pipe = nlp.get_pipe("longtail_textcat_multilabel")
    pipe.thresholds = {"": 0.0}
    assert set(nlp("my card")._.longtail.labels) == set(pipe.labels)
    examples = multilabel.make_examples(nlp)
    assert nlp.evaluate(examples)["longtail_micro_r"] == 1.0
    pipe.thresholds = {"": 1.0}
    assert nlp.evaluate(examples)["longtail_micro_r"] == 0.0
    pipe.thresholds = {"": 1.0, "travel": 0.0}
    labels = nlp("my card")._.longtail.labels
    assert labels and all(label.startswith("travel/") for label in labels)


def test_prediction_is_raw_scores_finished(tickets_nlp, tickets_dev):
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    docs = [example.predicted for example in tickets_dev]
    raw = pipe.get_raw_scores(docs)
    for prior, temperature in (("uniform", 1.0), (0.3, 2.0), ("train", 0.5)):
        pipe.prior, pipe.temperature = prior, temperature
        expected, found = pipe.predict(docs), pipe.apply_settings(raw)
        numpy.testing.assert_array_equal(found.probabilities, expected.probabilities)
        numpy.testing.assert_array_equal(found.known, expected.known)
    assert pipe.apply_settings(pipe.get_raw_scores([])).probabilities.shape == (0, 9)
