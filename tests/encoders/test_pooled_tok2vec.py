import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.ml.models.tok2vec import build_hash_embed_cnn_tok2vec
from thinc.api import Adam, Model, fix_random_seed

from spacy_longtail.encoders.pooled_tok2vec import build_pooled_tok2vec

TEXTS = ["a lost card", "", "send money to my mother", "hello"]


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


@pytest.fixture(scope="module")
def docs(nlp):
    return [nlp(text) for text in TEXTS]


def make_tok2vec():
    return build_hash_embed_cnn_tok2vec(
        width=8,
        depth=1,
        embed_size=100,
        window_size=1,
        maxout_pieces=2,
        subword_features=True,
        pretrained_vectors=False,
    )


def make_encoder(docs, **settings):
    fix_random_seed(0)
    encoder = build_pooled_tok2vec(make_tok2vec(), **settings)
    encoder.initialize(X=docs)
    return encoder


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("normalize", [True, False])
def test_equals_a_loop_over_documents(docs, pooling, normalize):
    encoder = make_encoder(docs, pooling=pooling, normalize=normalize)
    tokens = encoder.get_ref("tok2vec").predict(docs)
    for y, X in zip(encoder.predict(docs), tokens):
        slow = numpy.zeros(8)
        if len(X):
            slow = X.mean(axis=0) if pooling == "mean" else X.max(axis=0)
            slow = slow / numpy.linalg.norm(slow) if normalize else slow
        assert_allclose(y, slow, rtol=1e-4, atol=1e-6)


def test_initializes_with_empty_documents_first(nlp, docs):
    encoder = make_encoder([nlp(""), nlp("")])
    assert encoder.predict(docs).shape == (len(docs), 8)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("normalize", [True, False])
def test_gradient_is_derivative_by_the_token_vectors(docs, pooling, normalize):
    random = numpy.random.RandomState(0)
    tokens = [random.randn(len(doc), 3).astype("float32") for doc in docs]
    G = random.randn(len(docs), 3).astype("float32")
    found = []

    def forward(model, docs, is_train):
        return tokens, lambda d_tokens: found.extend(d_tokens) or docs

    tok2vec = Model("tokens", forward, dims={"nO": 3})
    encoder = build_pooled_tok2vec(tok2vec, pooling=pooling, normalize=normalize)
    encoder.begin_update(docs)[1](G)
    for i, index in [(0, (1, 2)), (2, (0, 0)), (2, (4, 1)), (3, (0, 1))]:
        ends, value = [], tokens[i][index]
        for step in (1e-2, -1e-2):
            tokens[i][index] = value + step
            ends.append(float((encoder.predict(docs).astype("d") * G).sum()))
        tokens[i][index] = value
        numeric = (ends[0] - ends[1]) / 2e-2
        assert found[i][index] == pytest.approx(numeric, rel=1e-2, abs=1e-3)


def test_learns_beside_empty_documents(docs):
    encoder = make_encoder(docs)
    targets = numpy.eye(4, 8, dtype="float32")
    optimizer, losses = Adam(0.01, L2=0.0), []
    for _ in range(40):
        Y, backprop = encoder.begin_update(docs)
        backprop(Y - targets)
        encoder.finish_update(optimizer)
        losses.append(float(((Y - targets)[[0, 2, 3]] ** 2).sum()))
    assert losses[-1] < losses[0] / 10
