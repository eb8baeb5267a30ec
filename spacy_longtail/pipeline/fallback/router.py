from typing import (
    Any,
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
from ...questions import Question
from ...taxonomy import Other, Taxonomy
from ..decision import EPSILON, DecisionWriter, get_stored
from ..settings import FallbackSettings


class Stages(NamedTuple):
    """Whom to ask, and how: what a fallback, its name and settings, its ranker and its
    gate have to know of the first stage, the source. None of it changes any more.

    kind (Any): That of the source, with its settings. See get_kind.
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

    def get_kind(self, doc: Doc) -> Any:
        """RETURNS (Any): The kind with the settings that the source had when it decided
        about a document, if that is known, or with those that it has now.
        """
        return getattr(get_stored(doc), "kind", None) or self.kind

    def group(self, docs: List[Doc]) -> Iterator[Tuple[Any, List[int]]]:
        """YIELDS (Tuple[Any, List[int]]): Each such kind and its documents' places."""
        kinds = [self.get_kind(doc) for doc in docs]
        for key in dict.fromkeys(map(id, kinds)):
            rows = [row for row, kind in enumerate(kinds) if id(kind) == key]
            yield kinds[rows[0]], rows


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
    """

    stages: Stages
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
    # A first stage that has abstained has candidates, too.
    best, tops = zip(*(d["candidates"][0] for d in decisions)) if chosen else ((), ())
    P = _read_probabilities(chosen, stages)
    judged = Judged(
        stages=stages,
        rows=rows,
        P=P,
        others=_find_others(P, stages),
        scores=[],
        margins=None if margins is None else margins[routed],
        similarity=known / numpy.maximum(numpy.asarray(tops), EPSILON),
        deficit=numpy.zeros(len(rows)),
    )
    if not chosen:
        return judged
    found = _ask(chosen, list(best), judged, stages)
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
        best = [decision["candidates"][0][0] for decision in decisions]
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
    columns = [index[leaf] for leaf in stages.source.taxonomy.leaves]
    for kind, rows in stages.group(docs):
        if kind.settings.cats_top_k is None:
            for row in rows:
                cats = docs[row].cats
                P[row] = [cats.get(leaf, 0.0) for leaf in leaves]
        else:
            raw = stages.source.get_raw_scores([docs[row] for row in rows])
            found = stages.source.apply_settings(raw, kind).probabilities
            P[numpy.ix_(rows, columns)] = found
    P[:, stages.added_columns] = 0.0
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
