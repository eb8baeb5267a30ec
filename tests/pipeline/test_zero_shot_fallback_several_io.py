import spacy
from spacy.cli.train import train as train_cli
from spacy.tokens import DocBin

NAME = "longtail_textcat_multilabel"
TEXTS = ["borrow money, and papers for China", "my card", "", "a room and a train"]


def get_answers(nlp, **settings):
    docs = nlp.pipe(TEXTS, **settings)
    return [(dict(doc.cats), doc._.longtail) for doc in docs]


def test_trained_by_spacy_train(make_several_pair, make_several_examples, tmp_path):
    nlp = make_several_pair()
    docs = DocBin(docs=[eg.reference for eg in make_several_examples(nlp)])
    docs.to_disk(tmp_path / "train.spacy")
    config = nlp.config.copy()
    config["training"]["before_to_disk"] = {
        "@callbacks": "spacy-longtail.fit_thresholds.v1",
        "corpus": "${corpora.dev}",
    }
    config.to_disk(tmp_path / "config.cfg")
    overrides = {
        "paths.train": str(tmp_path / "train.spacy"),
        "paths.dev": str(tmp_path / "train.spacy"),
        "training.max_steps": 10,
        "training.eval_frequency": 5,
    }
    train_cli(tmp_path / "config.cfg", tmp_path / "out", overrides=overrides)
    loaded = spacy.load(tmp_path / "out" / "model-last")
    assert loaded.pipe_names == [NAME, "zero_shot_fallback"]
    assert set(loaded.get_pipe(NAME).thresholds.values()) != {0.25}
    performance = loaded.meta["performance"]
    assert performance["longtail_macro_ap"] > 0.9
    assert performance["longtail_refined_gain"] == 0.0
    assert "bank/loan" in loaded("lend me money for a house")._.longtail.labels
    assert loaded.evaluate([])["longtail_refined_fixed"] is None
