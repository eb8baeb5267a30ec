"""Pipelines that were saved by earlier code, see tests/data/pipelines."""

import json
from pathlib import Path

import pytest
import spacy

from spacy_longtail.pipeline.decision import Decision
from spacy_longtail.pipeline.parts import LATER

FOLDER = Path(__file__).resolve().parents[1] / "data" / "pipelines"
SAVED = ["exclusive", "multilabel", "exclusive-2", "multilabel-2"]


def flatten(decision):
    """Take the texts and numbers of a decision apart."""
    values = [decision.probability, decision.known]
    texts = [decision.label, decision.path, decision.labels, decision.stage]
    texts += [decision.reason, decision.pipe, decision.first]
    for name, value in (*decision.levels, *decision.candidates, *[decision.other]):
        texts.append(name)
        values.append(value)
    return texts, values


@pytest.mark.parametrize("name", SAVED)
def test_saved_pipeline_predicts_the_same(name):
    nlp = spacy.load(FOLDER / name)
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    assert pipe.kind.name == name.split("-")[0]
    for row in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf8")):
        pipe.cats_top_k = row["cats_top_k"]
        disabled = ["zero_shot_fallback"] if row.get("first") else []
        with nlp.select_pipes(disable=disabled):
            doc = nlp(row["text"])
        assert doc.cats == pytest.approx(row["cats"], abs=2e-5)
        texts, values = flatten(doc._.longtail)
        expected = flatten(Decision.from_dict(row["data"]))
        assert texts == expected[0]
        assert values == pytest.approx(expected[1], abs=1e-5)


@pytest.mark.parametrize("name", SAVED)
def test_saved_settings_are_kept(name, tmp_path):
    nlp = spacy.load(FOLDER / name)
    first, fallback = nlp.pipe_names
    prior, thresholds = {
        "exclusive": (0.3, {"bank": 0.3}),
        "multilabel": (0.7, {"bank/card": 0.2, "travel/hotel": 0.4}),
    }[name.split("-")[0]]
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        pipe = pipeline.get_pipe(first)
        assert (pipe.prior, pipe.temperature) == pytest.approx((prior, 1.5))
        assert pipe.thresholds == pytest.approx(thresholds)
        assert pipeline.get_pipe(fallback).added_labels == ("bank/gold",)
    before, after = (
        json.loads((folder / first / "cfg").read_text(encoding="utf8"))
        for folder in (FOLDER / name, tmp_path)
    )
    # The settings are as they were, and the config says so now.
    digests = {key: after[key] for key in ("model", "digest", "beside", "log_prior")}
    assert after == {**LATER, **before, **digests, "format": 2}
    config = nlp.config["components"][first]
    assert (config["prior"], config["temperature"]) == (prior, 1.5)
