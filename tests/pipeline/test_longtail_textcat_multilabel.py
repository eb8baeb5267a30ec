import json
import multiprocessing
import pickle

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_longtail.pipeline.kinds.multilabel import MultilabelTextcatSettings

NAME = "longtail_textcat_multilabel"
# With min_count = 3, "bank/fee" and "bank/loan" are pooled below "bank".
DATA = [
    ("I lost my card", ["bank/card"]),
    ("my debit card was stolen in the hotel", ["bank/card", "travel/hotel"]),
    ("the machine on the plane kept my card", ["bank/card", "travel/flight"]),
    ("please block this card at once", ["bank/card"]),
    ("what does an account cost", ["bank/fee"]),
    ("your charges are too high", ["bank/fee"]),
    ("lend me money for a house and a flight", ["bank/loan", "travel/flight"]),
    ("book a flight to Rome and a room", ["travel/flight", "travel/hotel"]),
    ("when does the plane leave", ["travel/flight"]),
    ("is breakfast included in the room", ["travel/hotel"]),
    ("find me a hotel by the sea", ["travel/hotel"]),
    ("thank you and good bye", []),
]
LABELS = ("bank/card", "bank/fee", "bank/loan", "travel/flight", "travel/hotel")
TEXTS = ["I lost my card on the plane", "by the sea", "", "unknownword", "thank you"]


def make_nlp(**config):
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME, config=config)
    return nlp


def make_examples(nlp, data=None):
    """Cats of documents without labels are dense zeros, the others are sparse."""
    examples = []
    for text, labels in DATA if data is None else data:
        cats = dict.fromkeys(labels, 1.0) if labels else dict.fromkeys(LABELS, 0.0)
        cats = labels if isinstance(labels, dict) else cats
        examples.append(Example.from_dict(nlp.make_doc(text), {"cats": cats}))
    return examples


def train(nlp, data=None, n_updates=30):
    fix_random_seed(0)
    examples = make_examples(nlp, data)
    optimizer = nlp.initialize(lambda: examples)
    losses = {}
    for _ in range(n_updates):
        losses = nlp.update(examples, sgd=optimizer)
    return losses[NAME]


def test_one_label_is_enough():
    """Whether a document has it or not."""
    nlp = make_nlp()
    labels = {"bank/card": 1.0}
    data = [(text, labels) for text, found in DATA if "bank/card" in found]
    others = [text for text, found in DATA if "bank/card" not in found]
    train(nlp, data + [(text, {"bank/card": 0.0}) for text in others])
    assert nlp("I lost my card")._.longtail.labels == ("bank/card",)
    assert nlp("thank you and good bye")._.longtail.labels == ()


def get_answers(nlp, **settings):
    docs = list(nlp.pipe(TEXTS, **settings))
    return [(dict(doc.cats), doc._.longtail) for doc in docs]


@pytest.fixture(scope="module")
def trained():
    nlp = make_nlp()
    train(nlp, n_updates=3)
    return nlp


@pytest.mark.parametrize("trainable", [True, False])
def test_overfitting_IO(tmp_path, trainable):
    """Learn the training data by heart, then save, load and predict again."""
    nlp = make_nlp(min_count=0, model={"encoder": {"trainable": trainable}})
    assert train(nlp, n_updates=200) < (0.1 if trainable else 1.0)
    for text, labels in DATA if trainable else ():
        assert set(nlp(text)._.longtail.labels) == set(labels)
    nlp.get_pipe(NAME).thresholds = {"bank/card": 0.2}
    answers = get_answers(nlp)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert get_answers(loaded) == answers
    assert loaded.get_pipe(NAME).thresholds["bank/card"] == 0.2
    assert loaded.get_pipe(NAME).to_bytes() == nlp.get_pipe(NAME).to_bytes()


def test_to_bytes_and_back_predicts_exactly_the_same(trained):
    loaded = spacy.blank("xx", config=trained.config).from_bytes(trained.to_bytes())
    assert get_answers(loaded) == get_answers(trained)


def test_predictions_do_not_depend_on_the_batch(trained):
    expected = [list(trained(text).cats.values()) for text in TEXTS]
    for batch_size in (2, 5):
        docs = trained.pipe(TEXTS, batch_size=batch_size)
        found = [list(doc.cats.values()) for doc in docs]
        assert_allclose(found, expected, atol=1e-6)
    assert expected[0] != expected[1]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_several_processes_predict_the_same(trained, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"processes can't be started by {method} here")
    if method == "spawn":
        assert get_answers(pickle.loads(pickle.dumps(trained))) == get_answers(trained)
        return
    answers = get_answers(trained, n_process=2, batch_size=2)
    for (cats, decision), (expected, same) in zip(answers, get_answers(trained)):
        assert cats == pytest.approx(expected, abs=1e-6)
        assert decision.labels == same.labels


def test_first_probabilities_fit_the_prior():
    nlp = make_nlp(min_count=0)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe(NAME)
    P = pipe.predict([eg.predicted for eg in examples]).probabilities
    prior = numpy.asarray(pipe.taxonomy.counts) / len(DATA)
    assert_allclose(P.mean(axis=0), prior, rtol=1e-3)


@pytest.mark.parametrize("loss", ["BinaryLogitAdjusted", "WeightedBinaryCrossEntropy"])
def test_first_probabilities_fit_the_prior_with_any_loss(loss):
    nlp = make_nlp(loss={"@losses": f"spacy-longtail.{loss}.v1"}, min_count=0)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe(NAME)
    P = pipe.predict([eg.predicted for eg in examples]).probabilities
    prior = numpy.asarray(pipe.taxonomy.counts) / len(DATA)
    assert_allclose(P.mean(axis=0), prior, rtol=1e-3)


def test_decision_has_all_labels_and_parents_are_at_least_as_probable(trained):
    doc = trained("I lost my card on the plane")
    decision = doc._.longtail
    assert decision.stage == NAME
    assert tuple(doc.cats) == LABELS
    above = [label for label, p in doc.cats.items() if p >= 0.25]
    assert decision.labels == tuple(sorted(above, key=lambda k: -doc.cats[k]))
    assert decision.label == max(doc.cats, key=doc.cats.get)
    (_, parent), (_, leaf) = decision.levels
    assert parent >= leaf == decision.probability
    assert decision.other[0] == "bank"
    mass = doc.cats["bank/fee"] + doc.cats["bank/loan"]
    assert decision.other[1] == pytest.approx(mass)
    assert all(type(value) is float for value in doc.cats.values())


def test_silent_document_is_not_learned_from():
    nlp = make_nlp()
    train(nlp, n_updates=1)
    pipe = nlp.get_pipe(NAME)
    examples = make_examples(nlp, [("I lost my card", {}), ("a fee", {"spam": 1.0})])
    loss, d_logits = pipe.get_loss(examples, numpy.ones((2, 5), dtype="f4"))
    assert loss == 0.0
    assert not d_logits.any()
    assert pipe.taxonomy.n_docs == len(DATA)


def test_missing_labels_have_no_gradient():
    nlp = make_nlp(min_count=0)
    train(nlp, n_updates=1)
    cats = {"bank/card": 1.0, "travel/hotel": 0.0}
    examples = make_examples(nlp, [("my card", cats)])
    _, d_logits = nlp.get_pipe(NAME).get_loss(examples, numpy.ones((1, 5), dtype="f4"))
    assert (d_logits[0] != 0.0).tolist() == [True, False, False, False, True]


def test_silent_document_can_be_negative():
    nlp = make_nlp(missing="negative")
    data = [*DATA[:-1], ("thank you and good bye", {})]
    train(nlp, data, n_updates=1)
    pipe = nlp.get_pipe(NAME)
    assert pipe.taxonomy.n_docs == len(DATA)
    examples = make_examples(nlp, data[-1:])
    _, d_logits = pipe.get_loss(examples, numpy.ones((1, 5), dtype="f4"))
    assert (d_logits > 0.0).all()


def test_one_label_per_document_works_too():
    nlp = make_nlp(min_count=0)
    data = [(text, labels[:1]) for text, labels in DATA]
    assert train(nlp, data, n_updates=200) < 0.1
    assert nlp("I lost my card")._.longtail.labels == ("bank/card",)


def test_several_labels_for_the_exclusive_pipe_name_the_right_one():
    nlp = spacy.blank("xx")
    nlp.add_pipe("longtail_textcat")
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=rf"\[L302\].*'{NAME}'"):
        nlp.initialize(lambda: examples)


def test_uniform_prior_favours_rare_labels(trained):
    nlp = spacy.blank("xx", config=trained.config).from_bytes(trained.to_bytes())
    before = nlp("by the sea").cats
    pipe = nlp.get_pipe(NAME)
    pipe.prior = "uniform"
    after = nlp("by the sea").cats
    taxonomy = pipe.taxonomy
    column = taxonomy.index["travel/hotel"]
    odds = [p / (1.0 - p) for p in (before["travel/hotel"], after["travel/hotel"])]
    prior = numpy.exp(taxonomy.log_odds[column])
    assert odds[1] == pytest.approx(odds[0] / prior, rel=1e-4)


def test_cats_top_k_limits_the_keys_but_not_the_decision(trained):
    nlp = spacy.blank("xx", config=trained.config).from_bytes(trained.to_bytes())
    nlp.get_pipe(NAME).cats_top_k = 2
    for text in TEXTS:
        expected, doc = trained(text), nlp(text)
        best = sorted(expected.cats, key=lambda k: -expected.cats[k])[:2]
        assert doc.cats == {label: expected.cats[label] for label in best}
        assert doc._.longtail == expected._.longtail


def test_thresholds_are_those_of_the_decision_and_the_scorer():
    nlp = make_nlp()
    train(nlp, n_updates=3)
    pipe = nlp.get_pipe(NAME)
    pipe.thresholds = {label: 1e-6 for label in LABELS}
    assert set(nlp("a text")._.longtail.labels) == set(LABELS)
    assert nlp.evaluate(make_examples(nlp))["longtail_micro_r"] == 1.0
    pipe.thresholds = {label: 1.0 - 1e-6 for label in LABELS}
    assert nlp("a text")._.longtail.labels == ()
    pipe.thresholds = {}
    assert set(pipe.get_thresholds(pipe.labels)) == {0.25}


def test_fitted_thresholds_are_best_for_these_documents():
    nlp = make_nlp(threshold=0.99)
    train(nlp, n_updates=1)
    before = nlp.evaluate(make_examples(nlp))["longtail_macro_f"]
    examples = make_examples(nlp)
    for eg in examples:
        eg.predicted = nlp(eg.predicted)
    pipe = nlp.get_pipe(NAME)
    found = pipe.fit_thresholds(examples, smoothing=0.0)
    assert found == pipe.thresholds
    assert set(found) == set(pipe.labels)
    assert nlp.evaluate(make_examples(nlp))["longtail_macro_f"] > before


@pytest.mark.parametrize("setting, value", [("prior", 0.5), ("temperature", 2.0)])
def test_new_probabilities_drop_the_fitted_thresholds(setting, value):
    nlp = make_nlp()
    train(nlp, n_updates=1)
    pipe = nlp.get_pipe(NAME)
    pipe.thresholds = {"bank/card": 0.2}
    setattr(pipe, setting, getattr(pipe, setting))
    assert pipe.thresholds["bank/card"] == 0.2
    with pytest.warns(UserWarning, match=rf"\[LW301\].*'{setting}'"):
        setattr(pipe, setting, value)
    assert pipe.thresholds == {}


def test_threshold_of_an_unknown_label_is_an_error(trained):
    with pytest.raises(ValueError, match=r"\[L314\].*'bank/cart'.*bank/card"):
        trained.get_pipe(NAME).thresholds = {"bank/cart": 0.5}


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", float("nan")])
def test_threshold_out_of_range_is_an_error(trained, value):
    with pytest.raises(ValueError, match=r"\[L313\].*'bank/card'"):
        trained.get_pipe(NAME).thresholds = {"bank/card": value}
    with pytest.raises(ValueError, match=r"\[L313\].*'threshold'"):
        MultilabelTextcatSettings(threshold=value)


def test_unknown_rule_for_missing_labels_is_an_error():
    with pytest.raises(ValueError, match=r"\[L320\]"):
        make_nlp(missing="never")


def test_output_whose_logits_are_not_independent_is_an_error():
    with pytest.raises(ValueError, match=r"\[L323\].*sibling_softmax"):
        make_nlp(model={"output": {"@layers": "spacy-longtail.SiblingSoftmax.v1"}})


def test_labels_of_a_file_bring_their_counts(trained):
    labels = json.loads(json.dumps(trained.get_pipe(NAME).label_data))
    assert labels["n_docs"] == len(DATA)
    nlp = make_nlp()
    nlp.config["training"]["max_epochs"] = -1
    nlp.config["initialize"]["components"][NAME] = {"labels": labels}
    # Of a streamed corpus only a sample is seen.
    nlp.initialize(lambda: make_examples(nlp)[:6])
    assert nlp.get_pipe(NAME).taxonomy == trained.get_pipe(NAME).taxonomy


def test_counts_of_a_streamed_corpus_need_the_number_of_documents(trained):
    nlp = make_nlp()
    nlp.config["training"]["max_epochs"] = -1
    labels = trained.get_pipe(NAME).label_data["counts"]
    nlp.config["initialize"]["components"][NAME] = {"labels": labels}
    with pytest.raises(ValueError, match=r"\[L324\]"):
        nlp.initialize(lambda: make_examples(nlp)[:6])


@pytest.mark.parametrize(
    "loss", ["WeightedBinaryCrossEntropy", "Asymmetric", "DistributionBalanced"]
)
def test_every_binary_loss_learns(loss):
    nlp = make_nlp(loss={"@losses": f"spacy-longtail.{loss}.v1"}, min_count=0)
    first, last = train(nlp, n_updates=1), train(nlp, n_updates=100)
    assert last < 0.2 * first
