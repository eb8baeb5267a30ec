"""Other pipes beside it, that write to doc.cats too."""

import pytest
import spacy
from thinc.api import fix_random_seed

SPAM = ["ham", "spam"]
MOODS = ["mood/angry", "mood/calm"]


def make_cats(kind, gold):
    """Say what topics a document has, or that it has none."""
    labels = [gold] if isinstance(gold, str) else gold
    return dict.fromkeys(labels or kind.labels, 1.0 if labels else 0.0)


def make_data(kind):
    """Each document has topics, and it's spam if it's about a card."""
    data = []
    for text, gold in kind.data:
        is_spam = "card" in text
        spam = {"spam": float(is_spam), "ham": float(not is_spam)}
        data.append((text, {**make_cats(kind, gold), **spam}))
    return data


def make_pipeline(*factories, **labels):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    for name, factory in factories:
        nlp.add_pipe(factory, name=name)
        nlp.config["initialize"]["components"][name] = {"labels": labels[name]}
    return nlp


def train(nlp, examples, n_updates=10):
    optimizer, losses = nlp.initialize(lambda: examples), {}
    for _ in range(n_updates):
        losses = nlp.update(examples, sgd=optimizer)
    return losses


@pytest.fixture(params=[True, False], ids=["before", "behind"])
def beside(request, kind):
    """A pipeline with a component of spaCy, not initialized."""
    pipes = [("topic", kind.factory), ("spam", "textcat_multilabel")]
    pipes = pipes if request.param else pipes[::-1]
    return make_pipeline(*pipes, topic=list(kind.labels), spam=SPAM)


def test_works_beside_textcat_multilabel(beside, kind):
    losses = train(beside, kind.make_examples(beside, make_data(kind)))
    assert losses["topic"] < 0.5
    doc = beside("I lost my card")
    assert set(doc.cats) == {*kind.labels, *SPAM}
    assert doc._.longtail.label == "bank/card"
    if kind.name == "exclusive":
        assert sum(doc.cats[k] for k in kind.labels) == pytest.approx(1.0, abs=1e-5)


def test_scores_are_those_of_its_own_labels(beside, kind):
    data = make_data(kind)
    train(beside, kind.make_examples(beside, data))
    scores = beside.evaluate(kind.make_examples(beside, data))
    assert set(scores["longtail_f_per_label"]) == set(kind.labels)
    score = {"exclusive": "longtail_accuracy", "multilabel": "longtail_lrap"}
    assert scores[score[kind.name]] == 1.0


def test_top_k_keeps_the_keys_of_other_pipes(beside, kind):
    train(beside, kind.make_examples(beside, make_data(kind)), n_updates=0)
    beside.get_pipe("topic").cats_top_k = 2
    assert len(beside("I lost my card").cats) == 4


@pytest.fixture(scope="module")
def mood_data(kind):
    data = []
    for text, gold in kind.data:
        mood = "mood/angry" if "card" in text else "mood/calm"
        data.append((text, {**make_cats(kind, gold), mood: 1.0}))
    return data


@pytest.fixture(scope="module")
def two_taxonomies(kind, mood_data):
    """A trained pipeline that no test changes."""
    pipes = [("topic", kind.factory), ("mood", kind.factory)]
    nlp = make_pipeline(*pipes, topic=list(kind.labels), mood=MOODS)
    train(nlp, kind.make_examples(nlp, mood_data))
    return nlp


def test_two_taxonomies_in_one_pipeline(two_taxonomies, kind):
    cats = two_taxonomies("I lost my card").cats
    moods = {label: cats.pop(label) for label in MOODS}
    assert max(moods, key=moods.get) == "mood/angry"
    assert max(cats, key=cats.get) == "bank/card"
    if kind.name == "exclusive":
        assert sum(moods.values()) == pytest.approx(1.0, abs=1e-5)
        assert sum(cats.values()) == pytest.approx(1.0, abs=1e-5)


def test_decision_is_that_of_the_last_pipe(two_taxonomies, kind):
    decision = two_taxonomies("I lost my card")._.longtail
    assert decision.path == ("mood", "mood/angry")
    assert decision.labels == ("mood/angry",)
    # The stages have fixed names, whatever the pipe is called.
    assert decision.stage == kind.factory


def test_two_taxonomies_save_and_load(two_taxonomies, tmp_path):
    two_taxonomies.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded("a plane").cats == two_taxonomies("a plane").cats


def test_scores_are_those_of_the_last_pipe(two_taxonomies, kind, mood_data):
    scores = two_taxonomies.evaluate(kind.make_examples(two_taxonomies, mood_data))
    assert set(scores["longtail_f_per_label"]) == set(MOODS)
    score = {"exclusive": "longtail_accuracy", "multilabel": "longtail_micro_f"}
    assert scores[score[kind.name]] == 1.0
