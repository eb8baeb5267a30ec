"""Floors below what benchmarks/run.py measures, with a margin for noise."""

from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli.evaluate import evaluate
from spacy.cli.train import train
from spacy.tokens import DocBin

from spacy_longtail.tuning import Wish, tune_pipeline

ROOT = Path(__file__).resolve().parent.parent


def write_corpora(source, target):
    nlp = spacy.blank("en")
    for name in ("train", "dev"):
        docs = DocBin()
        for record in srsly.read_jsonl(source / f"{name}.jsonl"):
            doc = nlp.make_doc(record["text"])
            doc.cats = {record["label"]: 1.0}
            docs.add(doc)
        docs.to_disk(target / f"{name}.spacy")


def train_and_score(source, target, **overrides):
    write_corpora(source, target)
    paths = {
        f"paths.{name}": str(target / f"{name}.spacy") for name in ("train", "dev")
    }
    config = ROOT / "configs" / "efficiency.cfg"
    train(config, target / "out", overrides={**paths, **overrides})
    return evaluate(
        str(target / "out" / "model-best"), target / "dev.spacy", silent=True
    )


@pytest.mark.slow
def test_helpdesk(tmp_path):
    source = ROOT / "assets" / "helpdesk"
    descriptions = {"paths.descriptions": str(source / "descriptions.jsonl")}
    scores = train_and_score(source, tmp_path, **descriptions)
    assert scores["longtail_macro_f"] > 0.29
    assert scores["longtail_tail_f"] > 0.27


@pytest.mark.slow
@pytest.mark.parametrize(
    "name,macro_f,tail_f", [("clinc150_lt", 0.83, 0.77), ("naics2012", 0.70, 0.68)]
)
def test_real_data(data_dir, tmp_path, name, macro_f, tail_f):
    """And tuning calibrates it, without losing accuracy."""
    scores = train_and_score(data_dir / name, tmp_path)
    assert scores["longtail_macro_f"] > macro_f
    assert scores["longtail_tail_f"] > tail_f
    model, dev = tmp_path / "out" / "model-best", tmp_path / "dev.spacy"
    found = tune_pipeline(str(model), dev, tmp_path / "tuned", Wish("accuracy"))
    assert found.scores["ece"].after.value <= 0.05
    assert found.scores["accuracy"].change.value >= -0.002


@pytest.mark.slow
def test_fallback_fixes_more_than_it_breaks(data_dir, tmp_path):
    pooled = {"components.longtail_textcat.min_count": 10}
    scores = train_and_score(data_dir / "clinc150_lt", tmp_path, **pooled)
    # The better the vectors, the less is left for it to fix, and the more is right.
    assert scores["longtail_refined_gain"] > 0.001
    assert scores["longtail_macro_f"] > 0.842
    assert scores["longtail_tail_f"] > 0.785
