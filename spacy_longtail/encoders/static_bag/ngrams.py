import re
from typing import Any, Dict, List, Optional, Tuple

import numpy
from spacy.strings import get_string_id  # type: ignore[attr-defined]  # Cython

from ...ops import ODD, get_idf, mix
from .features import sum_runs
from .row_table import RowTable
from .words import Strings, Words

# Longer words are no words: their first characters stand for them. Where words aren't
# separated by spaces, a whole sentence or text can look like one.
MAX_LENGTH, MAX_RUN = 100, 10_000
MAX_CACHED_WORDS, MAX_CACHED_ROWS = 65_536, 4_000_000
# 64 MB of sums of words.
MAX_CACHED_NUMBERS = 16_000_000
BEGIN, END = ord("<"), ord(">")
# Scripts that write a syllable or a word with a character: Chinese, Japanese, Korean …
DENSE = re.compile(
    "[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
# Others that are written without spaces: Thai, Lao, Tibetan, Burmese, Khmer, Tai.
RUNS = re.compile("[\u0e01-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\ua9e0-\uaadf]")
# Odd numbers, so that no two n-grams of different characters are the same by design.
FACTORS = mix(numpy.arange(1, MAX_LENGTH + 3, dtype="uint64")) | numpy.uint64(1)


def find_ngrams(word: str) -> numpy.ndarray:
    """Find the character n-grams of a word between its edges, and the word itself: 3 to
    5 characters, 1 to 3 where a character is a syllable or a word. Of scripts without
    spaces, a word can be a sentence; then they go across its words.

    Source: subwords after Bojanowski et al. (2017), "Enriching Word Vectors with
        Subword Information", section 3.2. https://arxiv.org/abs/1607.04606

    RETURNS (numpy.ndarray): Their keys, uint64 array of shape (n-grams,).
    """
    word = word[:MAX_RUN]
    is_dense = DENSE.search(word) is not None
    is_run = is_dense or RUNS.search(word) is not None
    text = word if is_run else word[:MAX_LENGTH]
    inner = numpy.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    codes = numpy.concatenate([[BEGIN], inner, [END]]).astype("uint64")
    start = codes[: len(FACTORS)]
    found = [(start * FACTORS[: len(start)]).sum(keepdims=True)]
    for n in (1, 2, 3) if is_dense else (3, 4, 5):
        source = codes[1:-1] if n == 1 else codes
        if len(source) >= n and len(codes) > n:
            windows = numpy.lib.stride_tricks.sliding_window_view(source, n)
            found.append((windows * FACTORS[:n]).sum(axis=1) + numpy.uint64(n))
    return mix(numpy.concatenate(found))


def join_characters(words: Words) -> Tuple[Words, numpy.ndarray]:
    """Join neighbouring words that are one character of a dense script each, as spaCy
    splits Chinese, so that n-grams go across them.

    RETURNS (Tuple[Words, numpy.ndarray]): The words, and how many of those before each
        of them is, int64, (words,).
    """
    single, n_words = words.is_single, len(words.hashes)
    # Hardly any words of other scripts, so that these cost no time.
    if not (single[1:] & single[:-1]).any():
        return words, numpy.ones(n_words, dtype="int64")
    keys = numpy.unique(words.hashes[single])
    texts = {key: words.strings.find(key) for key in keys.tolist()}
    dense = [key for key, text in texts.items() if DENSE.match(text)]
    is_dense = numpy.isin(words.hashes, numpy.asarray(dense, dtype="uint64"))
    owners = words.owners
    follows = numpy.zeros(n_words, dtype="bool")
    follows[1:] = is_dense[1:] & is_dense[:-1] & (owners[1:] == owners[:-1])
    starts = numpy.flatnonzero(~follows)
    sizes = numpy.diff(numpy.append(starts, n_words))
    hashes, runs = words.hashes[starts], {}
    for i in numpy.flatnonzero(sizes > 1).tolist():
        parts = words.hashes[starts[i] : starts[i] + sizes[i]].tolist()
        text = "".join([texts[part] for part in parts])
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

    min_count (int): Documents, from 1.
    max_rows (int): Most rows, from 1.
    """

    def __init__(self, min_count: int, max_rows: int) -> None:
        self.min_count = min_count
        self.max_rows = max_rows
        self._n_docs = 0
        # Keys of n-grams and the number of documents that have them, by batch, and the
        # rows of the table that they are for.
        self._counted: List[Tuple[numpy.ndarray, numpy.ndarray]] = []
        self._counted_for: Any = None
        # What is known of words by their hash, as long as the table is in a state.
        self._rows: Tuple[Any, Dict[int, numpy.ndarray]] = (None, {})
        self._n_cached = 0
        self._sums: Tuple[Any, Dict[int, numpy.ndarray]] = (None, {})

    def count(self, table: RowTable, words: Optional[Words]) -> None:
        """Count the n-grams of training documents. None forgets what was counted."""
        if words is None or self._counted_for is not table.rows:
            self._counted, self._n_docs, self._counted_for = [], 0, table.rows
        self._n_docs += 0 if words is None else len(words.lengths)
        words = None if words is None else join_characters(words)[0]
        if words is not None and len(words.hashes):
            hashes, inverse = numpy.unique(words.hashes, return_inverse=True)
            found = [find_ngrams(words.strings.find(h)) for h in hashes.tolist()]
            keys, numbers = numpy.unique(numpy.concatenate(found), return_inverse=True)
            lengths = numpy.asarray([len(each) for each in found])
            groups = numpy.split(numbers, numpy.cumsum(lengths)[:-1])
            numbers = numpy.concatenate([groups[word] for word in inverse.tolist()])
            # An n-gram counts once for each document.
            pairs = words.owners.repeat(lengths[inverse]) * len(keys) + numbers
            pairs = numpy.unique(pairs) % len(keys)
            self._counted.append((keys, numpy.bincount(pairs, minlength=len(keys))))

    def settle(self, table: RowTable) -> None:
        """Give a row to each n-gram that was counted often enough and has none. Nothing
        happens without a count, or if the table was loaded since.
        """
        if not self._counted or self._counted_for is not table.rows:
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

    def find(
        self, table: RowTable, hashes: List[int], strings: Strings
    ) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The rows of the n-grams of
        words, one word after another, int64, and how many each word has, (words,).
        """
        state, known = self._rows
        is_full = len(known) > MAX_CACHED_WORDS or self._n_cached > MAX_CACHED_ROWS
        if state is not table.rows or is_full:
            known, self._n_cached = {}, 0
            self._rows = table.rows, known
        found = []
        for key in hashes:
            rows = known.get(key)
            if rows is None:
                rows = table.find(find_ngrams(strings.find(key)))
                rows = known[key] = rows[rows >= 0]
                self._n_cached += len(rows)
            found.append(rows)
        lengths = numpy.asarray([len(rows) for rows in found], dtype="int64")
        return numpy.concatenate([numpy.zeros(0, "int64"), *found]), lengths

    def sum_words(
        self, table: RowTable, hashes: List[int], strings: Strings
    ) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Sum of the rows of each word, float32, (words,
        width). That of a word seen before is kept until the table changes.
        """
        state, known = self._sums
        is_full = len(known) * table.width > MAX_CACHED_NUMBERS
        if state is not table.state or is_full:
            known = {}
            self._sums = table.state, known
        new = [key for key in hashes if key not in known]
        if new:
            rows, lengths = self.find(table, new, strings)
            owners = numpy.arange(len(new)).repeat(lengths)
            known.update(zip(new, sum_runs(table.get(rows), owners, len(new))))
        sums = [known[key] for key in hashes]
        return numpy.stack(sums) if sums else numpy.zeros((0, table.width), "float32")

    def __reduce__(self) -> Any:
        return NgramRows, (self.min_count, self.max_rows)
