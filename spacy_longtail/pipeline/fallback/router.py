from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy
from spacy.tokens import Doc

from ...errors import Errors
from ...questions import EncodedQuestion
from ...taxonomy import Other, Taxonomy
from ..decision import EPSILON
from ..decision_writer import DecisionWriter
from ..settings import FallbackSettings
from .decided import Decided, read_probabilities


class Stages(NamedTuple):
    """Whom to ask, and how: what a fallback, its name and settings, its ranker and its
    gate have to know of the first stage, the source. None of it changes any more.

    kind (Any): That of the source, with its settings. See Decided.get_kinds.
    taxonomy (Taxonomy): With the run-time labels.
    added (Mapping[str, Any]): The run-time labels, and what is known of them.
    writer (DecisionWriter): For the labels of both.
    """

    name: str
    source: Any
    ranker: Any
    gate: Optional[Any]
    kind: Any
    taxonomy: Taxonomy
    added: Mapping[str, Any]
    settings: FallbackSettings
    writer: DecisionWriter

    @property
    def added_columns(self) -> List[int]:
        """RETURNS (List[int]): Columns of the run-time labels."""
        return [self.taxonomy.index[label] for label in self.added]


class Judged(NamedTuple):
    """What both stages think of the routed documents of a batch.

    stages (Stages): The stages as they were then.
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
    decided (Decided): What the first stage has decided, also about other documents.
    routed (numpy.ndarray): Places of the routed documents there.
    has_all (numpy.ndarray): Which of them have all of the source's labels in
        `doc.cats`.
    """

    stages: Stages
    rows: numpy.ndarray
    P: numpy.ndarray
    others: List[List[int]]
    scores: List[numpy.ndarray]
    margins: Optional[numpy.ndarray]
    similarity: numpy.ndarray
    deficit: numpy.ndarray
    decided: Decided
    routed: numpy.ndarray
    has_all: numpy.ndarray


def judge(docs: List[Doc], decided: Decided, stages: Stages) -> Judged:
    """Find out which documents the ranker has to be asked about, and ask it.

    decided (Decided): What the first stage has decided, at least one document.
    """
    is_routed, margins = route([docs[row] for row in decided.rows], decided, stages)
    chosen = decided.select(is_routed)
    routed = [docs[row] for row in chosen.rows.tolist()]
    P, has_all = read_probabilities(routed, chosen, stages)
    judged = Judged(
        stages=stages,
        rows=chosen.rows,
        P=P,
        others=_find_others(P, stages),
        scores=[],
        margins=None if margins is None else margins[is_routed],
        similarity=chosen.known / numpy.maximum(chosen.shares, EPSILON),
        deficit=numpy.zeros(len(routed)),
        decided=decided,
        routed=numpy.flatnonzero(is_routed),
        has_all=has_all,
    )
    if not routed:
        return judged
    is_asked = chosen.known < stages.settings.route_below
    found = _ask(routed, chosen, judged, stages, is_asked)
    return _take(judged, found, is_asked)


def route(
    docs: List[Doc], decided: Decided, stages: Stages
) -> Tuple[numpy.ndarray, Optional[numpy.ndarray]]:
    """Choose documents; the gate's margins come for nothing."""
    settings, added = stages.settings, list(stages.added)
    routed = decided.masses >= settings.route_threshold
    routed |= decided.known < settings.route_below
    if not added:
        return routed, None
    margins = None
    if stages.gate is not None:
        nothing: List[Any] = [[] for _ in docs]
        prior = [numpy.zeros(0)] * len(docs)
        question = EncodedQuestion(docs, nothing, prior, added, decided.best)
        question.vectors = decided.get_vectors()
        margins = stages.gate.rank(question).margins
    if margins is None:
        return routed | True, numpy.full((len(docs), len(added)), -numpy.inf)
    return routed | (margins.max(axis=1) >= -settings.gate_slack), margins


def _find_others(P: numpy.ndarray, stages: Stages) -> List[List[int]]:
    """RETURNS (List[List[int]]): The Others of each document with enough mass."""
    least = max(stages.settings.route_threshold, EPSILON)
    others: List[List[int]] = [[] for _ in P]
    rows, numbers = numpy.nonzero(stages.writer.sum_others(P) >= least)
    for row, number in zip(rows.tolist(), numbers.tolist()):
        others[row].append(number)
    return others


def _ask(
    docs: List[Doc],
    chosen: Decided,
    judged: Judged,
    stages: Stages,
    is_asked: numpy.ndarray,
) -> Any:
    """RETURNS (Any): A Ranking. Nothing is written before all scores of the batch are
    known to be good.
    """
    leaves, plan = stages.taxonomy.leaves, stages.taxonomy.others
    alike: Dict[Tuple[int, ...], List[str]] = {}
    for numbers in set(map(tuple, judged.others)):
        columns = [m for number in numbers for m in plan[number].members]
        alike[numbers] = [leaves[column] for column in columns]
    candidates = [alike[tuple(numbers)] for numbers in judged.others]
    members = find_members(plan, judged.others)
    own = judged.P[members.rows, members.columns]
    prior = members.split(numpy.log(numpy.maximum(own, EPSILON)), len(docs))
    added, best = list(stages.added), chosen.best
    question = EncodedQuestion(docs, candidates, prior, added, best)
    question.vectors = chosen.get_vectors()
    question.asks_similarity = bool(added) or bool(is_asked.any())
    found = stages.ranker.rank(question)
    ranker, n_added = type(stages.ranker).__name__, len(stages.added)
    missing: List[Any] = [()] * (len(docs) - len(found.scores))
    scores = [numpy.asarray(values) for values in [*found.scores, *missing]]
    is_good = numpy.isfinite(numpy.concatenate(scores).astype("float64")).all()
    if not is_good or [*map(len, scores)] != [*map(len, candidates)]:
        for values, labels, doc in zip(scores, candidates, docs):
            if len(values) != len(labels) or not numpy.isfinite(values).all():
                text = Errors.L404.format(
                    ranker=ranker,
                    found=list(values)[:3],
                    n=len(labels),
                    text=doc.text[:60],
                )
                raise ValueError(text)
    shapes = {"margins": (len(docs), n_added), "similarity": (len(docs),)}
    for key, shape in shapes.items():
        values = getattr(found, key)
        if values is not None and (values.shape != shape or numpy.isnan(values).any()):
            text = Errors.L404.format(
                ranker=ranker, found=key, n=n_added, text=docs[0].text[:60]
            )
            raise ValueError(text)
    return found


def _take(judged: Judged, found: Any, is_asked: numpy.ndarray) -> Judged:
    """Put what the ranker found in.

    is_asked (numpy.ndarray): Documents whose similarity the ranker is asked for.
    """
    judged = judged._replace(scores=list(found.scores))
    if judged.margins is not None and found.margins is not None:
        judged = judged._replace(margins=found.margins)
    if found.similarity is not None:
        similarity = numpy.where(is_asked, found.similarity, judged.similarity)
        if judged.margins is not None:
            # A label that was added is none that the first stage could be close to.
            is_new = judged.margins.max(axis=1) > 0
            similarity = numpy.maximum(similarity, found.similarity * is_new)
        judged = judged._replace(similarity=similarity)
    if found.none_score is not None:
        tops = numpy.asarray([v.max(initial=-numpy.inf) for v in found.scores])
        gaps = numpy.where(numpy.isfinite(tops), found.none_score - tops, 0.0)
        judged = judged._replace(deficit=numpy.maximum(gaps, 0.0))
    return judged


def split_members(
    plan: Sequence[Other], numbers: Sequence[int], values: numpy.ndarray
) -> Iterator[Tuple[List[int], numpy.ndarray]]:
    """YIELDS (Tuple[List[int], numpy.ndarray]): Columns of the members of each of some
    Others, and their scores, float64.
    """
    start = 0
    for number in numbers:
        members = list(plan[number].members)
        yield members, values[start : start + len(members)].astype("float64")
        start += len(members)


class Members(NamedTuple):
    """The members of the Others of documents, one Other after the other, and one
    document after the other.

    rows, columns (numpy.ndarray): Document and label, of shape (members,).
    starts, sizes (numpy.ndarray): Where each Other starts, and its members.
    """

    rows: numpy.ndarray
    columns: numpy.ndarray
    starts: numpy.ndarray
    sizes: numpy.ndarray

    def split(self, values: numpy.ndarray, n_docs: int) -> List[numpy.ndarray]:
        """RETURNS (List[numpy.ndarray]): The values of the members of each document."""
        ends = numpy.searchsorted(self.rows, numpy.arange(n_docs), side="right")
        starts = [0, *ends.tolist()]
        return [values[start:end] for start, end in zip(starts, starts[1:])]


def find_members(plan: Sequence[Other], others: Sequence[Sequence[int]]) -> Members:
    """RETURNS (Members): Of the Others of each document."""
    numbers = [number for own in others for number in own]
    known = {number: numpy.asarray(plan[number].members) for number in set(numbers)}
    parts = [known[number] for number in numbers]
    sizes = numpy.asarray([*map(len, parts)], dtype="int64")
    rows = numpy.repeat(numpy.arange(len(others)), [*map(len, others)]).repeat(sizes)
    columns = numpy.concatenate([numpy.zeros(0, dtype="int64"), *parts])
    return Members(rows, columns, numpy.cumsum(sizes) - sizes, sizes)


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
    P, (rows, columns, starts, sizes) = P.copy(), find_members(plan, others)
    if not len(starts):
        return P
    own, values = P[rows, columns], numpy.concatenate(scores).astype("float64")
    logits = values + mixture_weight * numpy.log(numpy.maximum(own, EPSILON))
    tops = numpy.maximum.reduceat(logits, starts).repeat(sizes)
    weights = numpy.exp(logits - tops)
    mass, total = (numpy.add.reduceat(x, starts).repeat(sizes) for x in (own, weights))
    P[rows, columns] = mass * weights / total
    return P
