import inspect
from dataclasses import fields

import pytest
import spacy
from spacy.language import Language

from spacy_longtail.pipeline.factories import KINDS
from spacy_longtail.pipeline.settings import FallbackSettings, TextcatSettings

SETTINGS = {kind.factory: kind.settings_type for kind in KINDS.values()}
SETTINGS["zero_shot_fallback"] = FallbackSettings


@pytest.mark.parametrize("factory", SETTINGS)
def test_each_setting_has_one_default(factory):
    """The config's is that of the component which is made without one."""
    meta = Language.get_factory_meta(factory)
    settings, config = SETTINGS[factory], meta.default_config
    assert settings.get_config().items() <= config.items()
    pipe = spacy.blank("xx").add_pipe(factory)
    assert pipe.settings == settings()


@pytest.mark.parametrize("factory", SETTINGS)
def test_each_setting_says_what_it_is(factory):
    for field in fields(SETTINGS[factory]):
        assert field.metadata["help"].endswith(".")


@pytest.mark.parametrize("factory", SETTINGS)
def test_config_is_checked_by_the_signature(factory):
    internal = Language.get_factory_name(factory)
    found = inspect.signature(spacy.registry.get("factories", internal)).parameters
    assert set(SETTINGS[factory].get_config()) < set(found)
    assert all(
        parameter.kind is not parameter.VAR_KEYWORD for parameter in found.values()
    )
    for config in ({"min_counts": 3}, {"thresholds": {"": 0.5}}):
        with pytest.raises(ValueError):
            spacy.blank("xx").add_pipe(factory, config=config)


def test_settings_can_be_changed_without_the_component(kind):
    """Predictions are made with what the settings say."""
    nlp = kind.load_nlp()
    pipe = nlp.get_pipe(kind.factory)
    raw = pipe.get_raw_scores([nlp.make_doc("lend me money")])
    before = pipe.prior
    pipe.settings.prior = 0.5
    found = pipe.apply_settings(raw).probabilities
    pipe.settings.prior = before
    assert (found != pipe.apply_settings(raw).probabilities).any()
    with pytest.raises(ValueError, match=r"\[L306\]"):
        pipe.settings.prior = 2.0
    assert pipe.prior == before


@pytest.mark.parametrize(
    "change",
    [{"keep": "bank"}, {"keep": [1]}, {"keep": 5}, {"thresholds": [0.5]}],
    ids=str,
)
def test_setting_of_another_type(change):
    with pytest.raises(ValueError, match=r"\[L362\]"):
        TextcatSettings(**change)


def test_whole_number_of_labels_is_an_int():
    assert type(TextcatSettings(cats_top_k=2.0).cats_top_k) is int
