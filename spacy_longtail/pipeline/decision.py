from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import numpy
from spacy.tokens import Doc

from ..ops import top_columns
from ..taxonomy import Taxonomy

KEY = "longtail"
N_CANDIDATES = 5


@dataclass(frozen=True)
class Decision:
    """How a document was categorized, as `doc._.longtail`.

    label (Optional[str]): The most probable label, None after abstention.
    path (Tuple[str, ...]): The nodes from the top to the label, or to the node that
        an abstention kept.
    probability (float): Joint probability of the label, from 0.0 to 1.0.
    levels (Tuple[Tuple[str, float], ...]): Each node of the path and its
        probability, the sum over the leaves below it.
    other (Optional[Tuple[str, float]]): The Other that had the most mass: its parent
        ("" for the root) and the mass. None if nothing is pooled.
    known (float): How sure it is that the document belongs to any known label, from
        0.0 to 1.0: the highest probability times the highest cosine to a prototype.
    stage (str): "longtail_textcat", "zero_shot_fallback" or "abstained".
    reason (str): Why this stage decided, in words.
    candidates (Tuple[Tuple[str, float], ...]): The most probable labels, ranked.
    labels (Tuple[str, ...]): All labels that the document has, most probable first:
        `label` alone, or those above their threshold if there can be several.
    """

    label: Optional[str]
    path: Tuple[str, ...]
    probability: float
    levels: Tuple[Tuple[str, float], ...]
    other: Optional[Tuple[str, float]]
    known: float
    stage: str
    reason: str
    candidates: Tuple[Tuple[str, float], ...]
    labels: Tuple[str, ...] = ()


def get_decision(doc: Doc) -> Optional[Decision]:
    """Getter of `doc._.longtail`.

    RETURNS (Optional[Decision]): None if no component has categorized the document.
    """
    data = doc.user_data.get(KEY)
    if data is None:
        return None
    levels = tuple((node, probability) for node, probability in data["levels"])
    labels = data.get("labels", [] if data["label"] is None else [data["label"]])
    return Decision(
        label=data["label"],
        path=tuple(node for node, _ in levels),
        probability=data["probability"],
        levels=levels,
        other=tuple(data["other"]) if data["other"] else None,  # type: ignore[arg-type]
        known=data["known"],
        stage=data["stage"],
        reason=data["reason"],
        candidates=tuple((label, share) for label, share in data["candidates"]),
        labels=tuple(labels),
    )


def register_extension() -> None:
    """Make `doc._.longtail` readable, in this process, unless it already is."""
    if not Doc.has_extension(KEY):
        Doc.set_extension(KEY, getter=get_decision)


class DecisionWriter:
    """Turns leaf probabilities into the plain data that a Doc stores.

    taxonomy (Taxonomy): The label tree. What depends on it alone is worked out once.
    pipe (str): Name of the component that the decisions are of, for its scorer.
    """

    def __init__(self, taxonomy: Taxonomy, pipe: str = "longtail_textcat") -> None:
        self.taxonomy = taxonomy
        self.pipe = pipe
        paths = [taxonomy.path(leaf) for leaf in taxonomy.leaves]
        depth = max(map(len, paths))
        self.paths = paths
        # First and last column below each node of each leaf's path, padded.
        self.bounds = numpy.zeros((len(paths), depth, 2), dtype="int64")
        for column, path in enumerate(paths):
            self.bounds[column, : len(path)] = [taxonomy.ranges[node] for node in path]
        self.members = [column for other in taxonomy.others for column in other.members]
        sizes = [len(other.members) for other in taxonomy.others]
        self.other_starts = numpy.cumsum(sizes) - sizes

    def describe(
        self,
        P: numpy.ndarray,
        known: numpy.ndarray,
        stage: str,
        reason: str,
        top: Optional[numpy.ndarray] = None,
    ) -> List[Dict[str, Any]]:
        """Describe the decision for each document.

        P (numpy.ndarray): Leaf probabilities of shape (docs, leaves).
        known (numpy.ndarray): Of shape (docs,), see Decision.
        stage (str): See Decision.
        reason (str): See Decision.
        top (Optional[numpy.ndarray]): What top_columns gives for at least
            N_CANDIDATES, if that is known.
        RETURNS (List[Dict[str, Any]]): JSON values, see Decision.
        """
        leaves, rows = self.taxonomy.leaves, numpy.arange(len(P))[:, None]
        top = (top_columns(P, N_CANDIDATES) if top is None else top)[:, :N_CANDIDATES]
        shares = P[rows, top].tolist()
        # float64, or the differences of sums would show rounding errors.
        below = numpy.pad(numpy.cumsum(P, axis=1, dtype="float64"), ((0, 0), (1, 0)))
        bounds = self.bounds[top[:, 0]]
        sums = below[rows, bounds[:, :, 1]] - below[rows, bounds[:, :, 0]]
        # Probabilities of 32 bits can sum to a little more than 1.
        levels = numpy.minimum(sums, 1.0).tolist()
        others = self._get_others(P)
        decisions = []
        for row, columns in enumerate(top.tolist()):
            path, names = self.paths[columns[0]], [leaves[c] for c in columns]
            decisions.append(
                {
                    "pipe": self.pipe,
                    "label": names[0],
                    "probability": shares[row][0],
                    "levels": list(zip(path, levels[row])),
                    "other": others[row],
                    "known": float(known[row]),
                    "stage": stage,
                    "reason": reason,
                    "candidates": list(zip(names, shares[row])),
                }
            )
        return decisions

    def _get_others(self, P: numpy.ndarray) -> List[Optional[Tuple[str, float]]]:
        if not self.members:
            return [None] * len(P)
        masses = numpy.add.reduceat(P[:, self.members], self.other_starts, axis=1)
        best = masses.argmax(axis=1)
        best_masses = masses[numpy.arange(len(P)), best].tolist()
        parents = [self.taxonomy.others[i].parent for i in best.tolist()]
        return list(zip(parents, best_masses))
