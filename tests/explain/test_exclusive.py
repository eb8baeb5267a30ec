import pytest

from spacy_longtail.explain import explain

TEXT = "my card and\n hotel chip"


def get_sum(found):
    return sum(word.contribution for word in found.words) + found.bias + found.prior


@pytest.mark.parametrize("prior,temperature", [("uniform", 1.0), (0.7, 2.5)])
@pytest.mark.parametrize("text", [TEXT, "card", "Card card, unknownword loan"])
def test_contributions_sum_to_the_log_odds(tickets_nlp, text, prior, temperature):
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    pipe.prior, pipe.temperature = prior, temperature
    found = explain(tickets_nlp, text)
    assert found.method == "exact"
    assert get_sum(found) == pytest.approx(found.difference, abs=1e-4)
    cats = pipe.predict([tickets_nlp.make_doc(text)]).probabilities[0]
    index = pipe.taxonomy.index
    odds = cats[index[found.label]] / cats[index[found.against]]
    assert 2.718281828**found.difference == pytest.approx(odds, rel=1e-3)


def test_words_give_the_text_back(tickets_nlp):
    found = explain(tickets_nlp, TEXT)
    assert "".join(word.text + word.space for word in found.words) == TEXT
    assert found.words[3].contribution == 0.0, "white space says nothing"


def test_word_of_the_label_speaks_for_it(tickets_nlp):
    found = explain(
        tickets_nlp, "card oven", label="money/card", against="home/kitchen"
    )
    card, oven = found.words
    assert card.contribution > 0 > oven.contribution
    back = explain(tickets_nlp, "card oven", label="home/kitchen", against="money/card")
    assert back.difference == pytest.approx(-found.difference)


def test_default_labels_are_the_two_most_probable(tickets_nlp):
    candidates = tickets_nlp(TEXT)._.longtail.candidates
    found = explain(tickets_nlp, TEXT)
    assert [found.label, found.against] == [label for label, _ in candidates[:2]]
    assert explain(tickets_nlp, TEXT, label=found.against).against == found.label


def test_labels_shared_by_an_other(tickets_nlp):
    """Pooled labels that share one vector differ in nothing."""
    nlp = type(tickets_nlp)()
    output = {"@layers": "spacy-longtail.PrototypeSoftmax.v1", "other": "single"}
    model = {**tickets_nlp.config["components"]["longtail_textcat"]["model"]}
    nlp.add_pipe("longtail_textcat", config={"model": {**model, "output": output}})
    from spacy.training import Example

    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {label: 1.0}})
        for text, label in [("card", "a/x"), ("loan", "a/y"), ("tree", "b")]
    ]
    nlp.initialize(lambda: examples)
    found = explain(nlp, "card tree", label="a/x", against="a/y")
    assert found.difference == get_sum(found) == 0.0


def test_other_encoders_are_run_without_each_word(tickets_nlp):
    pipe = tickets_nlp.get_pipe("longtail_textcat")
    exact = explain(tickets_nlp, TEXT, label="money/card", against="travel/hotel")
    del pipe.model.get_ref("output").attrs["get_linear"]
    found = explain(tickets_nlp, TEXT, label="money/card", against="travel/hotel")
    assert (found.method, found.bias, found.prior) == ("occlusion", None, None)
    assert found.difference == exact.difference
    without = tickets_nlp.make_doc("my card and\n chip")
    logits = pipe.get_raw_scores([without]).logits[0] + pipe.get_bias("uniform")
    index = pipe.taxonomy.index
    rest = logits[index["money/card"]] - logits[index["travel/hotel"]]
    hotel = next(word for word in found.words if word.text == "hotel")
    assert hotel.contribution == pytest.approx(found.difference - rest, abs=1e-4)


def test_abstained_decision_is_explained(tickets_nlp):
    tickets_nlp.get_pipe("longtail_textcat").thresholds = {"": 1.0}
    found = explain(tickets_nlp, "card oven tree hotel")
    assert found.decision["label"] is None
    assert found.label == found.decision["candidates"][0][0]


def test_label_that_was_added_at_run_time_is_not_compared(tickets_nlp, tickets_dev):
    fallback = tickets_nlp.add_pipe("zero_shot_fallback")
    fallback.initialize(lambda: tickets_dev, nlp=tickets_nlp)
    fallback.add_label("travel/submarine", description="a submarine under water")
    found = explain(tickets_nlp, "a submarine under water")
    assert found.added == found.decision["label"] == "travel/submarine"
    assert "travel/submarine" not in (found.label, found.against)


def test_only_one_label_is_explained(tickets_nlp):
    with pytest.raises(ValueError, match=r"\[L523\].*2 labels"):
        explain(tickets_nlp, TEXT, label=["money/card", "home/garden"])
