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


@pytest.mark.parametrize("has_fallback", [False, True])
@pytest.mark.parametrize("factory", FACTORIES)
def test_decision_of_another_component_is_not_taken(
    get_pipeline, kind, factory, has_fallback
):
    nlp, dev = get_pipeline(kind)
    name = nlp.pipe_names[-1]
    if has_fallback:
        add_fallback(nlp, name, dev)
    expected = explain(nlp, TEXT)
    add_second(nlp, factory, dev, has_fallback)
    assert explain(nlp, TEXT, pipe=name) == expected
    decision = explain(nlp, TEXT, pipe="second").decision
    assert (decision["pipe"], decision["label"][:7]) == ("second", "second/")


@pytest.mark.parametrize("has_fallback", [False, True])
def test_labels_that_the_top_k_leaves_out(get_pipeline, kind, has_fallback):
    nlp, dev = get_pipeline(kind)
    pipe = nlp.get_pipe(nlp.pipe_names[-1])
    if has_fallback:
        add_fallback(nlp, nlp.pipe_names[-1], dev)
    expected = explain(nlp, TEXT, label="home/garden")
    pipe.cats_top_k = 1
    assert explain(nlp, TEXT, label="home/garden") == expected
    assert pipe.cats_top_k == 1
