import pytest
import spacy

from spacy_longtail.tuning.settings import (
    Settings,
    Wish,
    apply_settings,
    find_fallback,
    find_pipe,
    find_rivals,
    get_kind,
    read_settings,
)


@pytest.mark.parametrize(
    "wish,code",
    [
        ({"goal": "speed"}, "L511"),
        ({"prior": "flat"}, "L306"),
        ({"precision": 0.0}, "L512"),
        ({"coverage": 1.5}, "L512"),
        ({"precision": 0.9, "coverage": 0.9}, "L513"),
        ({"per_label": True}, "L517"),
    ],
)
def test_wish_that_can_not_be_fulfilled(wish, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        Wish(**wish)


def test_component_is_found_by_its_factory():
    nlp = spacy.blank("en")
    nlp.add_pipe("longtail_textcat", name="topics")
    assert find_pipe(nlp) == "topics"
    assert find_fallback(nlp, "topics") is None


def test_component_has_to_be_named_if_there_are_several():
    nlp = spacy.blank("en")
    nlp.add_pipe("longtail_textcat", name="first")
    nlp.add_pipe("longtail_textcat", name="second")
    assert find_pipe(nlp, "second") == "second"
    with pytest.raises(ValueError, match=r"\[L514\].*'first', 'second'"):
        find_pipe(nlp)


@pytest.mark.parametrize("name", ["third", "sentencizer"])
def test_name_of_another_component(name):
    nlp = spacy.blank("en")
    nlp.add_pipe("longtail_textcat", name="first")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=rf"\[L518\] '{name}' isn't.*\['first'\]"):
        find_pipe(nlp, name)


def test_message_says_what_clashes():
    with pytest.raises(ValueError, match="precision of 0.8 and a coverage of 0.9") as e:
        Wish(precision=0.8, coverage=0.9)
    assert "per_label" not in str(e.value)


def test_pipeline_without_a_component():
    with pytest.raises(ValueError, match=r"\[L514\].*none"):
        find_pipe(spacy.blank("en"))


def test_settings_are_applied_and_in_the_config(tickets_nlp):
    settings = Settings(0.25, 1.5, {"": 0.5, "home": 0.25}, 0.75)
    apply_settings(tickets_nlp, "longtail_textcat", settings)
    assert read_settings(tickets_nlp, "longtail_textcat") == settings
    config = tickets_nlp.config["components"]["longtail_textcat"]
    assert (config["prior"], config["temperature"]) == (0.25, 1.5)


def test_exclusive_component_is_meant_before_one_of_several_labels():
    nlp = spacy.blank("en")
    nlp.add_pipe("longtail_textcat_multilabel", name="tags")
    assert find_pipe(nlp) == "tags"
    assert get_kind(nlp, "tags") == "longtail_textcat_multilabel"
    nlp.add_pipe("longtail_textcat", name="topics")
    assert find_pipe(nlp) == "topics"
    assert find_pipe(nlp, "tags") == "tags"


def test_rivals_are_other_components_and_their_fallbacks():
    nlp = spacy.blank("en")
    for name in (
        "longtail_textcat",
        "longtail_textcat_multilabel",
        "zero_shot_fallback",
    ):
        nlp.add_pipe(name)
    assert find_rivals(nlp, "longtail_textcat") == ["longtail_textcat_multilabel"]
    assert find_rivals(nlp, "longtail_textcat_multilabel") == [
        *("longtail_textcat", "zero_shot_fallback")
    ]
