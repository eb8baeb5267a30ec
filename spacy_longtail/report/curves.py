from typing import Any, Dict, List

import numpy

from ..scoring.exclusive import BIN_EDGES
from .answers import Answer

N_POINTS = 100


def get_reliability(answers: List[Answer]) -> List[Dict[str, Any]]:
    """Compare how sure the pipeline is with how often it is right.

    RETURNS (List[Dict[str, Any]]): For each bin of the probability: low, high, n,
        mean probability and accuracy, the last two None if it is empty.
    """
    given = [answer for answer in answers if answer.label is not None]
    P = numpy.asarray([answer.decision["probability"] for answer in given])
    is_right = numpy.asarray([answer.label == answer.gold for answer in given])
    return bin_reliability(P, is_right)


def bin_reliability(P: numpy.ndarray, is_right: numpy.ndarray) -> List[Dict[str, Any]]:
    """Compare probabilities with how often they come true.

    P, is_right (numpy.ndarray): Of shape (predictions,).
    RETURNS (List[Dict[str, Any]]): See get_reliability.
    """
    bins = numpy.digitize(P, BIN_EDGES[1:-1], right=True)
    curve = []
    for i, (low, high) in enumerate(zip(BIN_EDGES[:-1], BIN_EDGES[1:])):
        inside = bins == i
        n = int(inside.sum())
        curve.append(
            {
                "low": float(low),
                "high": float(high),
                "n": n,
                "probability": float(P[inside].mean()) if n else None,
                "accuracy": float(is_right[inside].mean()) if n else None,
            }
        )
    return curve


def get_coverage_curve(answers: List[Answer]) -> Dict[str, Any]:
    """Find out how often the pipeline is right if only its surest labels are taken.

    RETURNS (Dict[str, Any]): Points of coverage, accuracy and the lowest probability
        taken, and "now", the coverage and accuracy of the pipeline as it is.
    """
    choices = [answer.first_choice for answer in answers]
    P = numpy.asarray([probability for _, probability in choices])
    is_right = numpy.asarray(
        [label == answer.gold for (label, _), answer in zip(choices, answers)]
    )
    order = numpy.argsort(-P, kind="stable")
    n = numpy.arange(1, len(order) + 1)
    accuracy = numpy.cumsum(is_right[order]) / n
    picked = numpy.unique(numpy.linspace(0, len(order) - 1, N_POINTS).astype("int64"))
    given = [answer for answer in answers if answer.label is not None]
    right = sum(answer.label == answer.gold for answer in given)
    return {
        "points": [
            {
                "coverage": float(n[i] / len(order)),
                "accuracy": float(accuracy[i]),
                "threshold": float(P[order[i]]),
            }
            for i in (picked if len(order) else [])
        ],
        "now": {
            "coverage": len(given) / max(len(answers), 1),
            "accuracy": right / max(len(given), 1),
        },
    }
