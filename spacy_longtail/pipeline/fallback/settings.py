from dataclasses import dataclass
from typing import Any, Dict

from ...errors import Errors
from ...settings import CheckedSettings, setting
from ..settings import read_not_negative, read_thresholds


def _read_share(name: str, value: Any) -> Any:
    """RAISES (ValueError): L312 or L337 if it isn't a number from 0.0 to 1.0."""
    if read_not_negative(name, value) > 1.0:
        raise ValueError(Errors.L337.format(name=name, value=value))
    return value


@dataclass
class FallbackSettings(CheckedSettings):
    """Numbers that can be changed on a loaded pipe, saved with it.

    RAISES (ValueError): L312, L313 or L337 if one is out of range.
    """

    route_threshold: float = setting(
        0.1,
        "A document is ranked again below each Other whose mass is at least this, "
        "from 0.0 to 1.0.",
        _read_share,
    )
    route_below: float = setting(
        0.0,
        "So is any document whose `known` is lower, from 0.0, which then gets `known` "
        "from the ranker's vectors.",
        read_not_negative,
    )
    abstain_threshold: float = setting(
        0.0,
        "A document whose `known` is lower gets no label, from 0.0 to 1.0, and its "
        "probabilities are multiplied by its similarity to any label.",
        _read_share,
    )
    mixture_weight: float = setting(
        1.0,
        "Weight of the first stage's own distribution inside an Other, beside the "
        "ranker's scores, from 0.0.",
        read_not_negative,
    )
    trust: float = setting(
        0.2,
        "Share of the first stage's log odds that a run-time label has to overcome, or "
        "starts from if labels don't exclude each other; from 0.0.",
        read_not_negative,
    )
    gate_slack: float = setting(
        2.0,
        "How far in log odds a run-time label may be behind, in the gate's view, for "
        "the ranker to be asked, from 0.0.",
        read_not_negative,
    )
    thresholds: Dict[str, float] = setting(
        {},
        "The probability that each label needs after both stages, where labels exclude "
        "each other; otherwise the first stage has them.",
        read_thresholds,
        is_configured=False,
    )
    ancestor_threshold: float = setting(
        0.5,
        "The probability that a node above an abstained label needs to be kept, from "
        "0.0 to 1.0, and at least the label's threshold.",
        _read_share,
        is_configured=False,
    )
