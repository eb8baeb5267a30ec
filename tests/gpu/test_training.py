from pathlib import Path

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import Config, fix_random_seed, get_current_ops

DATA = [
    ("I lost my card", ["bank/card"]),
    ("my debit card was stolen", ["bank/card"]),
    ("please block this card at once", ["bank/card"]),
    ("what does an account cost", ["bank/fee"]),
    ("lend me money for a house", ["bank/loan"]),
    ("send money to my mother", ["bank/transfer"]),
    ("wire the rent to my landlord", ["bank/transfer"]),
    ("transfer it to the other account", ["bank/transfer"]),
    ("book a flight to Rome", ["travel/flight"]),
    ("when does the plane leave", ["travel/flight"]),
    ("I need a seat on the plane", ["travel/flight"]),
    ("", ["travel/flight"]),
]
TEXTS = ["my card", "money", "a plane to China", "", "lend me " * 30]
TRANSFORMER = """
[model]
@architectures = "spacy-longtail.TaxonomyTextCat.v1"

[model.encoder]
@architectures = "spacy-longtail.PooledTransformer.v1"
trainable_layers = null

[model.encoder.transformer]
@architectures = "spacy-transformers.TransformerModel.v3"
name = "tiny"

[model.encoder.transformer.get_spans]
@span_getters = "spacy-transformers.doc_spans.v1"

[model.encoder.transformer.tokenizer_config]
use_fast = true

[model.output]
@layers = "spacy-longtail.PrototypeSoftmax.v1"
"""
TOK2VEC = """
[model]
@architectures = "spacy-longtail.TaxonomyTextCat.v1"

[model.encoder]
@architectures = "spacy-longtail.PooledTok2Vec.v1"

[model.encoder.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
width = 16
depth = 1
embed_size = 100
window_size = 1
maxout_pieces = 2
subword_features = true
pretrained_vectors = null

[model.output]
@layers = "spacy-longtail.PrototypeSoftmax.v1"
"""
SINGLE = {"model": {"output": {"other": "single"}}}
SIBLING = {"model": {"output": {"@layers": "spacy-longtail.SiblingSoftmax.v1"}}}
FACTORIES = ["longtail_textcat", "longtail_textcat_multilabel"]

pytestmark = pytest.mark.gpu


def make_nlp(factory, config=None):
    nlp = spacy.blank("en")
    nlp.add_pipe(factory, config={"min_count": 2, **(config or {})})
    if factory == FACTORIES[0]:
        nlp.add_pipe("zero_shot_fallback", config={"route_threshold": 0.0})
    return nlp


def train(nlp, n_updates=4):
    fix_random_seed(0)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": dict.fromkeys(labels, 1.0)})
        for text, labels in DATA
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(n_updates):
        nlp.update(examples, sgd=optimizer)
    return nlp


def predict(nlp):
    labels = nlp.components[0][1].labels
    docs = list(nlp.pipe(TEXTS))
    return numpy.asarray([[doc.cats[label] for label in labels] for doc in docs])


def check_same(on_gpu, tmp_path, factory, config=None):
    """Trained here and there, and there, saved and loaded here."""
    expected = predict(train(make_nlp(factory, config)))
    with on_gpu():
        nlp = train(make_nlp(factory, config))
        weights = nlp.components[0][1].model.get_ref("output").get_param("D")
        assert isinstance(weights, get_current_ops().xp.ndarray)
        found = predict(nlp)
        nlp.to_disk(tmp_path)
        assert_allclose(predict(spacy.load(tmp_path)), found, atol=1e-4)
    assert_allclose(found, expected, atol=0.01)
    assert_allclose(predict(spacy.load(tmp_path)), found, atol=1e-3)


@pytest.mark.parametrize("config", [None, SINGLE, SIBLING], ids=["own", "1", "sibling"])
def test_static_pipe(on_gpu, tmp_path, config):
    check_same(on_gpu, tmp_path, FACTORIES[0], config)


def test_static_multilabel_pipe(on_gpu, tmp_path):
    check_same(on_gpu, tmp_path, FACTORIES[1])


def test_tok2vec(on_gpu, tmp_path):
    check_same(on_gpu, tmp_path, FACTORIES[0], Config().from_str(TOK2VEC))


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("trainable_layers", [None, 1, 0])
def test_transformer(on_gpu, tmp_path, tiny_bert, trainable_layers, factory):
    pytest.importorskip("spacy_transformers")
    config = Config().from_str(TRANSFORMER)
    config["model"]["encoder"]["trainable_layers"] = trainable_layers
    config["model"]["encoder"]["transformer"]["name"] = str(tiny_bert)
    check_same(on_gpu, tmp_path, factory, config)


@pytest.mark.parametrize("name", ["efficiency", "accuracy"])
def test_train_command(on_gpu, tmp_path, tiny_bert, name):
    """spacy train CONFIG --gpu-id 0, then evaluated on the CPU."""
    from spacy.cli.evaluate import evaluate
    from spacy.cli.train import train as train_command
    from thinc.api import require_cpu

    if name == "accuracy":
        pytest.importorskip("spacy_transformers")
    docs = DocBin()
    for text, labels in DATA * 3:
        doc = spacy.blank("en").make_doc(text)
        doc.cats = dict.fromkeys(labels, 1.0)
        docs.add(doc)
    docs.to_disk(tmp_path / "train.spacy")
    overrides = dict.fromkeys(["paths.train", "paths.dev"], tmp_path / "train.spacy")
    overrides = {key: str(path) for key, path in overrides.items()}
    if name == "accuracy":
        overrides["paths.encoder"] = str(tiny_bert)
    overrides.update({"training.max_steps": 8, "training.eval_frequency": 4})
    overrides["training.optimizer.learn_rate.total_steps"] = 8
    overrides["components.longtail_textcat.min_count"] = 4
    config = Path(__file__).resolve().parents[2] / "configs" / f"{name}.cfg"
    try:
        train_command(config, tmp_path / "out", use_gpu=0, overrides=overrides)
    finally:
        require_cpu()
    best = tmp_path / "out" / "model-best"
    expected = spacy.load(best).meta["performance"]["longtail_macro_f"]
    scores = evaluate(str(best), tmp_path / "train.spacy", silent=True)
    assert scores["longtail_macro_f"] == pytest.approx(expected, abs=0.05)


def test_tune_and_report_commands(on_gpu, tmp_path):
    from spacy.cli._util import app
    from thinc.api import require_cpu
    from typer.testing import CliRunner

    import spacy_longtail.cli  # noqa: F401

    pytest.importorskip("jinja2", reason="the report needs jinja2")
    nlp = train(make_nlp(FACTORIES[0]))
    nlp.to_disk(tmp_path / "model")
    docs = DocBin()
    for text, labels in DATA * 3:
        doc = nlp.make_doc(text)
        doc.cats = dict.fromkeys(labels, 1.0)
        docs.add(doc)
    docs.to_disk(tmp_path / "dev.spacy")
    model, dev = str(tmp_path / "model"), str(tmp_path / "dev.spacy")
    for command in (
        ["tune", model, dev, "--output", str(tmp_path / "tuned"), "--gpu-id", "0"],
        ["report", model, dev, "--json", "--gpu-id", "0"],
    ):
        try:
            result = CliRunner().invoke(app, ["longtail", *command])
        finally:
            require_cpu()
        assert result.exit_code == 0, result.output
    assert spacy.load(tmp_path / "tuned")("my card")._.longtail.label == "bank/card"
