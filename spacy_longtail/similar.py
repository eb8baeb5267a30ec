"""Find equal and nearly equal texts among millions, by hashes alone."""

import re
from functools import lru_cache
from typing import List, NamedTuple, Sequence, Tuple

import numpy

from .ops import ODD, mix
from .texts import hash_text

# With the signs of scripts like Devanagari and Thai, which are no letters for Python.
WORD = re.compile(r"[\w\u0300-\u036f\u0900-\u109f\u1780-\u17ff]+")
# Those, and marks.
WORDS = re.compile(rf"{WORD.pattern}|[^\w\s]")
# The key of a token that is only white space, and is left out.
SPACE = 0

# 8 bands of 4: a pair that shares 0.7 of its words and word pairs is found in 89 of
# 100 cases, one that shares 0.4 is compared in 19 of 100.
N_BANDS = 8
BAND_SIZE = 4
N_HASHES = N_BANDS * BAND_SIZE
MIN_SIMILARITY = 0.7
# Shorter texts have too few words for a share of them to mean anything.
MIN_WORDS = 4
MAX_PAIRS = 1000
# Pairs that are compared at a time.
PART = 1 << 16


class Prints(NamedTuple):
    """What is remembered of the texts.

    hashes (numpy.ndarray): uint64 hash of each text, 0 without a word, (texts,).
    signatures (numpy.ndarray): uint32 minimum hashes, of shape (texts, N_HASHES).
    lengths (numpy.ndarray): Words of each text.
    """

    hashes: numpy.ndarray
    signatures: numpy.ndarray
    lengths: numpy.ndarray


class NearPair(NamedTuple):
    """Two texts with different labels."""

    first: int
    second: int
    similarity: float


@lru_cache(maxsize=1 << 18)
def get_key(word: str) -> int:
    """RETURNS (int): Hash of a word without its case, SPACE if it's white space."""
    return (hash_text(word) or 1) if word.strip() else SPACE


def print_texts(texts: Sequence[str]) -> Prints:
    """RETURNS (Prints): Of texts, whose words are found by a simple rule, without the
    marks between them.
    """
    tokens = [WORD.findall(text) for text in texts]
    keys = [get_key(word) for words in tokens for word in words]
    found = map(hash_text, map(" ".join, tokens))
    hashes = numpy.fromiter(found, "uint64", len(texts))
    lengths = numpy.asarray([*map(len, tokens)], dtype="int64")
    return make_prints(numpy.asarray(keys, dtype="uint64"), lengths, hashes)


def make_prints(
    keys: numpy.ndarray, lengths: numpy.ndarray, hashes: numpy.ndarray
) -> Prints:
    """Hash the words of texts, given the uint64 hash of each word, text after text, and
    the number of words and the hash of each text.
    """
    signatures = numpy.full((len(lengths), N_HASHES), 0xFFFFFFFF, dtype="uint32")
    filled = numpy.flatnonzero(lengths)
    if len(filled):
        ends = lengths[filled].cumsum()
        starts = ends - lengths[filled]
        # A word, and with the word before it a pair of words. The first has none.
        pairs = numpy.zeros_like(keys)
        pairs[1:] = mix(keys[:-1]) + keys[1:]
        pairs[starts] = keys[starts]
        for i in range(N_HASHES):
            salt = numpy.uint64((i + 1) * ODD % 2**64)
            smallest = numpy.minimum(mix(keys ^ salt), mix(pairs ^ salt))
            minima = numpy.minimum.reduceat(smallest, starts)
            signatures[filled, i] = (minima >> numpy.uint64(32)).astype("uint32")
    return Prints(numpy.where(lengths > 0, hashes, 0), signatures, lengths)


def find_conflicts(
    hashes: numpy.ndarray, labels: numpy.ndarray, *, limit: int
) -> Tuple[int, int, List[numpy.ndarray]]:
    """Find equal texts. Those without a word have nothing in common.

    hashes, labels (numpy.ndarray): Hash, and id of the labels, of each text, (texts,).
    limit (int): Most conflicts to return.
    RETURNS (Tuple[int, int, List[numpy.ndarray]]): How many repeat the text and labels
        of an earlier one, how many distinct texts have different labels, and the rows
        of the most frequent of these.
    """
    rows = numpy.flatnonzero(hashes)
    own = labels[rows]
    _, first, texts = numpy.unique(hashes[rows], return_index=True, return_inverse=True)
    n_distinct = len(numpy.unique(texts * (labels.max(initial=0) + 1) + own))
    in_conflict = numpy.unique(texts[own != own[first[texts]]])
    order = numpy.argsort(-numpy.bincount(texts)[in_conflict], kind="stable")
    chosen = in_conflict[order[:limit]]
    groups = [rows[texts == text] for text in chosen]
    return len(rows) - n_distinct, len(in_conflict), groups


def find_near_pairs(
    prints: Prints, labels: numpy.ndarray, *, limit: int = MAX_PAIRS
) -> Tuple[int, List[NearPair]]:
    """Find texts that are nearly equal, but not equal, and have different labels.

    Not every such pair is found: within what looks alike, only neighbours by label
    are compared, so that the time grows with the texts and not with their square.

    labels (numpy.ndarray): Id of the labels of each text, of shape (texts,).
    limit (int): Most pairs to return.
    RETURNS (Tuple[int, List[NearPair]]): How many there are, and the most similar. The
        similarity is estimated, of the sets of words and word pairs: shared over all.
    """
    long_enough = numpy.flatnonzero(prints.lengths >= MIN_WORDS)
    found = [
        _get_candidates(prints, labels, long_enough, band) for band in range(N_BANDS)
    ]
    # As one number a pair, because numpy.unique is slow with rows.
    n_texts = max(len(labels), 1)
    candidates = numpy.unique(numpy.concatenate(found))
    similarity = numpy.zeros(len(candidates), dtype="float32")
    for start in range(0, len(candidates), PART):
        first, second = numpy.divmod(candidates[start : start + PART], n_texts)
        equal = prints.signatures[first] == prints.signatures[second]
        similarity[start : start + PART] = equal.mean(axis=1)
    chosen = numpy.flatnonzero(similarity >= MIN_SIMILARITY)
    top = chosen[numpy.argsort(-similarity[chosen], kind="stable")][:limit]
    return len(chosen), [
        NearPair(*divmod(int(candidates[i]), n_texts), float(similarity[i]))
        for i in top
    ]


def find_copies(prints: Prints) -> numpy.ndarray:
    """Find texts that are equal or nearly so, whatever their labels.

    RETURNS (numpy.ndarray): For each text, the first one that it is a copy of, or a
        copy of a copy; itself if there is none. int64, of shape (texts,).
    """
    first = numpy.arange(len(prints.hashes))
    rows = numpy.flatnonzero(prints.hashes)
    _, start, group = numpy.unique(
        prints.hashes[rows], return_index=True, return_inverse=True
    )
    first[rows] = rows[start[group]]
    long_enough = numpy.flatnonzero(prints.lengths >= MIN_WORDS)
    pairs = [_pair_with_first(prints, long_enough, i) for i in range(N_BANDS)]
    found = numpy.unique(numpy.concatenate(pairs), axis=0)
    for start in range(0, len(found), PART):
        ends = found[start : start + PART].T
        equal = prints.signatures[ends[0]] == prints.signatures[ends[1]]
        for own, other in ends[:, equal.mean(axis=1) >= MIN_SIMILARITY].T.tolist():
            tops = _find_top(first, own), _find_top(first, other)
            first[max(tops)] = min(tops)
    while not (first[first] == first).all():
        first = first[first]
    return first


def _find_top(first: numpy.ndarray, row: int) -> int:
    while first[row] != row:
        row = int(first[row])
    return row


def _pair_with_first(prints: Prints, rows: numpy.ndarray, band: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Rows that look alike in a band, each with the first of
    these, of shape (pairs, 2).
    """
    keys = _make_keys(prints, rows, band)
    order = numpy.argsort(keys, kind="stable")
    keys, ordered = keys[order], rows[order]
    is_first = numpy.ones(len(keys), dtype=bool)
    is_first[1:] = keys[1:] != keys[:-1]
    leaders = ordered[is_first][numpy.cumsum(is_first) - 1]
    return numpy.stack([leaders, ordered], axis=1)[~is_first]


def _make_keys(prints: Prints, rows: numpy.ndarray, band: int) -> numpy.ndarray:
    part = prints.signatures[rows, band * BAND_SIZE : (band + 1) * BAND_SIZE]
    keys = numpy.zeros(len(rows), dtype="uint64")
    for column in range(BAND_SIZE):
        keys = mix(keys + part[:, column].astype("uint64") + numpy.uint64(ODD))
    return keys


def _get_candidates(
    prints: Prints, labels: numpy.ndarray, rows: numpy.ndarray, band: int
) -> numpy.ndarray:
    keys = _make_keys(prints, rows, band)
    order = numpy.lexsort((labels[rows], keys))
    keys, ordered = keys[order], rows[order]
    first, second = ordered[:-1], ordered[1:]
    is_pair = (
        (keys[1:] == keys[:-1])
        & (labels[first] != labels[second])
        & (prints.hashes[first] != prints.hashes[second])
    )
    first, second = first[is_pair], second[is_pair]
    smaller = numpy.minimum(first, second)
    return smaller * len(labels) + numpy.maximum(first, second)
