import json

import pytest

from spacy_longtail.explain import explain

TEXT = "my card and\n hotel room"
FACTORIES = ["longtail_textcat", "longtail_textcat_multilabel"]


def add_second(nlp, factory, examples, has_fallback):
    """Add a component with labels of its own, two of which are rare."""
    single = [eg for eg in examples if sum(eg.reference.cats.values()) == 1]
    single = [eg for i, eg in enumerate(single) if i < 4 or i > 20]
    for eg in single:
        label = max(eg.reference.cats, key=eg.reference.cats.get)
        eg.reference.cats = {f"second/{label}": 1.0}
    second = nlp.add_pipe(factory, name="second", config={"min_count": 10})
    second.initialize(lambda: single, nlp=nlp)
    if has_fallback:
        add_fallback(nlp, "second", single)


def add_fallback(nlp, source, examples):
    name = f"fallback of {source}"
    fallback = nlp.add_pipe("zero_shot_fallback", name, config={"source": source})
    fallback.initialize(lambda: examples, nlp=nlp)
    return fallback


@pytest.mark.parametrize("has_fallback", [False, True])
@pytest.mark.parametrize("factory", FACTORIES)
def test_decision_of_another_component_is_not_taken(
    kind_nlp, kind_dev, factory, has_fallback
):
    name = kind_nlp.pipe_names[-1]
    if has_fallback:
        add_fallback(kind_nlp, name, kind_dev)
    expected = explain(kind_nlp, TEXT)
    add_second(kind_nlp, factory, kind_dev, has_fallback)
    assert explain(kind_nlp, TEXT, pipe=name) == expected
    decision = explain(kind_nlp, TEXT, pipe="second").decision
    assert (decision["pipe"], decision["label"][:7]) == ("second", "second/")


@pytest.mark.parametrize("has_fallback", [False, True])
@pytest.mark.parametrize("has_second", [False, True])
def test_labels_that_the_top_k_leaves_out(kind_nlp, kind_dev, has_second, has_fallback):
    name = kind_nlp.pipe_names[-1]
    if has_fallback:
        add_fallback(kind_nlp, name, kind_dev)
    expected = explain(kind_nlp, TEXT, label="home/garden")
    if has_second:
        add_second(kind_nlp, "longtail_textcat", kind_dev, has_fallback)
    kind_nlp.get_pipe(name).cats_top_k = 1
    assert explain(kind_nlp, TEXT, label="home/garden", pipe=name) == expected
    assert kind_nlp.get_pipe(name).cats_top_k == 1


def test_one_label_a_document_is_explained_before_several(mixed_nlp, mixed_dev):
    add_second(mixed_nlp, "longtail_textcat", mixed_dev, False)
    assert explain(mixed_nlp, TEXT).kind == "longtail_textcat"


@pytest.mark.parametrize("text", ["", " \n"])
def test_text_without_a_word(kind_nlp, text):
    with pytest.raises(ValueError, match=r"\[L521\]"):
        explain(kind_nlp, text)


@pytest.mark.parametrize("name", ["label", "against"])
def test_unknown_label(kind_nlp, name):
    with pytest.raises(ValueError, match=r"\[L522\].*money/card"):
        explain(kind_nlp, TEXT, **{name: "money/cart"})


def test_unknown_label_that_is_like_no_other(kind_nlp):
    with pytest.raises(ValueError, match=r"\[L522\].*full path") as error:
        explain(kind_nlp, TEXT, label=["home/garden", "qqqqqq"])
    assert "Did you mean" not in str(error.value)


def test_label_that_was_added_at_run_time(kind_nlp, kind_dev):
    name = "travel/submarine"
    fallback = add_fallback(kind_nlp, kind_nlp.pipe_names[-1], kind_dev)
    fallback.add_label(name, description="a submarine under water")
    text = "a submarine under water"
    found = explain(kind_nlp, text)
    assert kind_nlp(text)._.longtail.label == name
    assert name in (found.added if isinstance(found.added, list) else [found.added])
    for wanted in ({"label": name}, {"against": name}):
        with pytest.raises(ValueError, match=r"\[L525\].*'fallback of.*prototype"):
            explain(kind_nlp, text, **wanted)
    assert not explain(kind_nlp, TEXT).added


def test_explanation_is_json(kind_nlp):
    found = explain(kind_nlp, TEXT)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["kind"] == kind_nlp.get_pipe_meta(kind_nlp.pipe_names[-1]).factory
    assert data["decision"]["label"] == found.decision["label"]


def test_document_stays_light(kind_nlp):
    """What explain needs isn't kept with each document."""
    before = kind_nlp(TEXT).user_data["longtail"]
    explain(kind_nlp, TEXT)
    assert kind_nlp(TEXT).user_data["longtail"] == before
