"""The transformers of spacy-curated-transformers as an encoder."""

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy import registry

torch = pytest.importorskip("torch")
pytest.importorskip("spacy_curated_transformers")

LONG = "the card " * 40


@pytest.fixture
def make_encoder(tiny_bert):
    def make(**settings):
        prefix = "spacy-curated-transformers"
        config = {
            "@architectures": "spacy-longtail.PooledTransformer.v1",
            "transformer": {
                "@architectures": f"{prefix}.BertTransformer.v1",
                "vocab_size": 59,
                "hidden_width": 16,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "intermediate_width": 32,
                "max_position_embeddings": 32,
                "model_max_length": 32,
                "attention_probs_dropout_prob": 0.0,
                "hidden_dropout_prob": 0.0,
                "piece_encoder": {
                    "@architectures": f"{prefix}.BertWordpieceEncoder.v1"
                },
                "with_spans": {"@architectures": f"{prefix}.WithStridedSpans.v1"},
            },
            "encoder_loader": {
                "@model_loaders": f"{prefix}.HFTransformerEncoderLoader.v1",
                "name": str(tiny_bert),
            },
            "piecer_loader": {
                "@model_loaders": f"{prefix}.HFPieceEncoderLoader.v1",
                "name": str(tiny_bert),
            },
            "window": 32,
            **settings,
        }
        return registry.resolve({"encoder": config})["encoder"]

    return make


def make_docs(*texts):
    nlp = spacy.blank("en")
    return [nlp.make_doc(text) for text in texts]


def test_vectors_are_those_of_the_transformers_library(make_encoder, encode_alone):
    docs = make_docs("I lost my card", LONG, "", "money")
    encoder = make_encoder()
    encoder.initialize(X=docs)
    X = encoder.predict(docs)
    assert not X[2].any()
    for row in (0, 1, 3):
        assert float(X[row] @ encode_alone(docs[row].text)) > 0.999


def test_gradient_is_derivative(make_encoder):
    docs = make_docs("card", LONG, "", "send money")
    encoder = make_encoder(trainable_layers=1)
    encoder.initialize(X=docs)
    D = numpy.random.RandomState(0).randn(4, 16).astype("float32")
    Y, backprop = encoder.begin_update(docs)
    assert_allclose(Y, encoder.predict(docs), atol=1e-5)
    backprop(D)
    bert = encoder.layers[0].get_ref("transformer").shims[0]._model
    learning = {n: p for n, p in bert.named_parameters() if p.grad is not None}
    assert learning and not any(".layers.0." in name for name in learning)
    bias = next(p for name, p in learning.items() if name.endswith("output.bias"))
    values = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            bias[3] += step
            values.append(float((encoder.predict(docs) * D).sum()))
            bias[3] -= step
    slope = (values[0] - values[1]) / 2e-2
    assert bias.grad[3].item() == pytest.approx(slope, rel=0.02, abs=1e-4)


def test_bytes_round_trip(make_encoder):
    docs = make_docs("I lost my card", LONG)
    encoder = make_encoder()
    encoder.initialize(X=docs)
    again = make_encoder().from_bytes(encoder.to_bytes())
    assert_allclose(again.predict(docs), encoder.predict(docs), atol=1e-7)
