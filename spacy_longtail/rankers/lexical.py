from dataclasses import dataclass, field
from typing import Any, Container, Dict, List, Sequence, Tuple

import numpy
import srsly
from spacy.strings import get_string_id  # type: ignore[attr-defined]  # Cython
from spacy.tokens import Doc

from ..encoders.static_bag.key_index import KeyIndex
from ..encoders.static_bag.ngrams import find_ngrams, join_characters
from ..encoders.static_bag.words import collect_words
from ..errors import Errors
from ..ops import spread_runs
from ..questions import LabelCard, Question, Ranking
from ..saved import (
    check_fields,
    check_texts,
    check_type,
    read_array,
    read_msgpack,
    refuse,
)
from .base import EncodeT, LabelRanker, check_numbers, check_same

# Of the arrays, as they are saved.
DTYPES = {"starts": "<i8", "columns": "<i8", "weights": "<f8"}
KEYS = "<u8"
# The keys of terms, one document after another, and how many each has.
TermsT = Tuple[numpy.ndarray, numpy.ndarray]


@dataclass(eq=False)
class LexicalRanker(LabelRanker):
    """Looks for the words of a document, or their character n-grams, in what is known
    of each label, by BM25. See make_lexical_ranker for the settings.
    """

    k1: float
    b: float
    weight: float
    ngrams: bool = False
    index: Dict[str, int] = field(default_factory=dict)
    # The words, unless n-grams are compared.
    words: List[str] = field(default_factory=list)
    # Numbers words or n-grams.
    terms: KeyIndex = field(default_factory=lambda: _number([]))
    # The weights of each term by label: those of term i are at starts[i] to
    # starts[i + 1].
    arrays: Dict[str, numpy.ndarray] = field(default_factory=dict)

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        # A label's text is all its texts.
        self.index = {card.label: row for row, card in enumerate(cards)}
        docs = [[*card.names, *card.examples] for card in cards]
        keys, sizes = self._read([doc for own in docs for doc in own])
        found, rows = numpy.unique(keys, return_inverse=True)
        owners = numpy.arange(len(docs)).repeat([*map(len, docs)]).repeat(sizes)
        self._name(found, [doc for own in docs for doc in own])
        pairs, n = numpy.unique(rows * len(cards) + owners, return_counts=True)
        rows, columns = pairs // max(len(cards), 1), pairs % max(len(cards), 1)
        lengths = numpy.bincount(owners, minlength=len(cards)).astype("float64")
        # Of how many labels each term is part.
        n_labels = numpy.bincount(rows, minlength=len(found))
        idf = numpy.log1p((len(cards) - n_labels + 0.5) / (n_labels + 0.5))
        norm = 1 - self.b + self.b * lengths / max(lengths.mean(), 1e-9)
        weights = idf[rows] * n * (self.k1 + 1) / (n + self.k1 * norm[columns])
        starts = numpy.concatenate([[0], numpy.cumsum(n_labels)]).astype("int64")
        self.arrays = dict(zip(DTYPES, (starts, columns, weights)))

    def _name(self, keys: numpy.ndarray, docs: List[Doc]) -> None:
        self.terms, self.words = KeyIndex(keys), []
        if not self.ngrams:
            strings = collect_words(docs).strings
            self.words = [*map(strings.find, keys.tolist())]

    def _read(self, docs: List[Doc]) -> TermsT:
        words = collect_words(docs)
        if not self.ngrams or not len(words.hashes):
            return words.hashes, words.lengths
        words = join_characters(words)[0]
        hashes, inverse = numpy.unique(words.hashes, return_inverse=True)
        keys, sizes = find_ngrams([*map(words.strings.find, hashes.tolist())])
        starts, sizes = (numpy.cumsum(sizes) - sizes)[inverse], sizes[inverse]
        owners = words.owners.repeat(sizes)
        lengths = numpy.bincount(owners, minlength=len(docs))
        return keys[spread_runs(starts, sizes)], lengths

    def score(self, docs: List[Doc]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): BM25 of each label, of shape (docs, labels)."""
        starts, columns, weights = (self.arrays[key] for key in DTYPES)
        scores, (keys, lengths) = (
            numpy.zeros((len(docs), len(self.index))),
            self._read(docs),
        )
        ends = numpy.cumsum(lengths)
        for row, (start, end) in enumerate(zip(ends - lengths, ends)):
            own = numpy.unique(keys[start:end])
            found = numpy.sort(self.terms.find(own))
            found = found[found >= 0]
            if not len(found):
                continue
            # One after the other, so that long documents take no more memory.
            places = spread_runs(starts[found], starts[found + 1] - starts[found])
            scores[row] = numpy.bincount(
                columns[places], weights[places], minlength=len(self.index)
            )
            if self.ngrams:
                # They are many, and say the same again and again.
                scores[row] /= len(own) ** 0.5
        return scores

    def rank(self, question: Question) -> Ranking:
        Z, index = self.weight * self.score(question.docs), self.index
        # Documents share the lists of their candidates, which can be long.
        lists = {id(labels): labels for labels in question.candidates}
        found = {i: [index[label] for label in labels] for i, labels in lists.items()}
        scores = [z[found[id(labels)]] for z, labels in zip(Z, question.candidates)]
        known = Z[numpy.arange(len(Z)), [index[label] for label in question.best]]
        added = Z[:, [index[label] for label in question.added]]
        # Sharing no word with a label is no reason to take it.
        return Ranking(scores, numpy.where(added > 0, added - known[:, None], -20.0))

    def to_bytes(self) -> bytes:
        data: Dict[str, Any] = {"labels": list(self.index), "words": self.words}
        if self.ngrams:
            data["ngrams"] = self.terms.get_keys().astype(KEYS).tobytes()
        for key, array in self.arrays.items():
            data[key] = array.astype(DTYPES[key]).tobytes()
        return srsly.msgpack_dumps(data)

    def from_bytes(self, data: bytes) -> None:
        found = check_type(read_msgpack(data), dict, "the ranker")
        has_learned = any(key in found for key in DTYPES)
        kinds: Dict[str, Any] = dict.fromkeys(DTYPES, bytes) if has_learned else {}
        kinds.update({"ngrams": bytes} if self.ngrams else {})
        check_fields(found, {"labels": list, "words": list, **kinds}, "the ranker")
        labels = check_texts(found["labels"], "'labels'", distinct=True)
        self.index = {label: row for row, label in enumerate(labels)}
        self.words = check_texts(found["words"], "'words'", distinct=True)
        self.terms = _number(self.words)
        if self.ngrams:
            size = (len(found["ngrams"]) // 8,)
            keys = read_array(found["ngrams"], KEYS, size, "'ngrams'")
            if len(numpy.unique(keys)) < len(keys):
                refuse("an n-gram is there twice")
            self.terms = KeyIndex(keys.astype("uint64"))
        self.arrays = self._read_arrays(found) if has_learned else {}

    def _read_arrays(self, found: Dict[str, Any]) -> Dict[str, numpy.ndarray]:
        n = len(found["columns"]) // 8
        sizes = {"starts": len(self.terms) + 1, "columns": n, "weights": n}
        arrays = {
            key: read_array(found[key], dtype, (sizes[key],), repr(key))
            for key, dtype in DTYPES.items()
        }
        starts, columns = arrays["starts"], arrays["columns"]
        is_fine = starts[0] == 0 and starts[-1] == n and (numpy.diff(starts) >= 0).all()
        in_range = (columns >= 0) & (columns < len(self.index))
        if not is_fine or not in_range.all():
            refuse("'starts' and 'columns' don't fit the labels")
        return arrays

    def check_labels(self, labels: Sequence[str], pooled: Container[str]) -> None:
        check_same(self.index, labels)


def make_lexical_ranker(
    *, k1: float = 1.2, b: float = 0.75, weight: float = 0.5, ngrams: bool = False
) -> LexicalRanker:
    """Make a ranker that needs no vectors: BM25 over the names, descriptions and kept
    examples of the labels.

    Registered as "spacy-longtail.LexicalRanker.v1".

    Source: Robertson & Zaragoza (2009), "The Probabilistic Relevance Framework: BM25
        and Beyond", equation 3.15, with the inverse document frequency log(1 + (N - n +
        0.5) / (n + 0.5)), which isn't negative. https://doi.org/10.1561/1500000019

    k1 (float): From 0.0: how soon more occurrences of a word stop to count.
    b (float): From 0.0 to 1.0: how much long label texts are marked down.
    weight (float): Log odds per unit of BM25, from 0.0.
    ngrams (bool): Compare the character n-grams of words, of 3 to 5 characters, and the
        words, so that "baker" finds "bakeries" in any language. BM25 is divided by
        the root of how many the document has then.
    RAISES (ValueError): L405 if a setting is out of range.
    """
    check_numbers("LexicalRanker", k1=k1, b=b, weight=weight)
    if b > 1.0:
        raise ValueError(Errors.L405.format(ranker="LexicalRanker", name="b", value=b))
    return LexicalRanker(k1, b, weight, ngrams)


def _number(words: List[str]) -> KeyIndex:
    """RETURNS (KeyIndex): Of words without repeats, by the hashes of spaCy."""
    return KeyIndex(numpy.asarray([*map(get_string_id, words)], dtype="uint64"))
