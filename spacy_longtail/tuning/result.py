from dataclasses import asdict, dataclass
from typing import Any, Callable, ClassVar, Dict, List, NamedTuple, Optional, Tuple

from ..presentation import Remark, TextTable
from ..scoring.bootstrap import Comparison, Interval
from ..scoring.metrics import Metric, find_metrics
from ..scoring.predictions import Predictions
from .settings import Settings
from .wish import Wish

BEFORE_AND_AFTER = ("setting", "before", "after")
RowT = Tuple[str, ...]


class Fitted(NamedTuple):
    """What is found by the part of this room for a kind of labels.

    after (Settings): The settings.
    old, new (Predictions): What is predicted before and, cross-fitted, after.
    make_result (Callable[..., Tuning]): Makes the result of the fields that all kinds
        have.
    """

    after: Settings
    old: Predictions
    new: Predictions
    make_result: Callable[..., "Tuning"]


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
    # The metric that a goal is about.
    goals: ClassVar[Dict[str, str]] = {
        "macro": "macro_f",
        "accuracy": "accuracy",
        "calibration": "ece",
    }
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
        return [
            TextTable("Settings", BEFORE_AND_AFTER, self.describe_settings()),
            *self.describe_labels(),
            TextTable(
                f"Scores on {self.n_docs} documents",
                ("", "before", "after (cross-fitted)", "change", ""),
                [
                    (metric.title, *_show_scores(self.scores[key]))
                    for key, metric in self.metrics.items()
                    if key not in self.get_hidden()
                ],
            ),
        ]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What has to be known about the scores."""
        remarks = [Remark("text", note) for note in self.get_notes()]
        if self.n_ignored:
            text = f"{self.n_ignored} documents without a label to compare with"
            remarks.append(Remark("warn", text))
        return [*remarks, Remark("text", self.judge_wish() or self.judge_goal())]

    def describe_settings(self) -> List[RowT]:
        """RETURNS (List[Tuple[str, ...]]): Name, before and after."""
        raise NotImplementedError

    def describe_labels(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): At most one."""
        return []

    def get_hidden(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Keys of scores that say nothing here."""
        return ()

    def get_notes(self) -> List[str]:
        """RETURNS (List[str]): Sentences about the documents."""
        return []

    def judge_wish(self) -> Optional[str]:
        """RETURNS (Optional[str]): What became of a wished share."""
        return None

    def judge_goal(self) -> str:
        """RETURNS (str): Whether the metric that the goal is about is better."""
        key = self.goals[self.wish.goal]
        if f"expected_{key}" in self.scores:
            key = f"expected_{key}"
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

    def compare_settings(self, name: str) -> RowT:
        """RETURNS (Tuple[str, ...]): A row about a setting."""
        pair = (getattr(settings, name) for settings in (self.before, self.after))
        return (name, *map(show_value, pair))


def show_value(value: Any) -> str:
    """RETURNS (str): A setting, with 3 digits if it has any."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _show_scores(scores: Comparison) -> RowT:
    change = _show_interval(scores.change, sign="+")
    pair = _show_interval(scores.before), _show_interval(scores.after)
    return (*pair, change, "within noise" if scores.is_noise else "")


def _show_interval(interval: Interval, sign: str = "") -> str:
    value, low, high = (f"{number:{sign}.3f}" for number in interval)
    return f"{value} [{low}, {high}]"
