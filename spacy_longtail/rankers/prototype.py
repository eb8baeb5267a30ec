from typing import List, Optional

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from ..questions import Question
from .base import EncodeT
from .heads import HeadSettings
from .vector_ranker import VectorRanker

BATCH_SIZE = 256


class PrototypeRanker(VectorRanker):
    """Compares documents with labels in the first stage's own vectors."""

    name = "PrototypeRanker"
    _encode_docs: Optional[EncodeT] = None

    def bind(self, encode: EncodeT) -> None:
        self._encode_docs = encode

    def encode_labels(self, docs: List[Doc], encode: EncodeT) -> numpy.ndarray:
        starts = range(0, len(docs), BATCH_SIZE)
        return numpy.concatenate([encode(docs[i : i + BATCH_SIZE]) for i in starts])

    def encode_docs(self, docs: List[Doc]) -> numpy.ndarray:
        if self._encode_docs is None:
            raise ValueError(Errors.L406.format(ranker=self.name))
        return self._encode_docs(docs)

    def get_vectors(self, question: Question) -> numpy.ndarray:
        known = getattr(question, "vectors", None)
        return super().get_vectors(question) if known is None else known


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
    RAISES (ValueError): L405 if a setting is out of range.
    """
    settings = HeadSettings(kappa, epochs, learn_rate, l2sp)
    return PrototypeRanker(settings, margin, names_only)
