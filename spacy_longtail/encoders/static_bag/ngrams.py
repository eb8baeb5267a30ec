import re
from itertools import chain
from typing import Any, List, Optional, Tuple

import numpy
from spacy.strings import get_string_id  # type: ignore[attr-defined]  # Cython

from ...ops import ODD, get_idf, mix, spread_runs
from .row_table import RowTable
from .run_cache import RunCache, Runs, RunsT
from .sums import sum_rows
from .words import DENSE, Strings, Words

# Longer words are no words: their first characters stand for them. Where words aren't
# separated by spaces, a whole sentence or text can look like one.
MAX_LENGTH, MAX_RUN = 100, 10_000
# Read at once, so that they take at most 20 MB.
MAX_CHARACTERS = 100_000
# Of the n-grams of words, 32 MB, and of their sums, 64 MB.
NGRAMS_KEPT = {"max_keys": 65_536, "max_numbers": 4_000_000}
SUMS_KEPT = {"max_keys": 65_536, "max_numbers": 16_000_000}
BEGIN, END = ord("<"), ord(">")
# Others that are written without spaces: Thai, Lao, Tibetan, Burmese, Khmer, Tai.
RUNS = re.compile("[\u0e01-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\ua9e0-\uaadf]")
# Odd numbers, so that no two n-grams of different characters are the same by design.
FACTORS = mix(numpy.arange(1, MAX_LENGTH + 3, dtype="uint64")) | numpy.uint64(1)


def find_ngrams(words: List[str]) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Find the character n-grams of words between their edges, and each word itself: 3
    to 5 characters, 1 to 3 where a character is a syllable or a word. Of scripts
    without spaces, a word can be a sentence; then they go across its words.

    Source: subwords after Bojanowski et al. (2017), "Enriching Word Vectors with
        Subword Information", section 3.2. https://arxiv.org/abs/1607.04606

    words (List[str]): At least one.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Their keys, one word after another,
        uint64 array of shape (n-grams,), and how many each word has, int64, (words,).
    """
    if len(words) > 1 and sum(map(len, words)) > MAX_CHARACTERS:
        half = len(words) // 2
        parts = find_ngrams(words[:half]), find_ngrams(words[half:])
        keys, lengths = map(numpy.concatenate, zip(*parts))
        return keys, lengths
    codes, sizes, lowest = _read_characters(words)
    starts, owners = numpy.cumsum(sizes) - sizes, numpy.arange(len(sizes)).repeat(sizes)
    places = numpy.arange(len(codes)) - starts[owners]
    # A long word is what its first characters say.
    factors = FACTORS[numpy.minimum(places, len(FACTORS) - 1)]
    wholes = numpy.add.reduceat(codes * factors * (places < len(FACTORS)), starts)
    keys, found = [wholes], [numpy.arange(len(sizes))]
    sums = numpy.zeros_like(codes)
    for n in range(1, 6):
        # Of what starts at each character.
        sums = sums[: len(codes) - n + 1] + codes[n - 1 :] * FACTORS[n - 1]
        owner, place = owners[: len(sums)], places[: len(sums)]
        size, least = sizes[owner], lowest[owner]
        is_ngram = (place + n <= size) & (n < size) & (least <= n) & (n < least + 3)
        if n == 1:
            is_ngram &= (place > 0) & (place < size - 1)
        keys.append(sums[is_ngram] + numpy.uint64(n))
        found.append(owner[is_ngram])
    owners = numpy.concatenate(found)
    order = numpy.argsort(owners, kind="stable")
    lengths = numpy.bincount(owners, minlength=len(sizes))
    return mix(numpy.concatenate(keys)[order]), lengths


# What parts the words of a token, as in "Kaufmann/-frau" and "e-mail_address".
SEPARATORS = re.compile(r"[\W_]+")


def split_word(word: str) -> List[str]:
    """RETURNS (List[str]): The words that a token is made of, as it is without any. A
    token with a digit, like "R52.1", is a code or a number: what its parts have in
    common with others means little.
    """
    if any(map(str.isdigit, word)):
        return [word]
    return [part for part in SEPARATORS.split(word) if part] or [word]


def find_part_ngrams(words: List[str]) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Find the n-grams of the words that each token is made of: how tokenizers split
    hyphens and slashes differs by language.

    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): See find_ngrams.
    """
    parts = [*map(split_word, words)]
    keys, lengths = find_ngrams([*chain.from_iterable(parts)])
    owners = numpy.arange(len(words)).repeat([*map(len, parts)])
    totals = numpy.bincount(owners, weights=lengths, minlength=len(words))
    return keys, totals.astype("int64")


def _read_characters(
    words: List[str],
) -> Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]): The characters of
    words and their edges, uint64; how many each word has, and how many the shortest of
    its n-grams, both int64, (words,).
    """
    texts, lowest = [], []
    for word in words:
        is_dense = is_run = False
        if not word.isascii():
            word = word[:MAX_RUN]
            is_dense = DENSE.search(word) is not None
            is_run = is_dense or RUNS.search(word) is not None
        texts.append(word if is_run else word[:MAX_LENGTH])
        lowest.append(1 if is_dense else 3)
    sizes = numpy.asarray([len(text) + 2 for text in texts], dtype="int64")
    ends = numpy.cumsum(sizes)
    codes = numpy.zeros(int(sizes.sum()), dtype="uint64")
    codes[ends - sizes], codes[ends - 1] = BEGIN, END
    is_inner = numpy.ones(len(codes), dtype="bool")
    is_inner[ends - sizes] = is_inner[ends - 1] = False
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes[is_inner] = numpy.frombuffer(joined, "<u4")
    return codes, sizes, numpy.asarray(lowest, dtype="int64")


def join_characters(words: Words) -> Tuple[Words, numpy.ndarray]:
    """Join neighbouring words that are one character of a dense script each, as spaCy
    splits Chinese, so that n-grams go across them.

    RETURNS (Tuple[Words, numpy.ndarray]): The words, and how many of those before each
        of them is, int64, (words,).
    """
    is_dense, n_words = words.is_dense, len(words.hashes)
    if not (is_dense[1:] & is_dense[:-1]).any():
        return words, numpy.ones(n_words, dtype="int64")
    owners = words.owners
    follows = numpy.zeros(n_words, dtype="bool")
    follows[1:] = is_dense[1:] & is_dense[:-1] & (owners[1:] == owners[:-1])
    starts = numpy.flatnonzero(~follows)
    sizes = numpy.diff(numpy.append(starts, n_words))
    hashes, runs = words.hashes[starts], {}
    for i in numpy.flatnonzero(sizes > 1).tolist():
        parts = words.hashes[starts[i] : starts[i] + sizes[i]].tolist()
        text = "".join(map(words.strings.find, parts))
        hashes[i] = get_string_id(text)
        runs[int(hashes[i])] = text
    lengths = numpy.bincount(owners[starts], minlength=len(words.lengths))
    strings = Strings([*words.strings.stores, runs])
    return Words(hashes, lengths, numpy.zeros(len(hashes), "?"), strings), sizes


def start_rows(keys: numpy.ndarray, width: int) -> numpy.ndarray:
    """Make the start of the row of each key, random and always the same: sums of such
    rows are nearly as far apart as the n-grams that they stand for.

    Source: random projections of signs, Achlioptas (2003), "Database-friendly Random
        Projections", theorem 1.1. https://doi.org/10.1016/S0022-0000(03)00025-4

    RETURNS (numpy.ndarray): Unit vectors, float32 array of shape (keys, width).
    """
    numbers = numpy.arange(1, -(-width // 64) + 1, dtype="uint64")
    bits = mix(keys[:, None] + numbers * numpy.uint64(ODD)).astype("<u8")
    signs = numpy.unpackbits(bits.view("uint8"), axis=1)[:, :width]
    return (signs.astype("float32") * 2 - 1) / numpy.float32(width**0.5)


class NgramRows:
    """Knows which rows of a table the n-grams of words have, and their sum by word.

    Those that occur in at least min_count documents of the training corpus have one,
    the most frequent ones if they are too many. A row starts as long as the n-gram's
    inverse document frequency.

    width (int): Of the rows.
    min_count (int): Documents, from 1.
    max_rows (int): Most rows, from 1.
    splits (bool): Whether to find those of the words that a token is made of.
    """

    def __init__(
        self, width: int, min_count: int, max_rows: int, splits: bool = False
    ) -> None:
        self.width = width
        self.min_count = min_count
        self.max_rows = max_rows
        self.splits = splits
        self._find = find_part_ngrams if splits else find_ngrams
        self._n_docs = 0
        # Keys of n-grams and the number of documents that have them, by batch, and the
        # rows of the table that they are for.
        self._counted: List[Tuple[numpy.ndarray, numpy.ndarray]] = []
        self._counted_for: Any = None
        # The rows of words, and their sums.
        self._rows = RunCache((), "int64", **NGRAMS_KEPT)
        self._sums = RunCache((width,), "float32", **SUMS_KEPT)

    def count(self, table: RowTable, words: Optional[Words]) -> None:
        """Count the n-grams of training documents. None forgets what was counted."""
        if words is None or self._counted_for is not table.index:
            self._counted, self._n_docs, self._counted_for = [], 0, table.index
        self._n_docs += 0 if words is None else len(words.lengths)
        words = None if words is None else join_characters(words)[0]
        if words is not None and len(words.hashes):
            hashes, inverse = numpy.unique(words.hashes, return_inverse=True)
            found, lengths = self._find([*map(words.strings.find, hashes.tolist())])
            keys, numbers = numpy.unique(found, return_inverse=True)
            lengths, starts = (
                lengths[inverse],
                (numpy.cumsum(lengths) - lengths)[inverse],
            )
            numbers = numbers[spread_runs(starts, lengths)]
            # An n-gram counts once for each document.
            pairs = words.owners.repeat(lengths) * len(keys) + numbers
            pairs = numpy.unique(pairs) % len(keys)
            self._counted.append((keys, numpy.bincount(pairs, minlength=len(keys))))

    def settle(self, table: RowTable) -> None:
        """Give a row to each n-gram that was counted often enough and has none. Nothing
        happens without a count, or if the table was loaded since.
        """
        if not self._counted or self._counted_for is not table.index:
            return
        found, parts = map(numpy.concatenate, zip(*self._counted))
        keys, inverse = numpy.unique(found, return_inverse=True)
        counts = numpy.bincount(inverse, weights=parts).astype("int64")
        self._counted = []
        is_new = (counts >= self.min_count) & (table.find(keys) < 0)
        places = numpy.flatnonzero(is_new)
        order = numpy.argsort(-counts[places], kind="stable")
        places = numpy.sort(places[order[: max(self.max_rows - len(table), 0)]])
        idf = get_idf(counts[places], self._n_docs).astype("float32")
        start = start_rows(keys[places], table.width) * idf[:, None]
        # A row twice as long moves twice as far in units of its own length.
        table.add(keys[places], start, idf)

    def find(self, table: RowTable, hashes: numpy.ndarray, strings: Strings) -> Runs:
        """RETURNS (Runs): The rows that the n-grams of words have in the table."""

        def find(keys: numpy.ndarray) -> RunsT:
            keys = numpy.unique(keys)
            ngrams, lengths = self._find([*map(strings.find, keys.tolist())])
            rows, owners = table.find(ngrams), numpy.arange(len(keys)).repeat(lengths)
            lengths = numpy.bincount(owners[rows >= 0], minlength=len(keys))
            return keys, lengths, rows[rows >= 0]

        return self._rows.look_up(hashes, find, (table.index, len(table)))

    def sum_words(
        self, table: RowTable, hashes: numpy.ndarray, strings: Strings
    ) -> Runs:
        """RETURNS (Runs): A row for each word, the sum of those of its n-grams."""

        def find(keys: numpy.ndarray) -> RunsT:
            keys = numpy.unique(keys)
            runs = self.find(table, keys, strings)
            touched, places = numpy.unique(runs.get(), return_inverse=True)
            vectors = numpy.zeros((1 + len(touched), table.width), dtype="float32")
            vectors[1:] = table.get(touched)
            sums = sum_rows(vectors, 1 + places, runs.lengths)
            return keys, numpy.ones(len(keys), dtype="int64"), sums

        return self._sums.look_up(hashes, find, table.state)

    def __reduce__(self) -> Any:
        return NgramRows, (self.width, self.min_count, self.max_rows, self.splits)
