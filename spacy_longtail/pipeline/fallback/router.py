from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy
from spacy.tokens import Doc

from ...errors import Errors
from ...questions import Question
from ...taxonomy import Taxonomy
from ..decision import EPSILON, KEY
from .refinement import Judged, Stages
from .settings import FallbackSettings


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


def judge(
    docs: List[Doc], decided: List[int], stages: Stages, settings: FallbackSettings
) -> Tuple[Judged, int]:
    """Find out which documents the ranker has to be asked about, and ask it.

    docs (List[Doc]): A batch.
    decided (List[int]): Those of them that the first stage has decided, at least one.
    RETURNS (Tuple[Judged, int]): See there, and the number of labels scored.
    """
    decisions = [docs[row].user_data[KEY] for row in decided]
    routed, margins = _route(
        [docs[row] for row in decided], decisions, stages, settings
    )
    places = numpy.flatnonzero(routed).tolist()
    chosen = [docs[decided[place]] for place in places]
    decisions = [decisions[place] for place in places]
    P = read_probabilities(chosen, stages)
    others = _find_others(P, stages.taxonomy, settings.route_threshold)
    columns = [
        [m for number in numbers for m in stages.taxonomy.others[number].members]
        for numbers in others
    ]
    known = numpy.asarray([decision["known"] for decision in decisions])
    tops = numpy.asarray([decision["probability"] for decision in decisions])
    judged = Judged(
        rows=numpy.asarray([decided[place] for place in places], dtype="int64"),
        P=P,
        others=others,
        scores=[],
        margins=margins[places] if stages.added else None,
        similarity=known / numpy.maximum(tops, EPSILON),
        deficit=numpy.zeros(len(places)),
    )
    if chosen:
        found = _ask(chosen, decisions, columns, P, stages)
        judged = _take(judged, found, known < settings.route_below)
    return judged, sum(map(len, columns)) + len(stages.added) * len(places)


def _find_others(
    P: numpy.ndarray, taxonomy: Taxonomy, threshold: float
) -> List[List[int]]:
    """RETURNS (List[List[int]]): The Others of each document with enough mass."""
    others: List[List[int]] = [[] for _ in P]
    for number, other in enumerate(taxonomy.others):
        mass = P[:, list(other.members)].sum(axis=1)
        for row in numpy.flatnonzero(mass >= max(threshold, EPSILON)).tolist():
            others[row].append(number)
    return others


def _ask(
    docs: List[Doc],
    decisions: List[Dict[str, Any]],
    columns: List[List[int]],
    P: numpy.ndarray,
    stages: Stages,
) -> Any:
    leaves = stages.taxonomy.leaves
    candidates = [[leaves[column] for column in row] for row in columns]
    own = [P[i, row] for i, row in enumerate(columns)]
    prior = [numpy.log(numpy.maximum(values, EPSILON)) for values in own]
    best = [decision["label"] for decision in decisions]
    question = Question(docs, candidates, prior, list(stages.added), best)
    found = stages.ranker.rank(question)
    _check(found, candidates, docs, len(stages.added), type(stages.ranker).__name__)
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
        tops = [values.max(initial=-numpy.inf) for values in found.scores]
        has_any = numpy.asarray([len(values) > 0 for values in found.scores])
        gaps = numpy.where(has_any, found.none_score - numpy.asarray(tops), 0.0)
        judged = judged._replace(deficit=numpy.maximum(gaps, 0.0))
    return judged


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
    """Choose documents; the gate's margins come for nothing."""
    masses = [d["other"][1] if d["other"] else -1.0 for d in decisions]
    routed = numpy.asarray(masses) >= settings.route_threshold
    routed |= numpy.asarray([d["known"] for d in decisions]) < settings.route_below
    added = list(stages.added)
    margins = numpy.full((len(docs), len(added)), -numpy.inf)
    if added and stages.gate is None:
        routed[:] = True
    elif added and stages.gate is not None:
        empty: List[numpy.ndarray] = [numpy.zeros(0)] * len(docs)
        best = [decision["label"] for decision in decisions]
        nothing: List[List[str]] = [[] for _ in docs]
        found = stages.gate.rank(Question(docs, nothing, empty, added, best))
        if found.margins is not None:
            margins = found.margins
            routed |= margins.max(axis=1) >= -settings.gate_slack
        else:
            routed[:] = True
    return routed, margins


def _check(
    found: Any, candidates: List[List[str]], docs: List[Doc], n_added: int, ranker: str
) -> None:
    """Nothing is written before all scores of the batch are known to be good."""
    missing: List[Any] = [()] * (len(docs) - len(found.scores))
    for values, labels, doc in zip([*found.scores, *missing], candidates, docs):
        if len(values) != len(labels) or not numpy.isfinite(values).all():
            text = Errors.L404.format(
                ranker=ranker, found=list(values)[:3], n=len(labels), text=doc.text[:60]
            )
            raise ValueError(text)
    expected = {"margins": (len(docs), n_added), "similarity": (len(docs),)}
    for key, shape in expected.items():
        values = getattr(found, key)
        if values is not None and (values.shape != shape or numpy.isnan(values).any()):
            text = Errors.L404.format(
                ranker=ranker, found=key, n=n_added, text=docs[0].text[:60]
            )
            raise ValueError(text)
