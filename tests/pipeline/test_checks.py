import pytest
from spacy.util import registry

BAG = {
    "@architectures": "spacy-longtail.StaticBag.v1",
    "vectors": {"@misc": "spacy-longtail.BundledVectors.v2"},
}
RANKER = {"@misc": "spacy-longtail.NoOpRanker.v1"}
LOSSES = {
    "exclusive": ["WeightedCrossEntropy", "ClassBalanced", "LogitAdjusted"],
    "multilabel": ["WeightedBinaryCrossEntropy", "BinaryLogitAdjusted", "Asymmetric"],
}
LOSSES["exclusive"] += ["Focal", "LDAM"]
LOSSES["multilabel"] += ["DistributionBalanced"]
SCORERS = {
    "exclusive": "spacy-longtail.longtail_scorer.v1",
    "multilabel": "spacy-longtail.longtail_multilabel_scorer.v1",
}


def get_other(kind, parts):
    return next(part for name, part in parts.items() if name != kind.name)


def test_losses_for_its_labels_are_taken(kind):
    for name in LOSSES[kind.name]:
        kind.make_nlp(loss={"@losses": f"spacy-longtail.{name}.v1"})


def test_losses_for_other_labels_are_refused(kind):
    """They were trained with, and gave wrong answers."""
    for name in get_other(kind, LOSSES):
        with pytest.raises(ValueError, match=rf"\[L345\] '{kind.factory}'"):
            kind.make_nlp(loss={"@losses": f"spacy-longtail.{name}.v1"})


@pytest.mark.parametrize(
    "loss",
    [
        {"@losses": "CategoricalCrossentropy.v1"},
        {"@losses": "L2Distance.v1"},
        {"@losses": "CosineDistance.v1"},
        {"@optimizers": "Adam.v1"},
        RANKER,
    ],
    ids=str,
)
def test_what_is_no_loss_is_refused(kind, loss):
    # Old releases of spaCy's packages find some of it themselves.
    pattern = r"\[L345\].*\.loss\]|loss\s.* is not callable"
    with pytest.raises(ValueError, match=pattern):
        kind.make_nlp(loss=loss)


def test_scorer_for_other_labels_is_refused(kind):
    scorer = {"@scorers": get_other(kind, SCORERS)}
    with pytest.raises(ValueError, match=r"\[L346\].*\.scorer\]"):
        kind.make_nlp(scorer=scorer)


def test_what_is_no_scorer_is_refused(kind):
    with pytest.raises(ValueError, match=r"\[L346\]"):
        kind.make_nlp(scorer={"@losses": f"spacy-longtail.{LOSSES[kind.name][0]}.v1"})


@pytest.mark.parametrize("scorer", [None, {"@scorers": "spacy.textcat_scorer.v2"}])
def test_other_scorers_may_do_what_they_like(kind, scorer):
    nlp = kind.make_nlp(scorer=scorer)
    examples = kind.make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert "longtail_macro_f" not in nlp.evaluate(examples)


@pytest.mark.parametrize("part", ["ranker", "gate"])
@pytest.mark.parametrize("value", [{"@losses": "spacy-longtail.LDAM.v1"}, "names", 3])
def test_what_is_no_ranker_is_refused(kind, part, value):
    with pytest.raises(ValueError, match=rf"\[L347\].*'{part}'"):
        kind.make_pair(**{part: value})


def test_fallback_needs_a_ranker(kind):
    with pytest.raises(ValueError, match=r"\[L347\].*None"):
        kind.make_pair(ranker=None)


def test_combined_ranker_needs_rankers(kind):
    rankers = {"a": RANKER, "b": {"@losses": "spacy-longtail.LDAM.v1"}}
    with pytest.raises(ValueError, match=r"\[L347\].*'b'"):
        kind.make_pair(
            ranker={"@misc": "spacy-longtail.CombinedRanker.v1", "rankers": rankers}
        )


def test_what_is_no_scorer_of_a_fallback_is_refused(kind):
    with pytest.raises(ValueError, match=r"\[L346\] 'zero_shot_fallback'"):
        kind.make_pair(scorer={"@losses": "spacy-longtail.LDAM.v1"})


MODELS = {
    "of spaCy": {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 1,
        "no_output_layer": False,
    },
    "no model": RANKER,
    "output of Thinc": {"output": {"@layers": "Softmax.v1"}},
    "no output": {"output": RANKER},
    "no encoder": {"encoder": RANKER},
}


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_what_is_no_model_is_refused(kind, model):
    pattern = r"\[L348\].*model|model.*instance of Model expected"
    with pytest.raises(ValueError, match=pattern):
        kind.make_nlp(model=model)


TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 16,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
ENCODERS = {
    "one vector a token": TOK2VEC,
    "pooled again": {
        "@architectures": "spacy-longtail.PooledTok2Vec.v1",
        "tok2vec": BAG,
    },
}


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=list(ENCODERS))
def test_encoder_of_something_else_is_refused_before_training(kind, encoder):
    nlp = kind.make_nlp(model={"encoder": encoder})
    examples = kind.make_examples(nlp)
    with pytest.raises(ValueError, match=r"\[L348\].*model\.encoder"):
        nlp.initialize(lambda: examples)


def test_vectors_that_are_none_are_refused(kind):
    with pytest.raises(ValueError, match=r"\[L201\].*'vectors'"):
        kind.make_nlp(model={"encoder": {**BAG, "vectors": RANKER}})


def test_loss_of_ones_own_is_taken(kind):
    """It needs no class of ours, only what a loss does."""
    name = LOSSES[kind.name][0]
    make = registry.get("losses", f"spacy-longtail.{name}.v1")

    class Loss:
        def __init__(self, taxonomy):
            self.inner = make()(taxonomy)
            self.log_prior = self.inner.log_prior

        def __call__(self, guesses, truths):
            return self.inner(guesses, truths)

    nlp = kind.make_nlp()
    pipe = nlp.get_pipe(kind.factory)
    own = type(pipe)(nlp.vocab, pipe.model, "own", kind=pipe.kind, loss=Loss)
    examples = kind.make_examples(nlp)
    own.initialize(lambda: examples, nlp=nlp)
    assert own.update(examples)["own"] > 0
