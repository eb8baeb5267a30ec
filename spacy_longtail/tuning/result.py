from dataclasses import asdict, dataclass
from math import inf
from typing import Any, ClassVar, Dict, Mapping, NamedTuple, Tuple

from ..scoring.metrics import (
    METRICS,
    SHARE,
    Interval,
    MetricT,
    bootstrap,
    get_interval,
    get_value,
)
from .settings import EXCLUSIVE, Settings, Wish

# Metrics that aren't shares, but can be any number from 0.0.
UNBOUNDED = ("n_labels", "log_loss")


class Comparison(NamedTuple):
    """A metric before and after, and the paired difference."""

    before: Interval
    after: Interval
    change: Interval

    @property
    def is_noise(self) -> bool:
        """RETURNS (bool): Whether the difference could as well have the other sign."""
        return self.change.low <= 0.0 <= self.change.high

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        parts = {key: list(value) for key, value in self._asdict().items()}
        return {**parts, "is_noise": self.is_noise}


@dataclass(frozen=True)
class Tuning:
    """What tune found.

    before, after (Settings): The settings.
    scores (Dict[str, Comparison]): By metric: macro_f, accuracy, ece, coverage,
        precision (of the labels given) and, without a fallback, expected_macro_f, by
        which the prior for "macro" is chosen. "after" is cross-fitted: the settings
        for each document were found on other documents.
    kept (Dict[str, int]): Of the documents that abstained: all, those that keep an
        inner node, those for which it is right.
    priors (Dict[float, Tuple[float, float]]): For each prior that was tried, macro-F1
        and accuracy on the whole corpus.
    is_seen (bool): Whether the settings before were tuned on the same documents, so
        that "before" looks better than it is.
    n_docs (int): Documents that settings were fitted on.
    n_ignored (int): Documents without a leaf as gold label.
    """

    kind: ClassVar[str] = EXCLUSIVE
    wish: Wish
    before: Settings
    after: Settings
    scores: Dict[str, Comparison]
    kept: Dict[str, int]
    priors: Dict[float, Tuple[float, float]]
    is_seen: bool
    n_docs: int
    n_ignored: int

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        data = {"kind": self.kind, **asdict(self)}
        data["priors"] = [[prior, *values] for prior, values in self.priors.items()]
        data["scores"] = {
            name: scores.to_dict() for name, scores in self.scores.items()
        }
        return data


def compare(
    before: Any,
    after: Any,
    metrics: Mapping[str, MetricT] = METRICS,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Dict[str, Comparison]:
    """Compare two systems on the same documents.

    before, after (Any): Their guesses.
    metrics (Mapping[str, MetricT]): What to compare.
    RETURNS (Dict[str, Comparison]): By metric.
    """
    drawn = bootstrap((before, after), metrics, resamples=resamples, seed=seed)
    found = {}
    for name, metric in metrics.items():
        old, new = get_value(metric, before), get_value(metric, after)
        draws = drawn[name]
        low, high = (0.0, inf) if name in UNBOUNDED else SHARE
        found[name] = Comparison(
            get_interval(old, draws[0], (low, high)),
            get_interval(new, draws[1], (low, high)),
            get_interval(new - old, draws[1] - draws[0], (low - high, high - low)),
        )
    return found
