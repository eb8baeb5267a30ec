from dataclasses import dataclass
from typing import Any, ClassVar, Container, Dict, List, Optional, Sequence, Tuple

import numpy
import srsly
from spacy.tokens import Doc

from ..ops import unit_rows
from ..products import PackedRows, multiply_rows, pack_rows
from ..questions import LabelCard, Question, Ranking
from ..saved import (
    NUMBER,
    check_fields,
    check_number,
    check_texts,
    check_type,
    read_array,
    read_msgpack,
    refuse,
)
from .base import EncodeT, LabelRanker, check_numbers, check_same
from .heads import (
    SCALE,
    HeadSettings,
    Kept,
    fit_head_temperature,
    fit_margin,
    train_heads,
)

# Trained, those of them that are pooled, and added at run time.
LABELS = ("known", "pooled", "added")
# Labels that are compared with all documents, whether candidates or not.
MAX_AT_ONCE = 256
# What is saved.
FIELDS: Dict[str, Any] = {"labels": dict, "arrays": dict}
FIELDS.update({"temperature": NUMBER, "margin": NUMBER})


@dataclass(eq=False)
class VectorRanker(LabelRanker):
    """Compares documents with labels in a space of vectors, in which a label has a
    prototype, and each Other a head that tells its labels apart. Those that override
    it say what the space is. See make_prototype_ranker for the settings.

    RAISES (ValueError): L405 if a setting is out of range.
    """

    # For messages.
    name: ClassVar[str]
    settings: HeadSettings
    margin: Optional[float]
    names_only: bool

    def __post_init__(self) -> None:
        margin = abs(self.margin or 0.0)
        check_numbers(self.name, **self.settings._asdict(), margin=margin)
        self.temperature = 1.0
        # Estimated unless `margin` is given.
        self.found_margin = 0.0
        # The row of each label in the arrays.
        self.index: Dict[str, Dict[str, int]] = {key: {} for key in LABELS}
        self.arrays: Dict[str, numpy.ndarray] = {}
        # Which of them were packed, and what came of it.
        self._packed: Dict[str, Tuple[numpy.ndarray, PackedRows]] = {}

    def encode_labels(self, docs: List[Doc], encode: EncodeT) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Vectors of label texts, of shape (docs, width)."""
        raise NotImplementedError

    def encode_docs(self, docs: List[Doc]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Vectors of documents, of shape (docs, width)."""
        raise NotImplementedError

    def get_vectors(self, question: Question) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Those of its documents."""
        return self.encode_docs(question.docs)

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        if not only_added or not self.arrays:
            self._learn([card for card in cards if not card.is_added], encode)
        added = [card for card in cards if card.is_added]
        prototypes = self.arrays["known"][:0]
        margins, kappa = numpy.zeros(0, dtype="float32"), self.settings.kappa
        if added:
            kept = self._keep(added, encode)
            prototypes = kept.get_prototypes(kappa)
            # The more examples an added label has, the more it is like the others.
            shares = kappa / numpy.maximum(kept.counts + kappa, 1e-9)
            margins = (self.found_margin * shares).astype("float32")
        self._set_labels("added", added)
        self.arrays = {**self.arrays, "added": prototypes, "margins": margins}

    def _learn(self, cards: Sequence[LabelCard], encode: EncodeT) -> None:
        kept = self._keep(cards, encode)
        numbers = numpy.asarray([card.group for card in cards], dtype="int64")
        groups = [numpy.flatnonzero(numbers == i) for i in range(numbers.max() + 1)]
        is_pooled = numbers >= 0
        pooled = kept.select(is_pooled[kept.owners])
        self.temperature = fit_head_temperature(pooled, groups, self.settings)
        W, b = train_heads(pooled, groups, self.settings)
        kappa, margin = self.settings.kappa, self.margin
        self.found_margin = fit_margin(kept, kappa) if margin is None else margin
        self._set_labels("known", cards)
        self._set_labels("pooled", [card for card in cards if card.group >= 0])
        known = kept.get_prototypes(kappa)
        self.arrays = {"known": known, "W": W[is_pooled], "b": b[is_pooled]}

    def _keep(self, cards: Sequence[LabelCard], encode: EncodeT) -> Kept:
        texts = [card.names for card in cards]
        texts += [[] if self.names_only else card.examples for card in cards]
        docs = [doc for group in texts for doc in group]
        X = unit_rows(numpy.asarray(self.encode_labels(docs, encode), dtype="float32"))
        owners = numpy.tile(numpy.arange(len(cards)), 2).repeat(list(map(len, texts)))
        n_names = sum(len(card.names) for card in cards)
        names = numpy.zeros((len(cards), X.shape[1]), dtype="float32")
        numpy.add.at(names, owners[:n_names], X[:n_names])
        return Kept(X[n_names:], owners[n_names:], unit_rows(names))

    def _set_labels(self, key: str, cards: Sequence[LabelCard]) -> None:
        # What it has is never changed, only replaced: a copy can be in use.
        rows = {card.label: row for row, card in enumerate(cards)}
        self.index = {**self.index, key: rows}

    def rank(self, question: Question) -> Ranking:
        X = unit_rows(numpy.asarray(self.get_vectors(question), dtype="float32"))
        scores = self._score(X, question.candidates)
        margins = numpy.zeros((len(X), len(question.added)), dtype="float32")
        if not question.added and not getattr(question, "asks_similarity", True):
            return Ranking(scores, margins)
        closest = multiply_rows(X, self._pack("known")).max(axis=1)
        if question.added:
            columns = [self.index["added"][label] for label in question.added]
            cosines = multiply_rows(X, self._pack("added"))[:, columns]
            raised = cosines + self.arrays["margins"][columns]
            margins = SCALE * (raised - closest[:, None])
            closest = numpy.maximum(closest, cosines.max(axis=1))
        return Ranking(scores, margins, numpy.clip(closest, 0.0, 1.0))

    def _score(
        self, X: numpy.ndarray, candidates: List[List[str]]
    ) -> List[numpy.ndarray]:
        """RETURNS (List[numpy.ndarray]): See Ranking."""
        index, W, b = self.index["pooled"], self.arrays["W"], self.arrays["b"]
        scores: List[numpy.ndarray] = [numpy.zeros(0)] * len(X)
        # Documents with the same candidates are judged together. With few labels it is
        # cheaper to compare all of them with all.
        alike: Dict[Tuple[str, ...], List[int]] = {}
        for row, labels in enumerate(candidates):
            if labels:
                alike.setdefault(tuple(labels), []).append(row)
        if not alike:
            return scores
        Z = multiply_rows(X, self._pack("W")) + b if len(W) <= MAX_AT_ONCE else None
        for key, rows in alike.items():
            columns = [index[label] for label in key]
            if Z is None:
                found = multiply_rows(X[rows], W[columns]) + b[columns]
            else:
                found = Z[numpy.ix_(rows, columns)]
            for row, values in zip(rows, found / self.temperature):
                scores[row] = values
        return scores

    def _pack(self, key: str) -> PackedRows:
        """Prepare an array for products, once."""
        array, kept = self.arrays[key], self._packed.get(key)
        if kept is None or kept[0] is not array:
            kept = self._packed[key] = array, pack_rows(array)
        return kept[1]

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_packed": {}}

    def to_bytes(self) -> bytes:
        arrays = {
            key: {"shape": list(array.shape), "data": array.astype("<f4").tobytes()}
            for key, array in self.arrays.items()
        }
        labels = {key: list(index) for key, index in self.index.items()}
        fitted = {"temperature": self.temperature, "margin": self.found_margin}
        return srsly.msgpack_dumps({"labels": labels, **fitted, "arrays": arrays})

    def from_bytes(self, data: bytes) -> None:
        found = check_fields(read_msgpack(data), FIELDS, "the ranker")
        labels = check_fields(found["labels"], dict.fromkeys(LABELS, list), "'labels'")
        for key in LABELS:
            check_texts(labels[key], repr(key), distinct=True)
        self.index = {
            key: {label: row for row, label in enumerate(labels[key])} for key in LABELS
        }
        known, pooled, added = (self.index[key].keys() for key in LABELS)
        if not pooled <= known or known & added:
            refuse("the labels of its ranker don't fit together")
        self.temperature = check_number(
            found["temperature"], "'temperature'", above=0.0
        )
        self.found_margin = check_number(found["margin"], "'margin'")
        self.arrays = self._read_arrays(found["arrays"])

    def _read_arrays(self, found: Dict[str, Any]) -> Dict[str, numpy.ndarray]:
        n_known, n_pooled, n_added = (len(self.index[key]) for key in LABELS)
        if not found and not n_known:
            return {}
        rows = {"known": n_known, "W": n_pooled, "b": n_pooled}
        rows.update({"added": n_added, "margins": n_added})
        check_fields(found, dict.fromkeys(rows, dict), "'arrays'")
        width, arrays = 0, {}
        for key, n_rows in rows.items():
            check_fields(found[key], {"shape": list, "data": bytes}, repr(key))
            if key == "known" and len(found[key]["shape"]) == 2:
                width = check_type(found[key]["shape"][1], int, "the width")
            shape = (n_rows,) if key in ("b", "margins") else (n_rows, width)
            if found[key]["shape"] != list(shape):
                refuse(f"{key!r} has the shape {found[key]['shape']}, not {shape}")
            arrays[key] = read_array(found[key]["data"], "<f4", shape, repr(key))
        return arrays

    def check_labels(self, labels: Sequence[str], pooled: Container[str]) -> None:
        known = self.index["known"]
        check_same([*known, *self.index["added"]], labels)
        check_same(self.index["pooled"], [label for label in known if label in pooled])
