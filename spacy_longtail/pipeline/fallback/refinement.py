from typing import Any, List, NamedTuple, Optional, Sequence

import numpy

from ...taxonomy import Other, Taxonomy
from ..decision import EPSILON


class Stages(NamedTuple):
    """Whom to ask.

    source (Any): The first stage.
    ranker (Any): A LabelRanker.
    gate (Any): One that tells which documents run-time labels could win.
    taxonomy (Taxonomy): With the run-time labels.
    added (Sequence[str]): The run-time labels.
    """

    source: Any
    ranker: Any
    gate: Optional[Any]
    taxonomy: Taxonomy
    added: Sequence[str]


class Judged(NamedTuple):
    """What both stages think of the routed documents of a batch.

    rows (numpy.ndarray): Which documents of the batch they are, of shape (routed,).
    P (numpy.ndarray): Probabilities of the first stage over all labels, zeros for
        those added at run time; float64 of shape (routed, labels).
    others (List[List[int]]): The Others to refine in each document.
    scores (List[numpy.ndarray]): The ranker's score of each candidate, that is of the
        members of those Others, one Other after the other.
    margins (Optional[numpy.ndarray]): See Ranking.
    similarity (numpy.ndarray): Highest cosine to any label, of shape (routed,).
    deficit (numpy.ndarray): By how much the best score of all candidates misses
        what it needs for one of them to fit, by the ranker; 0.0 if it doesn't.
    """

    rows: numpy.ndarray
    P: numpy.ndarray
    others: List[List[int]]
    scores: List[numpy.ndarray]
    margins: Optional[numpy.ndarray]
    similarity: numpy.ndarray
    deficit: numpy.ndarray

    @property
    def is_none(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Whether no candidate fits, by the ranker."""
        return self.deficit > 0


class Rivals(NamedTuple):
    """A gold label among the members of an Other.

    place (int): Which of the members it is.
    places (List[int]): Those that it has to be told from, and itself, ascending.
    """

    place: int
    places: List[int]


def redistribute(
    P: numpy.ndarray,
    plan: Sequence[Other],
    others: List[List[int]],
    scores: List[numpy.ndarray],
    mixture_weight: float,
) -> numpy.ndarray:
    """Redistribute the mass of Others over their members by a ranker's scores:
    P(leaf) = P(Other) * P(leaf | Other, document).

    P (numpy.ndarray): Probabilities of shape (docs, labels).
    plan (Sequence[Other]): The Others, with columns of P.
    others (List[List[int]]): Those to refine in each document.
    scores (List[numpy.ndarray]): See Judged.
    mixture_weight (float): Share of the log of the first stage's own distribution
        inside an Other that is added to the scores.
    RETURNS (numpy.ndarray): Of the same shape. Other columns are as before.
    """
    P = P.copy()
    for row, (numbers, values) in enumerate(zip(others, scores)):
        start = 0
        for number in numbers:
            members = list(plan[number].members)
            own = P[row, members]
            logits = values[start : start + len(members)].astype("float64")
            start += len(members)
            logits = logits + mixture_weight * numpy.log(numpy.maximum(own, EPSILON))
            weights = numpy.exp(logits - logits.max())
            P[row, members] = own.sum() * weights / weights.sum()
    return P
