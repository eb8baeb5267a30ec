import numpy
import pytest
from numpy.testing import assert_array_equal

from spacy_longtail.similar import (
    find_conflicts,
    find_copies,
    find_near_pairs,
    get_key,
    make_prints,
    print_texts,
)
from spacy_longtail.texts import hash_text


def prints_of(*texts):
    words = [text.split() for text in texts]
    keys = [get_key(word) for text in words for word in text]
    lengths = numpy.asarray([len(text) for text in words])
    hashes = numpy.asarray([hash_text(text) for text in texts], dtype="uint64")
    return make_prints(numpy.asarray(keys, dtype="uint64"), lengths, hashes)


def features(text):
    words = text.split()
    return set(words) | set(zip(words, words[1:]))


def test_equal_texts_have_equal_hashes():
    hashes = prints_of("my Card", "", "card my", "MY card", "my").hashes
    assert hashes[0] == hashes[3]
    assert hashes[1] == 0
    assert len(set(hashes.tolist())) == 4


def test_a_text_has_the_same_print_in_any_company():
    together = prints_of("a b c", "", "d e", "f")
    for row, text in enumerate(("a b c", "", "d e", "f")):
        alone = prints_of(text)
        assert alone.hashes[0] == together.hashes[row]
        assert_array_equal(alone.signatures[0], together.signatures[row])


def test_signatures_estimate_the_similarity():
    """Over many pairs, the mean is that of the sets of words and word pairs."""
    random = numpy.random.RandomState(0)
    differences = []
    for _ in range(200):
        words = random.randint(0, 1000, size=12).astype(str)
        other = words.copy()
        other[random.randint(12)] = "new"
        texts = " ".join(words), " ".join(other)
        first, second = prints_of(*texts).signatures
        sets = [features(text) for text in texts]
        true = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        differences.append((first == second).mean() - true)
    assert abs(numpy.mean(differences)) < 0.02
    assert numpy.std(differences) < 0.1


def test_near_pairs_have_other_labels_and_other_texts():
    texts = [
        "how high is my credit limit for my bank card please",
        "how high is my credit limit for my bank card thanks",
        "how high is my credit limit for my bank card please",
        "where can I book a table for two people tonight",
        "where can I book a table for two people today",
    ]
    prints = prints_of(*texts)
    n_pairs, pairs = find_near_pairs(prints, numpy.asarray([0, 1, 2, 3, 3]))
    assert n_pairs == len(pairs)
    assert {(pair.first, pair.second) for pair in pairs} <= {(0, 1), (1, 2)}
    assert pairs and pairs[0].similarity >= 0.7
    assert find_near_pairs(prints, numpy.zeros(5, dtype="int64")) == (0, [])
    limited = find_near_pairs(prints, numpy.asarray([0, 1, 2, 3, 3]), limit=0)
    assert limited == (n_pairs, [])


@pytest.mark.parametrize("texts", [("a b", "a c"), ("", "")])
def test_short_texts_are_not_compared(texts):
    assert find_near_pairs(prints_of(*texts), numpy.asarray([0, 1])) == (0, [])


def test_equal_texts_are_grouped_in_their_order():
    hashes = numpy.asarray([5, 3, 5, 0, 9, 3, 5, 9, 0], dtype="uint64")
    labels = numpy.asarray([1, 0, 2, 0, 0, 1, 1, 0, 1])
    n_repeated, n_conflicts, groups = find_conflicts(hashes, labels, limit=5)
    # 5 with the same labels, and 9. Texts without a word are left out.
    assert (n_repeated, n_conflicts) == (2, 2)
    assert [group.tolist() for group in groups] == [[0, 2, 6], [1, 5]]
    limited = find_conflicts(hashes, labels, limit=1)
    assert [group.tolist() for group in limited[2]] == [[0, 2, 6]]


def test_copies_have_the_first_of_them():
    texts = [
        "how high is my credit limit for my bank card please",
        "a table for two",
        "How high is my credit limit for my bank card, please!",
        "",
        "how high is my credit limit for my bank card please thanks",
        "A table for two",
        "how high is your credit limit for the gold card of the bank",
        "a table for ten",
        "",
    ]
    assert find_copies(print_texts(texts)).tolist() == [0, 1, 0, 3, 0, 1, 6, 7, 8]
    assert find_copies(print_texts([])).tolist() == []


def test_copies_of_copies_are_copies():
    """Each shares most with the next one, and the ends share little."""
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(words[i : i + 40]) for i in range(0, 21, 2)]
    assert find_copies(print_texts(texts)).tolist() == [0] * len(texts)
