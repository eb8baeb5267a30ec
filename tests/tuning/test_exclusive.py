import pytest
import spacy
from spacy.training import Example

from spacy_longtail.tuning import Wish, tune

NAME = "longtail_textcat"


def run(nlp, examples, *args, **settings):
    return tune(nlp, examples, Wish(*args, **settings), resamples=30)


def test_precision_is_reached(tickets_nlp, tickets_dev):
    result = run(tickets_nlp, tickets_dev, precision=0.95)
    assert set(result.after.thresholds) == {""}
    before, after, _ = result.scores["precision"]
    assert before.value < 0.94 < after.value
    assert result.kept["abstained"] >= result.kept["kept"] >= result.kept["right"] > 0
    scores = tickets_nlp.evaluate(tickets_dev)
    accuracy, coverage = scores["longtail_accuracy"], scores["longtail_coverage"]
    assert accuracy / coverage >= 0.95


def test_thresholds_per_label(tickets_nlp, tickets_dev):
    result = run(tickets_nlp, tickets_dev, precision=0.95, per_label=True)
    assert {"", "money", "travel", "home"} <= set(result.after.thresholds)
    rows = dict(row[:2] for row in result.describe_settings())
    assert rows["nodes with their own threshold"] == "0"


@pytest.mark.parametrize("coverage", [0.8, 0.801])
def test_at_least_the_wished_share_is_covered(tickets_nlp, tickets_dev, coverage):
    result = run(tickets_nlp, tickets_dev, coverage=coverage)
    assert result.scores["coverage"].after.value == pytest.approx(coverage, abs=0.06)
    found = tickets_nlp.evaluate(tickets_dev)["longtail_coverage"]
    assert coverage <= found < coverage + 0.01


def test_half_of_five_documents_is_three(tickets_nlp, tickets_dev):
    run(tickets_nlp, tickets_dev[::27], coverage=0.5)
    assert len(tickets_dev[::27]) == 5
    scores = tickets_nlp.evaluate(tickets_dev[::27])
    assert scores["longtail_coverage"] == pytest.approx(0.6)


def test_broader_categories_that_are_kept(tickets_nlp, tickets_dev):
    pipe = tickets_nlp.get_pipe(NAME)
    pipe.thresholds, pipe.ancestor_threshold = {"": 0.9}, 0.3
    before = tickets_nlp.evaluate(tickets_dev)
    result = run(tickets_nlp, tickets_dev, precision=0.95)
    assert result.scores["coverage"].before.value == before["longtail_coverage"] < 1
    kept = result.kept
    assert (
        f"Of {kept['abstained']} documents without a label, {kept['kept']} keep"
        in " ".join(result.get_notes())
    )


def test_documents_at_an_inner_node_are_left_out(tickets_nlp, tickets_dev):
    tickets_dev[0].reference.cats = {"money": 1.0}
    result = run(tickets_nlp, tickets_dev)
    assert (result.n_docs, result.n_ignored) == (len(tickets_dev) - 1, 1)
    only = [Example(tickets_nlp.make_doc("my card"), tickets_dev[0].reference)]
    with pytest.raises(ValueError, match=r"\[L510\]"):
        run(tickets_nlp, only)


def test_prior_is_the_one_with_the_best_macro_f_to_expect(tickets_nlp, tickets_dev):
    result = run(tickets_nlp, tickets_dev)
    assert result.scores["expected_macro_f"].change.value >= -0.01
    assert "expected macro-F1" in result.judge_goal()
    assert list(result.priors) == [0.0, 0.25, 0.5, 0.75, 1.0]
    pipe = tickets_nlp.get_pipe(NAME)
    pipe.prior, pipe.thresholds = "train", {}
    scores = tickets_nlp.evaluate(tickets_dev)
    expected = scores["longtail_macro_f"], scores["longtail_accuracy"]
    assert result.priors[1.0] == pytest.approx(expected, abs=1e-6)


def test_settings_of_an_earlier_tuning_are_known(tickets_nlp, tickets_dev, tmp_path):
    assert not run(tickets_nlp, tickets_dev, "accuracy").is_seen
    assert not run(tickets_nlp, tickets_dev[1:]).is_seen
    tickets_nlp.to_disk(tmp_path)
    seen = run(spacy.load(tmp_path), tickets_dev[1:], "accuracy")
    assert seen.is_seen
    assert "looks better than it is" in " ".join(seen.get_notes())
    tickets_nlp.get_pipe(NAME).temperature = 3.0
    assert not run(tickets_nlp, tickets_dev[1:]).is_seen
