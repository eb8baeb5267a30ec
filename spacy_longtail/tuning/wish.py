from dataclasses import dataclass
from typing import Dict, Literal, Optional

import numpy

from ..errors import Errors
from ..fitting.thresholds import (
    fit_coverage_threshold,
    fit_label_thresholds,
    fit_precision_threshold,
)
from ..pipeline.settings import PriorT, read_prior
from ..taxonomy import ROOT, Taxonomy

GOALS = ("macro", "accuracy", "calibration")
GoalT = Literal["macro", "accuracy", "calibration"]


@dataclass(frozen=True)
class Wish:
    """What a pipeline is tuned for.

    goal (GoalT): "macro": the best macro-F1, which is the one to expect where labels
        exclude each other, and that of the dev corpus otherwise. "accuracy" and
        "calibration": the prior and temperature under which the gold labels are most
        likely, which is also the one whose first choice is right most often; a
        fallback is tuned for what is wished. With several labels per document,
        "accuracy" means micro-F1.
    prior (Optional[PriorT]): Take this prior instead of looking for one.
    precision (Optional[float]): Abstain so often that this share of the labels given
        is right, from 0.0 to 1.0.
    coverage (Optional[float]): Abstain so often that at least this share of the
        documents gets a label, from 0.0 to 1.0. Not with several labels per document.
    per_label (bool): Reach the precision for each label, not over all. It always is
        with several labels per document, unless the goal is "accuracy".
    RAISES (ValueError): L511 to L513 or L517 if it can't be fulfilled.
    """

    goal: GoalT = "macro"
    prior: Optional[PriorT] = None
    precision: Optional[float] = None
    coverage: Optional[float] = None
    per_label: bool = False

    def __post_init__(self) -> None:
        if self.goal not in GOALS:
            raise ValueError(Errors.L511.format(value=self.goal, goals=list(GOALS)))
        if self.prior is not None:
            read_prior(self.prior)
        for name in ("precision", "coverage"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value <= 1.0:
                raise ValueError(Errors.L512.format(name=name, value=value))
        if self.precision is not None and self.coverage is not None:
            text = Errors.L513.format(precision=self.precision, coverage=self.coverage)
            raise ValueError(text)
        if self.per_label and self.precision is None:
            raise ValueError(Errors.L517)

    def check(self, name: str, *, allows_several: bool) -> None:
        """RAISES (ValueError): L515 if a component with such labels can't fulfil it."""
        if self.coverage is not None and allows_several:
            raise ValueError(Errors.L515.format(name=name, value=self.coverage))

    @property
    def is_strict(self) -> bool:
        """RETURNS (bool): Whether it is about the share of right or given labels."""
        return self.precision is not None or self.coverage is not None

    def fit_thresholds(
        self,
        taxonomy: Taxonomy,
        columns: numpy.ndarray,
        confidence: numpy.ndarray,
        is_right: numpy.ndarray,
    ) -> Dict[str, float]:
        """Find how sure predictions have to be for a wished precision or coverage.

        columns (numpy.ndarray): The label of each, of shape (predictions,).
        confidence, is_right (numpy.ndarray): Same shape.
        RETURNS (Dict[str, float]): By node, "" for all. Empty if neither is wished.
        """
        if self.precision is not None and self.per_label:
            return fit_label_thresholds(
                taxonomy, columns, confidence, is_right, self.precision
            )
        if self.precision is not None:
            found = fit_precision_threshold(confidence, is_right, self.precision)
            return {ROOT: found}
        if self.coverage is not None:
            return {ROOT: fit_coverage_threshold(confidence, self.coverage)}
        return {}
