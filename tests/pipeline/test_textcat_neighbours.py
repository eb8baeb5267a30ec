"""Other pipes beside it, that write to doc.cats too."""

import pytest
import spacy
from thinc.api import fix_random_seed

SPAM = {"spam", "ham"}
TOPICS = ["bank/card", "bank/fee", "bank/loan", "bank/transfer"]
TOPICS += ["travel/flight", "travel/hotel", "travel/visa"]


def make_data(train_data):
    """Each document has a topic, and it's spam if it's about a card."""
    data = []
    for text, label in train_data:
        kind = "spam" if label == "bank/card" else "ham"
        data.append((text, {label: 1.0, "spam": 0.0, "ham": 0.0, kind: 1.0}))
    return data


def make_pipeline(*factories, **labels):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    for name, factory in factories:
        nlp.add_pipe(factory, name=name)
        nlp.config["initialize"]["components"][name] = {"labels": labels[name]}
    return nlp


@pytest.mark.parametrize("is_first", [True, False])
def test_works_beside_textcat_multilabel(make_examples, train_data, is_first):
    pipes = [("longtail_textcat", "longtail_textcat"), ("kind", "textcat_multilabel")]
    pipes = pipes if is_first else pipes[::-1]
    nlp = make_pipeline(*pipes, longtail_textcat=TOPICS, kind=sorted(SPAM))
    examples = make_examples(nlp, make_data(train_data))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(10):
        losses = nlp.update(examples, sgd=optimizer)
    assert losses["longtail_textcat"] < 0.5
    doc = nlp("I lost my card")
    assert set(doc.cats) == {*TOPICS, *SPAM}
    assert sum(doc.cats[label] for label in TOPICS) == pytest.approx(1.0, abs=1e-5)
    assert doc._.longtail.label == "bank/card"


@pytest.mark.parametrize("is_first", [True, False])
def test_scores_are_those_of_its_own_labels(make_examples, train_data, is_first):
    pipes = [("longtail_textcat", "longtail_textcat"), ("kind", "textcat_multilabel")]
    pipes = pipes if is_first else pipes[::-1]
    nlp = make_pipeline(*pipes, longtail_textcat=TOPICS, kind=sorted(SPAM))
    examples = make_examples(nlp, make_data(train_data))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    scores = nlp.evaluate(make_examples(nlp, make_data(train_data)))
    assert scores["longtail_accuracy"] == 1.0
    assert set(scores["longtail_f_per_label"]) == set(TOPICS)


def test_top_k_keeps_the_keys_of_other_pipes(make_examples, train_data):
    pipes = [("kind", "textcat_multilabel"), ("longtail_textcat", "longtail_textcat")]
    nlp = make_pipeline(*pipes, longtail_textcat=TOPICS, kind=sorted(SPAM))
    examples = make_examples(nlp, make_data(train_data))
    nlp.initialize(lambda: examples)
    nlp.get_pipe("longtail_textcat").cats_top_k = 2
    assert len(nlp("I lost my card").cats) == 4


@pytest.fixture
def two_taxonomies(make_examples, train_data):
    data = []
    for text, label in train_data:
        mood = "mood/angry" if "card" in text else "mood/calm"
        data.append((text, {label: 1.0, mood: 1.0}))
    moods = ["mood/angry", "mood/calm"]
    pipes = [("topic", "longtail_textcat"), ("mood", "longtail_textcat")]
    nlp = make_pipeline(*pipes, topic=TOPICS, mood=moods)
    examples = make_examples(nlp, data)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(10):
        nlp.update(examples, sgd=optimizer)
    return nlp


def test_two_taxonomies_in_one_pipeline(two_taxonomies):
    cats = two_taxonomies("I lost my card").cats
    moods = {label: cats.pop(label) for label in ("mood/angry", "mood/calm")}
    assert max(moods, key=moods.get) == "mood/angry"
    assert max(cats, key=cats.get) == "bank/card"
    assert sum(moods.values()) == pytest.approx(1.0, abs=1e-5)
    assert sum(cats.values()) == pytest.approx(1.0, abs=1e-5)


def test_decision_is_that_of_the_last_pipe(two_taxonomies):
    decision = two_taxonomies("I lost my card")._.longtail
    assert decision.path == ("mood", "mood/angry")
    # The stages have fixed names, whatever the pipe is called.
    assert decision.stage == "longtail_textcat"


def test_two_taxonomies_save_and_load(two_taxonomies, tmp_path):
    two_taxonomies.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded("a plane").cats == two_taxonomies("a plane").cats


def test_scores_are_those_of_the_last_pipe(two_taxonomies, make_examples, train_data):
    data = [
        (text, {label: 1.0, "mood/angry" if "card" in text else "mood/calm": 1.0})
        for text, label in train_data
    ]
    scores = two_taxonomies.evaluate(make_examples(two_taxonomies, data))
    assert set(scores["longtail_f_per_label"]) == {"mood/angry", "mood/calm"}
    assert scores["longtail_accuracy"] == 1.0
