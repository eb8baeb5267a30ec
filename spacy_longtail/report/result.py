"""What a report says first, and how it presents itself."""

from typing import Any, Dict, List, Optional

from ..evaluation.evidence import remark_trained
from ..presentation import Remark, TextTable, count_noun, shorten
from .against import DECISIVE
from .names import name_label, show_label

# Labels and changed decisions that are printed.
N_SHOWN = 10
# The share of right ones that the first sentence is about.
WISH = 0.95
LEVELS = {"better": "good", "worse": "warn", "mixed": "info", "same": "info"}


class Report(Dict[str, Any]):
    """What build_report finds: a dict of JSON values that presents itself."""

    def tables(self) -> List[TextTable]:
        first = TextTable("", lines=answer(self))
        against = _tabulate_against(self["against"]) if self["against"] else []
        rows = [
            (key, f"{found['value']:.3f}", f"[{found['low']:.3f}, {found['high']:.3f}]")
            for key, found in self["headline"].items()
            if found is not None
        ]
        headline = TextTable("Figures", ("metric", "value", "interval"), rows)
        own = [_tabulate_unattended(self), _tabulate_mending(self)]
        return [first, *against, *own, headline]

    def remarks(self) -> List[Remark]:
        about, against = self["about"], self["against"]
        trained = remark_trained(about["n_trained"], about["n_gold"])
        return [*self._remark_coverage(), *trained, *remark_other(against, about)]

    def _remark_coverage(self) -> List[Remark]:
        right, given = (self["headline"].get(key) for key in ("precision", "coverage"))
        if given is None or given["value"] == 1.0:
            return []
        if right is None:
            return [Remark("text", "No document gets a label.")]
        text = (
            f"{given['value']:.1%} of the documents get a label, and "
            f"{right['value']:.1%} of those are right. Accuracy and F1 count the "
            "others as missed."
        )
        return [Remark("text", text)]

    def to_dict(self) -> Dict[str, Any]:
        return dict(self)


def answer(data: Dict[str, Any]) -> List[Remark]:
    """RETURNS (List[Remark]): What a report says first: whether the pipeline is better
    than another system, how much can go unattended, and what to mend.
    """
    found = [_judge(data["against"], data["about"])] if data["against"] else []
    return [*found, *_remark_unattended(data), *_remark_mending(data)]


def remark_other(
    against: Optional[Dict[str, Any]], about: Dict[str, Any]
) -> List[Remark]:
    """RETURNS (List[Remark]): A warning if the other system knows the texts."""
    if not against or not against["n_trained"]:
        return []
    remarks = remark_trained(against["n_trained"], about["n_gold"])
    name = against["name"]
    return [r._replace(text=f"{name}: {r.text}") for r in remarks]


def _judge(against: Dict[str, Any], about: Dict[str, Any]) -> Remark:
    name, verdict = against["name"], against["verdict"]
    if not against["n_changed"]:
        return Remark("info", f"No decision differs from those of {name}.")
    start = {
        "better": f"Better than {name}",
        "worse": f"Worse than {name}",
        "mixed": f"Better than {name} in one, worse in the other",
        "same": f"Not told apart from {name} by {about['n_gold']:,} documents",
    }[verdict]
    shown = [key for key in DECISIVE if key in against["metrics"]]
    # With fewer labels given, accuracy is less and the labels may be better.
    shown += [] if against["metrics"]["coverage"]["is_noise"] else ["coverage"]
    figures = ", ".join(
        f"{against['titles'][key]} {_show_change(against['metrics'][key]['change'])}"
        for key in shown
    )
    better, worse = against["n_better"], against["n_worse"]
    labels = f"{count_noun(better, 'label')} got better, {worse:,} worse"
    if not better and not worse:
        labels = "no single label can be told apart"
    return Remark(LEVELS[verdict], f"{start}: {figures}; {labels}.")


def _show_change(change: List[float]) -> str:
    value, low, high = change
    return f"{value:+.3f} (95 %: {low:+.3f} to {high:+.3f})"


def _remark_unattended(data: Dict[str, Any]) -> List[Remark]:
    found = next((r for r in data["unattended"] if r["wish"] == WISH), None)
    if found is None:
        return []
    if found["threshold"] is None:
        text = f"At {show_percent(WISH)} right, nothing can go unattended."
        return [Remark("text", text)]
    share, low, high = map(show_percent, found["share"].values())
    text = (
        f"At {show_percent(WISH)} right, {share} of the documents can go unattended "
        f"(95 %: {low} to {high}), {show_percent(found['people']['value'])} are for "
        "people."
    )
    return [Remark("text", text)]


def _remark_mending(data: Dict[str, Any]) -> List[Remark]:
    rows = [row for row in data["mend"] if row["n_missed"]]
    if not rows:
        return []
    share = sum(row["share"] for row in rows)
    called, separator = data["about"]["names"], data["about"]["separator"]
    names = "; ".join(name_label(row["label"], called, separator) for row in rows)
    text = f"Mend first: {names} ({show_percent(share)} of what is missed)."
    return [Remark("text", text)]


def _tabulate_unattended(data: Dict[str, Any]) -> TextTable:
    rows = [
        (
            show_percent(row["wish"]),
            "–" if row["threshold"] is None else f"{row['threshold']:.3f}",
            *(_show_share(row[key]) for key in ("share", "people", "right")),
        )
        for row in data["unattended"]
    ]
    header = ("right", "threshold", "unattended", "for people", "right if cross-fitted")
    return TextTable("How much can go unattended", header, rows, "rrrrr")


def show_percent(share: float) -> str:
    """RETURNS (str): A share for people, with a digit where it is near none or all."""
    digits = 1 if 0 < share < 0.1 or 0.99 < share < 1 else 0
    return f"{100 * share:.{digits}f} %"


def _show_share(share: Optional[Dict[str, float]]) -> str:
    if share is None:
        return "–"
    value, low, high = map(show_percent, share.values())
    return f"{value} [{low}, {high}]"


def _tabulate_mending(data: Dict[str, Any]) -> TextTable:
    rows = [
        (
            shorten(row["label"]),
            f"{row['n_missed']:,} of {row['support']:,}",
            f"{row['n_false']:,}",
            f"{row['count']:,}",
        )
        for row in data["mend"]
    ]
    about = data["about"]
    labels = [
        show_label(row["label"], about["names"], about["separator"])
        for row in data["mend"]
    ]
    helps = [f"{x}: {'; '.join(row['help'])}." for x, row in zip(labels, data["mend"])]
    header = ("label", "missed", "false", "trained on")
    lines = [Remark("text", text) for text in helps]
    return TextTable("Mend first", header, rows, "lrrr", lines)


def _tabulate_against(against: Dict[str, Any]) -> List[TextTable]:
    name = against["name"]
    metrics = [
        (
            against["titles"][key],
            f"{found['before'][0]:.3f}",
            f"{found['after'][0]:.3f}",
            _show_change(found["change"]),
        )
        for key, found in against["metrics"].items()
    ]
    labels = [
        (
            shorten(row["label"]),
            f"{row['support']:,}",
            f"{row['f_before']:.2f}",
            f"{row['f_after']:.2f}",
            f"{row['fixed']:,}",
            f"{row['broken']:,}",
            describe_change(row["change"]),
        )
        for row in against["labels"][:N_SHOWN]
    ]
    changes = [
        (
            shorten(row["before"] or "no label"),
            shorten(row["now"] or "no label"),
            f"{row['n']:,}",
            f"{row['n_right_before']:,}",
            f"{row['n_right_now']:,}",
        )
        for row in against["changes"][:N_SHOWN]
    ]
    header = ("label", "support", "F1 before", "now", "fixed", "broken", "95 %")
    return [
        TextTable(f"Against {name}", ("metric", "before", "now", "change"), metrics),
        TextTable("Labels that changed most", header, labels, "lrrrrrl"),
        TextTable(
            "Decisions that changed",
            ("before", "now", "documents", "were right", "are right"),
            changes,
            "llrrr",
            _remark_only(against),
        ),
    ]


def describe_change(change: Optional[Dict[str, float]]) -> str:
    """RETURNS (str): Whether a label has become better or worse, in words."""
    if change is None:
        return ""
    if change["low"] > 0.0:
        word = "better"
    elif change["high"] < 0.0:
        word = "worse"
    else:
        word = "not told apart"
    return f"{word}, {change['low']:+.2f} to {change['high']:+.2f}"


def _remark_only(against: Dict[str, Any]) -> List[Remark]:
    return [Remark("text", text) for text in describe_only(against)]


def describe_only(against: Dict[str, Any]) -> List[str]:
    """RETURNS (List[str]): Sentences about labels that only one of both can give."""
    found = []
    for key, text in (("only_now", "only now"), ("only_before", "only before")):
        rows = against[key]
        if rows:
            names = ", ".join(row["label"] for row in rows[:N_SHOWN])
            more = ", …" if len(rows) > N_SHOWN else ""
            found.append(f"{count_noun(len(rows), 'label')} {text}: {names}{more}")
    return found
