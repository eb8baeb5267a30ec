"""How a period differs from another, for programs, for a terminal and as a page."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..presentation import MAX_WIDTH, Remark, TextTable, count_noun, render, shorten
from .words import Topic

TEMPLATE = Path(__file__).parent / "templates" / "monitor.html.jinja"
N_SHOWN = 20
# Rows of a page.
MAX_ROWS = 200


@dataclass(frozen=True)
class Shift:
    """How a share has moved.

    name (str): A label or category, or what is in MEASURES.
    n_before, n_now (int): Texts.
    before, now (float): Shares of all texts.
    low, high (float): Interval of 95 % of now - before.
    p_value (float): Adjusted for all labels, categories and measures together.
    alarm (str): "new", "gone", "more" or "less", or "" for none.
    """

    name: str
    n_before: int
    n_now: int
    before: float
    now: float
    low: float
    high: float
    p_value: float
    alarm: str = ""

    @property
    def change(self) -> float:
        """RETURNS (float): From -1.0 to 1.0."""
        return self.now - self.before


@dataclass(frozen=True)
class Drift:
    """A period beside its reference.

    pipeline, reference, period (str): What was compared.
    n_before, n_now (int): Texts with an answer.
    n_failed (Tuple[int, int]): Those that couldn't be labelled.
    value (float): Total variation distance of the shares of the labels, without what
        of it is expected to be chance, from 0.0 to 1.0.
    low, high (float): Interval of 95 % of that.
    distance, noise (float): The distance, and what of it is expected to be chance.
    p_value (float): Share of random deals in which the shares have moved as far.
    known (Tuple[float, float]): Mean of `known`, before and now.
    labels (List[Shift]): Labels and the categories above them, the largest change
        first.
    measures (List[Shift]): Texts without a label, decided by the second stage, and
        hardly known.
    topics (List[Topic]): New words, those together that are in the same texts.
    rate (float): How often a comparison of equal periods may raise any alarm.
    least_change (float): By which part a share has to change for an alarm.
    fail_above (Optional[float]): The value from which on a period has drifted.
    is_predicted (bool): Whether all answers stood in the tables.
    has_texts (bool): Whether there were texts to find words in.
    titles (Dict[str, str]): Of labels that are codes.
    versions (Tuple[List[str], List[str]]): The pipelines that have labelled the texts,
        see `model_version` of `predict`, before and now. Empty if that isn't known.
    """

    pipeline: str
    reference: str
    period: str
    n_before: int
    n_now: int
    n_failed: Tuple[int, int]
    value: float
    low: float
    high: float
    distance: float
    noise: float
    p_value: float
    known: Tuple[float, float]
    labels: List[Shift]
    measures: List[Shift]
    topics: List[Topic] = field(default_factory=list)
    rate: float = 0.05
    least_change: float = 0.2
    fail_above: Optional[float] = None
    is_predicted: bool = False
    has_texts: bool = True
    titles: Dict[str, str] = field(default_factory=dict)
    versions: Tuple[List[str], List[str]] = field(default_factory=lambda: ([], []))

    @property
    def alarms(self) -> List[Shift]:
        """RETURNS (List[Shift]): What has changed, the largest change first."""
        found = [shift for shift in [*self.measures, *self.labels] if shift.alarm]
        return sorted(found, key=lambda shift: -abs(shift.change))

    @property
    def has_drifted(self) -> bool:
        """RETURNS (bool): Whether the value is above what was asked for, and chance
        doesn't explain it.
        """
        limit = self.fail_above
        return limit is not None and self.value > limit and self.p_value <= self.rate

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return {
            **asdict(self),
            "has_drifted": self.has_drifted,
            "alarms": [asdict(shift) for shift in self.alarms],
        }

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): What has changed, the largest change first."""
        topics = [
            (
                ", ".join(topic.words),
                f"{topic.n_docs:,}",
                show_share(topic.before),
                show_share(topic.share),
                shorten(topic.label) or "–",
            )
            for topic in self.topics
        ]
        quiet = [shift for shift in self.labels if not shift.alarm]
        title = "Other labels, the largest changes" if self.alarms else "Labels"
        return [
            _make_table("Measures", self.measures, self.titles),
            _make_table("Alarms", self.alarms[:N_SHOWN], self.titles),
            _make_table(title, quiet[:10], self.titles),
            TextTable(
                "New words and topics",
                ("Words", "Texts", "Before", "Now", "Mostly labelled"),
                topics,
                "lrrrl",
            ),
        ]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What to make of it."""
        found = [Remark("warn" if self.has_drifted else "info", self.verdict)]
        n = len(self.alarms)
        if n:
            named = ", ".join(f"{s.name} ({s.alarm})" for s in self.alarms[:5])
            more = "" if n <= 5 else f" and {n - 5:,} more"
            sentence = f"{count_noun(n, 'alarm')}: {named}{more}."
            found.append(Remark("warn", sentence))
        else:
            found.append(Remark("good", "No alarm."))
        if self.mixture:
            found.append(Remark("warn", self.mixture))
        if any(self.n_failed):
            before, now = self.n_failed
            sentence = f"Couldn't be labelled: {before:,} before, {now:,} now."
            found.append(Remark("warn", sentence))
        if not self.has_texts:
            sentence = "No words were compared, as there are no texts."
            found.append(Remark("info", sentence))
        return found

    @property
    def mixture(self) -> str:
        """RETURNS (str): A sentence if not all texts were labelled by one pipeline."""
        if not all(self.versions) or len({*self.versions[0], *self.versions[1]}) == 1:
            return ""
        before, now = map(", ".join, self.versions)
        return (
            f"The labels are of different pipelines, {before} before and {now} now, "
            "which may be all that has changed: let one of them label both."
        )

    @property
    def verdict(self) -> str:
        """RETURNS (str): A sentence about the whole."""
        by_chance = "more than chance" if self.p_value <= self.rate else "chance"
        limit = ""
        if self.fail_above is not None:
            limit = f" The limit is {self.fail_above:g}"
            limit += ", which is exceeded." if self.has_drifted else "."
        return (
            f"Drift {self.value:.3f} ({self.low:.3f} to {self.high:.3f}): "
            f"{self.distance:.1%} of the texts would need another label for the shares "
            f"to be those before, where chance alone takes {self.noise:.1%}; p = "
            f"{self.p_value:.3f}, {by_chance}.{limit}"
        )


def render_drift(drift: Drift) -> str:
    """RETURNS (str): A page that needs nothing else, and no network."""
    filters: Any = {"share": show_share, "factor": show_factor}
    alarms, labels = drift.alarms[:MAX_ROWS], drift.labels[:MAX_ROWS]
    return render(TEMPLATE, filters=filters, drift=drift, alarms=alarms, labels=labels)


def show_share(share: float) -> str:
    """RETURNS (str): Percents, with more digits where there are few."""
    return f"{share:.1%}" if share >= 0.01 or not share else f"{share:.2%}"


def show_factor(shift: Shift) -> str:
    """RETURNS (str): By what the share was multiplied."""
    if not shift.n_before or not shift.n_now:
        return {0: "–"}.get(shift.n_before + shift.n_now, shift.alarm or "–")
    return f"× {shift.now / shift.before:.2f}"


def _make_table(
    title: str, shifts: List[Shift], titles: Mapping[str, str]
) -> TextTable:
    rows = [
        (
            _show(shift.name, titles) or "(no label)",
            f"{shift.n_before:,}",
            f"{shift.n_now:,}",
            show_share(shift.before),
            show_share(shift.now),
            f"{100 * shift.change:+.2f}",
            f"{100 * shift.low:+.2f} to {100 * shift.high:+.2f}",
            f"{shift.p_value:.3f}",
            shift.alarm,
        )
        for shift in shifts
    ]
    header = ("", "n before", "n now", "Before", "Now", "Points", "95 %", "p", "Alarm")
    return TextTable(title, header, rows, "lrrrrrrrl")


def _show(label: str, titles: Mapping[str, str]) -> str:
    """RETURNS (str): With its title, if it has one. Of a path the end says most."""
    if label not in titles:
        return shorten(label)
    text = f"{label} {titles[label]}"
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"
