import pytest

PROTOTYPES = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
WORDS = {"@misc": "spacy-longtail.LexicalRanker.v1"}
DATA = [("lend me money", ["bank/loan"]), ("what does it cost", ["bank/fee"])] * 8


def test_mixture_weight_is_fitted_and_kept(nlp, fallback, kind):
    found = fallback.fit_mixture(kind.make_examples(nlp, DATA))
    assert found == {"mixture": fallback.settings.mixture_weight}
    assert nlp.pipe_names == [kind.factory, "zero_shot_fallback"]
    assert nlp("lend me money")._.longtail.label == "bank/loan"
    assert "bank/loan" in nlp("lend me money")._.longtail.labels


def test_weights_of_combined_rankers_are_fitted_and_saved(kind):
    rankers = {"meaning": PROTOTYPES, "words": WORDS}
    ranker = {"@misc": "spacy-longtail.CombinedRanker.v1", "rankers": rankers}
    nlp = kind.load_pair(ranker=ranker)
    pipe = nlp.get_pipe("zero_shot_fallback")
    found = pipe.fit_mixture(kind.make_examples(nlp, DATA))
    assert set(found) == {"mixture", "meaning", "words"}
    assert pipe.ranker.weights == {key: found[key] for key in rankers}
    loaded = kind.make_pair(ranker=ranker).from_bytes(nlp.to_bytes())
    assert loaded.get_pipe("zero_shot_fallback").ranker.weights == pipe.ranker.weights
    assert loaded("borrow").cats == pytest.approx(nlp("borrow").cats)


def test_too_few_documents_to_fit(nlp, fallback, kind):
    examples = kind.make_examples(nlp, [("my card", ["bank/card"])] * 20)
    with pytest.raises(ValueError, match=r"\[L339\].*too few"):
        fallback.fit_mixture(examples)
