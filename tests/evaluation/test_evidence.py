"""What a run over a corpus keeps, of both kinds of labels."""

import numpy
import pytest
from numpy.testing import assert_allclose
from spacy.language import Language
from spacy.training import Example

from spacy_longtail.evaluation.evidence import collect, run_after
from spacy_longtail.evaluation.pipes import find_pipe

ONE, SEVERAL = "longtail_textcat", "longtail_textcat_multilabel"


@Language.component("halve_card", assigns=["doc.cats"])
def halve_card(doc):
    doc.cats["money/card"] /= 2
    return doc


@Language.component("fail_later")
def fail_later(doc):
    raise ValueError("later")


@Language.component("abstain_from_cards")
def abstain_from_cards(doc):
    if "card" in doc.text:
        doc._.longtail = {**doc._.longtail, "label": None, "labels": []}
    return doc


def get_cats(nlp, examples):
    docs = nlp.pipe(eg.reference.text for eg in examples)
    return numpy.asarray([list(doc.cats.values()) for doc in docs])


def make_examples(nlp, *cats):
    return [Example.from_dict(nlp.make_doc("my card"), {"cats": c}) for c in cats]


def test_evidence_gives_what_the_component_predicts(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    pipe = kind_nlp.get_pipe(name)
    evidence = collect(kind_nlp, name, kind_dev)
    assert len(evidence.docs) == evidence.n_read == len(kind_dev)
    for prior, temperature in (("uniform", 1.0), (0.4, 0.5)):
        pipe.prior, pipe.temperature = prior, temperature
        found = evidence.get_probabilities(prior, temperature)
        assert_allclose(found, get_cats(kind_nlp, kind_dev), atol=1e-6)


def test_predictions_are_those_at_the_end_of_the_pipeline(kind_nlp, kind_dev):
    kind_nlp.add_pipe("abstain_from_cards")
    found = collect(kind_nlp, find_pipe(kind_nlp), kind_dev)
    given = [[] for _ in kind_dev]
    for row, column, _ in zip(*found.predictions.given):
        given[row].append(found.predictions.labels[column])
    is_card = numpy.asarray(["card" in eg.reference.text for eg in kind_dev])
    for eg, labels in zip(kind_dev, given):
        expected = kind_nlp(eg.reference.text)._.longtail.labels
        assert sorted(labels) == sorted(expected)
    assert found.has_abstained.tolist() == is_card.tolist()
    assert 0 < is_card.sum() < len(is_card)


def test_gold_labels_have_their_final_probability(kind_nlp, kind_dev):
    kind_nlp.add_pipe("halve_card")
    found = collect(kind_nlp, find_pipe(kind_nlp), kind_dev)
    docs = list(kind_nlp.pipe(eg.reference.text for eg in kind_dev))
    rows, columns, confidence = found.predictions.gold
    labels = found.predictions.labels
    expected = [docs[row].cats[labels[column]] for row, column in zip(rows, columns)]
    assert_allclose(confidence, expected, atol=1e-6)
    assert all(doc.cats == {} for doc in found.docs)


def test_model_runs_once_over_each_document(kind_nlp, kind_dev, monkeypatch):
    name, seen = find_pipe(kind_nlp), []
    pipe = kind_nlp.get_pipe(name)
    run = pipe.get_raw_scores

    def get_raw_scores(docs):
        seen.extend(docs)
        return run(docs)

    monkeypatch.setattr(pipe, "get_raw_scores", get_raw_scores)
    kind_nlp.add_pipe("halve_card")
    collect(kind_nlp, name, kind_dev)
    assert len(seen) == len(kind_dev)


def test_labels_that_the_top_k_leaves_out(kind_nlp, kind_dev):
    kind_nlp.add_pipe("halve_card")
    name = find_pipe(kind_nlp)
    expected = collect(kind_nlp, name, kind_dev).predictions
    pipe = kind_nlp.get_pipe(name)
    pipe.cats_top_k = 1
    found = collect(kind_nlp, name, kind_dev).predictions
    assert_allclose(found.gold.confidence, expected.gold.confidence)
    assert_allclose(found.given.columns, expected.given.columns)
    assert pipe.cats_top_k == 1


def test_settings_stay_after_an_error(kind_nlp, kind_dev):
    kind_nlp.add_pipe("fail_later")
    name = find_pipe(kind_nlp)
    kind_nlp.get_pipe(name).cats_top_k = 2
    with pytest.raises(ValueError, match="later"):
        collect(kind_nlp, name, kind_dev)
    assert kind_nlp.get_pipe(name).cats_top_k == 2
    assert kind_nlp.pipe_names == [name, "fail_later"]


def test_part_of_the_documents(kind_nlp, kind_dev):
    evidence = collect(kind_nlp, find_pipe(kind_nlp), kind_dev)
    part = evidence.select(numpy.asarray([5, 2]))
    expected = evidence.get_probabilities("train", 2.0)[[5, 2]]
    assert_allclose(part.get_probabilities("train", 2.0), expected, atol=1e-6)
    assert part.docs == [evidence.docs[5], evidence.docs[2]]
    assert part.decisions == [evidence.decisions[5], evidence.decisions[2]]
    assert part.predictions.n_docs == 2


def test_scores_of_the_model_need_not_be_kept(kind_nlp, kind_dev):
    evidence = collect(kind_nlp, find_pipe(kind_nlp), kind_dev, keeps_raw=False)
    assert evidence.raw is None
    assert evidence.select(numpy.arange(3)).raw is None


def test_corpus_without_gold_labels(kind_nlp):
    with pytest.raises(ValueError, match=r"\[L510\].*1 documents"):
        collect(kind_nlp, find_pipe(kind_nlp), make_examples(kind_nlp, {}))


def test_groups_are_those_of_the_scorer(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    kind_nlp.get_pipe(name).scorer.keywords.update(head=12, mid=4)
    assert collect(kind_nlp, name, kind_dev).predictions.bounds == (12, 4)
    found = collect(kind_nlp, name, kind_dev, bounds=(30, 2))
    assert found.predictions.bounds == (30, 2)


def test_labels_added_at_run_time_are_known(kind_nlp, kind_dev, recwarn):
    name = find_pipe(kind_nlp)
    fallback = kind_nlp.add_pipe("zero_shot_fallback", config={"source": name})
    fallback.initialize(lambda: kind_dev, nlp=kind_nlp)
    fallback.add_label("money/cash", examples=["cash coins"])
    kind_dev[3].reference.cats = {"money/cash": 1.0}
    found = collect(kind_nlp, name, kind_dev)
    labels = found.predictions.labels
    assert labels[: len(found.taxonomy.leaves)] == fallback.taxonomy.leaves
    gold = found.predictions.select(numpy.asarray([3])).gold
    assert [labels[column] for column in gold.columns] == ["money/cash"]
    own = [labels[column] for column in found.columns]
    assert tuple(own) == kind_nlp.get_pipe(name).labels
    assert not [w for w in recwarn if "LW50" in str(w.message)]


def test_documents_with_one_label_and_no_column(tickets_nlp):
    cats = [{"money/card": 1.0}, {"money": 1.0}, {"sport/golf": 1.0}, {}]
    examples = make_examples(tickets_nlp, *cats)
    with pytest.warns(UserWarning, match="LW501"):
        evidence = collect(tickets_nlp, ONE, examples)
    predictions = evidence.predictions
    names = [predictions.labels[column] for column in predictions.gold_columns]
    assert names == ["money/card", "money", "sport/golf"]
    assert predictions.is_counted.tolist() == [True, False, True]
    assert (evidence.n_read, len(evidence.docs)) == (4, 3)


def test_what_is_not_known_of_several_labels(mixed_nlp):
    cats = [
        {"money/card": 1.0, "travel/hotel": 0.0},
        {},
        {"sport/golf": 1.0, "money/card": 1.0},
    ]
    with pytest.warns(UserWarning, match="LW502"):
        evidence = collect(mixed_nlp, SEVERAL, make_examples(mixed_nlp, *cats))
    predictions = evidence.predictions
    assert predictions.is_known.tolist() == [True, False, True]
    P, truths = predictions.scores
    assert predictions.labels[-1] == "sport/golf"
    assert numpy.isnan(truths).sum(axis=1).tolist() == [7, 10, 0]
    assert truths[[0, 2], -1].tolist() == [0.0, 1.0]
    assert P[:, -1].tolist() == [0.0, 0.0, 0.0]


def test_documents_are_at_the_end_for_a_while(kind_nlp, kind_dev):
    name = find_pipe(kind_nlp)
    pipe = kind_nlp.get_pipe(name)
    docs = [eg.predicted for eg in kind_dev]
    for doc in docs:
        doc.cats["other"] = 0.5
    with run_after(kind_nlp, name, docs, pipe.get_raw_scores(docs)) as done:
        assert set(done[0].cats) == {"other", *pipe.labels}
    assert docs[0].cats == {"other": 0.5}
