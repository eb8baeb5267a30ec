import numpy
import pytest

from spacy_longtail.pipeline.fallback.fitting import Case, _get_loss, _search

PROTOTYPES = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
WORDS = {"@misc": "spacy-longtail.LexicalRanker.v1"}


def make_cases(noise):
    """The first stage's row is right, a ranker's row is noise, as far as wanted."""
    random = numpy.random.RandomState(0)
    cases = []
    for i in range(60):
        gold = i % 3
        signal = 1.5 * numpy.eye(3)[gold] + random.randn(3)
        cases.append(Case("abc"[gold], gold, numpy.vstack([signal, noise(random)])))
    return cases


def test_source_of_noise_gets_no_weight():
    weights = _search(make_cases(lambda random: 3 * random.randn(3)), is_free=True)
    assert weights[0] > 0.0
    assert weights[1] <= 0.1 * weights[0]


def test_weight_of_a_single_ranker_stays():
    weights = _search(make_cases(lambda random: 3 * random.randn(3)), is_free=False)
    assert weights[0] == 2.8
    assert weights[1] == 1.0


def test_loss_does_not_depend_on_the_scale():
    cases = make_cases(lambda random: numpy.zeros(3))
    losses = [_get_loss(cases, numpy.asarray([weight, 0.0])) for weight in (1.0, 2.0)]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_each_label_counts_the_same():
    """Nine documents of one label weigh as much as one of another."""
    good, bad = numpy.asarray([[2.0, 0.0]]), numpy.asarray([[0.0, 2.0]])
    cases = [Case("a", 0, good)] * 9 + [Case("b", 0, bad)]
    even = [Case("a", 0, good), Case("b", 0, bad)]
    weights = numpy.ones(1)
    assert _get_loss(cases, weights) == pytest.approx(_get_loss(even, weights))


def test_mixture_weight_is_fitted_and_kept(pair, make_examples):
    pipe = pair.get_pipe("zero_shot_fallback")
    data = [("lend me money", "bank/loan"), ("what does it cost", "bank/fee")] * 8
    found = pipe.fit_mixture(make_examples(pair, data))
    assert found == {"mixture": pipe.settings.mixture_weight}
    assert pair.pipe_names == ["longtail_textcat", "zero_shot_fallback"]
    assert pair("lend me money")._.longtail.label == "bank/loan"


def test_weights_of_combined_rankers_are_fitted_and_saved(
    make_pair, train, make_examples
):
    rankers = {"meaning": PROTOTYPES, "words": WORDS}
    ranker = {"@misc": "spacy-longtail.CombinedRanker.v1", "rankers": rankers}
    nlp = make_pair(ranker=ranker)
    train(nlp, n_updates=2)
    pipe = nlp.get_pipe("zero_shot_fallback")
    data = [("lend me money", "bank/loan"), ("what does it cost", "bank/fee")] * 8
    found = pipe.fit_mixture(make_examples(nlp, data))
    assert set(found) == {"mixture", "meaning", "words"}
    assert pipe.ranker.weights == {key: found[key] for key in rankers}
    loaded = make_pair(ranker=ranker).from_bytes(nlp.to_bytes())
    assert loaded.get_pipe("zero_shot_fallback").ranker.weights == pipe.ranker.weights
    assert loaded("borrow").cats == pytest.approx(nlp("borrow").cats)


def test_too_few_documents_to_fit(pair, make_examples):
    pipe = pair.get_pipe("zero_shot_fallback")
    with pytest.raises(ValueError, match=r"\[L339\].*too few"):
        pipe.fit_mixture(make_examples(pair, [("my card", "bank/card")] * 20))
