import tracemalloc

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal
from spacy.tokens import Doc
from thinc.api import Adam, fix_random_seed

from spacy_longtail.encoders import contract
from spacy_longtail.encoders.static_bag.architecture import build_static_bag
from spacy_longtail.encoders.static_bag.run_cache import RunCache
from spacy_longtail.ops import unit_rows
from spacy_longtail.vectors.table import StaticTable

WORDS = ["dog", "man", "bites", "un", "##kind", "##ly", "mark"]
VECTORS = numpy.random.RandomState(0).randn(len(WORDS), 8).astype("float32")
TABLE = StaticTable.from_arrays(WORDS, VECTORS, name="test")


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


def make_encoder(**settings):
    return build_static_bag(TABLE, **{"min_bigram_count": 1, **settings})


def get_vector(*words):
    """The vectors as the table gives them, rounded to 8 bits."""
    return TABLE.get(numpy.asarray([WORDS.index(word) for word in words]))


def train(encoder, docs, n_updates=60):
    """Pull each document to a direction of its own."""
    targets = numpy.eye(len(docs), 8, dtype="float32")
    optimizer = Adam(0.05, L2=0.0, use_averages=False)
    for _ in range(n_updates):
        Y, backprop = encoder.begin_update(docs)
        backprop(Y - targets)
        encoder.finish_update(optimizer)


def test_document_is_the_mean_of_its_words_to_unit_length(nlp):
    Y = make_encoder().predict([nlp("dog bites man dog")])
    mean = get_vector("dog", "bites", "man", "dog").mean(0, keepdims=True)
    assert_allclose(Y, unit_rows(mean), rtol=1e-5)


def test_unknown_word_is_the_mean_of_its_pieces(nlp):
    Y = make_encoder().predict([nlp("dog unkindly")])
    mean = get_vector("un", "##kind", "##ly").mean(0) + get_vector("dog")
    assert_allclose(Y, unit_rows(mean), rtol=1e-5)


def test_words_are_compared_in_lower_case(nlp):
    Y = make_encoder().predict([nlp("Dog BITES man"), nlp("dog bites man")])
    assert_array_equal(Y[0], Y[1])


def test_white_space_counts_for_nothing(nlp):
    Y = make_encoder().predict([nlp(" dog \n\n bites"), nlp("dog bites")])
    assert_array_equal(Y[0], Y[1])


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "🎉", "zzzz", "\0"])
def test_document_without_known_words_is_a_row_of_zeros(nlp, text):
    encoder = make_encoder()
    Y = encoder.predict([nlp("dog"), nlp(text), nlp("man")])
    assert not Y[1].any()
    assert_allclose((Y[[0, 2]] ** 2).sum(axis=1), 1.0, rtol=1e-5)
    assert_array_equal(encoder.predict([nlp(text)])[0], Y[1])


def test_width_is_known_before_anything_runs():
    assert make_encoder().get_dim("nO") == 8


@pytest.mark.parametrize("bigram_buckets, can_tell", [(1000, True), (0, False)])
def test_bigrams_tell_the_order_of_words(nlp, bigram_buckets, can_tell):
    """The same words at the edges, and the same pairs in the other order."""
    docs = [nlp("dog man bites dog"), nlp("dog bites man dog")]
    encoder = make_encoder(bigram_buckets=bigram_buckets)
    before = encoder.predict(docs)
    assert_allclose(before[0], before[1], atol=1e-6)
    train(encoder, docs)
    Y = encoder.predict(docs)
    assert numpy.allclose(Y[0], Y[1], atol=1e-3) is not can_tell


def test_bigrams_start_at_zero(nlp):
    docs = [nlp("dog bites man")]
    with_bigrams, without = (
        make_encoder(bigram_buckets=1000),
        make_encoder(bigram_buckets=0),
    )
    assert_array_equal(with_bigrams.predict(docs), without.predict(docs))


def test_rare_bigrams_stay_at_zero(nlp):
    """The order of what was observed once can't be learned, of the rest it can."""
    encoder = make_encoder(bigram_buckets=100_000, min_bigram_count=2)
    rare = [nlp("dog bites man"), nlp("man bites dog")]
    common = [nlp("un mark kind"), nlp("kind mark un")]
    contract.observe(encoder, None)
    contract.observe(encoder, rare + 2 * common)
    for docs, differ in ((rare, False), (common, True)):
        train(encoder, docs)
        Y = encoder.predict(docs)
        assert numpy.allclose(Y[0], Y[1], atol=1e-3) is not differ


def test_without_counts_every_bigram_learns(nlp):
    """A streamed corpus can't be counted, so nothing may be held back."""
    encoder = make_encoder(min_bigram_count=2)
    contract.observe(encoder, None)
    docs = [nlp("dog bites man"), nlp("man bites dog")]
    train(encoder, docs)
    Y = encoder.predict(docs)
    assert not numpy.allclose(Y[0], Y[1], atol=1e-3)


def test_words_that_training_never_saw_stay_where_they_are(nlp):
    encoder, docs = make_encoder(), [nlp("dog bites")]
    before = encoder.predict([nlp("man"), nlp("dog")])
    train(encoder, docs)
    after = encoder.predict([nlp("man"), nlp("dog")])
    assert_array_equal(after[0], before[0])
    assert not numpy.allclose(after[1], before[1], atol=0.1)


@pytest.mark.parametrize("rate", ["word_learn_rate", "bigram_learn_rate"])
def test_rate_of_zero_keeps_that_kind_where_it_is(nlp, rate):
    """Bigrams of "dog" alone are those with the edges of the document."""
    encoder, docs = make_encoder(**{rate: 0.0}), [nlp("dog")]
    start = encoder.predict(docs)
    train(encoder, docs)
    alone = build_static_bag(TABLE, bigram_buckets=0)
    learned = encoder.predict([nlp("dog")])
    assert not numpy.allclose(learned, start, atol=0.1)
    # With a word in front, "dog" has other bigrams.
    words = encoder.predict([nlp("man dog man")]), alone.predict([nlp("man dog man")])
    assert numpy.allclose(*words, atol=1e-3) is (rate == "word_learn_rate")


def test_frozen_encoder_learns_nothing(nlp):
    encoder, docs = make_encoder(trainable=False), [nlp("dog bites"), nlp("man")]
    before = encoder.predict(docs)
    train(encoder, docs, n_updates=3)
    assert_array_equal(encoder.predict(docs), before)
    assert contract.is_frozen(encoder) is True
    assert contract.is_frozen(make_encoder()) is False


def test_vector_does_not_depend_on_what_was_encoded_before(nlp):
    """spaCy gives some words, like "mark", a small number in place of a hash, which
    the bigrams of a long document could hit.
    """
    words = [f"zz{i}" for i in range(5000)]
    docs = [Doc(nlp.vocab, words=words)]
    encoder = make_encoder(bigram_buckets=500)
    before = encoder.predict(docs)
    encoder.predict([nlp("mark")])
    assert_array_equal(encoder.predict(docs), before)


HARD_TEXTS = [
    "dog bites man",
    "",
    " \n ",
    "un kindly  dog",
    "京都治疗 dog",
    "ฉันรักภาษาไทย",
]
HARD_TEXTS += ["man unkindly bites man " * 30, "dog", "zz99 " * 9, "Mark mark"]


def make_hard_docs():
    """Of several vocabularies, and with many tokens."""
    blanks = [spacy.blank("en"), spacy.blank("xx")]
    docs = [nlp.make_doc(text) for nlp in blanks for text in HARD_TEXTS]
    return [*docs, Doc(docs[0].vocab, [f"dog{i % 700}" for i in range(5000)])]


@pytest.mark.parametrize("max_rows", [None, 1, 20])
@pytest.mark.parametrize("ngram_width", [0, 32])
def test_vector_does_not_depend_on_the_batch_or_on_what_is_kept(
    monkeypatch, ngram_width, max_rows
):
    fix_random_seed(0)
    encoder, docs = make_encoder(ngram_width=ngram_width), make_hard_docs()
    contract.observe(encoder, docs[:8])
    for _ in range(3):
        Y, backprop = encoder.begin_update(docs[:8])
        targets = numpy.random.RandomState(0).randn(*Y.shape).astype("float32")
        backprop(Y - targets)
        encoder.finish_update(Adam(0.05, L2=0.0, use_averages=False))
    alone = [encoder.copy().predict([doc])[0] for doc in docs]
    if max_rows:
        monkeypatch.setattr(RunCache, "_max_rows", max_rows)
    encoder = encoder.copy()
    for order in (numpy.arange(len(docs)), numpy.random.RandomState(1).permutation(21)):
        for batch in numpy.array_split(order, 4):
            found = encoder.predict([docs[i] for i in batch])
            assert_array_equal(found, [alone[i] for i in batch])
    assert_array_equal(encoder.predict(docs), alone)
    assert numpy.count_nonzero(numpy.any(alone, axis=1)) >= 15


def test_memory_is_bounded_on_a_stream_of_new_words(nlp, monkeypatch):
    monkeypatch.setattr(RunCache, "_max_rows", 50)
    encoder = make_encoder(ngram_width=8)
    kept = encoder.layers[1].layers[0].attrs["kept"]
    for first in range(0, 2000, 20):
        encoder.predict([Doc(nlp.vocab, [f"un{i}" for i in range(first, first + 20)])])
        assert len(kept) < 80


@pytest.mark.parametrize("ngram_width", [0, 256])
def test_long_documents_cost_no_memory_for_vectors_of_their_words(nlp, ngram_width):
    vectors = numpy.random.RandomState(0).randn(2, 256).astype("float32")
    table = StaticTable.from_arrays(["dog", "cat"], vectors, name="test")
    encoder = build_static_bag(table, ngram_width=ngram_width)
    words = [f"dog{i}" for i in range(50)] * 100
    docs = [Doc(nlp.vocab, words) for _ in range(20)]
    encoder.predict(docs[:1])
    tracemalloc.start()
    encoder.predict(docs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 100,000 words of 256 numbers are 102 MB, and as many bigrams.
    assert peak < 50_000_000


def test_copy_encodes_words_that_it_never_saw(nlp):
    encoder, docs = make_encoder(), [nlp("dog bites"), nlp("unkindly")]
    copied = encoder.copy()
    assert_array_equal(copied.predict(docs), encoder.predict(docs))


def test_saved_size_is_that_of_the_rows_that_learned(nlp):
    encoder = make_encoder(bigram_buckets=65536)
    assert len(encoder.to_bytes()) < 2000
    docs = [nlp("dog bites")]
    train(encoder, docs, n_updates=1)
    assert len(encoder.to_bytes()) < 3000


def test_rejects_rows_of_other_vectors(nlp):
    other = StaticTable.from_arrays(WORDS, VECTORS, name="other")
    data = make_encoder().to_bytes()
    with pytest.raises(ValueError, match=r"\[L203\].*'test'.*'other'"):
        build_static_bag(other).from_bytes(data)


@pytest.mark.parametrize("other", ["vectors", "buckets"])
def test_rejects_rows_of_other_features(nlp, other):
    data = make_encoder(bigram_buckets=1000).to_bytes()
    vectors = VECTORS + 1.0 if other == "vectors" else VECTORS
    n_buckets = 1001 if other == "buckets" else 1000
    table = StaticTable.from_arrays(WORDS, vectors, name="test")
    with pytest.raises(ValueError, match=r"\[L361\].*aren't those of the config"):
        build_static_bag(table, bigram_buckets=n_buckets).from_bytes(data)


def test_forgets_what_it_learned_when_a_new_corpus_begins(nlp):
    docs = [nlp("dog bites")]
    encoder = make_encoder()
    before = encoder.predict(docs)
    train(encoder, docs)
    contract.observe(encoder, None)
    assert_array_equal(encoder.predict(docs), before)


def test_same_training_gives_the_same_bytes(nlp):
    docs, saved = [nlp("dog bites man"), nlp("unkindly")], []
    for _ in range(2):
        fix_random_seed(0)
        encoder = make_encoder()
        train(encoder, docs, n_updates=5)
        saved.append(encoder.to_bytes())
    assert saved[0] == saved[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"word_learn_rate": -1.0},
        {"bigram_learn_rate": float("nan")},
        {"bigram_buckets": -1},
        {"min_bigram_count": 0},
    ],
)
def test_rejects_setting_out_of_range(settings):
    with pytest.raises(ValueError, match=r"\[L201\] StaticBag.*of at least"):
        build_static_bag(TABLE, **settings)
