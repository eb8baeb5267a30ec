from typing import List, NamedTuple, Optional, Sequence

import numpy

from ...taxonomy import Other
from ..multilabel_decision import sigmoid

EPSILON = 1e-12


class Judged(NamedTuple):
    """What both stages think of the routed documents of a batch.

    rows (numpy.ndarray): Which documents of the batch they are, of shape (routed,).
    P (numpy.ndarray): Probabilities of the first stage over all labels, zeros for
        those added at run time; float64 of shape (routed, labels).
    others (List[List[int]]): The Others to refine in each document.
    scores (List[numpy.ndarray]): The ranker's score of each candidate, that is of the
        members of those Others, one Other after the other.
    leads (Optional[numpy.ndarray]): See Ranking.
    closeness (numpy.ndarray): Highest cosine to any label, of shape (routed,).
    shortfall (numpy.ndarray): By how much the best score of all candidates misses
        what it needs for one of them to fit, by the ranker; 0.0 if it doesn't.
    """

    rows: numpy.ndarray
    P: numpy.ndarray
    others: List[List[int]]
    scores: List[numpy.ndarray]
    leads: Optional[numpy.ndarray]
    closeness: numpy.ndarray
    shortfall: numpy.ndarray

    @property
    def is_none(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Whether no candidate fits, by the ranker."""
        return self.shortfall > 0


class Rivals(NamedTuple):
    """A gold label among the members of an Other.

    place (int): Which of the members it is.
    places (List[int]): Those that it has to be told from, and itself, ascending.
    """

    place: int
    places: List[int]


def spread(
    P: numpy.ndarray,
    plan: Sequence[Other],
    others: List[List[int]],
    scores: List[numpy.ndarray],
    mixture_weight: float,
) -> numpy.ndarray:
    """Spread the mass of Others over their members by a ranker's scores:
    P(leaf) = P(Other) * P(leaf | Other, document).

    P (numpy.ndarray): Probabilities of shape (docs, labels).
    plan (Sequence[Other]): The Others, with columns of P.
    others (List[List[int]]): Those to spread in each document.
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


def compete(
    P: numpy.ndarray, leads: numpy.ndarray, columns: Sequence[int], trust: float
) -> numpy.ndarray:
    """Give run-time labels the mass that their own prototypes win.

    A run-time label is as probable as the best of the others times exp(lead - trust *
    log odds of that best). All are scaled to sum to what they did before, so that
    the labels from training keep their order.

    leads (numpy.ndarray): See Ranking, of shape (docs, added).
    columns (Sequence[int]): Columns of the run-time labels, zeros so far.
    trust (float): Share of the first stage's log odds that has to be overcome.
    """
    total = P.sum(axis=1, keepdims=True)
    top = numpy.clip(P.max(axis=1, keepdims=True), EPSILON, 1 - 1e-6)
    leads = leads - trust * numpy.log(top / (1 - top))
    P = P.copy()
    P[:, list(columns)] = top * numpy.exp(numpy.clip(leads, -700.0, 50.0))
    return P * (total / P.sum(axis=1, keepdims=True))


def doubt(
    P: numpy.ndarray,
    plan: Sequence[Other],
    others: List[List[int]],
    shortfall: numpy.ndarray,
) -> numpy.ndarray:
    """Take mass from the Others whose candidates don't fit, by the ranker: the farther
    the best of all scores is below what it needs, the more, exp(-shortfall).

    This is for labels that don't exclude each other: none has to get that mass.

    P, plan, others: See spread.
    shortfall (numpy.ndarray): See Judged.
    """
    P = P.copy()
    for row in numpy.flatnonzero(shortfall > 0).tolist():
        columns = [m for number in others[row] for m in plan[number].members]
        P[row, columns] *= numpy.exp(-shortfall[row])
    return P


def add_beside(
    P: numpy.ndarray,
    leads: numpy.ndarray,
    columns: Sequence[int],
    trust: float,
    closeness: numpy.ndarray,
) -> numpy.ndarray:
    """Give run-time labels a probability that no other label pays for.

    It is closeness * sigmoid(lead + trust * log odds of the best of the others). A lead
    only compares: a document that is equally far from all labels has none of them, and
    one that is sure to have another label can be close to both.

    P, leads, columns: See compete.
    trust (float): Share of the first stage's log odds that a run-time label starts
        from.
    closeness (numpy.ndarray): See Judged.
    """
    top = numpy.clip(P.max(axis=1, keepdims=True), EPSILON, 1 - 1e-6)
    shares = sigmoid(leads + trust * numpy.log(top / (1 - top)))
    P = P.copy()
    P[:, list(columns)] = shares * numpy.clip(closeness, 0.0, 1.0)[:, None]
    return P
