from typing import List, Optional, Sequence

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from .label_vectors import LabelVectors, encode_batches
from .types import EncodeT, LabelCard, Ranking


class PrototypeRanker:
    """Compares documents with labels in the first stage's own vectors."""

    def __init__(self, vectors: LabelVectors) -> None:
        self.vectors = vectors
        self._encode: Optional[EncodeT] = None

    def check(self) -> None:
        pass

    def set_labels(self, cards: Sequence[LabelCard], encode: EncodeT) -> None:
        """See LabelRanker."""
        self.vectors.set_labels(cards, lambda docs: encode_batches(docs, encode))

    def bind(self, encode: EncodeT) -> None:
        """Get the first stage's encoder, which isn't saved with the labels."""
        self._encode = encode

    def rank(
        self,
        docs: List[Doc],
        candidates: List[List[str]],
        *,
        added: Sequence[str],
        best: Sequence[str],
    ) -> Ranking:
        """See LabelRanker."""
        if self._encode is None:
            raise ValueError(Errors.L406.format(ranker="PrototypeRanker"))
        X: numpy.ndarray = self._encode(docs)
        return self.vectors.rank(X, candidates, added)

    def to_bytes(self) -> bytes:
        return self.vectors.to_bytes()

    def from_bytes(self, data: bytes) -> None:
        self.vectors.from_bytes(data)
