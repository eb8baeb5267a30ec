import json
import random
import unicodedata

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_longtail import texts
from spacy_longtail.texts import Fingerprint, hash_text


@pytest.mark.parametrize(
    "first, second",
    [
        ("Lost  my\tCARD ", "lost my card"),
        ("lost my card!", "Lost my card !"),
        ("don't (ask)", "don 't ( ask )"),
        ("ﬁne cafe\u0301", "FINE CAFÉ"),
        ("Straße", "STRASSE"),
        ("my\u200bcard\ufeff", "mycard"),
        ("soft\u00adware \u2066now\u2069", "software now"),
    ],
)
def test_the_same_text(first, second):
    assert hash_text(first) == hash_text(second)


@pytest.mark.parametrize(
    "first, second",
    [
        ("lost my card!", "lost my card"),
        ("now here", "nowhere"),
        ("a b", "b a"),
        ("12 3", "1 23"),
        ("café", "cafe"),
    ],
)
def test_another_text(first, second):
    assert hash_text(first) != hash_text(second)


def test_hashes_are_for_ever():
    """Splits and fingerprints of old pipelines depend on them."""
    assert hash_text("lost my card") == 14837411642232935243
    assert hash_text("Où est-ce, déjà ?") == hash_text("OÙ EST-CE, DÉJÀ?")
    assert hash_text("où est-ce, déjà?") == HASH


HASH = 17975559480684047708


@pytest.mark.slow
@given(st.text(max_size=20))
def test_the_form_of_unicode_doesnt_matter(text):
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert hash_text(unicodedata.normalize(form, text)) == hash_text(text)


def make(numbers):
    made = Fingerprint()
    made.add(f"text {i}" for i in numbers)
    return made


@pytest.mark.parametrize("n_texts", [0, 1, 2, 3, 1000, 4097])
def test_texts_are_known_again_after_saving(n_texts):
    saved = json.loads(json.dumps(make(range(n_texts)).to_dict()))
    found = Fingerprint.from_dict(saved, "pipe")
    assert found.n_texts == n_texts
    assert found.count(f"TEXT  {i}" for i in range(n_texts + 500)) == n_texts
    assert found.to_dict() == saved
    found.add(["new", "text 0"])
    assert found.n_texts == max(n_texts, 1) + 1
    assert found.count(["new", "newer"]) == 1


def test_it_is_small():
    """Some 16 bits for each of 50,000 texts, and few others are taken for them."""
    made = Fingerprint()
    rng = numpy.random.RandomState(0)
    made._new.extend(rng.randint(0, 1 << texts.N_BITS, 50_000).tolist())
    assert len(made.to_dict()["data"]) * 6 < 17 * 50_000
    made = Fingerprint.from_dict(made.to_dict(), "pipe")
    others = rng.randint(0, 1 << texts.N_BITS, 100_000).astype("uint32")
    assert numpy.isin(others, made._sort()).mean() < 0.0001


def test_of_very_many_texts_it_keeps_some_and_estimates(monkeypatch):
    monkeypatch.setattr(texts, "MAX_TEXTS", 512)
    made = make(range(5000))
    assert made.n_texts == 512
    made = Fingerprint.from_dict(made.to_dict(), "pipe")
    made.add(f"text {i}" for i in range(4000, 6000))
    assert made.n_texts == 512
    assert 2500 < made.count(f"text {i}" for i in range(3000)) <= 3000
    assert made.count(f"other {i}" for i in range(3000)) == 0


def test_a_few_that_look_known_are_chance(monkeypatch):
    """With 10 bits, 100 texts are taken for one of ten others."""
    monkeypatch.setattr(texts, "N_BITS", 10)
    made = make(range(100))
    assert made.count(f"other {i}" for i in range(300)) == 0
    assert made.count(f"text {i}" for i in range(300)) > 90


def damage(data, rng):
    key = rng.choice(["n", "limit", "data", "gone", "data"])
    if key == "gone":
        return {name: data[name] for name in data if name != rng.choice(list(data))}
    if key == "data":
        place = rng.randrange(len(data["data"]))
        broken = data["data"][:place] + rng.choice("AB/+é=") + data["data"][place + 1 :]
        return {**data, "data": rng.choice([broken, broken[:place], None, 7])}
    values = [-1, 0, 10**15, None, "x", 1e400, [], data[key] + 1]
    return {**data, key: rng.choice(values)}


def test_a_damaged_one_is_an_error_or_reads_as_well():
    data, rng, n_errors = make(range(50)).to_dict(), random.Random(0), 0
    for _ in range(500):
        try:
            assert Fingerprint.from_dict(damage(data, rng), "pipe").n_texts <= 51
        except ValueError as error:
            assert "[L652]" in str(error) and "'pipe'" in str(error)
            n_errors += 1
    assert n_errors > 250
    with pytest.raises(ValueError, match=r"\[L652\]"):
        Fingerprint.from_dict([], "pipe")
