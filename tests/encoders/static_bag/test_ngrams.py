import math

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from thinc.api import Adam, fix_random_seed

from spacy_longtail.encoders import contract
from spacy_longtail.encoders.static_bag import ngrams as ngrams_module
from spacy_longtail.encoders.static_bag.architecture import build_static_bag
from spacy_longtail.encoders.static_bag.ngrams import (
    find_ngrams,
    find_part_ngrams,
    split_word,
    start_rows,
)
from spacy_longtail.vectors.table import StaticTable

WORDS = ["card", "money"]
VECTORS = numpy.eye(2, 8, dtype="float32")
TABLE = StaticTable.from_arrays(WORDS, VECTORS, name="test")
TEXTS = ["lost cards", "a lost card", "cardboard", "", "send money", "money, money"]
NLP = spacy.blank("en")


def get_ngrams(word):
    return find_ngrams([word])[0]


def make_docs(*texts):
    return [NLP.make_doc(text) for text in texts]


def make_encoder(texts=TEXTS, **settings):
    settings = {"ngram_width": 64, "min_ngram_count": 1, **settings}
    fix_random_seed(0)
    encoder = build_static_bag(TABLE, **settings)
    encoder.initialize(X=make_docs("x"))
    contract.observe(encoder, None)
    for text in texts:
        contract.observe(encoder, make_docs(text))
    encoder.predict(make_docs("x"))
    return encoder


def get_halves(encoder):
    static, ngrams = encoder.layers[1].layers
    return static, ngrams


def test_ngrams_of_a_word():
    # <card>, <ca car ard rd>, <car card ard>, <card card>
    assert len(get_ngrams("card")) == len(set(get_ngrams("card"))) == 1 + 4 + 3 + 2
    shared = set(get_ngrams("card")) & set(get_ngrams("cards"))
    # <ca car ard, <car card, <card
    assert len(shared) == 6
    assert not set(get_ngrams("ab")) & set(get_ngrams("ba"))
    assert len(get_ngrams("")) == 1


def test_words_are_read_apart():
    words = ["card", "", "a", "京都", "\ud800", "x" * 200, "ฉันรักภาษาไทย" * 30, "card"]
    keys, lengths = find_ngrams(words)
    for word, found in zip(words, numpy.split(keys, numpy.cumsum(lengths)[:-1])):
        assert found.tolist() == get_ngrams(word).tolist()


def test_a_character_can_be_a_syllable():
    assert set(get_ngrams("東京")) & set(get_ngrams("京都"))
    assert set(get_ngrams("東京都")) & set(get_ngrams("東京"))


@pytest.mark.parametrize("word", ["a" * 100_000, "\ud800", "👩‍👩‍👧", "\x00"])
def test_any_string_has_ngrams(word):
    assert 1 <= len(get_ngrams(word)) <= 1 + 3 * 102


@pytest.mark.parametrize("run,end", [("東京都は", "治療を開始"), ("ฉันรัก", "ภาษาไทย")])
def test_runs_without_spaces_are_read_to_their_end(run, end):
    """A sentence of such a script looks like one word."""
    found = set(get_ngrams(run * 50 + end)) - set(get_ngrams(run * 50))
    assert len(found & set(get_ngrams(end))) > 8
    assert len(get_ngrams(run * 50_000)) < 31_000


def test_a_word_with_an_emoji_or_an_arabic_letter_is_a_word():
    """Their characters come after those of Chinese."""
    for word in ("card😀", "\ufe91\ufedb\ufe97\ufe8e"):
        assert len(get_ngrams(word)) == len(get_ngrams("a" * len(word)))


@pytest.mark.parametrize(
    "word, parts",
    [
        ("kaufmann/-frau", ["kaufmann", "frau"]),
        ("e-mail_address", ["e", "mail", "address"]),
        ("word", ["word"]),
        ("r52.1", ["r52.1"]),
        ("l5-s1", ["l5-s1"]),
        ("...", ["..."]),
        ("_", ["_"]),
        ("c++", ["c"]),
        ("größe-ß", ["größe", "ß"]),
    ],
)
def test_words_of_a_token(word, parts):
    assert split_word(word) == parts
    keys, lengths = find_part_ngrams([word, "last"])
    expected = [*map(get_ngrams, parts)]
    assert_array_equal(keys[: lengths[0]], numpy.concatenate(expected))
    assert_array_equal(keys[lengths[0] :], get_ngrams("last"))


def test_tokens_share_what_their_words_share():
    """Whatever the tokenizer makes of a hyphen."""
    docs = make_docs("money", "x/-money")
    for splits, least, most in ((False, 0.0, 0.95), (True, 0.95, 1.0)):
        encoder = make_encoder(split_words=splits, min_ngram_count=1, texts=TEXTS)
        X = encoder.predict(docs)[:, 8:]
        assert least <= X[0] @ X[1] / numpy.prod(numpy.linalg.norm(X, axis=1)) <= most


def test_what_is_kept_of_words_is_bounded(monkeypatch):
    sizes = {"max_keys": 1000, "max_numbers": 200}
    monkeypatch.setattr(ngrams_module, "NGRAMS_KEPT", sizes)
    texts = [f"本日{chr(0x4E00 + i)}天気" * 20 for i in range(40)]
    encoder = make_encoder(texts)
    _, bag = get_halves(encoder)
    ngrams, table = bag.attrs["ngrams"], bag.shims[0]
    for text in texts:
        encoder(make_docs(text), is_train=True)
        assert ngrams._rows._n_rows <= 200 + 3 * 102
    assert len(table) > 200


def test_keys_stay_what_they_are():
    """Saved rows are found by them."""
    keys = [486999105389507736, 9958652526244057560, 7555294128351853916]
    assert get_ngrams("ab").tolist() == keys


def test_rows_start_far_from_each_other():
    keys = numpy.arange(1, 2001, dtype="uint64")
    X = start_rows(keys, 100)
    assert_allclose(numpy.linalg.norm(X, axis=1), 1.0, rtol=1e-5)
    cosines = (X @ X.T)[numpy.triu_indices(len(X), 1)]
    assert abs(cosines.mean()) < 1e-3
    assert cosines.std() == pytest.approx(100**-0.5, rel=0.05)
    assert_array_equal(start_rows(keys[5:7], 100), X[5:7])


def test_start_is_tf_idf():
    """A random projection of it, which keeps cosines."""
    encoder = make_encoder(ngram_width=4096, word_weight=0.0)
    X = encoder.predict(make_docs(*TEXTS))
    oracle = TfidfVectorizer(
        analyzer=lambda text: [
            key for t in NLP.make_doc(text) for key in get_ngrams(t.lower_).tolist()
        ]
    )
    expected = oracle.fit_transform(TEXTS).toarray()
    assert_allclose(X @ X.T, expected @ expected.T, atol=0.05)


def test_rare_ngrams_have_no_row():
    _, ngrams = get_halves(make_encoder(min_ngram_count=2))
    table = ngrams.shims[0]
    assert (table.find(get_ngrams("lost")) >= 0).all()
    # In one document, though twice.
    assert (table.find(get_ngrams(",")) < 0).all()
    found = table.find(get_ngrams("card"))
    assert (found >= 0).any() and (found < 0).any()


def test_the_most_frequent_have_a_row_if_they_are_too_many():
    _, ngrams = get_halves(make_encoder(max_ngrams=5))
    assert len(ngrams.shims[0]) == 5


def test_length_of_a_row_is_the_idf():
    _, ngrams = get_halves(make_encoder())
    table = ngrams.shims[0]
    rows = table.get(table.find(get_ngrams("lost")))
    assert_allclose(
        numpy.linalg.norm(rows, axis=1), math.log((1 + 6) / (1 + 2)) + 1, rtol=1e-2
    )


def test_weight_is_the_share_in_the_similarity():
    docs = make_docs("lost card", "lost money")
    parts = []
    for weight in (1.0, 0.0, 0.6):
        X = make_encoder(word_weight=weight).predict(docs)
        assert_allclose(numpy.linalg.norm(X, axis=1), 1.0, rtol=1e-5)
        parts.append(float(X[0] @ X[1]))
    assert parts[2] == pytest.approx(0.36 * parts[0] + 0.64 * parts[1], abs=1e-5)


def test_half_of_a_document_can_be_enough():
    X = make_encoder(min_ngram_count=2).predict(make_docs("money", "cards", "qq", ""))
    assert_allclose(numpy.linalg.norm(X, axis=1), [1, 1, 0, 0], atol=1e-5)


def test_gradient_is_derivative_by_the_rows():
    encoder = make_encoder(ngram_dropout=0.0, word_weight=0.6)
    _, ngrams = get_halves(encoder)
    table = ngrams.shims[0]
    docs = make_docs("lost cards", "card money card", "", "money, lost cards")
    weights = numpy.random.RandomState(0).randn(8, 72).astype("float32")
    exact = table._exact.copy()

    def get_loss():
        Y, backprop = encoder.begin_update(docs)
        return float((Y.astype("d") * weights).sum()), backprop

    _, backprop = get_loss()
    backprop(weights)
    rows, grads = table._pending[0]
    for place in range(0, len(rows), 4):
        values = []
        for step in (1e-2, -1e-2):
            table._exact = exact.copy()
            table._exact[rows[place], 3] += step
            values.append(get_loss()[0])
        table._exact = exact.copy()
        numeric = (values[0] - values[1]) / 2e-2
        assert grads[place, 3] == pytest.approx(numeric, rel=0.02, abs=1e-4)


def test_learns_what_it_is_pulled_to():
    encoder = make_encoder(word_weight=0.0)
    docs, optimizer = make_docs("cards", "money"), Adam(0.001)
    target = numpy.zeros((2, 72), dtype="float32")
    target[:, 8] = [1.0, -1.0]
    before = (encoder.predict(docs) * target).sum()
    for _ in range(100):
        Y, backprop = encoder.begin_update(docs)
        backprop(Y - target)
        encoder.finish_update(optimizer)
    assert (encoder.predict(docs) * target).sum() > before + 1.0
    # A word that it never saw is pulled by what it shares.
    assert encoder.predict(make_docs("cardss"))[0, 8] > 0.3


def test_sums_of_words_are_those_of_the_rows_as_they_are_now():
    encoder, docs = make_encoder(), make_docs("lost cards")
    before = encoder.predict(docs)
    Y, backprop = encoder.begin_update(docs)
    backprop(numpy.ones_like(Y))
    encoder.finish_update(Adam(0.1))
    after = encoder.predict(docs)
    assert (after != before).any()
    loaded = make_encoder(["other words"]).from_bytes(encoder.to_bytes())
    assert_array_equal(loaded.predict(docs), after)
    assert_array_equal(make_encoder().predict(docs), before)


def test_rate_of_zero_keeps_ngrams_where_they_are():
    encoder = make_encoder(ngram_learn_rate=0.0, word_weight=0.0)
    docs = make_docs("lost cards")
    before = encoder.predict(docs)
    Y, backprop = encoder.begin_update(docs)
    backprop(numpy.ones_like(Y))
    encoder.finish_update(Adam(0.1))
    assert_array_equal(encoder.predict(docs), before)


def test_dropout_leaves_out_ngrams_in_training_only():
    encoder, docs = make_encoder(ngram_dropout=0.5), make_docs("lost cards")
    trained = [encoder.begin_update(docs)[0] for _ in range(3)]
    assert (trained[0] != trained[1]).any()
    assert_array_equal(encoder.predict(docs), encoder.predict(docs))


def test_more_training_texts_add_ngrams_and_keep_what_was_learned():
    encoder = make_encoder()
    table = get_halves(encoder)[1].shims[0]
    rows, n_rows = table.find(get_ngrams("lost")), len(table)
    before = table.get(rows)
    contract.observe(encoder, make_docs("passport"))
    encoder.predict(make_docs("passport"))
    assert len(table) > n_rows
    assert_array_equal(table.get(rows), before)


def test_ngrams_that_more_texts_add_count_in_words_that_were_read_before():
    encoder = make_encoder(min_ngram_count=2, word_weight=0.0)
    docs = make_docs("passport")
    assert not encoder.predict(docs).any()
    contract.observe(encoder, docs * 2)
    assert encoder.predict(docs).any()


def test_explains_by_ngrams_too():
    encoder, (doc,) = make_encoder(), make_docs("my lost  card")
    parts = contract.split(encoder, doc)
    assert set(parts) == {"words", "bigrams", "ngrams"}
    total = sum(part.sum(axis=0) for part in parts.values())
    assert_allclose(total, encoder.predict([doc])[0], atol=1e-6)
    assert not parts["ngrams"][[token.i for token in doc if token.is_space]].any()


@pytest.mark.parametrize(
    "settings",
    [
        {"ngram_width": -1},
        {"ngram_width": 100_000},
        {"ngram_learn_rate": -1.0},
        {"ngram_dropout": 1.0},
        {"min_ngram_count": 0},
        {"max_ngrams": 0},
        {"word_weight": 1.5},
    ],
)
def test_rejects_setting_out_of_range(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=rf"\[L201\].*{name}"):
        build_static_bag(TABLE, **settings)


def test_characters_that_are_tokens_are_read_together():
    """As spaCy splits Chinese; a sentence that isn't split has the same n-grams."""
    texts = ["治疗糖尿病", "糖尿病视网膜", "A 组,3 型", "", "好", "x y z"]
    found = []
    for lang in ("xx", "zh"):
        nlp = spacy.blank(lang)
        docs = [nlp.make_doc(text) for text in texts]
        encoder = make_encoder([], ngram_width=1024, word_weight=0.0)
        contract.observe(encoder, docs)
        found.append(encoder.predict(docs))
        single = [encoder.predict([doc])[0] for doc in docs]
        assert_array_equal(found[-1], single)
    # All but the third, which is split at other places.
    rows = [0, 1, 3, 4, 5]
    assert_allclose(found[0][rows], found[1][rows], atol=1e-6)
    assert found[1][0] @ found[1][1] > 0.15 > found[1][0] @ found[1][4]


def test_parts_of_a_run_are_what_it_brings():
    doc = spacy.blank("zh").make_doc("治疗 糖尿病A3")
    encoder = make_encoder([], word_weight=0.5)
    contract.observe(encoder, [doc])
    contract.observe(encoder, [doc])
    parts = contract.split(encoder, doc)
    assert parts["ngrams"].shape == (len(doc), 8 + 64)
    total = sum(part.sum(axis=0) for part in parts.values())
    assert_allclose(total, encoder.predict([doc])[0], atol=1e-5)
    assert numpy.linalg.norm(total) == pytest.approx(1.0)
