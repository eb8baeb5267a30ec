from typing import List, Sequence

import numpy
from spacy.tokens import Doc

from .types import EncodeT, LabelCard, Ranking


class NoOpRanker:
    """Finds all candidates equally good, so that the mixture's posterior decides."""

    def load(self) -> None:
        pass

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        pass

    def bind(self, encode: EncodeT) -> None:
        pass

    def rank(
        self,
        docs: List[Doc],
        candidates: List[List[str]],
        *,
        prior: List[numpy.ndarray],
        added: Sequence[str],
        best: Sequence[str],
    ) -> Ranking:
        """See LabelRanker."""
        return Ranking([numpy.zeros(len(labels)) for labels in candidates])

    def to_bytes(self) -> bytes:
        return b""

    def from_bytes(self, data: bytes) -> None:
        pass


def make_noop_ranker() -> NoOpRanker:
    """Make a ranker that changes nothing, for tests and comparisons.

    Registered as "spacy-longtail.NoOpRanker.v1".
    """
    return NoOpRanker()
