from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy

from ..ops import sigmoid, top_columns
from ..taxonomy import Taxonomy
from .decision import N_CANDIDATES


def get_leaf_probabilities(logits: numpy.ndarray, taxonomy: Taxonomy) -> numpy.ndarray:
    """Turn logits to independent probabilities.

    The odds of an Other, that the document has some label pooled there, are the sum of
    its members' odds. Its probability is spread over the members by their odds.

    logits (numpy.ndarray): Array of shape (docs, leaves).
    RETURNS (numpy.ndarray): Array of shape (docs, leaves). Members of an Other sum to
        its probability.
    """
    P = sigmoid(logits)
    for other in taxonomy.others:
        members = list(other.members)
        Z = logits[:, members]
        tops = Z.max(axis=1, keepdims=True)
        exps = numpy.exp(Z - tops)
        sums = exps.sum(axis=1, keepdims=True)
        P[:, members] = sigmoid(numpy.log(sums) + tops) * exps / sums
    return P


class NodeProbabilities:
    """Works out how probable it is that a document has any label below a node:
    1 - product of (1 - p), over the leaves and the Others below it.

    This is right if labels are independent, as the model has it, and at least the
    largest of the p. An Other counts once, with the sum of its members below the node.

    taxonomy (Taxonomy): The label tree. What depends on it alone is worked out once.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.nodes = {node: i for i, node in enumerate(taxonomy.nodes)}
        ranges = numpy.asarray([taxonomy.ranges[node] for node in self.nodes])
        self.starts, self.stops = ranges[:, 0], ranges[:, 1]
        self.members = numpy.asarray(
            [m for other in taxonomy.others for m in other.members], dtype="int64"
        )
        owners, firsts, lasts = [], [], []
        position = 0
        for other in taxonomy.others:
            members = numpy.asarray(other.members)
            # Ascending, so that those below a node are neighbours.
            below = {
                n for m in other.members for n in taxonomy.path(taxonomy.leaves[m])
            }
            for node in below:
                start, stop = numpy.searchsorted(members, taxonomy.ranges[node])
                owners.append(self.nodes[node])
                firsts.append(position + start)
                lasts.append(position + stop)
            position += len(members)
        self.owners, self.firsts, self.lasts = owners, firsts, lasts

    def __call__(self, P: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): float64 array of shape (docs, nodes)."""
        # float64, or the differences of sums would show rounding errors.
        P = numpy.clip(P.astype("float64"), 0.0, 1.0 - 1e-9)
        logs = numpy.log1p(-P)
        logs[:, self.members] = 0.0
        sums = numpy.pad(numpy.cumsum(logs, axis=1), ((0, 0), (1, 0)))
        totals = sums[:, self.stops] - sums[:, self.starts]
        if self.owners:
            masses = numpy.cumsum(P[:, self.members], axis=1)
            masses = numpy.pad(masses, ((0, 0), (1, 0)))
            shares = masses[:, self.lasts] - masses[:, self.firsts]
            shares = numpy.clip(shares, 0.0, 1.0 - 1e-9)
            numpy.add.at(totals.T, self.owners, numpy.log1p(-shares).T)
        return -numpy.expm1(numpy.minimum(totals, 0.0))


class MultilabelDecisionWriter:
    """Turns leaf probabilities into the plain data that a Doc stores, where a document
    can have several labels.

    taxonomy (Taxonomy): The label tree.
    pipe (str): Name of the component that the decisions are of.
    get_thresholds (Callable[[Sequence[str]], numpy.ndarray]): Gives the least
        probability of labels that a document has, as it is when decisions are made.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        pipe: str,
        get_thresholds: Callable[[Sequence[str]], numpy.ndarray],
    ) -> None:
        self.taxonomy = taxonomy
        self.pipe = pipe
        self.get_thresholds = get_thresholds
        self.paths = [taxonomy.path(leaf) for leaf in taxonomy.leaves]
        self.get_nodes = NodeProbabilities(taxonomy)

    def describe(
        self,
        P: numpy.ndarray,
        known: numpy.ndarray,
        stage: str,
        reason: str,
        top: Optional[numpy.ndarray] = None,
    ) -> List[Dict[str, Any]]:
        """Describe the decision for each document, see DecisionWriter.

        RETURNS (List[Dict[str, Any]]): JSON values, see Decision.
        """
        leaves, nodes = self.taxonomy.leaves, self.get_nodes
        top = (top_columns(P, N_CANDIDATES) if top is None else top)[:, :N_CANDIDATES]
        shares = numpy.take_along_axis(P, top, axis=1).tolist()
        of_nodes, thresholds = nodes(P), self.get_thresholds(leaves)
        others = self._get_others(P)
        decisions = []
        for row, columns in enumerate(top.tolist()):
            path = self.paths[columns[0]]
            levels = of_nodes[row, [nodes.nodes[node] for node in path]]
            levels[-1] = shares[row][0]
            # Rounding mustn't make a node less probable than what is below it.
            levels = numpy.maximum.accumulate(levels[::-1])[::-1].tolist()
            above = numpy.flatnonzero(P[row] >= thresholds)
            above = above[numpy.argsort(-P[row, above], kind="stable")]
            decisions.append(
                {
                    "pipe": self.pipe,
                    "label": leaves[columns[0]],
                    "labels": [leaves[column] for column in above.tolist()],
                    "probability": shares[row][0],
                    "levels": list(zip(path, levels)),
                    "other": others[row],
                    "known": float(known[row]),
                    "stage": stage,
                    "reason": reason,
                    "candidates": [
                        (leaves[column], share)
                        for column, share in zip(columns, shares[row])
                    ],
                }
            )
        return decisions

    def _get_others(self, P: numpy.ndarray) -> List[Optional[Tuple[str, float]]]:
        plan = self.taxonomy.others
        if not plan:
            return [None] * len(P)
        masses = numpy.stack([P[:, o.members].sum(axis=1) for o in plan], axis=1)
        masses = numpy.minimum(masses, 1.0)
        best = masses.argmax(axis=1).tolist()
        return [(plan[i].parent, float(masses[row, i])) for row, i in enumerate(best)]
