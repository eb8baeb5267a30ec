from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Mapping, Tuple

from wasabi import msg

if TYPE_CHECKING:
    from ..scoring.metrics import Interval
    from ..tuning.result import Comparison, Tuning

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
    wished = result.wish.precision is not None or result.wish.coverage is not None
    hidden = () if wished else ("coverage", "precision")
    titles = {name: TITLES[name] for name in TITLES if name not in hidden}
    show_scores(result.scores, titles)
    if result.n_ignored:
        msg.warn(f"{result.n_ignored} documents without a label to compare with")
    if result.is_seen:
        msg.text(
            "The settings before were tuned on these documents, so that 'before' looks "
            "better than it is: it isn't cross-fitted."
        )
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
        rows.append((name, show_value(before[name]), show_value(after[name])))
    for name in after["fallback"]:
        if name == "thresholds":
            continue
        old, new = (show_value(data["fallback"][name]) for data in (before, after))
        rows.append((f"fallback {name}", old, new))
    # With a fallback, it is the last stage that holds them.
    stages = [
        {**data["thresholds"], **data["fallback"].get("thresholds", {})}
        for data in (before, after)
    ]
    old, new = (show_value(stage.get("", 0.0)) for stage in stages)
    rows.append(("threshold", old, new))
    few, many = (len(set(stage) - {""}) for stage in stages)
    if few or many:
        rows.append(("nodes with their own threshold", str(few), str(many)))
    return rows


def show_scores(scores: Mapping[str, "Comparison"], titles: Mapping[str, str]) -> None:
    """Print metrics before and after."""
    rows = []
    for name, title in titles.items():
        if name in scores:
            before, after, change = scores[name]
            cells = (_format(before), _format(after), _format(change, sign="+"))
            noise = "within noise" if scores[name].is_noise else ""
            rows.append((title, *cells, noise))
    header = ("", "before", "after (cross-fitted)", "change", "")
    msg.table(rows, header=header, divider=True)


def show_value(value: Any) -> str:
    """RETURNS (str): A setting, with 3 digits if it has any."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


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
