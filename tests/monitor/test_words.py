import random

import numpy
import pytest
import spacy

from spacy_longtail.monitor.words import find_new_words, find_topics, find_words


def make_texts(n, seed, n_words=300):
    """Words of a long tail."""
    rng = random.Random(seed)
    weights = [1 / (i + 1) for i in range(n_words)]
    return [
        {f"w{i}" for i in rng.choices(range(n_words), weights, k=6)} for _ in range(n)
    ]


def test_new_words_and_no_others():
    before, now = make_texts(2000, 0), make_texts(1000, 1)
    assert find_new_words(before, now) == []
    for words in now[:20]:
        words |= {"solar", "panel"}
    found = find_new_words(before, now)
    assert {word for word, *_ in found} == {"solar", "panel"}
    assert found[0][1:3] == (0, 20)


def test_few_words_are_new_by_chance():
    """In any of 20 equal periods: about one of them has one."""
    runs = [
        find_new_words(make_texts(400, i), make_texts(400, -1 - i)) for i in range(20)
    ]
    assert sum(map(bool, runs)) <= 4


def test_p_value_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    before = [{"x"}] * 30 + [set()] * 970
    now = [{"x"}] * 90 + [set()] * 410
    ((word, a, b, p),) = find_new_words(before, now)
    assert (word, a, b) == ("x", 30, 90)
    assert p == pytest.approx(stats.hypergeom.sf(89, 1500, 120, 500), rel=1e-6)


def test_words_of_the_same_texts_are_one_topic():
    now = [{"solar", "panel"}] * 3 + [{"solar"}] + [{"strike"}] * 2 + [set()]
    sample = [(f"text {i}", "home" if i < 4 else "trip") for i in range(7)]
    first, second = find_topics(["solar", "strike", "panel"], [{"strike"}], now, sample)
    assert (first.words, first.n_docs, first.label) == (("solar", "panel"), 4, "home")
    assert first.share == pytest.approx(4 / 7)
    assert first.example in {"text 0", "text 1", "text 2"}
    assert (second.words, second.before, second.label) == (("strike",), 1.0, "trip")


def test_words_are_split_as_the_pipeline_does():
    nlp = spacy.blank("en")
    found = list(find_words(nlp, ["The Inverter's 2 panels, don't hum!"]))
    assert found == [{"inverter", "panels", "hum"}]
    n_strings = len(nlp.vocab.strings)
    list(find_words(nlp, [f"word{i} again" for i in "abc"]))
    assert len(nlp.vocab.strings) == n_strings


def test_many_texts_of_a_word_do_not_overflow():
    before, now = [{"x"}] * 5000, [{"x"}] * 4000 + [set()]
    assert find_new_words(before, now) == []
    assert numpy.isfinite([p for *_, p in find_new_words([set()] * 9, now)]).all()
