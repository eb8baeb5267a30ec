"""What the scorers of both kinds of labels have in common."""

from typing import Any, Dict, Mapping, Optional, Sequence, Union

import numpy
from spacy.tokens import Doc

from ..errors import Errors
from ..taxonomy import Taxonomy
from .metrics import KS, find_metrics
from .predictions import Predictions, count

PREFIX = "longtail_"
TaxonomyT = Union[Taxonomy, Mapping[str, Any]]
# Without a given label there is no right one either.
ZERO = {"micro_p", "micro_r", "micro_f", "hier_p", "hier_r", "hier_f"}


def check_bounds(head: int, mid: int) -> None:
    """RAISES (ValueError): L501 if the bounds of head and mid are out of range."""
    if not 1 <= mid < head:
        raise ValueError(Errors.L501.format(head=head, mid=mid))


def score_predictions(
    predictions: Predictions,
    *,
    ks: Sequence[int] = KS,
    thresholds: Optional[numpy.ndarray] = None,
) -> Dict[str, Any]:
    """Measure all that the scorer has.

    ks (Sequence[int]): Ranks of the scores "at k".
    thresholds (Optional[numpy.ndarray]): What each label needs, of shape (labels,).
    RETURNS (Dict[str, Any]): By "longtail_" and the key of each metric, see METRICS,
        None if it is of nothing, and by "longtail_f_per_label" what describe_labels
        returns.
    """
    metrics = find_metrics("scorer", predictions.allows_several, ks=ks)
    scores: Dict[str, Any] = dict.fromkeys(metrics)
    scores["f_per_label"] = {}
    if predictions.is_known.any():
        W = predictions.ones
        for key, metric in metrics.items():
            value = float(metric.function(predictions, W)[0])
            nothing = 0.0 if key in ZERO else None
            scores[key] = nothing if numpy.isnan(value) else value
        scores["f_per_label"] = describe_labels(predictions, thresholds)
    return {f"{PREFIX}{key}": value for key, value in scores.items()}


def describe_labels(
    predictions: Predictions, thresholds: Optional[numpy.ndarray] = None
) -> Dict[str, Dict[str, Any]]:
    """RETURNS (Dict[str, Dict[str, Any]]): p, r, f, support (gold documents), count
    (training documents, None if unknown) and, if given, threshold of each label with
    gold or given documents, by name.
    """
    counts, known = count(predictions), predictions.counts
    right, guessed, support = (n[0] for n in counts)
    p, r = right / numpy.maximum(guessed, 1), right / numpy.maximum(support, 1)
    shares = {"p": p, "r": r, "f": counts.f[0]}
    tree, rows = predictions.taxonomy, {}
    for column in numpy.flatnonzero(support + guessed).tolist():
        label = predictions.labels[column]
        if label in tree.ranges and label not in tree.index:
            continue
        row: Dict[str, Any] = {key: float(x[column]) for key, x in shares.items()}
        row["support"] = int(support[column])
        row["count"] = None if known is None else int(known[column])
        if thresholds is not None:
            row["threshold"] = float(thresholds[column])
        rows[label] = row
    return {label: rows[label] for label in sorted(rows)}


def find_decision(doc: Doc, pipe: Optional[str]) -> Any:
    """The last pipe's decision replaces that of the one before, so it may be that of
    another taxonomy.

    pipe (Optional[str]): Name of the pipe whose decisions count. None for any.
    RETURNS (Any): The Decision, None without one.
    """
    found = doc._.longtail
    return found if found and pipe in (None, found.pipe or pipe) else None


def is_refined(decision: Any) -> bool:
    """RETURNS (bool): Whether a second stage has looked at it."""
    return bool(decision) and decision.first_labels is not None


def read_tree(taxonomy: Optional[TaxonomyT]) -> Taxonomy:
    """RETURNS (Taxonomy): A taxonomy or what its JSON form says, empty without one."""
    if not taxonomy:
        return Taxonomy(leaves=(), counts=())
    return taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.from_dict(taxonomy)
