import pytest
import spacy
from spacy.language import Language

from spacy_longtail.evaluation.evidence import collect
from spacy_longtail.evaluation.pipes import (
    find_changers,
    find_fallback,
    find_later,
    find_pipe,
    find_rivals,
    find_titles,
)

ONE, SEVERAL = "longtail_textcat", "longtail_textcat_multilabel"


@Language.component("write_cats", assigns=["doc.cats"])
@Language.component("write_something")
def write_nothing(doc):
    return doc


def test_component_is_found_by_what_it_does(kind):
    nlp = spacy.blank("xx")
    nlp.add_pipe({"exclusive": ONE, "multilabel": SEVERAL}[kind], name="topics")
    assert find_pipe(nlp) == "topics"
    assert nlp.get_pipe("topics").kind.name == kind
    assert find_fallback(nlp, "topics") is None
    nlp.add_pipe("zero_shot_fallback", name="second", config={"source": "topics"})
    assert find_fallback(nlp, "topics") == "second"


def test_component_of_one_label_a_document_is_meant_before_one_of_several():
    nlp = spacy.blank("xx")
    nlp.add_pipe(SEVERAL, name="tags")
    nlp.add_pipe(ONE, name="topics")
    assert find_pipe(nlp) == "topics"
    assert find_pipe(nlp, "tags") == "tags"


def test_component_has_to_be_named_if_there_are_several():
    nlp = spacy.blank("xx")
    nlp.add_pipe(ONE, name="first")
    nlp.add_pipe(ONE, name="second")
    assert find_pipe(nlp, "second") == "second"
    with pytest.raises(ValueError, match=r"\[L514\].*'first', 'second'"):
        find_pipe(nlp)


@pytest.mark.parametrize("name", ["third", "sentencizer"])
def test_name_of_another_component(name):
    nlp = spacy.blank("xx")
    nlp.add_pipe(ONE, name="first")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=rf"\[L518\] '{name}' isn't.*\['first'\]"):
        find_pipe(nlp, name)


def test_pipeline_without_a_component():
    with pytest.raises(ValueError, match=r"\[L514\].*none"):
        find_pipe(spacy.blank("xx"))


def test_rivals_are_other_components_and_their_fallbacks():
    nlp = spacy.blank("xx")
    for name in (ONE, SEVERAL, "zero_shot_fallback"):
        nlp.add_pipe(name)
    assert find_rivals(nlp, ONE) == [SEVERAL]
    assert find_rivals(nlp, SEVERAL) == [ONE, "zero_shot_fallback"]
    assert find_later(nlp, ONE) == ["zero_shot_fallback"]
    assert find_later(nlp, SEVERAL) == []


def test_components_that_change_nothing_are_no_matter():
    nlp = spacy.blank("xx")
    for name in (SEVERAL, "write_something", "write_cats"):
        nlp.add_pipe(name)
    assert find_changers(nlp, SEVERAL, is_changed=False) == []
    assert find_changers(nlp, SEVERAL, is_changed=True) == ["write_cats"]
    nlp.remove_pipe("write_cats")
    assert find_changers(nlp, SEVERAL, is_changed=True) == ["write_something"]


@pytest.mark.filterwarnings("ignore:.*LW401")
def test_fallback_is_a_later_stage_if_it_has_work(mixed_nlp, mixed_dev):
    pipe = mixed_nlp.add_pipe(SEVERAL, name="all", config={"min_count": 0}, first=True)
    pipe.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    mixed_nlp.remove_pipe(SEVERAL)
    fallback = mixed_nlp.add_pipe("zero_shot_fallback", config={"source": "all"})
    fallback.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    assert find_changers(mixed_nlp, "all", is_changed=False) == []
    fallback.add_label("money/cash")
    found = find_changers(mixed_nlp, "all", is_changed=False)
    assert found == ["zero_shot_fallback"]
    fallback.remove_label("money/cash")
    fallback.settings.abstain_threshold = 0.01
    found = find_changers(mixed_nlp, "all", is_changed=False)
    assert found == ["zero_shot_fallback"]


def test_second_component_is_left_out(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    expected = collect(kind_nlp, name, kind_dev[:20]).predictions
    kind_nlp.add_pipe(name, name="second", config={"min_count": 0}).initialize(
        lambda: kind_dev, nlp=kind_nlp
    )
    found = collect(kind_nlp, name, kind_dev[:20]).predictions
    assert found.given.columns.tolist() == expected.given.columns.tolist()
    assert find_later(kind_nlp, name) == []


def test_description_is_the_title_of_a_code_without_one(kind_nlp):
    pipe = kind_nlp.get_pipe(kind_nlp.pipe_names[-1])
    labels, names = ["money/card", "money/fee"], pipe.cfg["names"]
    for label in labels:
        words = ["What", "people", "pay", "for", ",", "and", "more", "of", "it"] * 3
        names[pipe.taxonomy.index[label]].append(words)
    assert find_titles(pipe, labels) == {}
    found = find_titles(pipe, labels, ["money/fee"])
    assert list(found) == ["money/fee"] and len(found["money/fee"]) == 80
    assert found["money/fee"].startswith("What people pay for, and more of it What")
    assert found["money/fee"].endswith("…")
