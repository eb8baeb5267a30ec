import numpy
import pytest
import spacy
from thinc.api import Adam

TEXT = "lend me a card for the hotel"
TAU = "spacy-longtail.LogitAdjusted.v1"
# The two labels pooled below "bank" compete with their mean count.
CLASS_COUNTS = {
    "bank/card": 4,
    "bank/fee": 1.5,
    "bank/loan": 1.5,
    "bank/transfer": 3,
    "travel/flight": 3,
    "travel/hotel": 3,
    "travel/visa": 1,
}


@pytest.fixture(
    scope="module", params=[0.0, 0.5, 1.0, None], ids=lambda tau: f"tau={tau}"
)
def shared_nlp(request, make_nlp, train):
    """Trained with logit adjustment at a tau, or with class weights."""
    loss = {"@losses": TAU, "tau": request.param}
    if request.param is None:
        loss = {"@losses": "spacy-longtail.WeightedCrossEntropy.v1"}
    nlp = make_nlp(loss=loss)
    train(nlp, n_updates=2)
    return nlp


@pytest.fixture
def nlp(shared_nlp):
    pipe = shared_nlp.get_pipe("longtail_textcat")
    pipe.prior = "uniform"
    # Softer, so that the prior makes a difference that float32 shows.
    pipe.temperature = 4.0
    return shared_nlp


def add_log_prior(cats, share, temperature=4.0):
    counts = numpy.asarray([CLASS_COUNTS[label] for label in cats])
    logits = temperature * numpy.log(numpy.asarray(list(cats.values()), dtype="d"))
    logits += share * numpy.log(counts / counts.sum())
    P = numpy.exp(logits / temperature)
    return dict(zip(cats, P / P.sum()))


@pytest.mark.parametrize("prior, share", [("train", 1.0), (0.3, 0.3), (1, 1.0)])
def test_prior_of_a_trained_pipe_changes_at_once(nlp, prior, share):
    pipe = nlp.get_pipe("longtail_textcat")
    uniform = nlp(TEXT).cats
    pipe.prior = prior
    by_hand = add_log_prior(uniform, share)
    assert nlp(TEXT).cats == pytest.approx(by_hand, rel=1e-3)
    assert by_hand != pytest.approx(uniform, rel=1e-2)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("prior, share", [("uniform", 0.0), ("train", 1.0)])
def test_what_the_loss_left_in_the_logits_counts(make_nlp, train, tau, prior, share):
    """At a tau of 0 the logits have the prior in them, at 1 they don't."""
    nlp = make_nlp(loss={"@losses": TAU, "tau": tau}, prior=prior, temperature=4.0)
    train(nlp, n_updates=1)
    model = nlp.get_pipe("longtail_textcat").model
    logits = model.predict([nlp.make_doc(TEXT)])[0].astype("float64") / 4.0
    P = dict(zip(CLASS_COUNTS, numpy.exp(logits) / numpy.exp(logits).sum()))
    by_hand = add_log_prior(P, share - (1.0 - tau))
    assert nlp(TEXT).cats == pytest.approx(by_hand, rel=1e-3)


@pytest.mark.parametrize("first, second", [("uniform", 0.0), ("train", 1.0)])
def test_words_and_numbers_mean_the_same(nlp, first, second):
    pipe, cats = nlp.get_pipe("longtail_textcat"), []
    for prior in (first, second):
        pipe.prior = prior
        cats.append(nlp(TEXT).cats)
    assert cats[0] == cats[1]


def test_prior_can_be_put_back(nlp):
    pipe, before = nlp.get_pipe("longtail_textcat"), nlp(TEXT).cats
    pipe.prior = "train"
    pipe.prior = "uniform"
    assert nlp(TEXT).cats == before


def test_prior_of_the_config_is_that_of_the_pipe(make_nlp, train):
    cats = []
    for prior in ("train", "uniform"):
        nlp = make_nlp(prior=prior)
        train(nlp, n_updates=2)
        assert nlp.get_pipe("longtail_textcat").prior == prior
        nlp.get_pipe("longtail_textcat").prior = "train"
        cats.append(nlp(TEXT).cats)
    assert cats[0] == cats[1]


def test_prior_does_not_change_what_is_learned(make_nlp, train):
    models = []
    for prior in ("train", "uniform"):
        nlp = make_nlp(prior=prior)
        train(nlp, n_updates=2)
        models.append(nlp.get_pipe("longtail_textcat").model.to_bytes())
    assert models[0] == models[1]


def test_prior_is_saved(nlp, make_nlp):
    nlp.get_pipe("longtail_textcat").prior = 0.25
    loaded = make_nlp(loss=nlp.get_pipe_config("longtail_textcat")["loss"])
    loaded.from_bytes(nlp.to_bytes())
    assert loaded.get_pipe("longtail_textcat").prior == 0.25
    assert loaded(TEXT).cats == nlp(TEXT).cats


def test_temperature_divides_the_logits(nlp):
    pipe = nlp.get_pipe("longtail_textcat")
    before = nlp(TEXT).cats
    pipe.temperature = 8.0
    P = numpy.asarray(list(before.values()), dtype="d") ** (4.0 / 8.0)
    assert list(nlp(TEXT).cats.values()) == pytest.approx(P / P.sum(), rel=1e-3)


@pytest.mark.parametrize("prior", ["Train", "", None, -0.1, 1.1, float("nan"), True])
def test_rejects_prior(trained, prior):
    pipe = trained.get_pipe("longtail_textcat")
    with pytest.raises(ValueError, match=r"\[L306\].*from 0.0 to 1.0"):
        pipe.prior = prior
    assert pipe.prior == "uniform"


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf"), "1"])
def test_rejects_temperature(trained, temperature):
    pipe = trained.get_pipe("longtail_textcat")
    with pytest.raises(ValueError, match=r"\[L308\].*above 0"):
        pipe.temperature = temperature
    assert pipe.temperature == 1.0


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "3", float("nan"), float("inf")])
def test_rejects_cats_top_k(trained, k):
    pipe = trained.get_pipe("longtail_textcat")
    with pytest.raises(ValueError, match=r"\[L307\].*at least 1"):
        pipe.cats_top_k = k
    assert pipe.cats_top_k is None


def test_a_loss_that_is_overridden_at_load_time_changes_no_answer(kind, tmp_path):
    """Logits are without the prior of the loss that trained them. Another loss is for
    further training, which goes on from there.
    """
    nlp = kind.load_nlp()
    nlp.to_disk(tmp_path)
    key = f"components.{kind.factory}.loss.tau"
    loaded = spacy.load(tmp_path, config={key: 0.0})
    texts = [text for text, _ in kind.data]
    expected = [doc.cats for doc in nlp.pipe(texts)]
    assert [doc.cats for doc in loaded.pipe(texts)] == expected
    loaded.to_disk(tmp_path / "again")
    again = spacy.load(tmp_path / "again")
    assert [doc.cats for doc in again.pipe(texts)] == expected
    again.update(kind.make_examples(again)[:1], sgd=Adam(1e-9))
    for doc, cats in zip(again.pipe(texts), expected):
        assert doc.cats == pytest.approx(cats, abs=1e-4)
