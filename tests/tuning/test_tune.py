"""What tuning promises for both kinds of labels."""

import hashlib
import json

import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_longtail.evaluation.pipes import find_pipe
from spacy_longtail.tuning import Wish, tune, tune_pipeline
from spacy_longtail.tuning.settings import read_settings, write_settings
from spacy_longtail.tuning.tune import make_folds


def run(nlp, examples, *args, **settings):
    return tune(nlp, examples, Wish(*args, **settings), resamples=30)


def make_again(nlp, examples):
    return [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in examples]


def get_hashes(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_settings_are_applied(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    result = run(kind_nlp, kind_dev)
    assert read_settings(kind_nlp, name) == result.after
    assert result.before.temperature == 1.0 != result.after.temperature
    assert kind_nlp.get_pipe_config(name)["temperature"] == result.after.temperature
    assert result.before.thresholds == {}
    assert (result.n_docs, result.n_ignored) == (len(kind_dev), 0)


def test_texts_that_were_trained_on_are_said(kind_nlp, kind_dev, kind_seen):
    known = run(kind_nlp, kind_dev).n_trained
    assert known < 6, "some are the same by chance"
    result = run(kind_nlp, [*kind_dev, *kind_seen])
    assert result.n_trained == result.to_dict()["n_trained"] == known + 10
    (said,) = [r for r in result.remarks() if "trained on" in r.text]
    assert said.level == "warn"
    n_docs = len(kind_dev) + 10
    assert f"was trained on {known + 10} of these {n_docs} texts, so" in said.text


def test_before_is_what_the_pipeline_scores(kind_nlp, kind_dev):
    scores = kind_nlp.evaluate(kind_dev)
    found = run(kind_nlp, kind_dev).scores
    shared = [key for key in found if f"longtail_{key}" in scores]
    assert {"macro_f", "mid_f", "tail_f"} < set(shared)
    for key in shared:
        expected = scores[f"longtail_{key}"]
        assert found[key].before.value == pytest.approx(expected, abs=1e-6)
    assert "head_f" not in found, "no label has 50 training documents"


def test_groups_are_those_of_the_scorer(kind_nlp, kind_dev):
    kind_nlp.get_pipe(find_pipe(kind_nlp)).scorer.keywords.update(head=12, mid=4)
    scores = kind_nlp.evaluate(kind_dev)
    found = run(kind_nlp, kind_dev).scores
    for key in ("head_f", "mid_f", "tail_f"):
        expected = scores[f"longtail_{key}"]
        assert found[key].before.value == pytest.approx(expected, abs=1e-6)


def test_calibration_is_better_after(kind_nlp, kind_dev):
    kind_nlp.get_pipe(find_pipe(kind_nlp)).temperature = 5.0
    result = run(kind_nlp, kind_dev, "calibration")
    assert result.scores["ece"].change.high < 0
    assert not result.scores["ece"].is_noise
    assert result.judge_goal() == "The ECE is better beyond noise."


@pytest.mark.parametrize("goal", ["macro", "accuracy"])
def test_given_prior_is_taken(kind_nlp, kind_dev, goal):
    for prior in ("uniform", 0.3):
        assert run(kind_nlp, kind_dev, goal, prior=prior).after.prior == prior


def test_no_document_is_scored_with_settings_it_was_part_of(kind_nlp, kind_dev):
    """Gold labels that are noise can't look better after tuning."""
    rng = numpy.random.default_rng(0)
    labels = kind_nlp.get_pipe(find_pipe(kind_nlp)).labels
    for example in kind_dev:
        example.reference.cats = {labels[rng.integers(len(labels))]: 1.0}
    scores = run(kind_nlp, kind_dev, precision=0.9).scores
    after = {name: score.after.value for name, score in scores.items()}
    # Where no document keeps a label, none of them is wrong.
    is_empty = after.get("coverage") == 0.0
    assert is_empty or after.get("precision", after.get("micro_p")) < 0.6


@pytest.mark.parametrize("goal", ["macro", "accuracy"])
def test_saved_pipeline_predicts_what_was_tuned(kind_nlp, kind_dev, tmp_path, goal):
    result = run(kind_nlp, kind_dev, goal, "train", precision=0.9)
    kind_nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    name = find_pipe(loaded)
    found, expected = read_settings(loaded, name), result.after
    assert found.thresholds == pytest.approx(expected.thresholds, abs=1e-12)
    assert (found.prior, found.temperature) == (expected.prior, expected.temperature)
    dev = make_again(loaded, kind_dev)
    saved = loaded.evaluate(dev)
    for key, value in kind_nlp.evaluate(make_again(kind_nlp, kind_dev)).items():
        if key in ("longtail_macro_f", "longtail_ece", "longtail_coverage"):
            assert saved[key] == pytest.approx(value, abs=1e-6)


def test_labels_that_the_top_k_leaves_out(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    pipe, before = kind_nlp.get_pipe(name), read_settings(kind_nlp, name)
    expected = run(kind_nlp, kind_dev).after
    write_settings(kind_nlp, name, before)
    pipe.cats_top_k = 1
    assert run(kind_nlp, kind_dev).after == expected
    assert pipe.cats_top_k == 1


def test_second_component_is_left_alone(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    second = kind_nlp.add_pipe(name, name="second", config={"min_count": 0})
    second.initialize(lambda: kind_dev, nlp=kind_nlp)
    before = read_settings(kind_nlp, "second")
    with pytest.raises(ValueError, match=r"\[L514\]"):
        tune(kind_nlp, kind_dev)
    result = tune(kind_nlp, kind_dev, pipe=name, resamples=5)
    assert read_settings(kind_nlp, name) == result.after != result.before
    assert read_settings(kind_nlp, "second") == before


def test_result_is_json_and_the_same_again(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    before = read_settings(kind_nlp, name)
    first = run(kind_nlp, kind_dev, "accuracy", "train").to_dict()
    data = json.loads(json.dumps(first))
    assert data["kind"] == name
    assert set(data["scores"]["ece"]) == {"before", "after", "change", "is_noise"}
    write_settings(kind_nlp, name, before)
    assert run(kind_nlp, kind_dev, "accuracy", "train").to_dict() == first


def test_scores_of_training_are_replaced(kind_nlp, kind_dev, tmp_path):
    """By all that the scorer has, so that a model card has head, mid and tail."""
    measured = kind_nlp.evaluate(make_again(kind_nlp, kind_dev))
    stale = dict.fromkeys(("longtail_macro_f", "longtail_other", "tag_acc"), 0.5)
    loss = f"{find_pipe(kind_nlp)}_loss"
    kind_nlp.meta["performance"] = {**stale, loss: 3.0}
    result = run(kind_nlp, kind_dev)
    kind_nlp.to_disk(tmp_path)
    found = spacy.load(tmp_path).meta["performance"]
    ours = {key for key in measured if key.startswith("longtail_")}
    ours -= {key for key in measured if measured[key] is None}
    assert {"longtail_mid_f", "longtail_tail_f"} < ours
    assert found.keys() == {*ours, "tag_acc", loss}
    assert found["longtail_macro_f"] == pytest.approx(
        result.scores["macro_f"].after.value
    )


def test_scores_of_training_stay_if_the_settings_do(kind_nlp, kind_dev):
    run(kind_nlp, kind_dev)
    stale = {"longtail_macro_f": 0.5, "longtail_hier_f": 0.5}
    kind_nlp.meta["performance"] = stale
    result = run(kind_nlp, kind_dev)
    assert result.after == result.before
    assert kind_nlp.meta["performance"] == stale


def test_what_is_worse_beyond_noise_is_not_applied(kind, kind_nlp, kind_dev):
    """Documents that are there several times are enough to tell."""
    name, dev = find_pipe(kind_nlp), kind_dev * 6
    before, note = read_settings(kind_nlp, name), kind_nlp.meta.get("longtail_tune")
    wish = {
        "exclusive": Wish("macro", "train"),
        "multilabel": Wish("calibration", "uniform"),
    }[kind]
    result = tune(kind_nlp, dev, wish, resamples=50)
    assert result.is_worse and not result.is_applied
    assert result.after.prior == wish.prior != before.prior
    assert read_settings(kind_nlp, name) == before
    assert kind_nlp.meta.get("longtail_tune") == note
    result = tune(kind_nlp, dev, wish, resamples=50, even_if_worse=True)
    assert result.is_worse and result.is_applied
    assert read_settings(kind_nlp, name) == result.after


def test_wished_abstention_is_not_worse(kind_nlp, kind_dev):
    """Fewer labels are found, but that is what was wished."""
    result = tune(kind_nlp, kind_dev * 4, Wish(precision=0.97), resamples=50)
    key = "accuracy" if "accuracy" in result.scores else "micro_r"
    assert result.scores[key].change.high < 0
    assert not result.is_worse and result.is_applied


def test_a_wish_that_nothing_reaches(kind_nlp, kind_dev):
    """Gold labels that are noise: no threshold makes them right."""
    rng = numpy.random.default_rng(0)
    name = find_pipe(kind_nlp)
    labels = kind_nlp.get_pipe(name).labels
    for example in kind_dev:
        example.reference.cats = {labels[rng.integers(len(labels))]: 1.0}
    result = run(kind_nlp, kind_dev, precision=1.0)
    assert result.is_reached is False
    assert "100% are not reached" in " ".join(r.text for r in result.remarks())
    assert result.to_dict()["is_reached"] is False
    assert run(kind_nlp, kind_dev).is_reached is None


def test_of_nothing_nothing_is_right(tickets_nlp, tickets_dev):
    """Where no label is given, there is no precision and no calibration of them."""
    tickets_nlp.get_pipe("longtail_textcat").thresholds = {"": 1.0}
    result = run(tickets_nlp, tickets_dev)
    rows = {row[0]: row for row in result.tables()[-1].rows}
    assert rows["precision"][1] == rows["ECE"][1] == "–"
    assert "–" not in (rows["precision"][2], rows["accuracy"][1])


def test_documents_without_a_label_are_left_out(kind_nlp, kind_dev):
    for example in kind_dev[:3]:
        example.reference.cats = {}
    result = run(kind_nlp, kind_dev)
    assert (result.n_docs, result.n_ignored) == (len(kind_dev) - 3, 3)
    assert "3 documents without a label" in " ".join(r.text for r in result.remarks())


def test_single_document(kind_nlp, kind_dev):
    result = run(kind_nlp, kind_dev[4:5])
    assert result.n_docs == 1
    assert result.scores["macro_f"].after.value in (0.0, 1.0)


def test_corpus_with_nothing_to_tune(kind_nlp, kind_dev):
    for example in kind_dev:
        example.reference.cats = {}
    with pytest.raises(ValueError, match=r"\[L510\]"):
        tune(kind_nlp, kind_dev)


def test_progress_sees_each_example(kind_nlp, kind_dev):
    seen = []

    def progress(examples):
        for example in examples:
            seen.append(example)
            yield example

    tune(kind_nlp, kind_dev, resamples=2, progress=progress)
    assert seen == kind_dev
    assert all(not example.predicted.cats for example in kind_dev)


def test_folds_are_of_the_same_size():
    texts = [f"text {i}" for i in range(23)]
    found = make_folds(texts, 5, 0)
    assert sorted(numpy.bincount(found)) == [4, 4, 5, 5, 5]
    assert sorted(make_folds(texts[:3], 5, 0)) == [0, 1, 2]
    # No setting is judged on a text that it was chosen by.
    twice = make_folds([*texts, *map(str.upper, texts[::-1])], 5, 0)
    assert twice.tolist() == [*found.tolist(), *found.tolist()[::-1]]


def test_new_pipeline_has_the_settings_and_the_old_one_stays(kind_dir, tmp_path):
    before = get_hashes(kind_dir)
    result = tune_pipeline(
        str(kind_dir / "model"),
        kind_dir / "dev.spacy",
        tmp_path / "tuned",
        Wish(precision=0.9),
        resamples=10,
    )
    assert get_hashes(kind_dir) == before
    nlp = spacy.load(tmp_path / "tuned")
    found = read_settings(nlp, find_pipe(nlp))
    assert found.temperature == result.after.temperature
    assert found.thresholds == pytest.approx(result.after.thresholds, abs=1e-9)


def test_output_is_checked_before_any_work(tickets_dir, tmp_path):
    model = str(tickets_dir / "model")
    with pytest.raises(ValueError, match=r"\[L604\]"):
        tune_pipeline(model, tmp_path / "nothing", tmp_path)
    with pytest.raises(ValueError, match=r"\[L603\]"):
        tune_pipeline(model, tmp_path, tickets_dir / "model", force=True)
