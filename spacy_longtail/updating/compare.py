"""What is better and what is worse after an update."""

from dataclasses import replace
from functools import partial
from typing import Any, Collection, Dict, List, NamedTuple, Tuple

import numpy

from ..scoring.bootstrap import Comparison, Interval, compare, compare_labels
from ..scoring.metrics import Metric, find_metrics, get_macro_f
from ..scoring.predictions import Pairs, Predictions, count

TITLES = {
    "macro_f": "macro-F1",
    "known_macro_f": "macro-F1 of known categories",
    "new_macro_f": "macro-F1 of new categories",
}
# Shown beside them, the one that there is.
OTHERS = ("accuracy", "micro_f")


class LabelScore(NamedTuple):
    """The F1 of a label.

    label (str): Its path.
    n_docs (int): Dev documents that have it.
    is_known (bool): Whether it was known before.
    before, after (float): The F1.
    change (Interval): The difference.
    """

    label: str
    n_docs: int
    is_known: bool
    before: float
    after: float
    change: Interval

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        return {**self._asdict(), "change": list(self.change)}


def compare_pipelines(
    old: Predictions, new: Predictions, known: Collection[str], **settings: Any
) -> Tuple[Dict[str, Comparison], List[LabelScore]]:
    """Compare what two pipelines say of the same documents.

    old, new (Predictions): Before and after.
    known (Collection[str]): Labels that were known before.
    settings (Any): "resamples" and "seed" of the bootstrap.
    RETURNS (Tuple[Dict[str, Comparison], List[LabelScore]]): Metrics by key, and the F1
        of each label, from the largest loss to the largest gain.
    """
    old, new = _pair(old, new)
    metrics = {"macro_f": _make_metric("macro_f", new.labels, get_macro_f)}
    parts = {
        "known_macro_f": {label for label in new.labels if label in known},
        "new_macro_f": {label for label in new.labels if label not in known},
    }
    support = dict(zip(new.labels, count(new).support[0].tolist()))
    for key, labels in parts.items():
        if any(support[label] for label in labels):
            metrics[key] = _make_metric(key, labels, partial(_get_part_f, labels))
    usual = find_metrics("tune", new.allows_several)
    metrics.update({key: usual[key] for key in OTHERS if key in usual})
    scores = compare(old, new, metrics, **settings)
    return scores, _compare_labels(old, new, known, **settings)


def _compare_labels(
    old: Predictions, new: Predictions, known: Collection[str], **settings: Any
) -> List[LabelScore]:
    support, before, after = count(new).support[0], count(old).f[0], count(new).f[0]
    columns = numpy.flatnonzero(support > 0)
    changes = compare_labels(old, new, columns, **settings)
    rows = [
        LabelScore(
            label=new.labels[column],
            n_docs=int(support[column]),
            is_known=new.labels[column] in known,
            before=float(before[column]),
            after=float(after[column]),
            change=change,
        )
        for column, change in zip(columns.tolist(), changes)
    ]
    return sorted(rows, key=lambda row: row.change.value)


def _pair(old: Predictions, new: Predictions) -> Tuple[Predictions, Predictions]:
    """RETURNS (Tuple[Predictions, Predictions]): With the same labels, of the same
    documents: those that say nothing to one of them are left out.
    """
    if old.places is not None and new.places is not None:
        found = numpy.intersect1d(old.places, new.places, return_indices=True)
        old, new = old.select(found[1]), new.select(found[2])
    labels = tuple(dict.fromkeys((*new.labels, *old.labels)))
    n_more = len(labels) - len(new.labels)
    counts = None if new.counts is None else numpy.pad(new.counts, (0, n_more))
    new = replace(new, labels=labels, counts=counts, scores=None, calibrated=None)
    index = {label: column for column, label in enumerate(labels)}
    columns = numpy.asarray([index[label] for label in old.labels], dtype="int64")
    given = Pairs(old.given.rows, columns[old.given.columns], old.given.confidence)
    return replace(new, given=given, changes=None, has_kept=None), new


def _get_part_f(
    labels: Collection[str], predictions: Predictions, W: numpy.ndarray
) -> numpy.ndarray:
    among = [label in labels for label in predictions.labels]
    return get_macro_f(predictions, W, numpy.asarray(among))


def _make_metric(key: str, labels: Collection[str], function: Any) -> Metric:
    return Metric(key, TITLES[key], f"mean F1 of {len(labels)} labels", function)
