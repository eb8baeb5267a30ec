from typing import Any, Callable, List, NamedTuple, Optional, Sequence

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from ..settings import is_between

EncodeT = Callable[[List[Doc]], numpy.ndarray]


class LabelCard(NamedTuple):
    """What a ranker may know about a label.

    label (str): Its full path.
    names (List[Doc]): Its name and, if there is one, its description.
    examples (List[Doc]): Training documents, or those given with a run-time label.
    group (int): Number of the Other that pools it, -1 for a label that is trained on
        its own or was added at run time.
    is_added (bool): Whether it was added at run time.
    """

    label: str
    names: List[Doc]
    examples: List[Doc]
    group: int
    is_added: bool


class Ranking(NamedTuple):
    """What a ranker finds in a batch of documents.

    scores (List[numpy.ndarray]): One score per candidate of each document. Higher is
        better; differences are log odds, comparable within a document only.
    margins (Optional[numpy.ndarray]): Log odds of each run-time label against the best
        label from training, of shape (docs, added). None if it can't tell.
    similarity (Optional[numpy.ndarray]): Highest similarity to any label, from 0.0 to
        1.0, of shape (docs,). None if it can't tell.
    none_score (Optional[float]): Documents all of whose scores are lower belong to
        none of their candidates. None if it can't tell.
    """

    scores: List[numpy.ndarray]
    margins: Optional[numpy.ndarray] = None
    similarity: Optional[numpy.ndarray] = None
    none_score: Optional[float] = None


class LabelRanker:
    """Orders candidate labels for documents. This one finds all equally good; others
    override what they do differently, at least `rank`.

    It never writes to a Doc, and what it finds in a document doesn't depend on the
    others of the batch. Any object with these methods will do.
    """

    def load(self) -> None:
        """Load whatever has to be loaded, so that it fails early.

        RAISES (ValueError): L401, L402 or L403 if that can't be.
        """

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        """Get to know the labels, in place of those before. What it learns depends
        on the cards and the encoder only.

        cards (Sequence[LabelCard]): All labels: trained, pooled, added at run time.
        encode (EncodeT): The first stage's encoder: documents to (docs, width).
        only_added (bool): Nothing but the run-time labels has changed since the last
            call, so that the others needn't be encoded again.
        """

    def bind(self, encode: EncodeT) -> None:
        """Get the first stage's encoder for documents that have come through the
        pipeline. Called before rank; an encoder isn't saved with the labels.
        """

    def rank(
        self,
        docs: List[Doc],
        candidates: List[List[str]],
        *,
        prior: List[numpy.ndarray],
        added: Sequence[str],
        best: Sequence[str],
    ) -> Ranking:
        """Judge documents.

        docs (List[Doc]): The documents, at least one.
        candidates (List[List[str]]): Labels to score for each, can be none.
        prior (List[numpy.ndarray]): Log of the first stage's own probability of each
            candidate, to save work with. The caller combines it with the scores.
        added (Sequence[str]): Run-time labels.
        best (Sequence[str]): The first stage's most probable label of each document,
            what run-time labels compete with.
        """
        return Ranking([numpy.zeros(len(labels)) for labels in candidates])

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): What set_labels has learned."""
        return b""

    def from_bytes(self, data: bytes) -> None:
        """Load what to_bytes gave, in place of set_labels."""


def make_noop_ranker() -> LabelRanker:
    """Make a ranker that finds all candidates equally good, so that the mixture's
    posterior decides, for tests and comparisons.

    Registered as "spacy-longtail.NoOpRanker.v1".
    """
    return LabelRanker()


def check_numbers(ranker: str, **settings: Any) -> None:
    """Check settings that have to be numbers of at least 0.

    RAISES (ValueError): L405 if one isn't.
    """
    for name, value in settings.items():
        if not is_between(value, 0.0):
            text = Errors.L405.format(ranker=ranker, name=name, value=value)
            raise ValueError(text)
