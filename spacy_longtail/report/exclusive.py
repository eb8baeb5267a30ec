from typing import Any, Dict, List, Optional

import numpy

from ..evaluation.evidence import Evidence
from ..scoring.metrics import get_coverage, get_micro
from .nearest import NearestTexts
from .sections import (
    N_CASES,
    N_POINTS,
    ConfusionsT,
    find_instead,
    get_reliability,
    get_value,
    list_points,
    shorten_text,
    show_confusions,
)

N_EXAMPLES = 10


def report_exclusive(
    evidence: Evidence, confusions: ConfusionsT, nearest: NearestTexts
) -> Dict[str, Any]:
    """Report what there is where labels exclude each other, see build_report.

    RETURNS (Dict[str, Any]): JSON values:
        labels: by column, what documents of a label were most often taken for.
        confusions: pairs of siblings that were taken for each other, most first.
        reliability, coverage: the points of the curves.
        refinement: what a second stage has fixed and broken, None without one.
        hardest: documents whose gold label was least probable.
    """
    predictions, parent = evidence.predictions, evidence.taxonomy.parent
    names = predictions.labels
    siblings = {
        (gold, label): rows
        for (gold, label), rows in confusions.items()
        if parent(names[gold]) == parent(names[label])
    }
    on_leaves = evidence.select(numpy.flatnonzero(predictions.is_counted))
    given, right = on_leaves.predictions.given, on_leaves.predictions.right
    return {
        "labels": {
            column: {"taken_for": other, "n_taken_for": n}
            for column, (other, n) in find_instead(predictions, confusions).items()
        },
        "confusions": show_confusions(
            evidence, siblings, predictions.gold, nearest.ask
        ),
        "reliability": get_reliability(
            given.confidence, numpy.isin(given.rows, right.rows)
        ),
        "coverage": _get_coverage_curve(on_leaves),
        "refinement": _get_refinement(evidence, nearest),
        "hardest": _get_hardest(evidence, nearest),
    }


def _get_coverage_curve(evidence: Evidence) -> Dict[str, Any]:
    """How often the pipeline is right if only its surest labels are taken, down to a
    threshold, and how often it is as it is "now".
    """
    predictions = evidence.predictions
    best = [decision["candidates"][0] for decision in evidence.decisions]
    P = numpy.asarray([probability for _, probability in best])
    golds = _name_golds(evidence)
    is_right = numpy.asarray([label == gold for (label, _), gold in zip(best, golds)])
    order = numpy.argsort(-P, kind="stable")
    n = numpy.arange(1, len(order) + 1)
    accuracy = numpy.cumsum(is_right[order]) / n
    picked = numpy.linspace(0, len(order) - 1, N_POINTS).astype("int64")
    curve = {"coverage": n / len(n), "accuracy": accuracy, "threshold": P[order]}
    return {
        "points": list_points(curve, numpy.unique(picked)[: len(n)]),
        "now": {
            "coverage": get_value(get_coverage, predictions),
            "accuracy": get_value(get_micro, predictions, part="p"),
        },
    }


def _get_refinement(
    evidence: Evidence, nearest: NearestTexts
) -> Optional[Dict[str, Any]]:
    """What a second stage changed: "first" is the label before it. What it has held
    back isn't broken: that is what an abstention is for.
    """
    pairs = zip(evidence.decisions, _name_golds(evidence))
    refined = [
        (row, decision["first"], decision["label"], gold)
        for row, (decision, gold) in enumerate(pairs)
        if "first" in decision
    ]
    if not refined:
        return None
    given = [found for found in refined if found[2] is not None]
    held = [first == own for _, first, label, own in refined if label is None]
    fixed = [row for row, first, label, own in given if first != label == own]
    broken = [row for row, first, label, own in given if first == own != label]
    return {
        "n_refined": len(refined),
        "n_held_back": len(held),
        "n_held_back_right": sum(held),
        "n_changed": sum(first != label for _, first, label, _ in given),
        "n_fixed": len(fixed),
        "n_broken": len(broken),
        "fixed": [_describe(evidence, row, nearest) for row in fixed[:N_EXAMPLES]],
        "broken": [_describe(evidence, row, nearest) for row in broken[:N_EXAMPLES]],
    }


def _get_hardest(evidence: Evidence, nearest: NearestTexts) -> List[Dict[str, Any]]:
    """Wrong documents, the least probable gold label first. One that is an inner node
    is right if it is on the path of the label given.
    """
    golds = _name_golds(evidence)
    order = numpy.argsort(evidence.predictions.gold.confidence, kind="stable")
    paths = [dict(decision["levels"]) for decision in evidence.decisions]
    wrong = [row for row in order.tolist() if golds[row] not in paths[row]]
    return [_describe(evidence, row, nearest) for row in wrong[:N_CASES]]


def _name_golds(evidence: Evidence) -> List[str]:
    predictions = evidence.predictions
    return [predictions.labels[column] for column in predictions.gold_columns]


def _describe(evidence: Evidence, row: int, nearest: NearestTexts) -> Dict[str, Any]:
    decision, predictions = evidence.decisions[row], evidence.predictions
    gold = predictions.labels[predictions.gold.columns[row]]
    candidates = [label for label, _ in decision["candidates"]]
    others = [decision["label"], decision.get("first"), *candidates]
    return {
        "text": shorten_text(evidence.docs[row].text),
        "gold": gold,
        "gold_probability": float(predictions.gold.confidence[row]),
        "label": decision["label"],
        "first": decision.get("first"),
        "levels": [list(level) for level in decision["levels"]],
        "candidates": [list(candidate) for candidate in decision["candidates"]],
        **{key: decision[key] for key in ("known", "stage", "reason")},
        "nearest": nearest.ask(row, [gold, *others]),
    }
