from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Dict, List, Tuple

from ..presentation import Remark, TextTable
from ..scoring.bootstrap import Comparison, Interval
from ..scoring.metrics import Metric, find_metrics
from .settings import Settings
from .wish import Wish

RowT = Tuple[str, ...]
# What a goal is about: the first of these that is measured.
MEASURES = {
    "macro": ("expected_macro_f", "macro_f"),
    "accuracy": ("accuracy", "micro_f"),
    "calibration": ("ece",),
}


@dataclass(frozen=True)
class Tuning:
    """What tune found.

    kind (str): The factory of the component.
    before, after (Settings): The settings.
    scores (Dict[str, Comparison]): By the key of a metric, see METRICS. "after" is
        cross-fitted: the settings for each document were found on other documents.
    n_docs (int): Documents that settings were fitted on.
    n_ignored (int): Documents without a label to compare with.
    """

    allows_several: ClassVar[bool]
    kind: str
    wish: Wish
    before: Settings
    after: Settings
    scores: Dict[str, Comparison]
    n_docs: int
    n_ignored: int

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        scores = {key: score.to_dict() for key, score in self.scores.items()}
        parts = {"before": self.before.to_dict(), "after": self.after.to_dict()}
        return {**asdict(self), **parts, "scores": scores}

    @property
    def metrics(self) -> Dict[str, Metric]:
        """RETURNS (Dict[str, Metric]): Those of the scores, in their order."""
        metrics = find_metrics("tune", self.allows_several)
        return {key: metrics[key] for key in metrics if key in self.scores}

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): Settings and scores."""
        hidden = () if self.wish.is_strict else ("coverage", "precision")
        rows = []
        for key, metric in self.metrics.items():
            if key not in hidden:
                before, after, change = self.scores[key]
                cells = _show(before), _show(after), _show(change, sign="+")
                noise = "within noise" if self.scores[key].is_noise else ""
                rows.append((metric.title, *cells, noise))
        names = ("setting", "before", "after")
        header = ("", "before", "after (cross-fitted)", "change", "")
        return [
            TextTable("Settings", names, self.describe_settings()),
            *self.describe_labels(),
            TextTable(f"Scores on {self.n_docs} documents", header, rows),
        ]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What has to be known about the scores."""
        remarks = [Remark("text", note) for note in self.get_notes()]
        if self.n_ignored:
            text = f"{self.n_ignored} documents without a label to compare with"
            remarks.append(Remark("warn", text))
        verdict = self.judge_wish() if self.wish.is_strict else self.judge_goal()
        return [*remarks, Remark("text", verdict)]

    def describe_settings(self) -> List[RowT]:
        """RETURNS (List[Tuple[str, ...]]): Name, before and after."""
        raise NotImplementedError

    def describe_labels(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): At most one."""
        return []

    def get_notes(self) -> List[str]:
        """RETURNS (List[str]): Sentences about the documents."""
        raise NotImplementedError

    def judge_wish(self) -> str:
        """RETURNS (str): What became of a wished share."""
        raise NotImplementedError

    def judge_goal(self) -> str:
        """RETURNS (str): Whether the metric that the goal is about is better."""
        key = next(key for key in MEASURES[self.wish.goal] if key in self.scores)
        scores, metric = self.scores[key], self.metrics[key]
        change = scores.change.value * metric.direction
        if not change:
            return f"The {metric.title} is as before."
        if scores.is_noise:
            return (
                f"The change of {metric.title} is within noise: on other documents it "
                "could as well have the other sign."
            )
        which = "better" if change > 0 else "worse"
        return f"The {metric.title} is {which} beyond noise."

    def compare_settings(self, *names: str) -> List[RowT]:
        """RETURNS (List[Tuple[str, ...]]): A row about each of some settings."""
        pair = (self.before, self.after)
        return [
            make_row(name, *(getattr(part, name) for part in pair)) for name in names
        ]


def make_row(name: str, *values: Any) -> RowT:
    """RETURNS (Tuple[str, ...]): A row about a setting, floats with 3 digits."""
    cells = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in values)
    return (name, *cells)


def _show(interval: Interval, sign: str = "") -> str:
    value, low, high = (f"{number:{sign}.3f}" for number in interval)
    return f"{value} [{low}, {high}]"
