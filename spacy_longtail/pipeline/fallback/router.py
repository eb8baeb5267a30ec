from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from ...errors import Errors
from ...questions import Question
from ...taxonomy import Other, Taxonomy
from ..decision import EPSILON, get_stored
from ..settings import FallbackSettings


class Stages(NamedTuple):
    """Whom to ask, and how: what a fallback, its name and settings, its ranker and its
    gate have to know of the first stage, the source.

    taxonomy (Taxonomy): With the run-time labels.
    added (Sequence[str]): The run-time labels.
    """

    name: str
    source: Any
    ranker: Any
    gate: Optional[Any]
    taxonomy: Taxonomy
    added: Sequence[str]
    settings: FallbackSettings

    @property
    def added_columns(self) -> List[int]:
        """RETURNS (List[int]): Columns of the run-time labels."""
        return [self.taxonomy.index[label] for label in self.added]


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


def judge(docs: List[Doc], decided: List[int], stages: Stages) -> Judged:
    """Find out which documents the ranker has to be asked about, and ask it.

    decided (List[int]): Those that the first stage has decided, at least one.
    """
    routed, margins = _route([docs[row] for row in decided], stages)
    rows = numpy.asarray(decided)[routed]
    chosen = [docs[row] for row in rows]
    decisions = [get_stored(doc) for doc in chosen]
    known = numpy.asarray([decision["known"] for decision in decisions])
    tops = numpy.asarray([decision["probability"] for decision in decisions])
    P = _read_probabilities(chosen, stages)
    judged = Judged(
        rows=rows,
        P=P,
        others=_find_others(P, stages),
        scores=[],
        margins=None if margins is None else margins[routed],
        similarity=known / numpy.maximum(tops, EPSILON),
        deficit=numpy.zeros(len(rows)),
    )
    if not chosen:
        return judged
    found = _ask(chosen, [decision["label"] for decision in decisions], judged, stages)
    return _take(judged, found, known < stages.settings.route_below)


def _route(
    docs: List[Doc], stages: Stages
) -> Tuple[numpy.ndarray, Optional[numpy.ndarray]]:
    """Choose documents; the gate's margins come for nothing."""
    settings, added = stages.settings, list(stages.added)
    decisions = [get_stored(doc) for doc in docs]
    masses = [d["other"][1] if d["other"] else -1.0 for d in decisions]
    routed = numpy.asarray(masses) >= settings.route_threshold
    routed |= numpy.asarray([d["known"] for d in decisions]) < settings.route_below
    if not added:
        return routed, None
    margins = None
    if stages.gate is not None:
        best = [decision["label"] for decision in decisions]
        nothing: List[Any] = [[] for _ in docs]
        prior = [numpy.zeros(0)] * len(docs)
        found = stages.gate.rank(Question(docs, nothing, prior, added, best))
        margins = found.margins
    if margins is None:
        return routed | True, numpy.full((len(docs), len(added)), -numpy.inf)
    return routed | (margins.max(axis=1) >= -settings.gate_slack), margins


def _read_probabilities(docs: List[Doc], stages: Stages) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The first stage's probabilities in the columns of the
    extended taxonomy, float64 of shape (docs, labels).
    """
    leaves, index = stages.taxonomy.leaves, stages.taxonomy.index
    P = numpy.zeros((len(docs), len(leaves)), dtype="float64")
    if stages.source.cats_top_k is None:
        for row, doc in enumerate(docs):
            cats = doc.cats
            P[row] = [cats.get(leaf, 0.0) for leaf in leaves]
        P[:, stages.added_columns] = 0.0
    elif docs:
        columns = [index[leaf] for leaf in stages.source.taxonomy.leaves]
        P[:, columns] = stages.source.predict(docs).probabilities
    return P


def _find_others(P: numpy.ndarray, stages: Stages) -> List[List[int]]:
    """RETURNS (List[List[int]]): The Others of each document with enough mass."""
    least = max(stages.settings.route_threshold, EPSILON)
    others: List[List[int]] = [[] for _ in P]
    for number, other in enumerate(stages.taxonomy.others):
        mass = numpy.take(P, list(other.members), axis=1).sum(axis=1)
        for row in numpy.flatnonzero(mass >= least).tolist():
            others[row].append(number)
    return others


def _ask(docs: List[Doc], best: List[str], judged: Judged, stages: Stages) -> Any:
    """RETURNS (Any): A Ranking. Nothing is written before all scores of the batch are
    known to be good.
    """
    leaves, plan = stages.taxonomy.leaves, stages.taxonomy.others
    columns = [[m for n in others for m in plan[n].members] for others in judged.others]
    candidates = [[leaves[column] for column in row] for row in columns]
    own = [judged.P[i, row] for i, row in enumerate(columns)]
    prior = [numpy.log(numpy.maximum(values, EPSILON)) for values in own]
    question = Question(docs, candidates, prior, list(stages.added), best)
    found = stages.ranker.rank(question)
    ranker, n_added = type(stages.ranker).__name__, len(stages.added)
    missing: List[Any] = [()] * (len(docs) - len(found.scores))
    for values, labels, doc in zip([*found.scores, *missing], candidates, docs):
        if len(values) != len(labels) or not numpy.isfinite(values).all():
            text = Errors.L404.format(
                ranker=ranker, found=list(values)[:3], n=len(labels), text=doc.text[:60]
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
        for members, logits in split_members(plan, numbers, values):
            own = P[row, members]
            logits = logits + mixture_weight * numpy.log(numpy.maximum(own, EPSILON))
            weights = numpy.exp(logits - logits.max())
            P[row, members] = own.sum() * weights / weights.sum()
    return P
