import pytest

PROTOTYPES = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
WORDS = {"@misc": "spacy-longtail.LexicalRanker.v1"}


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
