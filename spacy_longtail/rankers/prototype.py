from typing import List, Optional, Sequence

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from .label_vectors import LabelVectors, check_settings, encode_batches
from .types import EncodeT, LabelCard, Ranking


class PrototypeRanker:
    """Compares documents with labels in the first stage's own vectors."""

    def __init__(self, vectors: LabelVectors) -> None:
        self.vectors = vectors
        self._encode: Optional[EncodeT] = None

    def load(self) -> None:
        pass

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        """See LabelRanker."""
        self.vectors.set_labels(
            cards, lambda docs: encode_batches(docs, encode), only_added=only_added
        )

    def bind(self, encode: EncodeT) -> None:
        """Get the first stage's encoder, which isn't saved with the labels."""
        self._encode = encode

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
        if self._encode is None:
            raise ValueError(Errors.L406.format(ranker="PrototypeRanker"))
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
    settings = {
        "kappa": kappa,
        "epochs": epochs,
        "learn_rate": learn_rate,
        "l2sp": l2sp,
    }
    check_settings("PrototypeRanker", **settings)
    vectors = LabelVectors(**settings, margin=margin, names_only=names_only)  # type: ignore[arg-type]
    return PrototypeRanker(vectors)
