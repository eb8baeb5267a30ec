from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Tuple

from ..evaluation.evidence import remark_trained
from ..presentation import Remark, TextTable, count_noun, shorten
from ..scoring.bootstrap import Comparison, Interval
from .categories import FATES, Category
from .compare import TITLES, LabelScore

MAX_ROWS = 20
# Of so many labels whose F1 is as it was, one falls beyond noise by chance.
ONE_OF = 40
NAMES = {**TITLES, "accuracy": "accuracy", "micro_f": "micro-F1"}


@dataclass(frozen=True)
class Update:
    """What an update did.

    kind (str): The factory of the component.
    min_count (int): Texts from which on a category has a column of its own.
    steps (int): Steps of training.
    n_docs (int): Training documents.
    n_new (Optional[int]): Those whose text wasn't trained on before. None if that
        isn't known.
    n_dev (int): Dev documents that both pipelines are scored on.
    n_trained (Optional[int]): Those whose text was trained on, now or before. None if
        that isn't known.
    categories (List[Category]): Those that are new, promoted, pooled and the like.
    scores (Dict[str, Comparison]): On dev: "macro_f", "known_macro_f" and "new_macro_f"
        of the categories that were known before and the others, "accuracy" or
        "micro_f".
    labels (List[LabelScore]): F1 of each category on dev, from the largest loss to the
        largest gain.
    had_thresholds (bool): Whether there were thresholds, which are dropped, before the
        scores.
    """

    kind: str
    min_count: int
    steps: int
    n_docs: int
    n_new: Optional[int]
    n_dev: int
    n_trained: Optional[int]
    categories: List[Category]
    scores: Dict[str, Comparison]
    labels: List[LabelScore]
    had_thresholds: bool

    @property
    def worse(self) -> List[LabelScore]:
        """RETURNS (List[LabelScore]): Categories whose F1 fell beyond noise."""
        return [label for label in self.labels if label.change.high < 0]

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        return {
            **asdict(self),
            "categories": [found._asdict() for found in self.categories],
            "scores": {key: score.to_dict() for key, score in self.scores.items()},
            "labels": [label.to_dict() for label in self.labels],
            "worse": [label.label for label in self.worse],
        }

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): Categories, scores, and what is worse."""
        counts = Counter(found.fate for found in self.categories)
        lines = [
            Remark("text", f"{counts[fate]:,} {what}")
            for fate, what in FATES.items()
            if counts[fate]
        ]
        if self.categories:
            text = f"A column of its own takes {count_noun(self.min_count, 'text')}, "
            text += "but for a category alone below its parent."
            lines.append(Remark("text", text))
        rows = [
            (shorten(label), fate, f"{before:,}", f"{now:,}")
            for label, fate, before, now in self.categories[:MAX_ROWS]
        ]
        header = ("Category", "", "Texts before", "Now")
        title = "Categories" if rows else ""
        scores = [
            (NAMES[key], *map(_show, (s.before, s.after)), *_show_change(s.change))
            for key, s in self.scores.items()
        ]
        about = f"Scores on {count_noun(self.n_dev, 'dev document')}"
        of_scores = ("", "Before", "After", "Change", "")
        known = [label for label in self.labels if label.is_known]
        falls = [label for label in known if label.change.value < 0]
        gains = [label for label in known[::-1] if label.change.value > 0]
        return [
            TextTable(title, header, rows, "llrr", lines),
            TextTable(about, of_scores, scores, "lrrrl"),
            _list_labels("Known categories that are worse", falls),
            _list_labels("Known categories that are better", gains),
        ]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What has to be known."""
        found = f"{self.n_docs:,} training documents"
        if self.n_new is not None:
            found += f", {self.n_new:,} of them with a new text"
        remarks = [Remark("text", f"Trained {self.steps:,} steps on {found}.")]
        if self.n_trained:
            remarks += remark_trained(self.n_trained, self.n_dev)
        n_worse, n = len(self.worse), len(self.labels)
        if n_worse:
            text = f"{n_worse} of {n} categories are worse beyond noise"
            by_chance = max(round(n / ONE_OF), 1)
            text += f"; about {by_chance} would be by chance."
            level = "warn" if n_worse > by_chance else "info"
            remarks.append(Remark(level, text))
        if any(found.fate == "without texts" for found in self.categories):
            text = "Categories without texts can still be predicted. If they have "
            text += "other names now, or were split, leave them out with --forget."
            remarks.append(Remark("info", text))
        fall = self.scores["known_macro_f"] if "known_macro_f" in self.scores else None
        if fall is not None and fall.change.high < 0:
            text = "The known categories are worse, beyond noise. Try more --steps, or "
            remarks.append(Remark("warn", text + "train from scratch."))
        if self.had_thresholds:
            text = "Thresholds are dropped, as they were fitted to the model before, "
            text += "and both are compared without. Run 'spacy longtail tune' again."
            remarks.append(Remark("warn", text))
        return remarks


def _list_labels(title: str, labels: List[LabelScore]) -> TextTable:
    rows = [
        (
            shorten(label),
            f"{n_docs:,}",
            f"{before:.3f}",
            f"{after:.3f}",
            *_show_change(change),
        )
        for label, n_docs, _, before, after, change in labels[:MAX_ROWS]
    ]
    header = ("Category", "Documents", "F1 before", "After", "Change", "")
    return TextTable(title, header, rows, "lrrrrl")


def _show_change(change: Interval) -> Tuple[str, str]:
    is_noise = change.low <= 0.0 <= change.high
    return _show(change, "+"), "within noise" if is_noise else ""


def _show(interval: Interval, sign: str = "") -> str:
    value, low, high = (f"{number:{sign}.3f}" for number in interval)
    return f"{value} [{low}, {high}]"
