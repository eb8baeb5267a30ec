import pytest
import spacy
from spacy.training import Example

from spacy_longtail.pipeline.callbacks import (
    make_drop_unmeasured,
    make_fit_thresholds,
)

NAME = "longtail_textcat_multilabel"
DATA = [
    ("I lost my card", {"card": 1.0}),
    ("what does a card cost", {"card": 1.0, "fee": 1.0}),
    ("what does it cost", {"fee": 1.0}),
    ("the cost of an account", {"fee": 1.0}),
]


@pytest.fixture
def pair(multilabel):
    return multilabel.load_pair()


def corpus(nlp):
    for text, cats in DATA:
        yield Example.from_dict(nlp.make_doc(text), {"cats": cats})


def test_thresholds_are_fitted_and_nothing_else_changes():
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME)
    optimizer = nlp.initialize(lambda: list(corpus(nlp)))
    nlp.update(list(corpus(nlp)), sgd=optimizer)
    cats = nlp("the cost of a card").cats
    fit = make_fit_thresholds(corpus, smoothing=0.0)
    assert fit(nlp) is nlp
    found = nlp.get_pipe(NAME).thresholds
    assert set(found.values()) != {0.25}
    assert fit(nlp).get_pipe(NAME).thresholds == found
    assert nlp("the cost of a card").cats == cats


def test_thresholds_fit_the_probabilities_of_all_components(pair, multilabel):
    """Those of labels that a fallback ranks again are where it has put them."""
    pair("x")
    ranker = pair.get_pipe("zero_shot_fallback").ranker
    found = []
    for scale in (1.0, 0.0):
        ranker.arrays["W"] = scale * ranker.arrays["W"]
        ranker.arrays["b"] = scale * ranker.arrays["b"]
        pair.get_pipe("zero_shot_fallback").settings.mixture_weight = 0.0
        make_fit_thresholds(multilabel.make_examples, smoothing=0.0)(pair)
        found.append(pair.get_pipe(NAME).thresholds)
        assert "bank/loan" in pair("lend me money")._.longtail.labels
    assert found[0]["bank/loan"] > found[1]["bank/loan"]
    assert found[0]["bank/card"] == found[1]["bank/card"]


def test_cut_off_labels_are_fitted_too(pair, multilabel):
    fit = make_fit_thresholds(multilabel.make_examples)
    expected = fit(pair).get_pipe(NAME).thresholds
    pipe = pair.get_pipe(NAME)
    pipe.cats_top_k = 1
    assert fit(pair).get_pipe(NAME).thresholds == expected
    assert pipe.cats_top_k == 1
    examples = multilabel.make_examples(pair)
    for eg in examples:
        eg.predicted = pair(eg.reference.text)
    with pytest.raises(ValueError, match=r"\[L329\].*document 0.*'cats_top_k'"):
        pipe.fit_thresholds(examples)
    assert pipe.thresholds == expected


@pytest.mark.parametrize("data", [[], [("hello", None)], [("hello", {"card": 0.0})]])
def test_without_gold_labels_thresholds_stay_as_they_are(pair, multilabel, data):
    pipe = pair.get_pipe(NAME)
    pipe.thresholds = {"bank": 0.2}
    examples = multilabel.make_examples(pair, data)
    make_fit_thresholds(lambda nlp: examples)(pair)
    for eg in examples:
        eg.predicted = pair(eg.reference.text)
    with pytest.raises(ValueError, match=rf"\[L339\].*of {len(data)} documents none"):
        pipe.fit_thresholds(examples)
    assert pipe.thresholds == {"bank": 0.2}


def test_component_that_is_not_there_is_an_error():
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    for name in ("textcat", "sentencizer"):
        with pytest.raises(ValueError, match=rf"\[L328\].*'{name}'.*'sentencizer'"):
            make_fit_thresholds(corpus, component=name)(nlp)


def test_scores_of_nothing_are_left_out_of_the_meta(kind):
    """spaCy writes 0.0 for a score that is None."""
    nlp = kind.load_pair()
    scores = nlp.evaluate(list(kind.make_examples(nlp)))
    assert scores["longtail_head_f"] is None
    empty = {key for key in scores if scores[key] is None}
    nlp.meta["performance"] = {key: scores[key] or 0.0 for key in scores}
    make_drop_unmeasured()(nlp)
    assert nlp.meta["performance"].keys() == scores.keys() - empty
    assert make_drop_unmeasured()(spacy.blank("xx")).meta.get("performance", {}) == {}
