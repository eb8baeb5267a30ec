import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.questions import Question
from spacy_longtail.rankers.nli import GAP, make_nli_ranker

NEW = "travel/cruise"
CLASSES = {0: "contradiction", 1: "neutral", 2: "entailment"}
KIND = "BertForSequenceClassification"
POOLED = ("bank/fee", "bank/loan")


@pytest.fixture
def make_ranker(tiny_folder, cards, encode):
    def make(classes=CLASSES, **settings):
        folder = tiny_folder(KIND, id2label=classes)
        ranker = make_nli_ranker(path=folder, device="cpu", **settings)
        ranker.load()
        ranker.set_labels(cards, encode)
        return ranker

    return make


def judge_slowly(ranker, text, name):
    torch, tokenizer, model = ranker.transformer.load()
    hypothesis = f"This text is about {name}."
    with torch.inference_mode():
        batch = tokenizer(text, hypothesis, return_tensors="pt")
        logits = model(**batch).logits[0].tolist()
    return logits[2] - logits[0]


def test_score_is_the_log_odds_of_entailment(make_ranker, ask):
    ranker = make_ranker()
    texts = ["lost money", "", "the ship is at sea"]
    found = ask(ranker, *texts)
    assert found.none_score == 0.0
    for text, scores in zip(texts, found.scores):
        expected = [judge_slowly(ranker, text, name) for name in ("fee", "loan")]
        assert_allclose(scores, expected, atol=1e-5)


def test_long_text_means_what_any_of_its_windows_means(make_ranker, ask):
    """The hypothesis has 6 pieces, so that with 3 special ones 3 are left."""
    ranker = make_ranker(max_length=12)
    found = ask(ranker, "lost money card sea ship", "lost").scores
    for column, name in enumerate(["fee", "loan"]):
        windows = ("lost money card", "sea ship")
        expected = max(judge_slowly(ranker, text, name) for text in windows)
        assert found[0][column] == pytest.approx(expected, abs=1e-5)
    assert_allclose(found[1], ask(ranker, "lost").scores[0], atol=1e-5)


def test_description_that_leaves_no_room(make_ranker, cards, encode):
    ranker = make_ranker(max_length=12)
    ranker.template = "This text is about the sea or about {}."
    with pytest.raises(ValueError, match=r"\[L409\].*10 word pieces.*of the 12"):
        ranker.set_labels(cards, encode)


def test_pairs_go_in_batches_across_documents(make_ranker, ask):
    ranker = make_ranker()
    texts = ["lost money", "card", "", "the sea"]
    together = ask(ranker, *texts).scores
    assert ranker.n_pairs == 8
    ranker.batch_size = 3
    assert_allclose(ask(ranker, *texts).scores, together, atol=1e-5)
    single = [ask(ranker, text).scores[0] for text in texts]
    assert_allclose(single, together, atol=1e-5)


def test_only_the_likeliest_candidates_are_asked_about(make_ranker, make_docs):
    ranker = make_ranker(max_pairs=1)
    prior = [numpy.asarray([-3.0, -1.0])]
    docs = make_docs("lost money")
    found = ranker.rank(Question(docs, [list(POOLED)], prior, [], ["bank/card"]))
    assert ranker.n_pairs == 1
    asked = judge_slowly(ranker, "lost money", "loan")
    assert_allclose(found.scores[0], [asked - GAP, asked], atol=1e-5)


def test_new_label_has_to_beat_the_best_and_none(make_ranker, ask):
    ranker = make_ranker()
    margins = ask(ranker, "lost money", added=[NEW], best=["bank/card"]).margins
    new, rival = (judge_slowly(ranker, "lost money", name) for name in ("ship", "card"))
    assert_allclose(margins, [[min(new - rival, new)]], atol=1e-5)


def test_description_takes_the_place_of_the_name(make_ranker, cards, encode, make_docs):
    ranker = make_ranker(template="It says {}")
    described = cards[1]._replace(names=make_docs("fee", "what a thing costs"))
    ranker.set_labels([cards[0], described], encode)
    assert ranker.hypotheses["bank/fee"] == "It says what a thing costs"


def test_model_with_two_classes(make_ranker, ask):
    ranker = make_ranker({0: "entailment", 1: "not_entailment"})
    assert ranker._get_class() == (0, 1)
    assert numpy.isfinite(ask(ranker, "money").scores).all()


@pytest.mark.parametrize("classes", [{0: "LABEL_0", 1: "LABEL_1"}, {0: "entailment"}])
def test_model_without_entailment(make_ranker, classes):
    with pytest.raises(ValueError, match=r"\[L403\].*'entailment'.*id2label"):
        make_ranker(classes)


def test_bytes_round_trip(make_ranker, ask):
    ranker = make_ranker()
    loaded = make_nli_ranker(path=ranker.transformer.path, device="cpu")
    loaded.from_bytes(ranker.to_bytes())
    assert_allclose(ask(loaded, "money").scores, ask(ranker, "money").scores)


@pytest.mark.parametrize("template", ["This is about {} or {}.", "no place"])
def test_template_without_one_place(template):
    with pytest.raises(ValueError, match=r"\[L408\].*'template'"):
        make_nli_ranker(path="x", template=template)


@pytest.mark.parametrize("name", ["max_pairs", "batch_size", "max_length", "weight"])
def test_setting_out_of_range(name):
    with pytest.raises(ValueError, match=rf"\[L405\] NLIRanker.*'{name}'"):
        make_nli_ranker(path="x", **{name: -1})
