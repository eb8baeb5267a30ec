from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Tuple

from wasabi import msg

if TYPE_CHECKING:
    from ..tuning.metrics import Interval
    from ..tuning.result import Tuning

TITLES = {
    "macro_f": "macro-F1",
    "expected_macro_f": "expected macro-F1",
    "accuracy": "accuracy",
    "ece": "ECE",
    "coverage": "coverage",
    "precision": "precision",
}
GOALS = {"macro": "macro_f", "accuracy": "accuracy", "calibration": "ece"}


def show_tuning(result: "Tuning", output: Path) -> None:
    """Print what tune found."""
    msg.divider("Settings")
    msg.table(
        _get_settings(result), header=("setting", "before", "after"), divider=True
    )
    msg.divider(f"Scores on {result.n_docs} documents")
    header = ("", "before", "after (cross-fitted)", "change", "")
    wished = result.wish.precision is not None or result.wish.coverage is not None
    hidden = () if wished else ("coverage", "precision")
    names = [name for name in TITLES if name in result.scores and name not in hidden]
    rows = []
    for name in names:
        scores = result.scores[name]
        cells = [_format(scores.before), _format(scores.after)]
        change = _format(scores.change, sign="+")
        noise = "within noise" if scores.is_noise else ""
        rows.append((TITLES[name], *cells, change, noise))
    msg.table(rows, header=header, divider=True)
    if result.n_ignored:
        msg.warn(f"{result.n_ignored} documents without a label to compare with")
    if result.kept["kept"]:
        kept = result.kept
        msg.text(
            f"Of {kept['abstained']} documents without a label, {kept['kept']} keep a "
            f"broader category; it is right for {kept['right'] / kept['kept']:.0%}."
        )
    msg.text(_judge(result))
    msg.good("Saved the tuned pipeline", str(output))


def _get_settings(result: "Tuning") -> List[Tuple[str, str, str]]:
    before, after = result.before.to_dict(), result.after.to_dict()
    rows = []
    for name in ("prior", "temperature", "ancestor_threshold"):
        rows.append((name, _show(before[name]), _show(after[name])))
    for name in after["fallback"]:
        if name == "thresholds":
            continue
        old, new = (_show(data["fallback"][name]) for data in (before, after))
        rows.append((f"fallback {name}", old, new))
    # With a fallback, it is the last stage that holds them.
    stages = [
        {**data["thresholds"], **data["fallback"].get("thresholds", {})}
        for data in (before, after)
    ]
    old, new = (_show(stage.get("", 0.0)) for stage in stages)
    rows.append(("threshold", old, new))
    few, many = (len(set(stage) - {""}) for stage in stages)
    if few or many:
        rows.append(("nodes with their own threshold", str(few), str(many)))
    return rows


def _judge(result: "Tuning") -> str:
    name = GOALS[result.wish.goal]
    if result.wish.goal == "macro" and "expected_macro_f" in result.scores:
        name = "expected_macro_f"
    scores = result.scores[name]
    change = scores.change.value * (-1 if name == "ece" else 1)
    if result.wish.precision is not None or result.wish.coverage is not None:
        given, right = result.scores["coverage"], result.scores["precision"]
        return (
            f"{given.after.value:.0%} of the documents get a label, and "
            f"{right.after.value:.1%} of those are right."
        )
    if not change:
        return f"The {TITLES[name]} is as before."
    if scores.is_noise:
        return (
            f"The change of {TITLES[name]} is within noise: on other documents it "
            "could as well have the other sign."
        )
    return f"The {TITLES[name]} is {'better' if change > 0 else 'worse'} beyond noise."


def _format(interval: "Interval", sign: str = "") -> str:
    value, low, high = (f"{number:{sign}.3f}" for number in interval)
    return f"{value} [{low}, {high}]"


def _show(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
