from typing import Any, Dict, List, Mapping

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


def spread_thresholds(
    taxonomy: Taxonomy, thresholds: Mapping[str, float]
) -> List[float]:
    """Find the threshold of each leaf: its own or that of the nearest node above it
    that has one, "" being the root.

    RETURNS (List[float]): In the order of the leaves, 0.0 where there is none.
    RAISES (ValueError): L314 if there is no such node.
    """
    for node in thresholds:
        if node != ROOT and node not in taxonomy.ranges:
            similar = find_similar(node, taxonomy.nodes)
            raise ValueError(Errors.L314.format(node=node, similar=similar))
    spread = []
    for leaf in taxonomy.leaves:
        found = [node for node in (ROOT, *taxonomy.path(leaf)) if node in thresholds]
        spread.append(float(thresholds[found[-1]]) if found else 0.0)
    return spread


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
