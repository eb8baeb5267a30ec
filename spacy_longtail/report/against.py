"""A pipeline against another system, on the same documents."""

from dataclasses import replace
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

import numpy

from ..evaluation.evidence import Evidence
from ..scoring.bootstrap import Comparison, Interval, compare, compare_labels
from ..scoring.metrics import METRICS, Metric, find_metrics
from ..scoring.predictions import Pairs, Predictions, count
from .other import OtherSystem
from .sections import get_value, shorten_text

# What is compared: it needs no probabilities, which a table may lack.
COMPARED = {"macro_f", "accuracy", "micro_f", "micro_p", "micro_r"}
COMPARED |= {"head_f", "mid_f", "tail_f", "precision"}
# The figures that say which one is better.
DECISIVE = ("macro_f", "accuracy", "micro_f")
# Labels that have an interval, and changed decisions that are kept.
N_INTERVALS, N_CHANGES = 1000, 1000
# From, to.
ChangeT = Tuple[Optional[int], Optional[int]]


def compare_with(
    evidence: Evidence, other: OtherSystem, *, resamples: int = 1000, seed: int = 0
) -> Dict[str, Any]:
    """Compare what a pipeline gives with what another system gave before.

    RETURNS (Dict[str, Any]): JSON values:
        name: of the other system.
        verdict: "better", "worse", "mixed" or "same", by macro-F1 and accuracy (or
            micro-F1) as far as their difference is more than chance.
        metrics: before, after and change of each, [value, low, high], and is_noise.
        labels: those of which a decision has changed, the largest effect first: label,
            group, count, support, f_before, f_after, fixed (mistakes that are gone),
            broken (new ones) and change, the interval of the difference of the F1. It
            is None beyond N_INTERVALS labels.
        n_better, n_worse: labels whose F1 has changed by more than chance.
        changes: decisions that changed, most documents first, up to N_CHANGES: before
            and now (a label, None for none), n documents, n_right_before, n_right_now
            and an example.
        n_changes: of all of those.
        n_changed: documents with other labels than before.
        only_now, only_before: labels that only one of both can give, or gives if that
            is all that is known: label, support and n documents that were given it.
        n_trained: see Evidence.count_trained, that of the other system.
    """
    before, after = _pair(evidence, other)
    metrics = _choose_metrics(before, after)
    found = compare(before, after, metrics, resamples=resamples, seed=seed)
    labels = _compare_labels(before, after, resamples, seed)
    signs = [_get_sign(row["change"]) for row in labels if row["change"]]
    changes, n_changed = _find_changes(evidence, before, after)
    known = set(evidence.taxonomy.leaves)
    given = {before.labels[column] for column in set(before.given.columns.tolist())}
    theirs = given if other.known is None else other.known | given
    return {
        "name": other.name,
        "verdict": get_verdict(found),
        "metrics": {key: part.to_dict() for key, part in found.items()},
        "titles": {key: metrics[key].title for key in found},
        "labels": labels,
        "n_better": signs.count(1),
        "n_worse": signs.count(-1),
        "changes": changes[:N_CHANGES],
        "n_changes": len(changes),
        "n_changed": n_changed,
        "only_now": _list_labels(after, known - theirs),
        "only_before": _list_labels(before, theirs - known),
        "n_trained": other.n_trained,
    }


def get_verdict(found: Dict[str, Comparison]) -> str:
    """RETURNS (str): "better", "worse", "mixed" or "same"."""
    signs = {_get_sign(found[key].change._asdict()) for key in DECISIVE if key in found}
    if {1, -1} <= signs:
        return "mixed"
    return "better" if 1 in signs else "worse" if -1 in signs else "same"


def _get_sign(change: Dict[str, float]) -> int:
    """1 or -1 if it's more or less by more than chance, 0 otherwise."""
    return (change["low"] > 0.0) - (change["high"] < 0.0)


def _pair(evidence: Evidence, other: OtherSystem) -> Tuple[Predictions, Predictions]:
    """RETURNS (Tuple[Predictions, Predictions]): The same labels and gold labels, which
    are in head, mid or tail by the training of the new one.
    """
    now = evidence.predictions
    index = {label: column for column, label in enumerate(now.labels)}
    for label in sorted(set().union(*other.given)):
        index.setdefault(label, len(index))
    n_new = len(index) - len(now.labels)
    counts = None if now.counts is None else numpy.pad(now.counts, (0, n_new))
    after = replace(
        now, labels=tuple(index), counts=counts, scores=None, calibrated=None
    )
    rows = numpy.repeat(numpy.arange(now.n_docs), [len(g) for g in other.given])
    columns = numpy.asarray([index[x] for g in other.given for x in g], dtype="int64")
    given = Pairs(rows, columns, numpy.full(len(rows), numpy.nan))
    if now.scores is not None:
        given = given.select(_is_known(given, now.scores.truths))
    before = replace(after, given=given, changes=None, has_kept=None)
    return before, after


def _is_known(given: Pairs, truths: numpy.ndarray) -> numpy.ndarray:
    """Whether it's known if a document has a label; one that the pipeline hasn't isn't
    named in a corpus, so that it's known where everything is.
    """
    n_labels = truths.shape[1]
    is_own = given.columns < n_labels
    is_whole = ~numpy.isnan(truths[given.rows]).any(axis=1)
    own = truths[given.rows, numpy.where(is_own, given.columns, 0)]
    return numpy.where(is_own, ~numpy.isnan(own), is_whole)


def _choose_metrics(before: Predictions, after: Predictions) -> Dict[str, Metric]:
    found = find_metrics("report", after.allows_several)
    chosen = {key: metric for key, metric in found.items() if key in COMPARED}
    # Where documents can have several labels, too.
    coverage = next(metric for metric in METRICS if metric.key == "coverage")
    chosen["coverage"] = coverage
    shares = [get_value(coverage.function, system) for system in (before, after)]
    if shares == [1.0, 1.0]:
        # It is the accuracy.
        chosen.pop("precision", None)
    return {
        key: metric
        for key, metric in chosen.items()
        if get_value(metric.function, after) is not None or not key.endswith("_f")
    }


def _compare_labels(
    before: Predictions, after: Predictions, resamples: int, seed: int
) -> List[Dict[str, Any]]:
    old, new = count(before), count(after)
    is_counted = after.is_counted
    fixed, broken = (
        _count_gone(*pair, is_counted) for pair in ((before, after), (after, before))
    )
    gain = fixed - broken
    columns = numpy.flatnonzero(fixed + broken)
    order = numpy.lexsort((columns, -new.support[0, columns], -abs(gain[columns])))
    columns = columns[order]
    shown = columns[:N_INTERVALS]
    intervals: List[Optional[Interval]] = [None] * len(columns)
    if len(shown):
        intervals[: len(shown)] = compare_labels(
            before, after, shown, resamples=resamples, seed=seed
        )
    return [
        {
            **_describe_label(after, column, int(new.support[0, column])),
            "f_before": float(old.f[0, column]),
            "f_after": float(new.f[0, column]),
            "fixed": int(fixed[column]),
            "broken": int(broken[column]),
            "change": interval and interval._asdict(),
        }
        for column, interval in zip(columns.tolist(), intervals)
    ]


def _count_gone(
    first: Predictions, second: Predictions, is_counted: numpy.ndarray
) -> numpy.ndarray:
    """Mistakes of the first, by label, that the second one doesn't make, (labels,)."""
    total = numpy.zeros(len(first.labels), dtype="int64")
    for name in ("missed", "false"):
        pairs = _subtract(getattr(first, name), getattr(second, name), first)
        columns = pairs.columns[is_counted[pairs.rows]]
        total += numpy.bincount(columns, minlength=len(total))
    return total


def _subtract(pairs: Pairs, others: Pairs, predictions: Predictions) -> Pairs:
    return pairs.select(~predictions.has(pairs, others))


def _find_changes(
    evidence: Evidence, before: Predictions, after: Predictions
) -> Tuple[List[Dict[str, Any]], int]:
    """RETURNS (Tuple[List[Dict[str, Any]], int]): See compare_with, and in how many
    documents.
    """
    lost = _group(_subtract(before.given, after.given, after), after)
    gained = _group(_subtract(after.given, before.given, after), after)
    found: Dict[ChangeT, _Change] = {}
    rows = sorted(row for row in lost.keys() | gained.keys() if after.is_counted[row])
    for row in rows:
        for first, was_right in lost.get(row, NOTHING):
            for second, is_right in gained.get(row, NOTHING):
                change = found.get((first, second), _Change(0, 0, 0, row))
                found[first, second] = change.add(was_right, is_right)
    names: Dict[Optional[int], Optional[str]] = dict(enumerate(after.labels))
    ranked = sorted(
        found.items(),
        key=lambda pair: (*pair[1].rank(), *(str(names.get(i)) for i in pair[0])),
    )
    return [
        {
            "before": names.get(first),
            "now": names.get(second),
            "n": change.n,
            "n_right_before": change.n_before,
            "n_right_now": change.n_now,
            "example": shorten_text(evidence.docs[change.row].text),
        }
        for (first, second), change in ranked
    ], len(rows)


class _Change(NamedTuple):
    n: int
    n_before: int
    n_now: int
    row: int

    def add(self, was_right: bool, is_right: bool) -> "_Change":
        return _Change(
            self.n + 1, self.n_before + was_right, self.n_now + is_right, self.row
        )

    def rank(self) -> Tuple[int, int]:
        return -self.n, -abs(self.n_now - self.n_before)


NOTHING: List[Tuple[Optional[int], bool]] = [(None, False)]


def _group(
    pairs: Pairs, predictions: Predictions
) -> Dict[int, List[Tuple[Optional[int], bool]]]:
    """By document, the labels and whether they are right."""
    is_right = predictions.has(pairs, predictions.gold)
    found: Dict[int, List[Tuple[Optional[int], bool]]] = {}
    parts = (pairs.rows, pairs.columns, is_right)
    for row, column, right in zip(*(part.tolist() for part in parts)):
        found.setdefault(row, []).append((column, right))
    return found


def _list_labels(predictions: Predictions, labels: Set[str]) -> List[Dict[str, Any]]:
    n_given, support = count(predictions).guessed[0], count(predictions).support[0]
    index = {label: column for column, label in enumerate(predictions.labels)}
    rows: Iterable[Tuple[str, Optional[int]]] = ((x, index.get(x)) for x in labels)
    found = [
        {
            "label": label,
            "support": 0 if column is None else int(support[column]),
            "n_given": 0 if column is None else int(n_given[column]),
        }
        for label, column in rows
    ]
    return sorted(found, key=lambda r: (-r["support"], -r["n_given"], r["label"]))


def _describe_label(
    predictions: Predictions, column: int, support: int
) -> Dict[str, Any]:
    counts: Any = predictions.counts
    return {
        "label": predictions.labels[column],
        "count": int(counts[column]),
        "support": support,
    }
