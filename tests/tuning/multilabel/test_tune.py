import json

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.training import Example

from spacy_longtail.fitting.thresholds import fit_thresholds
from spacy_longtail.pipeline.callbacks import make_fit_thresholds
from spacy_longtail.tuning.multilabel import fitting
from spacy_longtail.tuning.multilabel.evidence import collect
from spacy_longtail.tuning.multilabel.settings import read_settings
from spacy_longtail.tuning.settings import Wish
from spacy_longtail.tuning.tune import tune

NAME = "longtail_textcat_multilabel"
WISHES = (
    Wish(),
    Wish("accuracy"),
    Wish("calibration"),
    Wish(prior="uniform"),
    Wish(prior=0.5, precision=0.9),
)


@Language.component("square_all", assigns=["doc.cats"])
def square_all(doc):
    for label, value in doc.cats.items():
        doc.cats[label] = value**2
    return doc


@Language.component("abstain_if_long")
def abstain_if_long(doc):
    if len(doc) > 6:
        doc.user_data["longtail"].update(label=None, labels=[])
    return doc


def run(nlp, examples, *args, **settings):
    return tune(nlp, examples, Wish(*args, **settings), resamples=100)


def test_settings_are_applied(mixed_nlp, mixed_dev):
    result = run(mixed_nlp, mixed_dev)
    assert read_settings(mixed_nlp, NAME) == result.after
    assert result.before.temperature == 1.0 != result.after.temperature
    assert set(result.before.thresholds.values()) == {0.25}
    assert (result.before.prior, result.after.prior) == ("train", "train")
    assert mixed_nlp.get_pipe_config(NAME)["temperature"] == result.after.temperature
    assert result.n_docs == len(mixed_dev)


def test_before_is_what_the_pipeline_scores(mixed_nlp, mixed_dev):
    scores = mixed_nlp.evaluate(mixed_dev)
    found = run(mixed_nlp, mixed_dev).scores
    for name in ("macro_f", "micro_f", "micro_p", "micro_r", "tail_f", "mid_f"):
        expected = scores[f"longtail_{name}"]
        assert found[name].before.value == pytest.approx(expected, abs=1e-6)
    assert "head_f" not in found, "no label has 50 training documents"


def test_groups_are_those_of_the_scorer(mixed_nlp, mixed_dev):
    mixed_nlp.get_pipe(NAME).scorer.keywords.update(head=12, mid=4)
    scores = mixed_nlp.evaluate(mixed_dev)
    found = run(mixed_nlp, mixed_dev).scores
    for name in ("head_f", "mid_f", "tail_f"):
        expected = scores[f"longtail_{name}"]
        assert found[name].before.value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("precision", [None, 0.9])
def test_thresholds_are_those_of_the_component(mixed_nlp, mixed_dev, precision):
    result = run(mixed_nlp, mixed_dev, precision=precision)
    pipe = mixed_nlp.get_pipe(NAME)
    for example, doc in zip(mixed_dev, mixed_nlp.pipe(eg.text for eg in mixed_dev)):
        example.predicted = doc
    expected = pipe.fit_thresholds(mixed_dev, precision=precision)
    assert result.after.thresholds == pytest.approx(expected, abs=1e-6)


def test_saved_pipeline_predicts_with_the_thresholds(mixed_nlp, mixed_dev, tmp_path):
    result = run(mixed_nlp, mixed_dev)
    mixed_nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert read_settings(loaded, NAME).temperature == result.after.temperature
    thresholds = read_settings(loaded, NAME).thresholds
    assert thresholds == pytest.approx(result.after.thresholds, abs=1e-12)
    for example in mixed_dev:
        doc = loaded(example.reference.text)
        above = {label for label, p in doc.cats.items() if p >= thresholds[label]}
        assert set(doc._.longtail.labels) == above


def test_macro_f_of_high_thresholds_is_better_after(mixed_nlp, mixed_dev):
    labels = mixed_nlp.get_pipe(NAME).labels
    mixed_nlp.get_pipe(NAME).thresholds = dict.fromkeys(labels, 0.98)
    result = run(mixed_nlp, mixed_dev)
    assert result.scores["macro_f"].change.low > 0
    scores = mixed_nlp.evaluate(mixed_dev)
    assert scores["longtail_macro_f"] > result.scores["macro_f"].before.value
    gains = [change.f_gain for change in result.labels if change.support]
    expected = result.scores["macro_f"].change.value
    assert numpy.mean(gains) == pytest.approx(expected)


def test_accuracy_has_one_threshold_with_the_best_micro_f(mixed_nlp, mixed_dev):
    result = run(mixed_nlp, mixed_dev, "accuracy")
    (threshold,) = set(result.after.thresholds.values())
    truths = collect(mixed_nlp, NAME, mixed_dev).answers.truths
    P = collect(mixed_nlp, NAME, mixed_dev).answers.scores
    rated = []
    for limit in (threshold, *numpy.unique(P)):
        guess = P >= limit
        right = (guess & (truths == 1)).sum()
        rated.append(2 * right / (guess.sum() + (truths == 1).sum()))
    assert rated[0] == pytest.approx(max(rated))
    scores = mixed_nlp.evaluate(mixed_dev)
    assert scores["longtail_micro_f"] == pytest.approx(rated[0], abs=1e-6)


def test_calibration_is_better_after(mixed_nlp, mixed_dev):
    mixed_nlp.get_pipe(NAME).temperature = 0.3
    result = run(mixed_nlp, mixed_dev, "calibration")
    for name in ("ece", "log_loss"):
        assert result.scores[name].change.high < 0
    assert len(set(result.after.thresholds.values())) > 1


def test_precision_is_reached(mixed_nlp, mixed_dev):
    result = run(mixed_nlp, mixed_dev, precision=0.95)
    assert result.scores["micro_p"].change.low > 0
    one = run(mixed_nlp, mixed_dev, "accuracy", precision=0.95)
    assert len(set(one.after.thresholds.values())) == 1
    assert mixed_nlp.evaluate(mixed_dev)["longtail_micro_p"] >= 0.95
    each = run(mixed_nlp, mixed_dev, "accuracy", precision=0.95, per_label=True)
    assert len(set(each.after.thresholds.values())) > 1


@pytest.mark.parametrize("goal", ["macro", "accuracy"])
def test_given_prior_is_taken(mixed_nlp, mixed_dev, goal):
    assert run(mixed_nlp, mixed_dev, goal, prior="uniform").after.prior == "uniform"
    assert run(mixed_nlp, mixed_dev, goal, prior=0.3).after.prior == 0.3


def test_no_document_is_scored_with_settings_it_was_part_of(mixed_nlp, mixed_dev):
    """Gold labels that are noise can't look better after tuning."""
    rng = numpy.random.default_rng(0)
    labels = mixed_nlp.get_pipe(NAME).labels
    for example in mixed_dev:
        example.reference.cats = {labels[rng.integers(len(labels))]: 1.0}
    result = run(mixed_nlp, mixed_dev, precision=0.9)
    assert result.scores["micro_p"].after.value < 0.6


def test_thresholds_that_were_fitted_here_are_not_believed(mixed_nlp, mixed_dev):
    """Those of training were fitted to the dev corpus, see configs/multilabel.cfg."""
    make_fit_thresholds(lambda nlp: mixed_dev)(mixed_nlp)
    naive = mixed_nlp.evaluate(mixed_dev)["longtail_macro_f"]
    result = run(mixed_nlp, mixed_dev)
    assert result.refit_as == "training"
    assert result.scores["macro_f"].before.value < naive
    again = run(mixed_nlp, mixed_dev)
    assert again.refit_as == "tune"
    assert again.after == result.after


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_thresholds_of_an_earlier_tuning_are_not_believed(
    mixed_nlp, mixed_dev, tmp_path, wish
):
    """What it was for doesn't matter, and it is known of a saved pipeline, too."""
    tuned = tune(mixed_nlp, mixed_dev, wish, resamples=100)
    mixed_nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    naive = loaded.evaluate(mixed_dev)
    dev = [
        Example(loaded.make_doc(eg.reference.text), eg.reference) for eg in mixed_dev
    ]
    result = run(loaded, dev[::-1], "calibration")
    assert result.refit_as == "tune"
    for name in ("macro_f", "micro_f"):
        found = result.scores[name].before.value
        assert found == pytest.approx(tuned.scores[name].after.value, abs=0.03)
        if wish in (Wish(), Wish("calibration")):
            assert found < naive[f"longtail_{name}"]


def test_earlier_tuning_that_does_not_matter_any_more(mixed_nlp, mixed_dev):
    run(mixed_nlp, mixed_dev, "accuracy")
    copy = spacy.blank("en", config=mixed_nlp.config, meta=mixed_nlp.meta)
    other = copy.from_bytes(mixed_nlp.to_bytes())
    assert run(other, mixed_dev[:100], "accuracy").refit_as is None
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.thresholds = {label: 0.3 for label in pipe.labels}
    assert run(mixed_nlp, mixed_dev).refit_as is None


def test_fit_of_training_has_the_settings_of_the_config(mixed_nlp, mixed_dev):
    settings = {"precision": 0.9, "smoothing": 5.0}
    make_fit_thresholds(lambda nlp: mixed_dev, **settings)(mixed_nlp)
    other = spacy.blank("en", config=mixed_nlp.config).from_bytes(mixed_nlp.to_bytes())
    assert run(other, mixed_dev).refit_as is None
    block = {"@callbacks": "spacy-longtail.fit_thresholds.v1", **settings}
    mixed_nlp.config["training"]["before_to_disk"] = block
    assert run(mixed_nlp, mixed_dev).refit_as == "training"


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_thresholds_are_fitted_to_what_later_components_leave(
    mixed_nlp, mixed_dev, wish
):
    """Prior and temperature are those of the component alone."""
    alone = tune(mixed_nlp, mixed_dev, wish, resamples=100).after
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.thresholds = {}
    pipe.prior, pipe.temperature = "train", 1.0
    mixed_nlp.add_pipe("square_all")
    result = tune(mixed_nlp, mixed_dev, wish, resamples=100)
    assert result.later == ["square_all"]
    assert (result.after.prior, result.after.temperature) == (
        alone.prior,
        alone.temperature,
    )
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    P, truths = evidence.answers.scores, evidence.answers.truths
    expected = fitting.fit_wished(P, truths, wish)
    assert list(result.after.thresholds.values()) == pytest.approx(list(expected))


@pytest.fixture
def pair_nlp(mixed_nlp, mixed_dev):
    """A pipeline with a fallback, as the config of several labels has it."""
    fallback = mixed_nlp.add_pipe("zero_shot_fallback", config={"source": NAME})
    fallback.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    return mixed_nlp


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_thresholds_fit_the_whole_pipeline_with_a_fallback(pair_nlp, mixed_dev, wish):
    result = tune(pair_nlp, mixed_dev, wish, resamples=100)
    assert result.later == ["zero_shot_fallback"]
    evidence = collect(pair_nlp, NAME, mixed_dev)
    assert evidence.later == ["zero_shot_fallback"]
    P, truths = evidence.answers.scores, evidence.answers.truths
    expected = fitting.fit_wished(P, truths, wish)
    assert list(result.after.thresholds.values()) == pytest.approx(
        list(expected), abs=1e-6
    )
    again = tune(pair_nlp, mixed_dev, wish, resamples=100)
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
    result = tune(pair_nlp, frequent, wish, resamples=100)
    assert result.later == ["zero_shot_fallback"]
    evidence = collect(pair_nlp, NAME, frequent)
    own = evidence.get_probabilities("uniform", result.after.temperature)
    P, truths = evidence.answers.scores, evidence.answers.truths
    assert numpy.abs(own - P).max() > 0.01
    expected = fitting.fit_wished(P, truths, wish)
    assert list(result.after.thresholds.values()) == pytest.approx(
        list(expected), abs=1e-6
    )


def test_abstained_documents_are_given_nothing(mixed_nlp, mixed_dev):
    """Their labels can't be found, so that they say nothing about thresholds."""
    mixed_nlp.add_pipe("abstain_if_long")
    result = run(mixed_nlp, mixed_dev)
    long = [eg for eg in mixed_dev if len(eg.reference) > 6]
    assert 0 < len(long) < len(mixed_dev)
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    scores, truths = evidence.answers.scores, evidence.answers.truths
    scores[[len(eg.reference) > 6 for eg in mixed_dev]] = 0.0
    expected = fit_thresholds(scores, truths)
    assert list(result.after.thresholds.values()) == pytest.approx(
        list(expected), abs=1e-6
    )
    n_gold = (truths == 1).sum()
    n_lost = sum(sum(eg.reference.cats.values()) for eg in long)
    assert result.scores["micro_r"].after.value <= 1 - n_lost / n_gold


def test_wished_prior_goes_through_later_components(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("square_all")
    result = run(mixed_nlp, mixed_dev, prior="uniform")
    assert mixed_nlp.get_pipe(NAME).prior == "uniform"
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    expected = fit_thresholds(evidence.answers.scores, evidence.answers.truths)
    assert list(result.after.thresholds.values()) == pytest.approx(list(expected))
    assert result.later == ["square_all"]


def test_prior_and_temperature_need_part_of_many_documents(
    mixed_nlp, mixed_dev, monkeypatch
):
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    before = read_settings(mixed_nlp, NAME)
    wish = Wish("calibration")
    part = evidence.select(numpy.arange(0, len(mixed_dev), 3))
    expected = fitting.fit_first_stage(part, wish, before)
    assert fitting.fit_first_stage(evidence, wish, before) != expected
    monkeypatch.setattr(fitting, "MAX_PAIRS", len(mixed_dev) * 9 // 2)
    assert fitting.fit_first_stage(evidence, wish, before) == expected


def test_single_document(mixed_nlp, mixed_dev):
    result = run(mixed_nlp, mixed_dev[4:5])
    assert result.n_docs == 1
    assert result.scores["micro_f"].after.value in (0.0, 1.0)


def test_coverage_is_no_wish(mixed_nlp, mixed_dev):
    with pytest.raises(ValueError, match=r"\[L515\].*'precision'"):
        run(mixed_nlp, mixed_dev, coverage=0.9)


def test_label_that_training_never_saw(mixed_nlp, mixed_dev):
    mixed_dev[0].reference.cats = {"sport/golf": 1.0, "money/card": 1.0}
    with pytest.warns(UserWarning, match="LW502"):
        result = run(mixed_nlp, mixed_dev)
    last = result.labels[-1]
    assert (last.label, last.support, last.f_after) == ("sport/golf", 1, 0.0)
    assert last.threshold_after is None
    assert "sport/golf" not in result.after.thresholds


def test_result_is_json_and_the_same_again(mixed_nlp, mixed_dev):
    first = run(mixed_nlp, mixed_dev, "accuracy").to_dict()
    assert set(json.loads(json.dumps(first))["scores"]["ece"]) == {
        *("before", "after", "change", "is_noise")
    }
    assert first["labels"][0]["label"] == "home/garden"
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.thresholds = {}
    pipe.prior, pipe.temperature = "train", 1.0
    assert run(mixed_nlp, mixed_dev, "accuracy").to_dict() == first


def test_scores_of_training_are_replaced(mixed_nlp, mixed_dev, tmp_path):
    stale = dict.fromkeys(("longtail_macro_f", "longtail_p_at_1", "tag_acc"), 0.5)
    mixed_nlp.meta["performance"] = {**stale, f"{NAME}_loss": 3.0}
    result = run(mixed_nlp, mixed_dev)
    mixed_nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).meta["performance"] == {
        "longtail_macro_f": pytest.approx(result.scores["macro_f"].after.value),
        "tag_acc": 0.5,
        f"{NAME}_loss": 3.0,
    }
