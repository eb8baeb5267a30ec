"""What holds only where a document can have several labels."""

import json

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose

from spacy_longtail.pipeline.kinds.multilabel import MultilabelTextcatSettings

NAME = "longtail_textcat_multilabel"


@pytest.fixture
def nlp(multilabel):
    """A trained pipeline that a test can change."""
    return multilabel.load_nlp()


@pytest.fixture
def pipe(nlp):
    return nlp.get_pipe(NAME)


def test_one_label_is_enough(multilabel):
    """Whether a document has it or not."""
    nlp = multilabel.make_nlp()
    data = [
        (text, {"bank/card": float("bank/card" in labels)})
        for text, labels in multilabel.data
    ]
    multilabel.train(nlp, data, n_updates=30)
    assert nlp("I lost my card")._.longtail.labels == ("bank/card",)
    assert nlp("thank you and good bye")._.longtail.labels == ()


@pytest.mark.parametrize("trainable", [True, False])
def test_overfitting_IO(multilabel, tmp_path, trainable):
    """Learn the training data by heart, then save, load and predict again."""
    encoder = {"trainable": trainable}
    nlp = multilabel.make_nlp(min_count=0, model={"encoder": encoder})
    losses = multilabel.train(nlp, n_updates=100)
    assert losses[NAME] < (0.1 if trainable else 1.0)
    for text, labels in multilabel.data if trainable else ():
        assert set(nlp(text)._.longtail.labels) == set(labels)
    nlp.get_pipe(NAME).thresholds = {"bank/card": 0.2}
    texts = ["I lost my card on the plane", "by the sea", "", "unknownword"]
    answers = [(doc.cats, doc._.longtail) for doc in nlp.pipe(texts)]
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert [(doc.cats, doc._.longtail) for doc in loaded.pipe(texts)] == answers
    assert loaded.get_pipe(NAME).thresholds["bank/card"] == 0.2
    assert loaded.get_pipe(NAME).to_bytes() == nlp.get_pipe(NAME).to_bytes()


@pytest.mark.parametrize(
    "loss", [None, "BinaryLogitAdjusted", "WeightedBinaryCrossEntropy"]
)
def test_first_probabilities_fit_the_prior_with_any_loss(multilabel, loss):
    config = {"loss": {"@losses": f"spacy-longtail.{loss}.v1"}} if loss else {}
    nlp = multilabel.make_nlp(min_count=0, **config)
    examples = multilabel.make_examples(nlp)
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe(NAME)
    P = pipe.predict([eg.predicted for eg in examples]).probabilities
    prior = numpy.asarray(pipe.taxonomy.counts) / len(examples)
    assert_allclose(P.mean(axis=0), prior, rtol=1e-3)


def test_decision_has_all_labels_and_parents_are_at_least_as_probable(nlp, multilabel):
    doc = nlp("I lost my card on the plane")
    decision = doc._.longtail
    assert decision.stage == NAME
    assert tuple(doc.cats) == multilabel.labels
    above = [label for label, p in doc.cats.items() if p >= 0.25]
    assert len(above) > 1
    assert decision.labels == tuple(sorted(above, key=lambda k: -doc.cats[k]))
    assert decision.label == max(doc.cats, key=doc.cats.get)
    (_, parent), (_, leaf) = decision.levels
    assert parent >= leaf == decision.probability
    assert decision.other[0] == "bank"
    mass = doc.cats["bank/fee"] + doc.cats["bank/loan"]
    assert decision.other[1] == pytest.approx(mass)


def test_silent_document_is_not_learned_from(nlp, pipe, multilabel):
    data = [("I lost my card", {}), ("a fee", {"spam": 1.0})]
    examples = multilabel.make_examples(nlp, data)
    loss, d_logits = pipe.get_loss(examples, numpy.ones((2, 7), dtype="f4"))
    assert loss == 0.0
    assert not d_logits.any()
    assert pipe.taxonomy.n_docs == len(multilabel.data)


def test_missing_labels_have_no_gradient(multilabel):
    nlp = multilabel.load_nlp(min_count=0)
    cats = {"bank/card": 1.0, "travel/visa": 0.0}
    examples = multilabel.make_examples(nlp, [("my card", cats)])
    _, d_logits = nlp.get_pipe(NAME).get_loss(examples, numpy.ones((1, 7), dtype="f4"))
    assert (d_logits[0] != 0.0).tolist() == [True, *[False] * 5, True]


def test_silent_document_can_be_negative(multilabel):
    nlp = multilabel.make_nlp(missing="negative")
    data = [*multilabel.data[:-1], ("thank you and good bye", {})]
    multilabel.train(nlp, data, n_updates=1)
    pipe = nlp.get_pipe(NAME)
    assert pipe.taxonomy.n_docs == len(data)
    examples = multilabel.make_examples(nlp, data[-1:])
    _, d_logits = pipe.get_loss(examples, numpy.ones((1, 7), dtype="f4"))
    assert (d_logits > 0.0).all()


def test_one_label_per_document_works_too(multilabel):
    nlp = multilabel.make_nlp(min_count=0)
    data = [(text, labels[:1]) for text, labels in multilabel.data]
    assert multilabel.train(nlp, data, n_updates=100)[NAME] < 0.1
    assert nlp("I lost my card")._.longtail.labels == ("bank/card",)


def test_uniform_prior_favours_rare_labels(nlp, pipe):
    before = nlp("by the sea").cats
    pipe.prior = "uniform"
    after = nlp("by the sea").cats
    column = pipe.taxonomy.index["travel/hotel"]
    odds = [p / (1.0 - p) for p in (before["travel/hotel"], after["travel/hotel"])]
    prior = numpy.exp(pipe.taxonomy.log_odds[column])
    assert odds[1] == pytest.approx(odds[0] / prior, rel=1e-4)


def test_thresholds_are_those_of_the_decision_and_the_scorer(nlp, pipe, multilabel):
    pipe.thresholds = dict.fromkeys(multilabel.labels, 1e-6)
    assert set(nlp("a text")._.longtail.labels) == set(multilabel.labels)
    assert nlp.evaluate(multilabel.make_examples(nlp))["longtail_micro_r"] == 1.0
    pipe.thresholds = dict.fromkeys(multilabel.labels, 1.0 - 1e-6)
    assert nlp("a text")._.longtail.labels == ()
    pipe.thresholds = {}
    assert set(pipe.get_thresholds(pipe.labels)) == {0.25}


def test_fitted_thresholds_are_best_for_these_documents(multilabel):
    nlp = multilabel.make_nlp(threshold=0.99)
    multilabel.train(nlp, n_updates=1)
    examples = multilabel.make_examples(nlp)
    before = nlp.evaluate(examples)["longtail_macro_f"]
    for eg in examples:
        eg.predicted = nlp(eg.reference.text)
    pipe = nlp.get_pipe(NAME)
    found = pipe.fit_thresholds(examples, smoothing=0.0)
    assert found == pipe.thresholds
    assert set(found) == set(pipe.labels)
    assert nlp.evaluate(multilabel.make_examples(nlp))["longtail_macro_f"] > before


@pytest.mark.parametrize("setting, value", [("prior", 0.5), ("temperature", 2.0)])
def test_new_probabilities_drop_the_fitted_thresholds(pipe, setting, value):
    pipe.thresholds = {"bank/card": 0.2}
    setattr(pipe, setting, getattr(pipe, setting))
    assert pipe.thresholds["bank/card"] == 0.2
    with pytest.warns(UserWarning, match=rf"\[LW301\].*'{setting}'"):
        setattr(pipe, setting, value)
    assert pipe.thresholds == {}


def test_threshold_of_an_unknown_label_is_an_error(pipe):
    with pytest.raises(ValueError, match=r"\[L314\].*'bank/cart'.*bank/card"):
        pipe.thresholds = {"bank/cart": 0.5}


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", float("nan")])
def test_threshold_out_of_range_is_an_error(pipe, value):
    with pytest.raises(ValueError, match=r"\[L313\].*'bank/card'"):
        pipe.thresholds = {"bank/card": value}
    with pytest.raises(ValueError, match=r"\[L313\].*'threshold'"):
        MultilabelTextcatSettings(threshold=value)


def test_unknown_rule_for_missing_labels_is_an_error(multilabel):
    with pytest.raises(ValueError, match=r"\[L320\]"):
        multilabel.make_nlp(missing="never")


def test_output_whose_logits_are_not_independent_is_an_error(multilabel):
    output = {"@layers": "spacy-longtail.SiblingSoftmax.v1"}
    with pytest.raises(ValueError, match=r"\[L323\].*sibling_softmax"):
        multilabel.make_nlp(model={"output": output})


def test_labels_of_a_file_bring_their_counts(pipe, multilabel):
    labels = json.loads(json.dumps(pipe.label_data))
    assert labels["n_docs"] == len(multilabel.data)
    nlp = multilabel.make_nlp()
    nlp.config["training"]["max_epochs"] = -1
    nlp.config["initialize"]["components"][NAME] = {"labels": labels}
    # Of a streamed corpus only a sample is seen.
    nlp.initialize(lambda: multilabel.make_examples(nlp)[:6])
    assert nlp.get_pipe(NAME).taxonomy == pipe.taxonomy


def test_counts_of_a_streamed_corpus_need_the_number_of_documents(pipe, multilabel):
    nlp = multilabel.make_nlp()
    nlp.config["training"]["max_epochs"] = -1
    labels = pipe.label_data["counts"]
    nlp.config["initialize"]["components"][NAME] = {"labels": labels}
    with pytest.raises(ValueError, match=r"\[L324\]"):
        nlp.initialize(lambda: multilabel.make_examples(nlp)[:6])


@pytest.mark.parametrize(
    "loss", ["WeightedBinaryCrossEntropy", "Asymmetric", "DistributionBalanced"]
)
def test_every_binary_loss_learns(multilabel, loss):
    settings = {"@losses": f"spacy-longtail.{loss}.v1"}
    nlp = multilabel.make_nlp(loss=settings, min_count=0)
    first = multilabel.train(nlp, n_updates=1)[NAME]
    assert multilabel.train(nlp, n_updates=50)[NAME] < 0.2 * first
