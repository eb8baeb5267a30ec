from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Union

from ..errors import Errors
from ..settings import CheckedSettings, is_between, setting
from ..taxonomy import SEPARATOR, check_settings

# In this order: the oldest series of confection takes the first type that it can make
# of a value, and would make a string of a number.
PriorT = Union[float, str]


def read_prior(prior: PriorT) -> float:
    """Translate a setting of the prior to the share of the training prior that is
    part of the prediction.

    prior (PriorT): "uniform", "train" or a number from 0.0 to 1.0.
    RETURNS (float): 0.0 for "uniform", 1.0 for "train".
    RAISES (ValueError): L306 if it's something else.
    """
    names = {"uniform": 0.0, "train": 1.0}
    if isinstance(prior, str) and prior in names:
        return names[prior]
    if not is_between(prior, 0.0, 1.0):
        raise ValueError(Errors.L306.format(value=prior))
    return float(prior)


def read_not_negative(name: str, value: Any) -> Any:
    """RAISES (ValueError): L312 if it isn't a number of at least 0."""
    if not is_between(value, 0.0):
        raise ValueError(Errors.L312.format(name=name, value=value))
    return value


def read_threshold(name: str, value: Any) -> Any:
    """RAISES (ValueError): L313 if it isn't a number from 0.0 to 1.0."""
    if not is_between(value, 0.0, 1.0):
        raise ValueError(Errors.L313.format(name=name, value=value))
    return value


def read_thresholds(name: str, value: Mapping[str, float]) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): A copy. RAISES (ValueError): L313, see above."""
    return {
        node: read_threshold(f"{name}[{node!r}]", needed)
        for node, needed in value.items()
    }


def _read_min_count(name: str, value: Any) -> Any:
    check_settings(min_count=value, separator=SEPARATOR)
    return value


def _read_keep(name: str, value: Any) -> List[str]:
    return list(value)


def _read_separator(name: str, value: Any) -> Any:
    check_settings(min_count=0, separator=value)
    return value


def check_prior(name: str, value: Any) -> Any:
    """RAISES (ValueError): L306, see read_prior."""
    read_prior(value)
    return value


def _read_temperature(name: str, value: Any) -> Any:
    if not is_between(value, 0.0) or value == 0.0:
        raise ValueError(Errors.L308.format(value=value))
    return value


def _read_top_k(name: str, value: Any) -> Any:
    if value is not None and (not is_between(value, 1) or value % 1):
        raise ValueError(Errors.L307.format(value=value))
    return value


@dataclass
class TextcatSettings(CheckedSettings):
    """Settings of a component that categorizes documents. Those below `temperature`
    can be changed after training, `prior` and `temperature` too.

    RAISES (ValueError): L004, L005, L306 to L308, L312 or L313 if one is out of range.
    """

    min_count: int = setting(
        3, "Labels with fewer training documents are pooled; 0 pools none.",
        _read_min_count,
    )  # fmt: skip
    keep: List[str] = setting([], "Labels that are never pooled.", _read_keep)
    separator: str = setting(
        SEPARATOR, "What joins the segments of a label's path.", _read_separator
    )
    kappa: float = setting(
        2.0,
        "Training documents that a label's name counts as in its prototype, from 0.0.",
        read_not_negative,
    )
    name_examples: float = setting(
        1.0,
        "How often, per pass over the training data, each name and description is a "
        "training document of its label, from 0.0. Not with listeners.",
        read_not_negative,
    )
    prior: PriorT = setting(
        "uniform",
        '"uniform" predicts as if all labels were equally frequent, "train" as in the '
        "training data; a number from 0.0 to 1.0 is in between.",
        check_prior,
    )
    temperature: float = setting(
        1.0, "Logits are divided by it at prediction, above 0.0.", _read_temperature
    )
    cats_top_k: Optional[int] = setting(
        None, "Write only so many labels to `doc.cats`, from 1; null for all.",
        _read_top_k,
    )  # fmt: skip
    thresholds: Dict[str, float] = setting(
        {},
        "The probability that a label needs, from 0.0 to 1.0, by its path or by that "
        'of a node above it; "" stands for all labels, and the nearest one counts.',
        read_thresholds,
        is_configured=False,
    )
