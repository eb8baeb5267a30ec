import pytest
import spacy
from spacy.training import Example

from spacy_longtail.pipeline.threshold_callback import make_fit_thresholds

NAME = "longtail_textcat_multilabel"
DATA = [
    ("I lost my card", {"card": 1.0}),
    ("what does a card cost", {"card": 1.0, "fee": 1.0}),
    ("what does it cost", {"fee": 1.0}),
    ("the cost of an account", {"fee": 1.0}),
]


def corpus(nlp):
    for text, cats in DATA:
        yield Example.from_dict(nlp.make_doc(text), {"cats": cats})


def test_thresholds_are_fitted_and_nothing_else_changes():
    nlp = spacy.blank("en")
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


def test_component_that_is_not_there_is_an_error():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for name in ("textcat", "sentencizer"):
        with pytest.raises(ValueError, match=rf"\[L328\].*'{name}'.*'sentencizer'"):
            make_fit_thresholds(corpus, component=name)(nlp)
