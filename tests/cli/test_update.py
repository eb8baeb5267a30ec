import json

import pytest
import spacy
from spacy.tokens import DocBin

WORDS = {"money/card": "card debit", "home/cake": "cake cherry"}


@pytest.fixture
def corpus(tmp_path):
    nlp = spacy.blank("xx")
    (tmp_path / "corpus").mkdir()
    for name, start in (("train", 0), ("dev", 50)):
        docs = DocBin()
        for label, words in WORDS.items():
            for i in range(start, start + 8):
                doc = nlp.make_doc(f"my {words} {i}")
                doc.cats = {label: 1.0}
                docs.add(doc)
        docs.to_disk(tmp_path / "corpus" / f"{name}.spacy")
    return tmp_path / "corpus"


def test_update(run, kind_dir, corpus, tmp_path):
    model, output = kind_dir / "model", tmp_path / "new"
    arguments = ["update", model, corpus, "-o", output, "--steps", 20, "--promote", 5]
    result = run(*arguments)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "1 new, with a column of its own" in said
    assert "macro-F1 of new categories 0.000 [0.000, 0.000]" in said
    assert "Trained 20 steps on 16 training documents" in said
    assert "Saved the updated pipeline to" in said
    assert spacy.load(output)("cherry cake").cats["home/cake"] > 0.3
    assert "[L604]" in run(*arguments).output
    found = json.loads(run(*arguments, "--force", "--json").stdout)
    assert found["n_docs"] == 16 and found["min_count"] == 5
