import pytest

from spacy_longtail.evaluation.pipes import find_pipe
from spacy_longtail.tuning.settings import (
    Settings,
    read_settings,
    try_settings,
    write_settings,
)

ONE, SEVERAL = "longtail_textcat", "longtail_textcat_multilabel"
FALLBACK = "zero_shot_fallback"


def add_fallback(nlp, dev):
    pipe = nlp.add_pipe(FALLBACK, config={"source": find_pipe(nlp)})
    pipe.initialize(lambda: dev, nlp=nlp)
    return pipe


def test_settings_are_written_and_in_the_config(kind_nlp, kind):
    above = 0.75 if kind == "exclusive" else None
    settings = Settings(0.25, 1.5, {"": 0.5, "home": 0.25}, above)
    name = find_pipe(kind_nlp)
    write_settings(kind_nlp, name, settings)
    assert read_settings(kind_nlp, name) == settings
    config = kind_nlp.config["components"][name]
    assert (config["prior"], config["temperature"]) == (0.25, 1.5)


@pytest.mark.filterwarnings("error")
def test_new_settings_are_no_reason_to_warn(kind_nlp):
    name = find_pipe(kind_nlp)
    kind_nlp.get_pipe(name).thresholds = {"home": 0.5}
    write_settings(kind_nlp, name, Settings("train", 3.0, {"": 0.1}))
    assert kind_nlp.get_pipe(name).thresholds == {"": 0.1}


def test_settings_are_tried_for_a_while(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    add_fallback(kind_nlp, kind_dev)
    kind_nlp.get_pipe(name).thresholds = {"home": 0.5}
    before = read_settings(kind_nlp, name)
    config = kind_nlp.config.copy()
    with pytest.raises(KeyError), try_settings(kind_nlp, name, Settings(0.5, 2.0)):
        assert kind_nlp.get_pipe(name).prior == 0.5
        assert kind_nlp.get_pipe(name).thresholds == {}
        raise KeyError
    assert read_settings(kind_nlp, name) == before
    assert kind_nlp.config == config


def test_settings_of_a_fallback_are_those_that_are_tuned(tickets_nlp, tickets_dev):
    fallback = add_fallback(tickets_nlp, tickets_dev)
    settings = read_settings(tickets_nlp, ONE)
    numbers = {**settings.fallback, "route_threshold": 0.3, "thresholds": {"": 0.2}}
    write_settings(tickets_nlp, ONE, Settings("train", 1.0, {}, 0.5, fallback=numbers))
    assert fallback.settings.route_threshold == 0.3
    assert fallback.settings.thresholds == {"": 0.2}
    assert tickets_nlp.get_pipe_config(FALLBACK)["route_threshold"] == 0.3
    assert "thresholds" not in tickets_nlp.get_pipe_config(FALLBACK)


def test_only_what_is_tuned_is_told(mixed_nlp, mixed_dev):
    add_fallback(mixed_nlp, mixed_dev)
    found = read_settings(mixed_nlp, SEVERAL).to_dict()
    assert found == {"prior": "train", "temperature": 1.0, "thresholds": {}}
