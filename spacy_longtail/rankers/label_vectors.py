from typing import Dict, List, Optional, Sequence, Tuple

import numpy
import srsly
from spacy.tokens import Doc

from ..errors import Errors
from ..ops import unit_rows
from .heads import SCALE, Kept, fit_margin, fit_temperature, train_heads
from .types import EncodeT, LabelCard, Ranking

ARRAYS = ("W", "b", "prototypes", "margins")


def check_settings(ranker: str, **settings: float) -> None:
    """Check settings that have to be numbers of at least 0.

    RAISES (ValueError): L405 if one isn't.
    """
    for name, value in settings.items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0.0 <= value < float("inf"):
            text = Errors.L405.format(ranker=ranker, name=name, value=value)
            raise ValueError(text)


class LabelVectors:
    """Labels in a space of document vectors: their prototypes, and a head that tells
    those of each Other apart.

    kappa (float): Documents that a name counts as in a prototype.
    epochs (int): Updates of the heads.
    learn_rate (float): Learning rate of the heads, as a share of their scale.
    l2sp (float): Pull of the heads towards the prototypes.
    margin (Optional[float]): What is added to the cosine of a label known by name
        alone, when it competes. None estimates it from the training labels.
    names_only (bool): Leave out the examples.
    """

    def __init__(
        self,
        *,
        kappa: float,
        epochs: int,
        learn_rate: float,
        l2sp: float,
        margin: Optional[float],
        names_only: bool,
    ) -> None:
        self.kappa = kappa
        self.margin = margin
        self.names_only = names_only
        self.settings = {
            "kappa": kappa,
            "epochs": epochs,
            "learn_rate": learn_rate,
            "l2sp": l2sp,
        }
        self.temperature = 1.0
        self.labels: List[str] = []
        self.index: Dict[str, int] = {}
        self.is_added = numpy.zeros(0, dtype=bool)
        self.arrays: Dict[str, numpy.ndarray] = {}

    def set_labels(self, cards: Sequence[LabelCard], encode: EncodeT) -> None:
        """Encode the labels, once, and learn their heads."""
        kept = self._encode(cards, encode)
        self._set_names([card.label for card in cards], [c.is_added for c in cards])
        numbers = numpy.asarray([card.group for card in cards], dtype="int64")
        groups = [numpy.flatnonzero(numbers == i) for i in range(numbers.max() + 1)]
        pooled = kept.select(numbers[kept.owners] >= 0)
        known = kept.select(~self.is_added[kept.owners])
        self.temperature = fit_temperature(pooled, groups, **self.settings)
        W, b = train_heads(pooled, groups, **self.settings)  # type: ignore[arg-type]
        margin = fit_margin(known, self.kappa) if self.margin is None else self.margin
        # The more examples an added label has, the more it is like the others.
        shares = self.kappa / numpy.maximum(kept.counts + self.kappa, 1e-9)
        margins = numpy.where(self.is_added, margin * shares, 0.0).astype("float32")
        prototypes = kept.get_prototypes(self.kappa)
        self.arrays = dict(zip(ARRAYS, (W, b, prototypes, margins)))

    def _encode(self, cards: Sequence[LabelCard], encode: EncodeT) -> Kept:
        docs = [doc for card in cards for doc in card.names]
        lengths = [len(card.names) for card in cards]
        if not self.names_only:
            docs += [doc for card in cards for doc in card.examples]
        X = unit_rows(numpy.asarray(encode(docs), dtype="float32"))
        n_names = sum(lengths)
        names = numpy.zeros((len(cards), X.shape[1]), dtype="float32")
        numpy.add.at(
            names, numpy.repeat(numpy.arange(len(cards)), lengths), X[:n_names]
        )
        sizes = [0 if self.names_only else len(card.examples) for card in cards]
        owners = numpy.repeat(numpy.arange(len(cards)), sizes)
        return Kept(X[n_names:], owners, unit_rows(names))

    def _set_names(self, labels: Sequence[str], is_added: Sequence[bool]) -> None:
        self.labels = list(labels)
        self.index = {label: row for row, label in enumerate(labels)}
        self.is_added = numpy.asarray(is_added, dtype=bool)

    def rank(
        self, X: numpy.ndarray, candidates: List[List[str]], added: Sequence[str]
    ) -> Ranking:
        """Compare documents with labels.

        X (numpy.ndarray): Vectors of the documents, of shape (docs, width).
        """
        X = unit_rows(numpy.asarray(X, dtype="float32"))
        W, b, prototypes, margins = (self.arrays[key] for key in ARRAYS)
        scores: List[numpy.ndarray] = [numpy.zeros(len(c)) for c in candidates]
        for labels, rows in _group_rows(candidates):
            columns = [self.index[label] for label in labels]
            logits = (X[rows] @ W[columns].T + b[columns]) / self.temperature
            for row, values in zip(rows, logits):
                scores[row] = values
        cosines = X @ prototypes.T
        leads = numpy.zeros((len(X), len(added)))
        if len(added):
            known = cosines[:, ~self.is_added].max(axis=1, keepdims=True)
            columns = [self.index[label] for label in added]
            leads = SCALE * (cosines[:, columns] + margins[columns] - known)
        return Ranking(scores, leads, numpy.clip(cosines.max(axis=1), 0.0, 1.0))

    def to_bytes(self) -> bytes:
        arrays = {
            key: {"shape": list(array.shape), "data": array.astype("<f4").tobytes()}
            for key, array in self.arrays.items()
        }
        data = {
            "labels": self.labels,
            "is_added": self.is_added.tolist(),
            "temperature": self.temperature,
            "arrays": arrays,
        }
        return srsly.msgpack_dumps(data)

    def from_bytes(self, data: bytes) -> None:
        found = srsly.msgpack_loads(data)
        self._set_names(found["labels"], found["is_added"])
        self.temperature = found["temperature"]
        self.arrays = {
            key: numpy.frombuffer(array["data"], dtype="<f4").reshape(array["shape"])
            for key, array in found["arrays"].items()
        }


def _group_rows(candidates: List[List[str]]) -> List[Tuple[Tuple[str, ...], List[int]]]:
    """Bring documents with the same candidates together."""
    rows: Dict[Tuple[str, ...], List[int]] = {}
    for row, labels in enumerate(candidates):
        if labels:
            rows.setdefault(tuple(labels), []).append(row)
    return list(rows.items())


def encode_batches(
    docs: List[Doc], encode: EncodeT, batch_size: int = 256
) -> numpy.ndarray:
    """Encode any number of documents."""
    starts = range(0, len(docs), batch_size)
    return numpy.concatenate([encode(docs[i : i + batch_size]) for i in starts])
