"""Each setting at the ends of its range, and beyond: refused, or finite answers."""

import math
from dataclasses import fields

import numpy
import pytest

TEXTS = ["I lost my card", "", "zzqx", "lend me money for a flight to China"]
EXTREMES = [0, 5e-324, 1e-40, 1e-6, 0.5, 1.0, 3.0, 1e6, 1e40, 1.7e308, 10**400]
EXTREMES += [-1.0, math.inf, math.nan, True, None, "x", [], {}, {"": 1.0}, {"bank": 0}]


def check_answers(nlp, kind):
    for doc in nlp.pipe(TEXTS):
        decision = doc._.longtail
        P = numpy.asarray(list(doc.cats.values()))
        pairs = (*decision.levels, *decision.candidates)
        given = [decision.known, decision.probability, *(p for _, p in pairs)]
        for values in (P, numpy.asarray(given)):
            assert ((values >= 0.0) & (values <= 1.0 + 1e-6)).all()
        is_whole = decision.label is not None and len(P) > 3
        if kind.name == "exclusive" and is_whole:
            assert P.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("stage", ["first", "fallback"])
def test_a_setting_is_refused_or_gives_probabilities(kind, stage):
    nlp = kind.load_pair(route_threshold=0.0)
    nlp.get_pipe("zero_shot_fallback").add_label("bank/gold", examples=["a gold bar"])
    pipe = nlp.get_pipe(kind.factory if stage == "first" else "zero_shot_fallback")
    n_refused = 0
    for field in fields(pipe.settings):
        owner = pipe if hasattr(type(pipe), field.name) else pipe.settings
        before = getattr(owner, field.name)
        for value in EXTREMES:
            try:
                setattr(owner, field.name, value)
            except ValueError as error:
                assert str(error).startswith("[L")
                assert getattr(owner, field.name) == before
                n_refused += 1
                continue
            try:
                check_answers(nlp, kind)
            except ValueError as error:
                # A setting that means nothing for this kind of labels.
                assert "[L340]" in str(error) and value
            setattr(owner, field.name, before)
    assert n_refused > len(EXTREMES)


@pytest.mark.parametrize(
    "name, value", [("kappa", 1e6), ("kappa", 1e-40), ("name_examples", 1e6)]
)
def test_trained_at_the_ends(kind, name, value):
    nlp = kind.make_pair(first={name: value})
    losses = kind.train(nlp, n_updates=1)
    assert all(map(math.isfinite, losses.values()))
    check_answers(nlp, kind)


def test_rates_that_are_far_too_high(kind):
    """It learns nothing, but it isn't NaN."""
    high = {"word_learn_rate": 1e6, "bigram_learn_rate": 1e6, "gain_learn_rate": 1e6}
    encoder = {
        "@architectures": "spacy-longtail.StaticBag.v1",
        "vectors": {"@misc": "spacy-longtail.BundledVectors.v2"},
        **high,
    }
    layer = "spacy-longtail.PrototypeSoftmax.v1"
    output = {"@layers": layer, "scale": 1e6, "learn_rate": 1e6, "l2sp": 1e6}
    for model in ({"encoder": encoder}, {"output": output}):
        nlp = kind.make_pair(first={"model": model})
        kind.train(nlp, n_updates=3)
        check_answers(nlp, kind)


@pytest.mark.parametrize("drop", [1.0, -0.1, math.nan])
def test_dropout_of_all(kind, drop):
    nlp = kind.load_nlp()
    with pytest.raises(ValueError, match=r"\[L350\].*below 1.0"):
        nlp.update(kind.make_examples(nlp), drop=drop)
