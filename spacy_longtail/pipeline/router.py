import time
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from ..taxonomy import Taxonomy
from .fallback_settings import FallbackSettings
from .refinement import EPSILON, Judged


@dataclass
class Usage:
    """What the fallback has cost in this process so far.

    docs (int): Documents seen.
    routed (int): Documents that the ranker was asked about.
    candidates (int): Labels scored, summed over documents.
    seconds (float): Time in the fallback.
    """

    docs: int = 0
    routed: int = 0
    candidates: int = 0
    seconds: float = 0.0

    def to_dict(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): With shares and means per document."""
        return {
            "docs": self.docs,
            "routed": self.routed,
            "routed_share": self.routed / max(self.docs, 1),
            "candidates_per_routed_doc": self.candidates / max(self.routed, 1),
            "ms_per_doc": 1000.0 * self.seconds / max(self.docs, 1),
            "ms_per_routed_doc": 1000.0 * self.seconds / max(self.routed, 1),
        }


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


def judge(
    docs: List[Doc],
    decisions: List[Dict[str, Any]],
    stages: Stages,
    settings: FallbackSettings,
) -> Tuple[Judged, int]:
    """Find out which documents the ranker has to be asked about, and ask it.

    docs (List[Doc]): Documents that the first stage has decided.
    decisions (List[Dict[str, Any]]): Its decisions.
    RETURNS (Tuple[Judged, int]): See there, and the number of labels scored.
    """
    added = list(stages.added)
    routed, leads = _route(docs, decisions, stages, settings)
    rows = numpy.flatnonzero(routed)
    chosen = [docs[row] for row in rows]
    P = read_probabilities(chosen, stages)
    plan = stages.taxonomy.others
    masses = [P[:, list(other.members)].sum(axis=1) for other in plan]
    others: List[List[int]] = [[] for _ in chosen]
    for number, mass in enumerate(masses):
        for row in numpy.flatnonzero(mass >= max(settings.route_threshold, EPSILON)):
            others[row].append(number)
    columns = [[m for n in numbers for m in plan[n].members] for numbers in others]
    closeness = numpy.asarray(
        [
            decision["known"] / max(decision["probability"], EPSILON)
            for decision in (decisions[row] for row in rows)
        ]
    )
    is_none = numpy.zeros(len(rows), dtype=bool)
    scores: List[numpy.ndarray] = []
    if len(rows):
        leaves = stages.taxonomy.leaves
        candidates = [[leaves[c] for c in row] for row in columns]
        found = stages.ranker.rank(
            chosen,
            candidates,
            prior=[
                numpy.log(numpy.maximum(P[i, c], EPSILON))
                for i, c in enumerate(columns)
            ],
            added=added,
            best=[decisions[row]["label"] for row in rows],
        )
        _check(found, candidates, chosen, type(stages.ranker).__name__)
        scores = list(found.scores)
        leads = found.leads if found.leads is not None else leads[rows]
        if found.closeness is not None:
            asked = [decisions[row]["known"] < settings.route_below for row in rows]
            closeness = numpy.where(asked, found.closeness, closeness)
            if added:
                # A label that was added is none that the first stage could be close to.
                closeness = numpy.maximum(
                    closeness, found.closeness * (leads.max(1) > 0)
                )
        if found.none_score is not None:
            tops = [values.max() if len(values) else numpy.inf for values in scores]
            is_none = numpy.asarray(tops) < found.none_score
    judged = Judged(
        rows, P, others, scores, leads if added else None, closeness, is_none
    )
    return judged, sum(map(len, columns)) + len(added) * len(rows)


def read_probabilities(docs: List[Doc], stages: Stages) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The first stage's probabilities in the columns of the
    extended taxonomy, float64 of shape (docs, labels).
    """
    leaves = stages.taxonomy.leaves
    P = numpy.zeros((len(docs), len(leaves)), dtype="float64")
    if not docs:
        return P
    if stages.source.cats_top_k is None:
        for row, doc in enumerate(docs):
            cats = doc.cats
            P[row] = [cats.get(leaf, 0.0) for leaf in leaves]
        P[:, [stages.taxonomy.index[label] for label in stages.added]] = 0.0
    else:
        index = stages.taxonomy.index
        columns = [index[leaf] for leaf in stages.source.taxonomy.leaves]
        P[:, columns] = stages.source.predict(docs).probabilities
    return P


def _route(
    docs: List[Doc],
    decisions: List[Dict[str, Any]],
    stages: Stages,
    settings: FallbackSettings,
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Choose documents; the gate's leads come for nothing."""
    masses = [d["other"][1] if d["other"] else -1.0 for d in decisions]
    routed = numpy.asarray(masses) >= settings.route_threshold
    routed |= numpy.asarray([d["known"] for d in decisions]) < settings.route_below
    added = list(stages.added)
    leads = numpy.full((len(docs), len(added)), -numpy.inf)
    if added and stages.gate is None:
        routed[:] = True
    elif added and stages.gate is not None:
        empty: List[numpy.ndarray] = [numpy.zeros(0)] * len(docs)
        best = [decision["label"] for decision in decisions]
        nothing: List[List[str]] = [[] for _ in docs]
        found = stages.gate.rank(docs, nothing, prior=empty, added=added, best=best)
        if found.leads is not None:
            leads = found.leads
            routed |= leads.max(axis=1) >= -settings.gate_slack
        else:
            routed[:] = True
    return routed, leads


def _check(
    found: Any, candidates: List[List[str]], docs: List[Doc], ranker: str
) -> None:
    """Nothing is written before all scores of the batch are known to be good."""
    for values, labels, doc in zip(found.scores, candidates, docs):
        if len(values) != len(labels) or not numpy.isfinite(values).all():
            text = Errors.L404.format(
                ranker=ranker, found=list(values)[:3], n=len(labels), text=doc.text[:60]
            )
            raise ValueError(text)
    if found.leads is not None and numpy.isnan(found.leads).any():
        text = Errors.L404.format(
            ranker=ranker, found="NaN", n=0, text=docs[0].text[:60]
        )
        raise ValueError(text)


def now() -> float:
    return time.perf_counter()
