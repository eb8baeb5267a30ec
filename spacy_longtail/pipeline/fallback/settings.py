from dataclasses import dataclass, field
from typing import Any, Dict

from ...errors import Errors
from ..settings import check_not_negative
from ..thresholds import check_thresholds

THRESHOLDS = ("route_threshold", "abstain_threshold", "ancestor_threshold")


@dataclass
class FallbackSettings:
    """Numbers that can be changed on a loaded pipe, saved with it.

    route_threshold (float): A document is ranked again below each Other whose mass is
        at least this, from 0.0 to 1.0.
    route_below (float): So is any document whose `known` is lower, which then gets
        `known` from the ranker's vectors.
    abstain_threshold (float): A document whose `known` is lower gets no label, and its
        probabilities are multiplied by its closeness to any label.
    mixture_weight (float): Weight of the first stage's own distribution inside an
        Other, beside the ranker's scores, from 0.0.
    trust (float): Share of the first stage's log odds that a run-time label has to
        overcome, or starts from if labels don't exclude each other; from 0.0.
    gate_slack (float): How far in log odds a run-time label may be behind, in the
        gate's view, for the ranker to be asked, from 0.0.
    thresholds (Dict[str, float]): The probability that each label needs after both
        stages, see LongtailTextCategorizer, where none are needed then. Of several
        labels a document, the first stage has them, see there.
    ancestor_threshold (float): See there.
    RAISES (ValueError): L312 if one isn't a number of at least 0, L337 if a threshold
        is above 1.0; also when it is changed.
    """

    route_threshold: float = 0.1
    route_below: float = 0.0
    abstain_threshold: float = 0.0
    mixture_weight: float = 1.0
    trust: float = 0.2
    gate_slack: float = 2.0
    thresholds: Dict[str, float] = field(default_factory=dict)
    ancestor_threshold: float = 0.5

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "thresholds":
            check_thresholds(value)
        else:
            check_not_negative(name, value)
        if name in THRESHOLDS and value > 1.0:
            raise ValueError(Errors.L337.format(name=name, value=value))
        super().__setattr__(name, value)
