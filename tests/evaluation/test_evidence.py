import numpy
import pytest
from spacy.training import Example

from spacy_longtail.evaluation.evidence import collect

NAME = "longtail_textcat"


def test_evidence_gives_what_the_component_predicts(tickets_nlp, tickets_dev):
    pipe = tickets_nlp.get_pipe(NAME)
    evidence = collect(tickets_nlp, NAME, tickets_dev)
    assert len(evidence.docs) == len(evidence.gold) == len(tickets_dev)
    for prior, temperature in (("uniform", 1.0), ("train", 0.5)):
        pipe.prior, pipe.temperature = prior, temperature
        expected = pipe.predict(evidence.docs).probabilities
        found = evidence.get_probabilities(prior, temperature)
        numpy.testing.assert_allclose(found, expected, rtol=1e-6)


def test_model_runs_once_over_each_document(tickets_nlp, tickets_dev, monkeypatch):
    seen = []
    pipe = tickets_nlp.get_pipe(NAME)
    run = pipe.get_raw_scores

    def get_raw_scores(docs):
        seen.extend(docs)
        return run(docs)

    monkeypatch.setattr(pipe, "get_raw_scores", get_raw_scores)
    collect(tickets_nlp, NAME, tickets_dev)
    assert len(seen) == len(tickets_dev)


def test_gold_labels_without_a_column(tickets_nlp):
    labels = ["money/card", "money", "sport/golf", None]
    examples = [
        Example.from_dict(
            tickets_nlp.make_doc("my card"), {"cats": {label: 1.0} if label else {}}
        )
        for label in labels
    ]
    with pytest.warns(UserWarning, match="LW501"):
        evidence = collect(tickets_nlp, NAME, examples)
    assert [evidence.names[i] for i in evidence.gold] == ["money/card", "sport/golf"]
    assert evidence.n_ignored == 2


def test_corpus_without_gold_labels(tickets_nlp):
    doc = tickets_nlp.make_doc("my card")
    with pytest.raises(ValueError, match=r"\[L510\].*1 documents"):
        collect(tickets_nlp, NAME, [Example(doc, doc.copy())])
