import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.vectors.imitate import imitate, make_bags
from spacy_longtail.vectors.word_pieces import index_words

WORDS = ["card", "money", "the", "lost", "##s", "unseen"]
# What the encoder makes of a word: "the" says nothing.
MEANINGS = {"card": [1.0, 0, 0, 0], "money": [0, 1.0, 0, 0], "lost": [0, 0, 1.0, 0]}


@pytest.fixture
def vectors():
    """Rows that all words share much of, so that "the" counts as much as "card"."""
    rows = 0.5 * numpy.eye(6, 4, dtype="float32") + 0.1
    rows[2] = 0.4
    return rows


def make_sentences(n=300):
    """Two words with a meaning each, and "the" as often as it comes."""
    rng = numpy.random.RandomState(0)
    for _ in range(n):
        yield [*rng.choice(list(MEANINGS), 2), *["the"] * rng.randint(4)]


@pytest.fixture
def bags():
    return make_bags(index_words(WORDS), make_sentences())


@pytest.fixture
def targets():
    found = [
        sum(numpy.array(MEANINGS[w]) for w in s if w != "the") for s in make_sentences()
    ]
    return numpy.asarray(found, dtype="float16")


def test_a_bag_is_its_words_and_their_pieces():
    bags = make_bags(index_words(WORDS), [["the", "cards"], ["zz"], [], ["money"]])
    assert bags.starts.tolist() == [0, 3, 3, 3, 4]
    assert bags.rows.tolist() == [2, 0, 4, 1]
    assert bags.weights.tolist() == [1.0, 0.5, 0.5, 1.0]


def test_words_that_say_nothing_become_short(vectors, bags, targets):
    pytest.importorskip("torch")
    found = imitate(vectors, bags, targets, share=1.0, n_epochs=30, rate=0.03)
    assert (found.n_sentences, found.n_held_out) == (270, 30)
    assert found.before < 0.95 < 0.99 < found.after
    lengths = dict(zip(WORDS, numpy.linalg.norm(found.vectors, axis=1), strict=True))
    assert lengths["the"] < 0.3 * lengths["card"]
    assert_array_equal(found.vectors[4:], vectors[4:])
    old_lengths = numpy.linalg.norm(vectors[:4], axis=1)
    assert sum(list(lengths.values())[:4]) == pytest.approx(old_lengths.sum(), rel=1e-5)


def test_a_part_of_the_way(vectors, bags, targets):
    pytest.importorskip("torch")
    none, half, all_of_it = (
        imitate(vectors, bags, targets, share=share).vectors for share in (0, 0.5, 1)
    )
    assert_array_equal(none, vectors)
    assert_allclose(half, (vectors + all_of_it) / 2, atol=1e-6)
    assert not numpy.allclose(half, vectors, atol=1e-3)


def test_the_same_seed_gives_the_same_rows(vectors, bags, targets):
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        first = imitate(vectors, bags, targets).vectors
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert_array_equal(imitate(vectors, bags, targets).vectors, first)
    assert not numpy.array_equal(imitate(vectors, bags, targets, seed=1).vectors, first)


def test_the_space_of_the_encoder_may_be_turned(vectors, bags, targets):
    """Only angles between sentences count, not what axes they are written in."""
    pytest.importorskip("torch")
    axes = numpy.linalg.qr(numpy.random.RandomState(0).randn(6, 6))[0]
    turned = numpy.pad(targets, ((0, 0), (0, 2))).astype("float64") @ axes + 3.0
    found = imitate(vectors, bags, turned.astype("float32"))
    expected = imitate(vectors, bags, targets)
    assert found.after == pytest.approx(expected.after, abs=1e-3)
    assert_allclose(found.vectors, expected.vectors, atol=1e-2)


def test_too_few_sentences(vectors):
    pytest.importorskip("torch")
    bags = make_bags(index_words(WORDS), [["card"]] * 19 + [["zz"]])
    with pytest.raises(ValueError, match=r"\[L263\].*19 sentences"):
        imitate(vectors, bags, numpy.ones((20, 4), dtype="float16"))
