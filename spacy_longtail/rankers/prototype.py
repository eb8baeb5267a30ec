from typing import Any, List, Optional, Sequence

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from .base import EncodeT, LabelCard, LabelRanker, Ranking
from .label_vectors import LabelVectors

NAME = "PrototypeRanker"
BATCH_SIZE = 256


class PrototypeRanker(LabelRanker):
    """Compares documents with labels in the first stage's own vectors."""

    def __init__(self, vectors: LabelVectors) -> None:
        self.vectors = vectors
        self._encode: Optional[EncodeT] = None

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        def encode_batches(docs: List[Doc]) -> numpy.ndarray:
            starts = range(0, len(docs), BATCH_SIZE)
            return numpy.concatenate([encode(docs[i : i + BATCH_SIZE]) for i in starts])

        self.vectors.set_labels(cards, encode_batches, only_added=only_added)

    def bind(self, encode: EncodeT) -> None:
        self._encode = encode

    def rank(
        self,
        docs: List[Doc],
        candidates: List[List[str]],
        *,
        added: Sequence[str],
        **context: Any,
    ) -> Ranking:
        if self._encode is None:
            raise ValueError(Errors.L406.format(ranker=NAME))
        X: numpy.ndarray = self._encode(docs)
        return self.vectors.rank(X, candidates, added)

    def to_bytes(self) -> bytes:
        return self.vectors.to_bytes()

    def from_bytes(self, data: bytes) -> None:
        self.vectors.from_bytes(data)


def make_prototype_ranker(
    *,
    kappa: float = 1.0,
    epochs: int = 30,
    learn_rate: float = 0.005,
    l2sp: float = 1e-5,
    margin: Optional[float] = None,
    names_only: bool = False,
) -> PrototypeRanker:
    """Make a ranker that compares documents with the kept examples of each label,
    shrunk towards its name and description, in the first stage's own vectors.

    Registered as "spacy-longtail.PrototypeRanker.v1". Needs no torch.

    kappa (float): Documents that a name counts as in a prototype, from 0.0.
    epochs (int): Updates that teach the prototypes to tell the labels of an Other
        apart, from 0.
    learn_rate (float): Size of the updates, as a share of the prototypes' scale.
    l2sp (float): Pull back to the prototypes, from 0.0.
    margin (Optional[float]): Added to the cosine of a run-time label that is known by
        name alone, when it competes with labels from training. None estimates it.
    names_only (bool): Leave out the examples, for comparison.
    RETURNS (PrototypeRanker): The ranker.
    RAISES (ValueError): L405 if a setting is out of range.
    """
    settings = kappa, epochs, learn_rate, l2sp, margin, names_only
    return PrototypeRanker(LabelVectors(NAME, *settings))
