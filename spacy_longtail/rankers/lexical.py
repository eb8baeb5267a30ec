from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Container, Dict, List, Sequence

import numpy
import srsly
from spacy.tokens import Doc

from ..errors import Errors
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


@dataclass(eq=False)
class LexicalRanker(LabelRanker):
    """Looks for the words of a document in what is known of each label, by BM25. See
    make_lexical_ranker for the settings.
    """

    k1: float
    b: float
    weight: float
    index: Dict[str, int] = field(default_factory=dict)
    words: Dict[str, int] = field(default_factory=dict)
    # The weights of each word by label: those of word i are at starts[i] to
    # starts[i + 1].
    arrays: Dict[str, numpy.ndarray] = field(default_factory=dict)

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        # A label's text is all its texts.
        self.index = {card.label: row for row, card in enumerate(cards)}
        counts = [Counter(_get_words([*card.names, *card.examples])) for card in cards]
        words = dict.fromkeys(word for count in counts for word in count)
        self.words = {word: row for row, word in enumerate(words)}
        rows = numpy.asarray([self.words[word] for count in counts for word in count])
        columns = numpy.repeat(numpy.arange(len(counts)), [len(c) for c in counts])
        n = numpy.asarray([n for count in counts for n in count.values()], "float64")
        lengths = numpy.bincount(columns, weights=n, minlength=len(cards))
        # Of how many labels each word is part.
        n_labels = numpy.bincount(rows, minlength=len(self.words))
        idf = numpy.log1p((len(cards) - n_labels + 0.5) / (n_labels + 0.5))
        norm = 1 - self.b + self.b * lengths / max(lengths.mean(), 1e-9)
        weights = idf[rows] * n * (self.k1 + 1) / (n + self.k1 * norm[columns])
        order = numpy.argsort(rows, kind="stable")
        starts = numpy.concatenate([[0], numpy.cumsum(n_labels)]).astype("int64")
        self.arrays = dict(zip(DTYPES, (starts, columns[order], weights[order])))

    def score(self, docs: List[Doc]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): BM25 of each label, of shape (docs, labels)."""
        starts, columns, weights = (self.arrays[key] for key in DTYPES)
        scores = numpy.zeros((len(docs), len(self.index)))
        for row, doc in enumerate(docs):
            ids = [self.words[w] for w in set(_get_words([doc])) if w in self.words]
            for i in sorted(ids):
                part = slice(starts[i], starts[i + 1])
                scores[row, columns[part]] += weights[part]
        return scores

    def rank(self, question: Question) -> Ranking:
        Z, index = self.weight * self.score(question.docs), self.index
        pairs = zip(Z, question.candidates)
        scores = [z[[index[label] for label in labels]] for z, labels in pairs]
        known = Z[numpy.arange(len(Z)), [index[label] for label in question.best]]
        found = Z[:, [index[label] for label in question.added]]
        # Sharing no word with a label is no reason to take it.
        return Ranking(scores, numpy.where(found > 0, found - known[:, None], -20.0))

    def to_bytes(self) -> bytes:
        data: Dict[str, Any] = {"labels": list(self.index), "words": list(self.words)}
        for key, array in self.arrays.items():
            data[key] = array.astype(DTYPES[key]).tobytes()
        return srsly.msgpack_dumps(data)

    def from_bytes(self, data: bytes) -> None:
        found = check_type(read_msgpack(data), dict, "the ranker")
        has_learned = any(key in found for key in DTYPES)
        kinds: Dict[str, Any] = dict.fromkeys(DTYPES, bytes) if has_learned else {}
        check_fields(found, {"labels": list, "words": list, **kinds}, "the ranker")
        labels = check_texts(found["labels"], "'labels'", distinct=True)
        words = check_texts(found["words"], "'words'", distinct=True)
        self.index = {label: row for row, label in enumerate(labels)}
        self.words = {word: row for row, word in enumerate(words)}
        self.arrays = self._read_arrays(found) if has_learned else {}

    def _read_arrays(self, found: Dict[str, Any]) -> Dict[str, numpy.ndarray]:
        n = len(found["columns"]) // 8
        sizes = {"starts": len(self.words) + 1, "columns": n, "weights": n}
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
    *, k1: float = 1.2, b: float = 0.75, weight: float = 0.5
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
    RAISES (ValueError): L405 if a setting is out of range.
    """
    check_numbers("LexicalRanker", k1=k1, b=b, weight=weight)
    if b > 1.0:
        raise ValueError(Errors.L405.format(ranker="LexicalRanker", name="b", value=b))
    return LexicalRanker(k1, b, weight)


def _get_words(docs: Sequence[Doc]) -> List[str]:
    return [token.lower_ for doc in docs for token in doc if not token.is_space]
