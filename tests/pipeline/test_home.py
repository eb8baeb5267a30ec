"""What a component knows of its pipeline, and what the config of that says of it."""

import pickle

import pytest
import spacy

from spacy_longtail.pipeline.settings import FallbackSettings

SECOND = "zero_shot_fallback"
TEXTS = ["lend me money", "a room by the sea", "an account", ""]
# Of each setting of the config a value that isn't the default.
VALUES = {
    "min_count": 2,
    "keep": ["bank/fee"],
    "one_other": True,
    "kappa": 1.0,
    "name_examples": 0.5,
    "prior": "train",
    "temperature": 2.5,
    "cats_top_k": 3,
    "threshold": 0.4,
    "missing": "negative",
    "route_threshold": 0.3,
    "route_below": 0.2,
    "abstain_threshold": 0.1,
    "mixture_weight": 0.5,
    "trust": 0.6,
    "gate_slack": 1.0,
}


def read_settings(nlp):
    return {name: nlp.get_pipe(name).settings.to_dict() for name in nlp.pipe_names}


def read_config(nlp):
    """What the config says of the settings of both stages."""
    components = nlp.config["components"]
    return {
        name: {key: components[name].get(key, value) for key, value in found.items()}
        for name, found in read_settings(nlp).items()
    }


def read_docs(nlp):
    return [(doc.cats, dict(doc._.longtail)) for doc in nlp.pipe(TEXTS)]


def get_cases(kind):
    """Pairs of a component and a setting of its config; the separator is apart."""
    settings = {kind.factory: kind.load_nlp().get_pipe(kind.factory).settings}
    settings[SECOND] = FallbackSettings()
    return [
        (name, key)
        for name, found in settings.items()
        for key in found.get_config()
        if key != "separator"
    ]


def test_config_says_what_is_set_on_a_loaded_pipe(kind, tmp_path):
    nlp = kind.load_pair()
    for name, key in get_cases(kind):
        pipe = nlp.get_pipe(name)
        setattr(pipe if hasattr(pipe, key) else pipe.settings, key, VALUES[key])
        assert nlp.config["components"][name][key] == VALUES[key]
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert read_config(loaded) == read_settings(loaded) == read_settings(nlp)
    assert read_docs(loaded) == read_docs(nlp)
    # By bytes, by pickle, and into components that were made with defaults.
    blank = spacy.util.load_model_from_config(nlp.config)
    copies = [blank.from_bytes(nlp.to_bytes())]
    copies.append(pickle.loads(pickle.dumps(nlp)))
    copies.append(kind.make_pair().from_disk(tmp_path))
    for copy in copies:
        assert read_config(copy) == read_settings(copy) == read_settings(nlp)


def test_what_is_overridden_at_load_time_counts(kind, tmp_path):
    """In both directions, also back to the default."""
    nlp = kind.load_pair()
    nlp.to_disk(tmp_path / "default")
    for name, key in get_cases(kind):
        config = {"components": {name: {key: VALUES[key]}}}
        changed = spacy.load(tmp_path / "default", config=config)
        assert changed.get_pipe(name).settings.to_dict()[key] == VALUES[key]
        assert read_config(changed) == read_settings(changed)
    name, before = kind.factory, nlp.get_pipe(kind.factory).prior
    nlp.get_pipe(name).prior = "train"
    nlp.to_disk(tmp_path / "changed")
    config = {f"components.{name}.prior": before}
    again = spacy.load(tmp_path / "changed", config=config)
    assert again.get_pipe(name).prior == before
    assert read_docs(again) == read_docs(spacy.load(tmp_path / "default"))


def test_config_of_a_saved_pipeline_can_be_edited(kind, tmp_path):
    kind.load_nlp().to_disk(tmp_path)
    path = tmp_path / "config.cfg"
    text = path.read_text(encoding="utf8")
    path.write_text(text.replace("temperature = 1.0", "temperature = 4.0"), "utf8")
    pipe = spacy.load(tmp_path).get_pipe(kind.factory)
    assert pipe.temperature == 4.0


def test_variables_of_a_config_stay(kind, tmp_path):
    nlp = kind.load_nlp(kappa=1.5)
    nlp.to_disk(tmp_path)
    path = tmp_path / "config.cfg"
    text = path.read_text(encoding="utf8") + "\n[variables]\nkappa = 0.5\n"
    path.write_text(text.replace("kappa = 1.5", "kappa = ${variables.kappa}"), "utf8")
    for config, expected in [({}, 0.5), ({"variables": {"kappa": 0.25}}, 0.25)]:
        loaded = spacy.load(tmp_path, config=config)
        assert loaded.get_pipe(kind.factory).settings.kappa == expected


def test_what_the_setter_refuses_is_refused_at_load_time(kind, tmp_path):
    kind.load_nlp().to_disk(tmp_path)
    for key, value, code in [("prior", 2.0, "L306"), ("temperature", -1.0, "L308")]:
        config = {"components": {kind.factory: {key: value}}}
        with pytest.raises(ValueError, match=rf"\[{code}\]"):
            spacy.load(tmp_path, config=config)


def test_separator_of_a_trained_pipe_stays(kind, tmp_path):
    kind.load_nlp().to_disk(tmp_path)
    config = {"components": {kind.factory: {"separator": "|"}}}
    with pytest.raises(ValueError, match=r"\[L370\].*'\|'.*trained with '/'"):
        spacy.load(tmp_path, config=config)


def test_rankers_that_are_made_otherwise_learn_again(kind, tmp_path):
    nlp = kind.load_pair()
    nlp.to_disk(tmp_path)
    config = {f"components.{SECOND}.ranker.kappa": 50.0}
    loaded = spacy.load(tmp_path, config=config)
    ranker = {"@misc": "spacy-longtail.PrototypeRanker.v1", "kappa": 50.0}
    other = kind.load_pair(ranker=ranker)
    for name in nlp.pipe_names:
        other.get_pipe(name).settings.update(read_settings(nlp)[name])
    assert read_docs(loaded) == read_docs(other)
    assert read_docs(loaded) != read_docs(nlp)


@pytest.mark.parametrize("is_sourced", [False, True], ids=["renamed", "sourced"])
def test_decision_has_the_name_that_a_component_has_now(kind, is_sourced):
    before, texts = kind.load_pair(), [text for text, _ in kind.data]
    expected = [dict(doc._.longtail) for doc in before.pipe(texts)]
    nlp = kind.load_pair()
    list(nlp.pipe(texts))
    if is_sourced:
        old, nlp = nlp, kind.make_nlp("unused")
        nlp.remove_pipe("unused")
        nlp.add_pipe(kind.factory, source=old, name="topic")
        nlp.add_pipe(SECOND, source=old, name="second")
    else:
        nlp.rename_pipe(kind.factory, "topic")
        nlp.rename_pipe(SECOND, "second")
    decisions = [dict(doc._.longtail) for doc in nlp.pipe(texts)]
    assert {decision.pop("pipe") for decision in decisions} == {"topic"}
    assert {decision.pop("pipe") for decision in expected} == {kind.factory}
    assert decisions == expected
    assert nlp.get_pipe("second").source == "topic"
    assert nlp.config["components"]["second"]["source"] == "topic"


def test_scores_are_those_of_the_renamed_component(kind):
    nlp = kind.load_nlp()
    pipe = nlp.get_pipe(kind.factory)
    pipe.thresholds = {"": 1.0}
    examples = kind.make_examples(nlp)
    scores = nlp.evaluate(examples)
    nlp.rename_pipe(kind.factory, "topic")
    renamed = nlp.evaluate(examples)
    for found in (scores, renamed):
        found.pop("speed")
    assert renamed == scores
    if "longtail_coverage" in scores:
        assert scores["longtail_coverage"] < 1.0


def test_sourced_settings_are_those_of_the_new_pipeline(kind, tmp_path):
    old, nlp = kind.load_nlp(), spacy.blank("xx")
    nlp.add_pipe(kind.factory, source=old, name="topic")
    nlp.get_pipe("topic").prior = 0.25
    assert nlp.config["components"]["topic"]["prior"] == 0.25
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("topic").prior == 0.25


def test_sourced_fallback_leaves_the_old_pipeline(kind):
    """It refines the decisions of the first stage beside it, not those of the one that
    it comes from.
    """
    old, nlp = kind.load_pair(), kind.load_nlp(min_count=3)
    nlp.get_pipe(kind.factory).prior = 0.5
    old.get_pipe(SECOND).add_label("bank/gold", description="buy a gold coin")
    nlp.add_pipe(SECOND, source=old)
    pipe = nlp.get_pipe(SECOND)
    assert pipe.nlp is nlp
    assert pipe.taxonomy.leaves == tuple(sorted([*kind.labels, "bank/gold"]))
    decisions = [doc._.longtail for doc in nlp.pipe([*TEXTS, "a gold coin"])]
    assert {decision.pipe for decision in decisions} == {kind.factory}


def test_sourced_fallback_gives_no_labels_that_the_first_stage_lacks(kind):
    old = kind.load_pair()
    nlp = kind.make_nlp()
    data = [("a jet", {"space/jet": 1.0}), ("a rocket", {"space/rocket": 1.0})]
    kind.train(nlp, [*kind.data[:4], *data], n_updates=1)
    nlp.add_pipe(SECOND, source=old)
    pattern = rf"\[L371\].*'{SECOND}'.*'{kind.factory}'.*bank/fee"
    with pytest.raises(ValueError, match=pattern):
        nlp("an account")


def test_numbers_are_saved_to_the_last_digit(kind, tmp_path):
    """A document that is just sure enough is so after loading, too."""
    nlp = kind.load_nlp()
    pipe = nlp.get_pipe(kind.factory)
    doc = nlp("lend me money for a house")
    pipe.thresholds = {"": doc._.longtail.probability}
    assert nlp(doc.text)._.longtail.label is not None
    nlp.to_disk(tmp_path)
    for copy in (spacy.load(tmp_path), kind.make_nlp().from_bytes(nlp.to_bytes())):
        assert copy.get_pipe(kind.factory).thresholds == pipe.thresholds
        assert copy(doc.text)._.longtail == nlp(doc.text)._.longtail


def test_thresholds_of_any_length_are_saved_to_the_last_digit(kind):
    """spaCy's config reads this one back as another number."""
    nlp = kind.load_nlp()
    nlp.get_pipe(kind.factory).thresholds = {"": 0.9986869096755981}
    copy = kind.make_nlp().from_bytes(nlp.to_bytes())
    assert copy.get_pipe(kind.factory).thresholds == {"": 0.9986869096755981}
