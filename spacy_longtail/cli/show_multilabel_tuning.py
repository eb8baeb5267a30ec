from pathlib import Path
from typing import TYPE_CHECKING, List, Tuple

from wasabi import msg

from ..presentation import shorten
from .show_tuning import show_scores, show_value

if TYPE_CHECKING:
    from ..tuning.multilabel.result import LabelChange, MultilabelTuning

TITLES = {
    "macro_f": "macro-F1",
    "head_f": "head",
    "mid_f": "mid",
    "tail_f": "tail",
    "micro_f": "micro-F1",
    "micro_p": "precision",
    "micro_r": "recall",
    "macro_p": "precision, mean of labels",
    "n_labels": "labels per document",
    "ece": "ECE",
    "log_loss": "log loss",
}
GOALS = {"macro": "macro_f", "accuracy": "micro_f", "calibration": "ece"}
LESS_IS_BETTER = {"ece", "log_loss"}
REFITS = {
    "training": "as the training config does",
    "tune": "by an earlier tune",
}
N_LABELS = 8


def show_multilabel_tuning(result: "MultilabelTuning", output: Path) -> None:
    """Print what tune found for labels that don't exclude each other."""
    msg.divider("Settings")
    header: Tuple[str, ...] = ("setting", "before", "after")
    msg.table(_get_settings(result), header=header, divider=True)
    changes = _get_changes(result)
    if changes:
        msg.divider("Labels whose F1 changed most")
        header = ("label", "training", "here", "threshold", "F1 (cross-fitted)")
        aligns = ("l", "r", "r", "l", "l")
        msg.table(changes, header=header, divider=True, aligns=aligns)
    msg.divider(f"Scores on {result.n_docs} documents")
    show_scores(result.scores, TITLES)
    for sentence in _get_remarks(result):
        msg.text(sentence)
    if result.n_ignored:
        msg.warn(f"{result.n_ignored} documents without a label to compare with")
    msg.text(_judge(result))
    msg.good("Saved the tuned pipeline", str(output))


def _get_settings(result: "MultilabelTuning") -> List[Tuple[str, str, str]]:
    pair = (result.before, result.after)
    rows = [
        ("prior", *(show_value(settings.prior) for settings in pair)),
        ("temperature", *(show_value(settings.temperature) for settings in pair)),
    ]
    values = [sorted(settings.thresholds.values()) for settings in pair]
    for name, share in (("lowest", 0.0), ("median", 0.5), ("highest", 1.0)):
        cells = (show_value(v[int(share * (len(v) - 1))]) for v in values)
        rows.append((f"{name} threshold", *cells))
    return rows  # type: ignore[return-value]


def _get_changes(result: "MultilabelTuning") -> List[Tuple[str, str, str, str, str]]:
    changed = [change for change in result.labels if change.f_gain]
    changed.sort(key=lambda change: -abs(change.f_gain))
    return [
        (
            shorten(change.label),
            str(change.count),
            str(change.support),
            _show_thresholds(change),
            f"{change.f_before:.3f} → {change.f_after:.3f}",
        )
        for change in changed[:N_LABELS]
    ]


def _show_thresholds(change: "LabelChange") -> str:
    # A label that was added at run time has none of its own.
    if change.threshold_before is None:
        return ""
    return f"{change.threshold_before:.3f} → {change.threshold_after:.3f}"


def _get_remarks(result: "MultilabelTuning") -> List[str]:
    remarks = [f"The documents have {result.n_gold:.2f} gold labels each."]
    if result.later:
        remarks.append(
            f"The thresholds are fitted to what {', '.join(result.later)} makes of the "
            "probabilities, prior and temperature to the component alone."
        )
    if result.refit_as is not None:
        remarks.append(
            f"The thresholds before were fitted to these documents, {REFITS[result.refit_as]}. "
            "To be fair, 'before' is cross-fitted here as well."
        )
    return remarks


def _judge(result: "MultilabelTuning") -> str:
    if result.wish.precision is not None:
        right, found = result.scores["micro_p"].after, result.scores["micro_r"].after
        return (
            f"{right.value:.1%} of the labels given are right, on average "
            f"{result.scores['macro_p'].after.value:.1%} of those of each label; "
            f"{found.value:.1%} of the gold labels are found."
        )
    name = GOALS[result.wish.goal]
    scores = result.scores[name]
    change = scores.change.value * (-1 if name in LESS_IS_BETTER else 1)
    if not change:
        return f"The {TITLES[name]} is as before."
    if scores.is_noise:
        return (
            f"The change of {TITLES[name]} is within noise: on other documents it "
            "could as well have the other sign."
        )
    return f"The {TITLES[name]} is {'better' if change > 0 else 'worse'} beyond noise."
