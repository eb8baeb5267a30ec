from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Dict, List, Optional, Tuple

from ..evaluation.evidence import remark_trained
from ..presentation import Remark, TextTable, count_noun
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
# They say something only if a document can be left without a label.
HIDDEN = ("coverage", "precision")
ADVICE = "Tune on more documents, or wish less."


@dataclass(frozen=True)
class Tuning(ABC):
    """What tune found.

    kind (str): The factory of the component.
    before, after (Settings): The settings.
    scores (Dict[str, Comparison]): By the key of a metric, see METRICS. "after" is
        cross-fitted: the settings for each document were found on other documents.
    n_docs (int): Documents that settings were fitted on.
    n_ignored (int): Documents without a label to compare with.
    n_trained (Optional[int]): Documents whose text was trained on, so that the scores
        are too good. None if that isn't known.
    performance (Dict[str, Any]): What the scorer finds in the cross-fitted predictions,
        None for what is of nothing.
    is_applied (bool): Whether the pipeline has the settings after. If not, they are
        worse, and it has those before.
    """

    allows_several: ClassVar[bool]
    kind: str
    wish: Wish
    before: Settings
    after: Settings
    scores: Dict[str, Comparison]
    n_docs: int
    n_ignored: int
    n_trained: Optional[int]
    performance: Dict[str, Any]
    is_applied: bool

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values, with "is_reached" and "is_worse"."""
        scores = {key: score.to_dict() for key, score in self.scores.items()}
        parts = {"before": self.before.to_dict(), "after": self.after.to_dict()}
        verdict = {"is_reached": self.is_reached, "is_worse": self.is_worse}
        return {**asdict(self), **parts, "scores": scores, **verdict}

    @property
    def metrics(self) -> Dict[str, Metric]:
        """RETURNS (Dict[str, Metric]): Those of the scores, in their order."""
        metrics = find_metrics("tune", self.allows_several)
        return {key: metrics[key] for key in metrics if key in self.scores}

    @property
    @abstractmethod
    def wished(self) -> Tuple[str, str]:
        """RETURNS (Tuple[str, str]): Metrics of how many of the labels given are right,
        as it is wished, and of how many are given.
        """

    @property
    def target(self) -> Optional[Tuple[str, float]]:
        """RETURNS (Optional[Tuple[str, float]]): The metric of which a share is wished,
        and the share, None without one.
        """
        pairs = zip(self.wished, (self.wish.precision, self.wish.coverage))
        return next(((key, share) for key, share in pairs if share is not None), None)

    @property
    def is_reached(self) -> Optional[bool]:
        """RETURNS (Optional[bool]): Whether the wished share is, on documents that no
        setting was fitted to. None without one.
        """
        if self.target is None:
            return None
        key, share = self.target
        return self._has_given(1) and self.scores[key].after.value >= share - 1e-9

    @property
    def is_worse(self) -> bool:
        """Whether the settings after are worse than those before, beyond noise. If a
        share is wished, fewer of the labels given are right then, and for nothing: no
        more are given, or the share isn't reached. No label at all is worse, too.
        """
        right, given = self.wished
        key = right if self.wish.is_strict else self._find_measure()
        score, metric = self.scores[key], self.metrics[key]
        is_worse = not score.is_noise and score.change.value * metric.direction < 0
        if not self.wish.is_strict:
            return is_worse
        is_more = self.scores[given].change.value > 0
        is_lost = self._has_given(0) and not self._has_given(1)
        return is_lost or (is_worse and not (is_more and self.is_reached))

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): Settings and scores."""
        names = ("setting", "before", "after")
        header = ("", "before", "after (cross-fitted)", "change", "")
        title = f"Scores on {count_noun(self.n_docs, 'document')}"
        return [
            TextTable("Settings", names, self.describe_settings()),
            *self.describe_labels(),
            TextTable(title, header, self._describe_scores()),
        ]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What has to be known about the scores."""
        remarks = [Remark("text", note) for note in self.get_notes()]
        remarks += remark_trained(self.n_trained, self.n_docs)
        if self.n_ignored:
            n = count_noun(self.n_ignored, "document")
            remarks.append(Remark("warn", f"{n} without a label to compare with"))
        if self.target is not None:
            remarks += [Remark("text", self.judge_wish()), self._judge_share()]
        else:
            remarks.append(Remark("text", self.judge_goal()))
        if self.is_worse:
            remarks.append(self._judge_loss())
        return remarks

    @abstractmethod
    def describe_settings(self) -> List[RowT]:
        """RETURNS (List[Tuple[str, ...]]): Name, before and after."""

    def describe_labels(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): At most one."""
        return []

    @abstractmethod
    def get_notes(self) -> List[str]:
        """RETURNS (List[str]): Sentences about the documents."""

    @abstractmethod
    def judge_wish(self) -> str:
        """RETURNS (str): What became of a wished share."""

    def judge_goal(self) -> str:
        """RETURNS (str): Whether the metric that the goal is about is better."""
        key = self._find_measure()
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

    def _judge_share(self) -> Remark:
        key, share = self.target or ("", 0.0)
        wished, found = f"{100 * share:.4g}%", self.scores[key].after
        where = "on documents that no setting was fitted to"
        if self.is_reached:
            return Remark("text", f"The wished {wished} are reached {where}.")
        if not self._has_given(1):
            text = f"The wished {wished} are not reached: no label is given. "
            return Remark("warn", text + ADVICE)
        text = (
            f"The wished {wished} are not reached: {self.metrics[key].title} is "
            f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}] {where}"
        )
        if found.high >= share:
            return Remark("text", f"{text}, within noise of what is wished.")
        return Remark("warn", f"{text}. {ADVICE}")

    def _judge_loss(self) -> Remark:
        found = "The settings after are worse beyond noise"
        if self.is_applied:
            return Remark("warn", f"{found}, and taken all the same, as you said.")
        text = (
            f"{found}, so the pipeline keeps those before. Use --even-if-worse (in "
            "Python, even_if_worse=True) to take them all the same."
        )
        return Remark("warn", text)

    def _describe_scores(self) -> List[RowT]:
        """What is wished comes first, and isn't shown if nothing is held back."""
        right, given = self.wished
        pair = self.scores[given]
        is_hidden = pair.before.value == pair.after.value == 1.0
        first = [given, right] if self.wish.is_strict else []
        rows = []
        for key in (*first, *(key for key in self.metrics if key not in first)):
            if is_hidden and key in HIDDEN and not first:
                continue
            metric, scores = self.metrics[key], self.scores[key]
            # What is right of nothing has no value.
            # Calibration is that of the given labels, if there is at most one each.
            of_given = metric.empty == 1.0 or (key == "ece" and not metric.several)
            has_value = [self._has_given(i) or not of_given for i in range(2)]
            cells = [_show(scores[i]) if has_value[i] else "–" for i in range(2)]
            change, noise = _show(scores.change, sign="+"), ""
            if not all(has_value):
                change = "–"
            elif scores.is_noise:
                noise = "within noise"
            rows.append((metric.title, *cells, change, noise))
        return rows

    def _has_given(self, when: int) -> bool:
        """Whether any label is given before (0) or after (1)."""
        return self.scores[self.wished[1]][when].value > 0.0

    def _find_measure(self) -> str:
        return next(key for key in MEASURES[self.wish.goal] if key in self.scores)

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
