"""What the demo prints of other systems is what they get."""

import json
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.training import Example

from spacy_longtail.report import build_report

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def read_examples(nlp, name):
    for row in srsly.read_jsonl(ASSETS / "helpdesk" / f"{name}.jsonl"):
        doc = nlp.make_doc(row["text"])
        yield Example.from_dict(doc, {"cats": {row["label"]: 1.0}})


@pytest.mark.slow
def test_baseline_of_the_demo_is_what_it_gets():
    pytest.importorskip("sklearn")
    nlp = spacy.blank("en")
    nlp.add_pipe("longtail_textcat")
    train = list(read_examples(nlp, "train"))
    # Whatever this one has learned, the baseline is the same.
    nlp.initialize(lambda: train)
    test = list(read_examples(nlp, "test"))
    found = build_report(nlp, test, baseline=train, resamples=2)["against"]["metrics"]
    said = json.loads((ASSETS / "baseline.json").read_text(encoding="utf8"))["scores"]
    assert said.pop("longtail_macro_f") == pytest.approx(0.153, abs=0.001)
    for key, value in said.items():
        score = found[key.removeprefix("longtail_")]["before"][0]
        assert score == pytest.approx(value, abs=0.005), key
