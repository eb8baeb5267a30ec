from typing import Any, Dict, Mapping, Sequence

import numpy

from ..errors import Errors
from ..taxonomy import ROOT, Taxonomy, find_similar

ABSTAINED = "abstained"


def check_thresholds(thresholds: Mapping[str, float]) -> None:
    """Check the values of thresholds.

    RAISES (ValueError): L313 if one isn't a number from 0.0 to 1.0.
    """
    for node, value in thresholds.items():
        check_threshold(f"thresholds[{node!r}]", value)


def check_threshold(name: str, value: Any) -> None:
    """RAISES (ValueError): L313 if it isn't a number from 0.0 to 1.0."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0.0 <= value <= 1.0:
        raise ValueError(Errors.L313.format(name=name, value=value))


def look_up_thresholds(
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    *,
    separator: str,
    default: float = 0.0,
) -> numpy.ndarray:
    """Find the threshold of each label: its own or that of the nearest node above it
    that has one, "" being the root.

    labels (Sequence[str]): Paths, of the taxonomy or not.
    default (float): Where there is none.
    RETURNS (numpy.ndarray): float64 array of shape (labels,).
    """
    values = []
    default = thresholds.get(ROOT, default)
    for label in labels:
        node = label
        while node and node not in thresholds:
            node = node.rpartition(separator)[0]
        values.append(thresholds[node] if node else default)
    return numpy.asarray(values, dtype="float64")


def spread_thresholds(
    taxonomy: Taxonomy, thresholds: Mapping[str, float], default: float = 0.0
) -> numpy.ndarray:
    """Find the threshold of each leaf.

    RETURNS (numpy.ndarray): What look_up_thresholds does, in the order of the leaves.
    RAISES (ValueError): L314 if there is no such node.
    """
    check_nodes(taxonomy, thresholds)
    return look_up_thresholds(
        taxonomy.leaves, thresholds, separator=taxonomy.separator, default=default
    )


def check_nodes(taxonomy: Taxonomy, thresholds: Mapping[str, float]) -> None:
    """RAISES (ValueError): L314 if a threshold is that of no node."""
    for node in thresholds:
        if node != ROOT and node not in taxonomy.ranges:
            similar = find_similar(node, taxonomy.nodes)
            raise ValueError(Errors.L314.format(node=node, similar=similar))


def back_off(
    decision: Dict[str, Any], threshold: float, ancestor_threshold: float
) -> None:
    """Take the label from a decision whose probability is below its threshold, and
    keep the deepest node above it that is sure.

    decision (Dict[str, Any]): See DecisionWriter.describe. Changed in place.
    threshold (float): What the label needs.
    ancestor_threshold (float): What a node above it needs, beside the threshold.
    """
    probability = decision["probability"]
    if probability >= threshold:
        return
    needed = max(threshold, ancestor_threshold)
    levels = decision["levels"][:-1]
    while levels and levels[-1][1] < needed:
        levels = levels[:-1]
    decision["reason"] = (
        f"{decision['label']!r} has a probability of {probability:.3f}, below its "
        f"threshold of {threshold:.3f}"
    )
    decision["label"] = None
    decision["levels"] = levels
    decision["probability"] = levels[-1][1] if levels else 0.0
    decision["stage"] = ABSTAINED
