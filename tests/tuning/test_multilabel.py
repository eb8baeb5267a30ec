import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.training import Example

from spacy_longtail.evaluation.evidence import collect
from spacy_longtail.pipeline.callbacks import make_fit_thresholds
from spacy_longtail.tuning import Wish, multilabel, tune
from spacy_longtail.tuning.multilabel import fit_first_stage, fit_wished
from spacy_longtail.tuning.settings import read_settings

NAME = "longtail_textcat_multilabel"
WISHES = (Wish(), Wish("accuracy"), Wish(prior=0.5, precision=0.9))


@Language.component("square_all", assigns=["doc.cats"])
def square_all(doc):
    for label, value in doc.cats.items():
        doc.cats[label] = value**2
    return doc


@Language.component("abstain_if_long")
def abstain_if_long(doc):
    if len(doc) > 6:
        doc._.longtail = {**doc._.longtail, "label": None, "labels": []}
    return doc


def run(nlp, examples, *args, **settings):
    return tune(nlp, examples, Wish(*args, **settings), resamples=30)


def get_scores(nlp, examples):
    """RETURNS: Probabilities at the end of the pipeline, and gold labels."""
    return collect(nlp, NAME, examples).predictions.scores


def check_thresholds(nlp, result, P, truths, wish):
    log_odds = nlp.get_pipe(NAME).taxonomy.log_odds
    expected = fit_wished(P, truths, wish, log_odds).tolist()
    found = list(result.after.thresholds.values())
    assert found == pytest.approx(expected, abs=1e-6)


def reset(nlp):
    pipe = nlp.get_pipe(NAME)
    pipe.thresholds = {}
    pipe.prior, pipe.temperature = "train", 1.0


@pytest.mark.parametrize("precision", [None, 0.9])
def test_thresholds_are_those_of_the_component(mixed_nlp, mixed_dev, precision):
    result = run(mixed_nlp, mixed_dev, precision=precision)
    pipe = mixed_nlp.get_pipe(NAME)
    for example, doc in zip(mixed_dev, mixed_nlp.pipe(eg.text for eg in mixed_dev)):
        example.predicted = doc
    expected = pipe.fit_thresholds(mixed_dev, precision=precision)
    assert result.after.thresholds == pytest.approx(expected, abs=1e-6)


def test_saved_pipeline_gives_what_is_above_the_thresholds(
    mixed_nlp, mixed_dev, tmp_path
):
    result = run(mixed_nlp, mixed_dev)
    mixed_nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    needed = result.after.thresholds
    for doc in loaded.pipe(eg.reference.text for eg in mixed_dev[:40]):
        above = {label for label, p in doc.cats.items() if p >= needed[label]}
        assert set(doc._.longtail.labels) == above


def test_macro_f_of_high_thresholds_is_better_after(mixed_nlp, mixed_dev):
    mixed_nlp.get_pipe(NAME).thresholds = {"": 0.98}
    result = run(mixed_nlp, mixed_dev)
    assert result.before.thresholds == {"": 0.98}
    assert {change.threshold_before for change in result.labels} == {0.98}
    assert result.scores["macro_f"].change.low > 0
    scores = mixed_nlp.evaluate(mixed_dev)
    assert scores["longtail_macro_f"] > result.scores["macro_f"].before.value
    gains = [change.f_gain for change in result.labels if change.support]
    expected = result.scores["macro_f"].change.value
    assert numpy.mean(gains) == pytest.approx(expected)


def test_accuracy_has_one_threshold_with_the_best_micro_f(mixed_nlp, mixed_dev):
    result = run(mixed_nlp, mixed_dev, "accuracy")
    (threshold,) = set(result.after.thresholds.values())
    P, truths = get_scores(mixed_nlp, mixed_dev)
    rated = []
    for limit in (threshold, *numpy.unique(P)[::5]):
        guess = P >= limit
        right = (guess & (truths == 1)).sum()
        rated.append(2 * right / (guess.sum() + (truths == 1).sum()))
    assert rated[0] == pytest.approx(max(rated))
    scores = mixed_nlp.evaluate(mixed_dev)
    assert scores["longtail_micro_f"] == pytest.approx(rated[0], abs=1e-6)


def test_calibration_has_a_threshold_for_each_label(mixed_nlp, mixed_dev):
    mixed_nlp.get_pipe(NAME).temperature = 0.3
    result = run(mixed_nlp, mixed_dev, "calibration")
    assert result.scores["log_loss"].change.high < 0
    assert {*result.after.thresholds} == {*mixed_nlp.get_pipe(NAME).labels}


def test_precision_is_reached(mixed_nlp, mixed_dev):
    result = run(mixed_nlp, mixed_dev, precision=0.95)
    assert result.scores["micro_p"].change.low > 0
    assert "of the gold labels are found" in result.judge_wish()
    one = run(mixed_nlp, mixed_dev, "accuracy", "train", precision=0.95)
    assert len(set(one.after.thresholds.values())) == 1
    assert mixed_nlp.evaluate(mixed_dev)["longtail_micro_p"] >= 0.95
    each = run(mixed_nlp, mixed_dev, "accuracy", "train", 0.95, per_label=True)
    assert len(set(each.after.thresholds.values())) > 1


def test_thresholds_that_were_fitted_here_are_not_believed(mixed_nlp, mixed_dev):
    """Those of training were fitted to the dev corpus, see configs/multilabel.cfg."""
    make_fit_thresholds(lambda nlp: mixed_dev)(mixed_nlp)
    naive = mixed_nlp.evaluate(mixed_dev)["longtail_macro_f"]
    result = run(mixed_nlp, mixed_dev)
    assert result.refit_as == "training"
    assert "as the training config does" in " ".join(result.get_notes())
    assert result.scores["macro_f"].before.value < naive
    again = run(mixed_nlp, mixed_dev)
    assert again.refit_as == "tune"
    assert again.after == result.after


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_thresholds_of_an_earlier_tuning_are_not_believed(
    mixed_nlp, mixed_dev, tmp_path, wish
):
    """What it was for doesn't matter, and it is known of a saved pipeline, too."""
    tuned = tune(mixed_nlp, mixed_dev, wish, resamples=5)
    mixed_nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    naive = loaded.evaluate(mixed_dev)
    dev = [
        Example(loaded.make_doc(eg.reference.text), eg.reference) for eg in mixed_dev
    ]
    result = tune(loaded, dev[::-1], Wish(prior="uniform"), resamples=5)
    assert result.refit_as == "tune"
    for name in ("macro_f", "micro_f"):
        found = result.scores[name].before.value
        assert found == pytest.approx(tuned.scores[name].after.value, abs=0.05)
        if wish == Wish():
            assert found < naive[f"longtail_{name}"]


def test_earlier_tuning_that_does_not_matter_any_more(mixed_nlp, mixed_dev):
    run(mixed_nlp, mixed_dev, "accuracy", "train")
    copy = spacy.blank(mixed_nlp.lang, config=mixed_nlp.config, meta=mixed_nlp.meta)
    other = copy.from_bytes(mixed_nlp.to_bytes())
    assert run(other, mixed_dev[:100]).refit_as is None
    mixed_nlp.get_pipe(NAME).thresholds = {"": 0.3}
    assert run(mixed_nlp, mixed_dev).refit_as is None


def test_fit_of_training_has_the_settings_of_the_config(mixed_nlp, mixed_dev):
    settings = {"precision": 0.9, "smoothing": 5.0}
    make_fit_thresholds(lambda nlp: mixed_dev, **settings)(mixed_nlp)
    other = spacy.blank(mixed_nlp.lang, config=mixed_nlp.config).from_bytes(
        mixed_nlp.to_bytes()
    )
    assert run(other, mixed_dev).refit_as is None
    block = {"@callbacks": "spacy-longtail.fit_thresholds.v1", **settings}
    mixed_nlp.config["training"]["before_to_disk"] = block
    assert run(mixed_nlp, mixed_dev).refit_as == "training"


@pytest.mark.parametrize("wish", WISHES[1:], ids=str)
def test_thresholds_are_fitted_to_what_later_components_leave(
    mixed_nlp, mixed_dev, wish
):
    """Prior and temperature are those of the component alone."""
    alone = tune(mixed_nlp, mixed_dev, wish, resamples=5).after
    reset(mixed_nlp)
    mixed_nlp.add_pipe("square_all")
    result = tune(mixed_nlp, mixed_dev, wish, resamples=5)
    assert result.later == ["square_all"]
    assert "to what square_all makes of" in " ".join(result.get_notes())
    found = result.after.prior, result.after.temperature
    assert found == (alone.prior, alone.temperature)
    check_thresholds(mixed_nlp, result, *get_scores(mixed_nlp, mixed_dev)[:2], wish)


@pytest.fixture
def pair_nlp(mixed_nlp, mixed_dev):
    """A pipeline with a fallback, as the config of several labels has it."""
    fallback = mixed_nlp.add_pipe("zero_shot_fallback", config={"source": NAME})
    fallback.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    return mixed_nlp


@pytest.mark.parametrize("wish", WISHES[::2], ids=str)
def test_thresholds_fit_the_whole_pipeline_with_a_fallback(pair_nlp, mixed_dev, wish):
    result = tune(pair_nlp, mixed_dev, wish, resamples=5)
    assert result.later == ["zero_shot_fallback"]
    check_thresholds(pair_nlp, result, *get_scores(pair_nlp, mixed_dev)[:2], wish)
    again = tune(pair_nlp, mixed_dev, wish, resamples=5)
    assert again.after.temperature == result.after.temperature
    assert again.after.thresholds == pytest.approx(result.after.thresholds, abs=1e-6)


def test_documents_that_only_the_new_prior_routes(pair_nlp, mixed_dev):
    """A uniform prior makes the Other of rare labels more probable."""
    fallback = pair_nlp.get_pipe("zero_shot_fallback")
    frequent = [eg for eg in mixed_dev if not eg.reference.cats.get("money/tax")]
    frequent = [eg for eg in frequent if not eg.reference.cats.get("money/fee")]
    masses = [pair_nlp(eg.reference.text)._.longtail.other[1] for eg in frequent]
    fallback.settings.route_threshold = max(masses) * 1.01
    wish = Wish(prior="uniform")
    result = tune(pair_nlp, frequent, wish, resamples=5)
    assert result.later == ["zero_shot_fallback"]
    evidence = collect(pair_nlp, NAME, frequent)
    own = evidence.get_probabilities("uniform", result.after.temperature)
    P, truths = evidence.predictions.scores
    assert numpy.abs(own - P).max() > 0.01
    check_thresholds(pair_nlp, result, P, truths, wish)


def test_label_that_was_added_at_run_time_keeps_its_threshold(pair_nlp, mixed_dev):
    pair_nlp.get_pipe("zero_shot_fallback").add_label("money/cash", examples=["cash"])
    result = run(pair_nlp, mixed_dev)
    (added,) = [x for x in result.labels if x.label == "money/cash"]
    assert (added.threshold_before, added.threshold_after) == (None, None)
    assert added.f_after is None
    assert set(result.after.thresholds) == set(pair_nlp.get_pipe(NAME).labels)


def test_abstained_documents_are_given_nothing(mixed_nlp, mixed_dev):
    """Their labels can't be found, so that they say nothing about thresholds."""
    mixed_nlp.add_pipe("abstain_if_long")
    result = run(mixed_nlp, mixed_dev)
    long = [eg for eg in mixed_dev if len(eg.reference) > 6]
    assert 0 < len(long) < len(mixed_dev)
    P, truths = get_scores(mixed_nlp, mixed_dev)
    P[[len(eg.reference) > 6 for eg in mixed_dev]] = 0.0
    check_thresholds(mixed_nlp, result, P, truths, Wish())
    n_lost = sum(sum(eg.reference.cats.values()) for eg in long)
    recall = result.scores["micro_r"].after.value
    assert recall <= 1 - n_lost / (truths == 1).sum()


def test_later_component_that_does_not_say_what_it_writes(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("abstain_if_long")
    mixed_nlp.add_pipe("sentencizer")
    assert run(mixed_nlp, mixed_dev).later == ["abstain_if_long", "sentencizer"]


def test_prior_and_temperature_need_part_of_many_documents(
    mixed_nlp, mixed_dev, monkeypatch
):
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    before, wish = read_settings(mixed_nlp, NAME), Wish("calibration")
    part = evidence.select(numpy.arange(0, len(mixed_dev), 3))
    expected = fit_first_stage(part, wish, before)
    assert fit_first_stage(evidence, wish, before) != expected
    monkeypatch.setattr(multilabel, "MAX_PAIRS", len(mixed_dev) * 9 // 2)
    assert fit_first_stage(evidence, wish, before) == expected


def test_coverage_is_no_wish(mixed_nlp):
    with pytest.raises(ValueError, match=r"\[L515\].*'precision'"):
        run(mixed_nlp, [], coverage=0.9)


def test_label_that_training_never_saw(mixed_nlp, mixed_dev):
    mixed_dev[0].reference.cats = {"sport/golf": 1.0, "money/card": 1.0}
    with pytest.warns(UserWarning, match="LW502"):
        result = run(mixed_nlp, mixed_dev)
    last = result.labels[-1]
    assert (last.label, last.support, last.f_after) == ("sport/golf", 1, 0.0)
    assert last.threshold_after is None
    assert "sport/golf" not in result.after.thresholds


def test_labels_that_changed_most_come_first(mixed_nlp, mixed_dev):
    mixed_nlp.get_pipe(NAME).thresholds = {"": 0.98}
    result = run(mixed_nlp, mixed_dev)
    (table,) = result.describe_labels()
    best = max(result.labels, key=lambda change: abs(change.f_gain))
    assert table.rows[0][0] == best.label
    assert table.rows[0][3] == f"0.980 → {best.threshold_after:.3f}"
    settings = {row[0]: row[1:] for row in result.describe_settings()}
    assert settings["median threshold"][0] == "0.980"
    assert result.n_gold == pytest.approx(
        sum(sum(eg.reference.cats.values()) for eg in mixed_dev) / len(mixed_dev)
    )


def test_number_of_labels_is_said_beside_that_of_gold(mixed_nlp, mixed_dev):
    result = run(mixed_nlp, mixed_dev)
    given = result.scores["n_labels"].after.value
    assert result.get_notes()[0] == (
        f"A document has {result.n_gold:.2f} gold labels on average, and gets "
        f"{given:.2f} after."
    )
    assert given == pytest.approx(result.n_gold, rel=0.2)
