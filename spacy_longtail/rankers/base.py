from typing import Any, Callable, Container, Iterable, List, Sequence

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from ..questions import LabelCard, Question, Ranking
from ..saved import refuse
from ..settings import MOST, is_between

EncodeT = Callable[[List[Doc]], numpy.ndarray]


class LabelRanker:
    """Orders candidate labels for documents. This one finds all equally good; others
    override what they do differently, at least `rank`.

    It never writes to a Doc, and what it finds in a document doesn't depend on the
    others of the batch. Any object with these methods will do. It is copied, as by
    copy.copy(), before it gets to know other labels, and must leave what the copy has
    in common with it as it is: another thread can be asking it.
    """

    def load(self) -> None:
        """Load whatever has to be loaded, so that L401, L402 or L403 come early."""

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

    def rank(self, question: Question) -> Ranking:
        return Ranking([numpy.zeros(len(labels)) for labels in question.candidates])

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): What set_labels has learned."""
        return b""

    def from_bytes(self, data: bytes) -> None:
        """Load what to_bytes gave, in place of set_labels.

        RAISES (ValueError): L361 if it can't be that.
        """

    def check_labels(self, labels: Sequence[str], pooled: Container[str]) -> None:
        """Check that what was loaded is about these labels.

        pooled (Container[str]): Those of them that are in an Other.
        RAISES (DamagedError): L361.
        """


def check_same(found: Iterable[str], labels: Sequence[str]) -> None:
    """RAISES (DamagedError): L361 if labels are others, in whatever order."""
    if set(found) != set(labels):
        refuse("its ranker knows other labels")


def make_noop_ranker() -> LabelRanker:
    """Make a ranker that finds all candidates equally good, so that the mixture's
    posterior decides, for tests and comparisons.

    Registered as "spacy-longtail.NoOpRanker.v1".
    """
    return LabelRanker()


def check_numbers(ranker: str, **settings: Any) -> None:
    """RAISES (ValueError): L405 if a setting isn't a number of at least 0."""
    for name, value in settings.items():
        if not is_between(value, 0.0, MOST):
            text = Errors.L405.format(ranker=ranker, name=name, value=value)
            raise ValueError(text)
