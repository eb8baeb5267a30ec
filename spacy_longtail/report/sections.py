"""Sections that the reports of both kinds of labels have, as JSON values."""

from collections import Counter
from itertools import pairwise
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy

from ..evaluation.evidence import Evidence
from ..scoring.metrics import BIN_EDGES, find_bins
from ..scoring.predictions import GROUPS, Pairs, Predictions, count
from ..scoring.scorer import describe_labels
from ..taxonomy import Taxonomy

N_CONFUSIONS = 30
N_CASES = 30
N_POINTS = 100
MAX_TEXT = 600
# By the columns of a missed label and of a false one, the rows of the documents.
ConfusionsT = Dict[Tuple[int, int], List[int]]
# Takes the row of a document and labels, and gives the nearest training texts.
AskT = Callable[[int, Sequence[Optional[str]]], List[Dict[str, Any]]]


def describe_rows(predictions: Predictions) -> Dict[int, Dict[str, Any]]:
    """RETURNS (Dict[int, Dict[str, Any]]): By the column of each label that isn't an
    inner node: label, count (training documents), group, pooled, support (gold
    documents), and p, r and f, None for p without given documents and for the others
    without gold ones.
    """
    tree, found = predictions.taxonomy, describe_labels(predictions)
    nothing = {"p": None, "r": None, "f": None, "support": 0}
    guessed = count(predictions).guessed[0]
    for label, n_given in zip(predictions.labels, guessed.tolist()):
        if label in found and not n_given:
            found[label]["p"] = None
        if label in found and not found[label]["support"]:
            found[label].update(r=None, f=None)
    # They are known where there is a pipeline.
    counts: Any = predictions.counts
    return {
        column: {
            "label": label,
            "count": int(counts[column]),
            "group": GROUPS[predictions.groups[column]],
            "pooled": label in tree.pooled,
            **{key: found.get(label, nothing)[key] for key in nothing},
        }
        for column, label in enumerate(predictions.labels)
        if label in tree.index or label not in tree.ranges
    }


def get_tree(taxonomy: Taxonomy, labels: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Arrange labels in a tree.

    labels (List[Dict[str, Any]]): With label, count, support and f.
    RETURNS (List[Dict[str, Any]]): Nodes of the first level, most support first. Each
        has its path, its name (the last segment), n_labels, count, support, f (mean F1
        of the labels below that have gold documents, None if none has) and children.
    """
    top: List[Dict[str, Any]] = []
    nodes: Dict[str, Dict[str, Any]] = {}
    for row in labels:
        siblings = top
        for path in taxonomy.path(row["label"]):
            if path not in nodes:
                name = path.split(taxonomy.separator)[-1]
                nodes[path] = {"path": path, "name": name, "n_labels": 0, "count": 0}
                nodes[path].update(support=0, f=[], children=[])
                siblings.append(nodes[path])
            node = nodes[path]
            node["n_labels"] += 1
            node["count"] += row["count"]
            node["support"] += row["support"]
            node["f"] += [row["f"]] if row["support"] else []
            siblings = node["children"]
    for node in nodes.values():
        node["f"] = sum(node["f"]) / len(node["f"]) if node["f"] else None
    for siblings in [top, *(node["children"] for node in nodes.values())]:
        siblings.sort(key=lambda node: (-node["support"], -node["count"]))
    return top


def find_confusions(predictions: Predictions) -> ConfusionsT:
    """Find labels that documents were wrongly given where another one was missed."""
    false: Dict[int, List[int]] = {}
    for row, column in _list(predictions.false):
        false.setdefault(row, []).append(column)
    found: ConfusionsT = {}
    for row, first in _list(predictions.missed):
        # An inner node isn't missed as a label.
        for second in false.get(row, ()) if predictions.is_counted[row] else ():
            found.setdefault((first, second), []).append(row)
    return found


def find_instead(
    predictions: Predictions, confusions: ConfusionsT
) -> Dict[int, Tuple[Optional[str], int]]:
    """RETURNS (Dict[int, Tuple[Optional[str], int]]): For each column, the label that
    was most often given instead, None if none was, and how often.
    """
    found: Dict[int, Tuple[Optional[str], int]]
    found = dict.fromkeys(range(len(predictions.labels)), (None, 0))
    for (first, second), rows in confusions.items():
        if len(rows) > found[first][1]:
            found[first] = predictions.labels[second], len(rows)
    return found


def show_confusions(
    evidence: Evidence, confusions: ConfusionsT, wholes: Pairs, ask: AskT
) -> List[Dict[str, Any]]:
    """Show the confusions of most documents.

    wholes (Pairs): What the share of a label is of.
    ask (AskT): See NearestTexts.
    RETURNS (List[Dict[str, Any]]): The missed label, the false one, n documents, their
        share, n the other way, one of the texts, and the training texts of the two
        labels that are nearest to it.
    """
    labels = evidence.predictions.labels
    totals = Counter(wholes.columns.tolist())
    ranked = sorted(
        confusions.items(),
        key=lambda pair: (-len(pair[1]), [labels[column] for column in pair[0]]),
    )
    return [
        {
            "gold": labels[first],
            "label": labels[second],
            "n": len(rows),
            "share": len(rows) / totals[first],
            "back": len(confusions.get((second, first), ())),
            "example": shorten_text(evidence.docs[rows[0]].text),
            "nearest": ask(rows[0], [labels[first], labels[second]]),
        }
        for (first, second), rows in ranked[:N_CONFUSIONS]
    ]


def get_reliability(P: numpy.ndarray, is_right: numpy.ndarray) -> List[Dict[str, Any]]:
    """Compare how probable labels are with how often they are right.

    P, is_right (numpy.ndarray): Of shape (labels of documents,).
    RETURNS (List[Dict[str, Any]]): For each bin of the probability: low, high, n, mean
        probability and accuracy, the last two None if it is empty.
    """
    bins, curve = find_bins(P), []
    for i, (low, high) in enumerate(pairwise(BIN_EDGES.tolist())):
        inside = bins == i
        n = int(inside.sum())
        means = [float(x[inside].mean()) if n else None for x in (P, is_right)]
        point: Dict[str, Any] = {"low": low, "high": high, "n": n}
        curve.append({**point, "probability": means[0], "accuracy": means[1]})
    return curve


def pick_cases(pairs: Pairs, confidence: numpy.ndarray) -> List[Tuple[int, int]]:
    """RETURNS (List[Tuple[int, int]]): Row and column of the pairs with the lowest
    confidence, one of each document.

    confidence (numpy.ndarray): Of the pairs.
    """
    found: Dict[int, int] = {}
    for i in numpy.argsort(confidence, kind="stable").tolist():
        found.setdefault(int(pairs.rows[i]), int(pairs.columns[i]))
        if len(found) == N_CASES:
            break
    return list(found.items())


def get_value(
    metric: Callable[..., numpy.ndarray], predictions: Predictions, **settings: Any
) -> Optional[float]:
    """RETURNS (Optional[float]): A metric of all documents, None if of nothing."""
    value = float(metric(predictions, predictions.ones, **settings)[0])
    return None if numpy.isnan(value) else value


def list_points(
    curve: Dict[str, numpy.ndarray], rows: numpy.ndarray
) -> List[Dict[str, float]]:
    """RETURNS (List[Dict[str, float]]): Some points of a curve, by the same keys."""
    columns = [values[rows].tolist() for values in curve.values()]
    return [dict(zip(curve, point)) for point in zip(*columns)]


def shorten_text(text: str) -> str:
    """RETURNS (str): The start of a long text."""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def _list(pairs: Pairs) -> Iterable[Tuple[int, int]]:
    return zip(pairs.rows.tolist(), pairs.columns.tolist())
