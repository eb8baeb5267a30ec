import pickletools
from pathlib import Path

import pytest
import spacy
from spacy.cli.train import train as train_cli
from spacy.tokens import DocBin

TEXTS = ["lend me some money", "my card", "", "what is the cost", "a room"]
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "efficiency.cfg"


def get_ranker(name):
    block = {"@misc": f"spacy-longtail.{name}Ranker.v1"}
    if name == "Combined":
        block["rankers"] = {"a": get_ranker("Prototype"), "b": get_ranker("Lexical")}
    return block


def test_loaded_labels_are_not_encoded_again(pair, tmp_path, monkeypatch):
    pair.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    ranker = loaded.get_pipe("zero_shot_fallback").ranker

    def set_labels(*args, **kwargs):
        raise AssertionError("the labels were encoded")

    monkeypatch.setattr(ranker, "set_labels", set_labels)
    assert len(list(loaded.pipe(TEXTS))) == len(TEXTS)


def test_saved_component_is_free_of_pickle(pair, tmp_path):
    pair.to_disk(tmp_path)
    (path,) = (tmp_path / "zero_shot_fallback").iterdir()
    with pytest.raises(Exception, match="opcode|pickle|exhausted|byte"):
        list(pickletools.genops(path.read_bytes()))


def test_component_from_bytes_of_an_untrained_pipeline(make_pair):
    nlp = make_pair()
    data = nlp.get_pipe("zero_shot_fallback").to_bytes()
    pipe = make_pair().get_pipe("zero_shot_fallback").from_bytes(data)
    assert pipe.labels == ()


def test_trained_by_spacy_train(tmp_path, train_data):
    nlp = spacy.blank("en")
    docs = DocBin()
    for text, label in train_data:
        doc = nlp.make_doc(text)
        doc.cats = {label: 1.0}
        docs.add(doc)
    docs.to_disk(tmp_path / "train.spacy")
    overrides = {
        "paths.train": str(tmp_path / "train.spacy"),
        "paths.dev": str(tmp_path / "train.spacy"),
        "training.max_steps": 10,
        "training.eval_frequency": 5,
        "components.longtail_textcat.min_count": 3,
    }
    train_cli(CONFIG, tmp_path / "out", overrides=overrides)
    loaded = spacy.load(tmp_path / "out" / "model-best")
    assert loaded.pipe_names == ["longtail_textcat", "zero_shot_fallback"]
    assert "longtail_refined_gain" in loaded.meta["performance"]
    assert loaded("lend me money for a house")._.longtail.label == "bank/loan"
    again = loaded.evaluate([])
    assert again["longtail_refined_fixed"] is None
