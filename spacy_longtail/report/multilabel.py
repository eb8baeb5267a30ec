from functools import partial
from typing import Any, Collection, Dict, List

import numpy

from ..evaluation.evidence import Evidence
from ..ops import get_log_odds
from ..scoring.metrics import KS, get_labels_per_doc, get_micro
from ..scoring.predictions import Pairs
from ..scoring.ranking import average_precision
from .nearest import NearestTexts
from .sections import (
    N_POINTS,
    ConfusionsT,
    find_instead,
    get_reliability,
    get_value,
    list_points,
    pick_cases,
    shorten_text,
    show_confusions,
)

N_CANDIDATES = 5


def report_multilabel(
    evidence: Evidence, confusions: ConfusionsT, nearest: NearestTexts
) -> Dict[str, Any]:
    """Report what there is where documents can have several labels, see build_report.

    RETURNS (Dict[str, Any]): JSON values:
        about: labels per document, documents with exactly the right ones.
        labels: by column, threshold, average precision, and what documents that miss a
            label were most often given instead.
        confusions: pairs of a missed label and a false one, most documents first.
        reliability, tradeoff: the points of the curves.
        missed, false: documents with the least probable label that was missed, and with
            the most probable one that is false.
    """
    predictions: Any = evidence.predictions
    P, truths = predictions.scores
    thresholds = evidence.pipe.get_thresholds(predictions.labels)
    is_known, has_gold = ~numpy.isnan(truths), (truths == 1.0).any(axis=0)
    missed, false = predictions.missed, predictions.false
    n_wrong = len(numpy.unique(numpy.append(missed.rows, false.rows)))
    precisions = average_precision(predictions, predictions.ones)[0].tolist()
    n_leaves = len(evidence.taxonomy.leaves)
    describe = partial(_describe, evidence, thresholds, nearest)
    labels = {
        column: {
            "threshold": float(thresholds[column]) if column < n_leaves else None,
            "ap": precisions[column] if has_gold[column] else None,
            "instead": other,
            "n_instead": n,
        }
        for column, (other, n) in find_instead(predictions, confusions).items()
    }
    return {
        "about": {
            "gold_per_doc": get_value(get_labels_per_doc, predictions, of_gold=True),
            "given_per_doc": get_value(get_labels_per_doc, predictions),
            "n_exact": int(predictions.is_known.sum()) - n_wrong,
            "ks": list(KS),
        },
        "labels": labels,
        "confusions": show_confusions(evidence, confusions, missed, nearest.ask),
        "reliability": get_reliability(P[is_known], truths[is_known] == 1.0),
        "tradeoff": _get_tradeoff(predictions, thresholds),
        "missed": [describe(*pair) for pair in pick_cases(missed, missed.confidence)],
        "false": [describe(*pair) for pair in pick_cases(false, -false.confidence)],
    }


def _get_tradeoff(predictions: Any, thresholds: numpy.ndarray) -> Dict[str, Any]:
    """How precision and recall change if all thresholds are raised or lowered together,
    by the same log odds, the "shift", and what they are as it is "now".
    """
    P, truths = predictions.scores
    is_known = ~numpy.isnan(truths)
    margins = (get_log_odds(P) - get_log_odds(thresholds))[is_known]
    order = numpy.argsort(-margins, kind="stable")
    right = numpy.cumsum(truths[is_known][order] == 1.0)
    n = numpy.arange(1, len(order) + 1)
    # Further down, there is hardly anything to be found.
    last = min(int(numpy.searchsorted(right, right[-1])), len(order) - 1)
    picked = numpy.searchsorted(right, numpy.linspace(1, right[-1], N_POINTS))
    recall, precision = right / right[-1], right / n
    curve = {"recall": recall, "precision": precision, "shift": margins[order]}
    return {
        "points": list_points(curve, numpy.unique(picked.clip(max=last))),
        "now": {
            "recall": get_value(get_micro, predictions, part="r"),
            "precision": get_value(get_micro, predictions, part="p"),
        },
    }


def _describe(
    evidence: Evidence,
    thresholds: numpy.ndarray,
    nearest: NearestTexts,
    row: int,
    column: int,
) -> Dict[str, Any]:
    predictions: Any = evidence.predictions
    labels, P = predictions.labels, predictions.scores.P[row]
    ranked = numpy.argsort(-P, kind="stable").tolist()

    def show(columns: Collection[int]) -> List[List[Any]]:
        return [[labels[i], float(P[i])] for i in ranked if i in columns]

    def pick(pairs: Pairs) -> List[List[Any]]:
        return show(pairs.columns[pairs.rows == row].tolist())

    parts = {
        "right": pick(predictions.right),
        "missed": pick(predictions.missed),
        "false": pick(predictions.false),
        "candidates": show(ranked[:N_CANDIDATES]),
    }
    shown = [label for pairs in parts.values() for label, _ in pairs]
    return {
        "text": shorten_text(evidence.docs[row].text),
        "label": labels[column],
        "probability": float(P[column]),
        "threshold": float(thresholds[column]),
        **parts,
        "nearest": nearest.ask(row, [labels[column], *shown]),
    }
