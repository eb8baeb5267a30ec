"""Words and character n-grams learn apart: a document is a row for each of them."""

import numpy
import pytest
from numpy.testing import assert_allclose
from thinc.api import fix_random_seed

from spacy_longtail.encoders import contract

SCALE = 7.0
NGRAMS = {"ngram_width": 32, "min_ngram_count": 1, "ngram_dropout": 0.0}


def start(kind, **encoder):
    fix_random_seed(0)
    model = {"encoder": {**NGRAMS, **encoder}, "output": {"scale": SCALE}}
    nlp = kind.make_nlp(model=model, name_examples=0.0, min_count=0)
    examples = kind.make_examples(nlp)
    sgd = nlp.initialize(lambda: examples)
    return nlp, examples, sgd


def get_layers(nlp, kind):
    model = nlp.get_pipe(kind.factory).model
    return model.get_ref("encoder"), model.get_ref("output")


def get_parts(nlp, kind, examples):
    """The logits of each view, from a vector of its own."""
    encoder, output = get_layers(nlp, kind)
    X = contract.encode(encoder, [eg.predicted for eg in examples])
    W, bias = contract.get_linear(output)
    return [
        (X[:, columns] / weight) @ (W[:, columns] / weight).T + bias
        for columns, weight in contract.get_views(encoder)
    ]


def test_prototypes_have_of_each_view_what_it_weighs(kind):
    nlp, _, _ = start(kind, word_weight=0.6)
    encoder, output = get_layers(nlp, kind)
    W, _ = contract.get_linear(output)
    lengths = [
        numpy.linalg.norm(W[:, v.columns], axis=1) for v in encoder.attrs["views"]
    ]
    assert_allclose(lengths[0], 0.6 * SCALE, rtol=1e-4)
    assert_allclose(lengths[1], 0.8 * SCALE, rtol=1e-4)


def test_prediction_is_the_mean_of_views_by_the_squares_of_their_weights(kind):
    nlp, examples, sgd = start(kind, word_weight=0.6)
    for _ in range(3):
        nlp.update(examples, sgd=sgd)
    words, ngrams = get_parts(nlp, kind, examples)
    docs = [eg.predicted for eg in examples]
    found = nlp.get_pipe(kind.factory).model.predict(docs)
    assert_allclose(found, 0.36 * words + 0.64 * ngrams, atol=1e-3)


def test_loss_is_the_mean_of_that_of_each_view(kind):
    nlp, examples, _ = start(kind, word_weight=0.6)
    pipe = nlp.get_pipe(kind.factory)
    losses = [pipe.get_loss(examples, z)[0] for z in get_parts(nlp, kind, examples)]
    assert losses[0] != pytest.approx(losses[1], rel=0.01)
    found = nlp.update(examples, sgd=None)[kind.factory]
    assert found == pytest.approx(numpy.mean(losses), rel=1e-3)


def test_view_learns_what_it_would_without_the_other(kind):
    """Whatever the n-grams are, words learn the same."""
    parts = []
    for rate in (0.0, 25.0):
        nlp, examples, sgd = start(kind, word_weight=0.6, ngram_learn_rate=rate)
        _, output = get_layers(nlp, kind)
        # The one thing that views share.
        output.attrs["learn_rate"] = 1.0
        for _ in range(5):
            nlp.update(examples, sgd=sgd)
        parts.append([part.copy() for part in get_parts(nlp, kind, examples)])
    assert_allclose(parts[0][0], parts[1][0], atol=0.05)
    assert abs(parts[0][1] - parts[1][1]).max() > 0.2


@pytest.mark.parametrize("word_weight", [0.0, 1.0])
def test_view_without_weight_is_left_out(kind, word_weight):
    nlp, examples, sgd = start(kind, word_weight=word_weight)
    encoder, _ = get_layers(nlp, kind)
    assert [view.weight for view in contract.get_views(encoder)] == [1.0]
    first = nlp.update(examples, sgd=sgd)[kind.factory]
    for _ in range(20):
        losses = nlp.update(examples, sgd=sgd)
    assert losses[kind.factory] < first / 2
