"""Labels that are added at run time where a document can have several."""

import numpy
import pytest
import spacy

NAME = "longtail_textcat_multilabel"
NEW = "travel/cruise"
TEXT = "a cruise on a ship"
TEXTS = [TEXT, "block my card", "borrow money", "", "a room on the cruise ship"]


@pytest.fixture
def fallback(several):
    return several.get_pipe("zero_shot_fallback")


def test_added_label_is_found_and_takes_nothing_from_others(several, fallback):
    before = [dict(doc.cats) for doc in several.pipe(TEXTS)]
    assert fallback.add_label(NEW) == 1
    docs = list(several.pipe(TEXTS))
    for doc, cats in zip(docs, before):
        assert {k: p for k, p in doc.cats.items() if k != NEW} == pytest.approx(cats)
    decision = docs[0]._.longtail
    assert decision.label == NEW
    assert decision.labels == (NEW,)
    assert decision.path == ("travel", NEW)
    assert decision.levels[0][1] >= decision.levels[1][1]
    assert decision.stage == "zero_shot_fallback"
    assert decision.reason == "compared with labels that were added at run time"
    assert docs[1]._.longtail.labels == ("bank/card",)
    assert docs[3].cats[NEW] == 0.0


def test_document_can_have_it_beside_others(several, fallback):
    fallback.add_label(NEW)
    labels = several("block my card on the cruise ship")._.longtail.labels
    assert set(labels) == {"bank/card", NEW}


@pytest.mark.parametrize("trust", [0.0, 0.2, 1.0])
def test_probability_is_that_of_the_lead(several, fallback, trust):
    fallback.add_label(NEW)
    fallback.settings.trust = trust
    docs = list(several.pipe(TEXTS))
    with several.select_pipes(disable=["zero_shot_fallback"]):
        judged = fallback.predict(list(several.pipe(TEXTS)))
    for row, doc in enumerate(docs):
        top = max(p for label, p in doc.cats.items() if label != NEW)
        odds = judged.margins[row, 0] + trust * numpy.log(top / (1 - top))
        expected = judged.similarity[row] / (1 + numpy.exp(-odds))
        assert doc.cats[NEW] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_known_is_at_least_the_probability_of_an_added_label(several, fallback):
    fallback.add_label(NEW)
    doc = several(TEXT)
    assert doc._.longtail.known == pytest.approx(doc.cats[NEW])


def test_threshold_of_an_added_label_is_that_of_the_pipe(several, fallback):
    fallback.add_label(NEW)
    several.get_pipe(NAME).settings.threshold = 0.99
    doc = several(TEXT)
    assert doc._.longtail.label == NEW
    assert doc._.longtail.labels == ()


def test_description_and_examples_bring_a_label_closer(several, fallback):
    shares = []
    for settings in ({}, {"examples": ["we sail for a week", "sailing to islands"]}):
        fallback.add_label(NEW, **settings)
        shares.append(several("we sail to the islands").cats[NEW])
        fallback.remove_label(NEW)
    assert shares[0] < shares[1]


def test_removed_label_leaves_nothing_behind(several, fallback):
    before = [(doc.cats, doc._.longtail) for doc in several.pipe(TEXTS)]
    fallback.add_label(NEW)
    list(several.pipe(TEXTS))
    fallback.remove_label(NEW)
    assert [(doc.cats, doc._.longtail) for doc in several.pipe(TEXTS)] == before


def test_added_labels_are_saved_with_the_pipeline(several, fallback, tmp_path):
    fallback.add_label(NEW, description="a journey by ship", examples=["on board"])
    several.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text in TEXTS:
        assert loaded(text).cats == pytest.approx(several(text).cats, abs=1e-6)
        assert loaded(text)._.longtail.labels == several(text)._.longtail.labels


def test_ranker_that_cannot_tell_finds_no_added_label(make_several_pair, train_several):
    nlp = make_several_pair(ranker={"@misc": "spacy-longtail.NoOpRanker.v1"})
    train_several(nlp)
    nlp.get_pipe("zero_shot_fallback").add_label(NEW)
    assert [doc.cats[NEW] for doc in nlp.pipe(TEXTS)] == [0.0] * len(TEXTS)


def test_only_documents_that_could_have_a_new_label_are_ranked(
    make_several_pair, train_several
):
    prototypes = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
    nlp = make_several_pair(gate=prototypes, gate_slack=0.0, route_threshold=1.0)
    train_several(nlp)
    pipe = nlp.get_pipe("zero_shot_fallback")
    pipe.add_label(NEW)
    docs = list(nlp.pipe([TEXT, "block my card"]))
    assert docs[0]._.longtail.labels == (NEW,)
    assert docs[1].cats[NEW] == 0.0
    assert pipe.stats["routed"] == 1


def test_added_labels_with_top_k(several, fallback):
    fallback.add_label(NEW)
    several.get_pipe(NAME).cats_top_k = 2
    docs = list(several.pipe([TEXT, "block my card"]))
    assert [len(doc.cats) for doc in docs] == [2, 2]
    assert NEW in docs[0].cats


@pytest.mark.filterwarnings("error")
def test_gold_of_an_added_label_is_scored(several, fallback, make_several_examples):
    fallback.add_label(NEW)
    data = [(TEXT, [NEW]), ("my card", ["bank/card"])]
    scores = several.evaluate(make_several_examples(several, data))
    assert scores["longtail_f_per_label"][NEW]["r"] == 1.0
    assert scores["longtail_refined_fixed"] == 0.5
