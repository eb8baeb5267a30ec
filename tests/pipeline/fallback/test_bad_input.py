import numpy
import pytest
import spacy

from spacy_longtail.pipeline.settings import FallbackSettings
from spacy_longtail.questions import Ranking


def test_without_a_first_stage(make_examples):
    nlp = spacy.blank("xx")
    nlp.add_pipe("zero_shot_fallback")
    with pytest.raises(ValueError, match=r"\[L330\].*no such 'longtail_textcat'"):
        nlp.initialize(lambda: make_examples(nlp))
    with pytest.raises(ValueError, match=r"\[L330\]"):
        nlp("x")


def test_source_that_is_something_else(make_nlp, make_examples):
    nlp = make_nlp()
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("zero_shot_fallback", config={"source": "sentencizer"})
    with pytest.raises(ValueError, match=r"\[L330\].*'sentencizer'"):
        nlp.initialize(lambda: make_examples(nlp))


def test_before_the_first_stage(make_nlp, make_examples):
    nlp = make_nlp()
    nlp.add_pipe("zero_shot_fallback", first=True)
    with pytest.raises(ValueError, match=r"\[L331\].*after"):
        nlp.initialize(lambda: make_examples(nlp))


def test_initialized_before_the_first_stage(kind):
    nlp = kind.make_pair()
    examples = kind.make_examples(nlp)
    with pytest.raises(ValueError, match=r"\[L301\]"):
        nlp.get_pipe("zero_shot_fallback").initialize(lambda: examples, nlp=nlp)


def test_not_initialized(kind):
    nlp = kind.make_nlp()
    kind.train(nlp, n_updates=1)
    nlp.add_pipe("zero_shot_fallback", config={"source": kind.factory})
    with pytest.raises(ValueError, match=r"\[L338\]"):
        nlp("x")


def test_first_stage_that_pools_nothing_gives_a_warning_once(kind):
    nlp = kind.make_pair(min_count=0)
    with pytest.warns(UserWarning, match=r"\[LW401\].*min_count") as found:
        kind.train(nlp, n_updates=1)
        docs = list(nlp.pipe(["my card", "a room"]))
        nlp("x")
    assert sum("LW401" in str(warning.message) for warning in found) == 1
    assert [doc._.longtail.stage for doc in docs] == [kind.factory] * 2
    assert nlp.get_pipe("zero_shot_fallback").stats["routed"] == 0


@pytest.mark.parametrize(
    "scores",
    [
        Ranking([numpy.asarray([0.0, numpy.nan])] * 2),
        Ranking([numpy.asarray([0.0, numpy.inf])] * 2),
        Ranking([numpy.asarray([0.0])] * 2),
        Ranking([numpy.asarray([0.0, 1.0])]),
        Ranking([numpy.zeros(2)] * 2, margins=numpy.full((2, 1), numpy.nan)),
        Ranking([numpy.zeros(2)] * 2, margins=numpy.zeros((2, 3))),
        Ranking([numpy.zeros(2)] * 2, similarity=numpy.asarray([0.5, numpy.nan])),
    ],
)
def test_scores_that_cannot_be_used_write_nothing(nlp, fallback, monkeypatch, scores):
    fallback.settings.route_threshold = 0.0
    fallback.add_label("security")
    nlp("x")
    with nlp.select_pipes(disable=["zero_shot_fallback"]):
        docs = list(nlp.pipe(["my card", "lend me money"]))
    before = [(dict(doc.cats), doc._.longtail) for doc in docs]
    monkeypatch.setattr(fallback.ranker, "rank", lambda *args, **kwargs: scores)
    with pytest.raises(ValueError, match=r"\[L404\] PrototypeRanker.*Nothing was"):
        list(fallback.pipe(docs))
    assert [(dict(doc.cats), doc._.longtail) for doc in docs] == before


def test_error_handler_gets_the_documents(nlp, fallback, monkeypatch):
    nlp("x")
    found = []
    fallback.set_error_handler(
        lambda name, proc, docs, error: found.append((name, docs))
    )
    nan = Ranking([numpy.asarray([numpy.nan, 0.0])])
    monkeypatch.setattr(fallback.ranker, "rank", lambda *args, **kwargs: nan)
    fallback.settings.route_threshold = 0.0
    assert list(nlp.pipe(["lend me money"])) == []
    nlp("lend me money")
    assert [(name, len(docs)) for name, docs in found] == [(fallback.name, 1)] * 2


@pytest.mark.parametrize(
    "name, value, code",
    [
        ("route_threshold", 1.5, "L337"),
        ("abstain_threshold", 2, "L337"),
        ("route_threshold", -0.1, "L312"),
        ("mixture_weight", float("nan"), "L312"),
        ("trust", "a lot", "L312"),
        ("gate_slack", -1.0, "L312"),
        ("route_below", None, "L312"),
    ],
)
def test_setting_out_of_range(name, value, code):
    with pytest.raises(ValueError, match=rf"\[{code}\].*'{name}'"):
        FallbackSettings(**{name: value})
    settings = FallbackSettings()
    with pytest.raises(ValueError, match=rf"\[{code}\].*'{name}'"):
        setattr(settings, name, value)
    assert settings == FallbackSettings()


@pytest.mark.parametrize("max_examples", [-2, -1])
def test_max_examples_out_of_range(max_examples):
    with pytest.raises(ValueError, match=r"\[L337\].*'max_examples'"):
        spacy.blank("xx").add_pipe(
            "zero_shot_fallback", config={"max_examples": max_examples}
        )


def test_description_of_an_unknown_label(kind):
    nlp = kind.make_pair()
    settings = {"descriptions": {"bank/gold": "metal"}}
    nlp.config["initialize"]["components"]["zero_shot_fallback"] = settings
    with pytest.raises(ValueError, match=r"\[L022\].*bank/gold"):
        nlp.initialize(lambda: kind.make_examples(nlp))


def test_file_of_a_newer_version(fallback, monkeypatch):
    monkeypatch.setattr("spacy_longtail.pipeline.fallback.saved.FORMAT", 99)
    data = fallback.to_bytes()
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"\[L305\].*99"):
        fallback.from_bytes(data)
