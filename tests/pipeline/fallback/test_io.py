import pickle
import pickletools
from pathlib import Path

import pytest
import spacy
from spacy.cli.train import train as train_cli
from spacy.tokens import DocBin

TEXTS = ["lend me some money", "borrow, and papers for China", "my card", "", "a room"]
RANKERS = ["Prototype", "Lexical", "NoOp", "Combined"]
CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def name_ranker(name):
    block = {"@misc": f"spacy-longtail.{name}Ranker.v1"}
    if name == "Combined":
        block["rankers"] = {"a": name_ranker("Prototype"), "b": name_ranker("Lexical")}
    return block


def get_answers(nlp, **settings):
    docs = nlp.pipe(TEXTS, **settings)
    return [(dict(doc.cats), doc._.longtail) for doc in docs]


@pytest.mark.parametrize("name", RANKERS)
def test_saved_and_loaded_pipelines_predict_the_same(kind, tmp_path, name):
    """On disk, as bytes, pickled, and in two processes."""
    nlp = kind.load_pair(ranker=name_ranker(name), mixture_weight=0.3)
    nlp.get_pipe("zero_shot_fallback").settings.route_threshold = 0.02
    answers = get_answers(nlp)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    pipes = [copy.get_pipe("zero_shot_fallback") for copy in (nlp, loaded)]
    assert pipes[0].settings == pipes[1].settings
    copies = [loaded, pickle.loads(pickle.dumps(nlp))]
    copies.append(spacy.blank("xx", config=nlp.config).from_bytes(nlp.to_bytes()))
    found = [get_answers(copy) for copy in copies]
    for again in (*found, get_answers(nlp, n_process=2, batch_size=2)):
        for (cats, decision), (expected, same) in zip(again, answers, strict=True):
            assert cats == pytest.approx(expected, abs=1e-6)
            assert (decision.label, decision.labels) == (same.label, same.labels)
            assert decision.stage == same.stage


def test_loaded_labels_are_not_encoded_again(nlp, tmp_path, monkeypatch):
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    ranker = loaded.get_pipe("zero_shot_fallback").ranker

    def set_labels(*args, **kwargs):
        raise AssertionError("the labels were encoded")

    monkeypatch.setattr(ranker, "set_labels", set_labels)
    assert len(list(loaded.pipe(TEXTS))) == len(TEXTS)


def test_saved_component_is_free_of_pickle(fallback, tmp_path):
    fallback.to_disk(tmp_path / "zero_shot_fallback")
    (path,) = (tmp_path / "zero_shot_fallback").iterdir()
    with pytest.raises(Exception, match="opcode|pickle|exhausted|byte"):
        list(pickletools.genops(path.read_bytes()))


def test_component_from_bytes_of_an_untrained_pipeline(kind):
    data = kind.make_pair().get_pipe("zero_shot_fallback").to_bytes()
    pipe = kind.make_pair().get_pipe("zero_shot_fallback").from_bytes(data)
    assert pipe.labels == ()


def test_trained_by_spacy_train(kind, tmp_path):
    examples = kind.make_examples(spacy.blank("xx"))
    docs = DocBin(docs=[eg.reference for eg in examples])
    docs.to_disk(tmp_path / "train.spacy")
    overrides = {
        "paths.train": str(tmp_path / "train.spacy"),
        "paths.dev": str(tmp_path / "train.spacy"),
        "training.max_steps": 10,
        "training.optimizer.learn_rate.total_steps": 10,
        "training.eval_frequency": 5,
        f"components.{kind.factory}.min_count": 3,
    }
    name = {"exclusive": "efficiency", "multilabel": "multilabel"}[kind.name]
    train_cli(CONFIGS / f"{name}.cfg", tmp_path / "out", overrides=overrides)
    loaded = spacy.load(tmp_path / "out" / "model-last")
    assert loaded.pipe_names == [kind.factory, "zero_shot_fallback"]
    performance = loaded.meta["performance"]
    assert "longtail_refined_gain" in performance
    decision = loaded("lend me money for a house")._.longtail
    assert decision.label == "bank/loan"
    assert "bank/loan" in decision.labels
    assert loaded.evaluate([])["longtail_refined_fixed"] is None
    if kind.name == "multilabel":
        assert performance["longtail_refined_gain"] == 0.0
        assert performance["longtail_macro_ap"] > 0.9
        assert set(loaded.get_pipe(kind.factory).thresholds.values()) != {0.25}
