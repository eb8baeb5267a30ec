import math

import pytest
from spacy.language import Language

from spacy_longtail.explain import explain

NAME = "longtail_textcat_multilabel"
TEXT = "my card and\n hotel room"


@Language.component("forget_card", assigns=["doc.cats"])
def forget_card(doc):
    doc.cats["money/card"] = 0.0
    decision = doc._.longtail
    labels = [label for label in decision.labels if label != "money/card"]
    doc._.longtail = {**decision, "labels": labels}
    return doc


def get_sum(label):
    return sum(word.contribution for word in label.words) + label.bias + label.prior


def to_odds(probability):
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize("prior,temperature", [("train", 1.0), (0.3, 2.5)])
@pytest.mark.parametrize("text", [TEXT, "card", "Card card, unknownword loan"])
def test_contributions_sum_to_the_log_odds(mixed_nlp, text, prior, temperature):
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.prior, pipe.temperature = prior, temperature
    found = explain(mixed_nlp, text, label=["money/card", "home/garden"])
    cats = mixed_nlp(text).cats
    assert found.method == "exact"
    for label in found.labels:
        assert get_sum(label) == pytest.approx(label.difference, abs=1e-4)
        assert label.probability == cats[label.label]
        odds = to_odds(label.probability)
        assert label.difference == pytest.approx(odds, abs=1e-3)
        assert label.other is None


def test_odds_of_a_pooled_label_are_against_its_other(mixed_nlp):
    """Its members share one probability: p(member) / (1 - p(Other)) are its odds."""
    text = "tax refund form"
    (found,) = explain(mixed_nlp, text, label="money/tax").labels
    cats, pipe = mixed_nlp(text).cats, mixed_nlp.get_pipe(NAME)
    (other,) = [o for o in pipe.taxonomy.others if o.parent == found.other]
    members = [pipe.labels[column] for column in other.members]
    assert "money/tax" in members
    odds = cats["money/tax"] / (1 - sum(cats[member] for member in members))
    assert found.difference == pytest.approx(math.log(odds), abs=1e-3)
    assert get_sum(found) == pytest.approx(found.difference, abs=1e-4)


def test_labels_of_the_document_are_explained(mixed_nlp):
    labels = mixed_nlp("card hotel")._.longtail.labels
    assert len(labels) > 1
    found = explain(mixed_nlp, "card hotel")
    assert tuple(label.label for label in found.labels) == labels
    for label in found.labels:
        assert label.is_given and label.difference > label.needed
        assert label.needed == pytest.approx(to_odds(0.25))


def test_most_probable_label_is_explained_if_none_is_given(mixed_nlp):
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.thresholds = dict.fromkeys(pipe.labels, 0.9999)
    found = explain(mixed_nlp, TEXT)
    assert found.decision["labels"] == []
    (label,) = found.labels
    assert label.label == found.decision["label"] and not label.is_given
    assert label.threshold == found.thresholds[label.label] == 0.9999


@pytest.mark.parametrize("threshold,needed", [(0.0, -13.8), (1.0, 13.8)])
def test_threshold_of_exactly_nothing_or_all(mixed_nlp, threshold, needed):
    mixed_nlp.get_pipe(NAME).thresholds = {"money": threshold}
    (label,) = explain(mixed_nlp, TEXT, label="money/card").labels
    assert (label.threshold, label.is_given) == (threshold, threshold == 0.0)
    assert label.needed == pytest.approx(needed, abs=0.1)


def test_word_of_the_label_speaks_for_it(mixed_nlp):
    card, garden = explain(
        mixed_nlp, "card tree", label=["money/card", "home/garden"]
    ).labels
    for label, own in ((card, 0), (garden, 1)):
        assert label.words[own].contribution > label.words[1 - own].contribution + 1


def test_other_encoders_are_run_without_each_word(mixed_nlp):
    pipe = mixed_nlp.get_pipe(NAME)
    exact = explain(mixed_nlp, TEXT, label="money/card").labels[0]
    del pipe.model.get_ref("output").attrs["get_linear"]
    found = explain(mixed_nlp, TEXT, label="money/card")
    label = found.labels[0]
    assert (found.method, label.bias, label.prior) == ("occlusion", None, None)
    assert label.difference == exact.difference
    rest = to_odds(mixed_nlp("my and\n hotel room").cats["money/card"])
    card = next(word for word in label.words if word.text == "card")
    assert card.contribution == pytest.approx(label.difference - rest, abs=1e-3)


def test_what_later_components_make_of_it(mixed_nlp):
    before = explain(mixed_nlp, "card", label="money/card").labels[0]
    mixed_nlp.add_pipe("forget_card")
    label = explain(mixed_nlp, "card", label="money/card").labels[0]
    assert (label.probability, label.is_given) == (0.0, False)
    assert label.difference == before.difference


def test_comparison_with_another_label(mixed_nlp):
    with pytest.raises(ValueError, match=r"\[L524\].*'home/garden'"):
        explain(mixed_nlp, TEXT, label="money/card", against="home/garden")


def test_labels_that_were_added_at_run_time(mixed_nlp, mixed_dev):
    fallback = mixed_nlp.add_pipe("zero_shot_fallback", config={"source": NAME})
    fallback.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    fallback.add_label("travel/submarine", description="a submarine under water")
    text = "a submarine under water"
    assert mixed_nlp(text)._.longtail.labels == ("travel/submarine",)
    found = explain(mixed_nlp, text)
    assert (found.added, found.labels) == (["travel/submarine"], [])
    mixed_nlp.get_pipe(NAME).thresholds = {"money/card": 1e-9}
    found = explain(mixed_nlp, text)
    assert found.added == ["travel/submarine"]
    assert [label.label for label in found.labels] == ["money/card"]
