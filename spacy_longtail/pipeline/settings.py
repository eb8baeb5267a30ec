from typing import Any, Optional, Union

from ..errors import Errors

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
    if isinstance(prior, str):
        share = {"uniform": 0.0, "train": 1.0}.get(prior)
    else:
        share = float(prior) if _is_number(prior) and 0.0 <= prior <= 1.0 else None
    if share is None:
        raise ValueError(Errors.L306.format(value=prior))
    return share


def check_top_k(cats_top_k: Optional[int]) -> None:
    """Check how many labels are written.

    RAISES (ValueError): L307 if it's neither None nor a whole number from 1.
    """
    if cats_top_k is None:
        return
    if not _is_number(cats_top_k) or cats_top_k % 1 or not cats_top_k >= 1:
        raise ValueError(Errors.L307.format(value=cats_top_k))


def check_temperature(temperature: float) -> None:
    """Check what logits are divided by.

    RAISES (ValueError): L308 if it isn't a number above 0.
    """
    if not _is_number(temperature) or not 0.0 < temperature < float("inf"):
        raise ValueError(Errors.L308.format(value=temperature))


def check_not_negative(name: str, value: float) -> None:
    """Check a setting that has no upper bound.

    RAISES (ValueError): L312 if it isn't a number of at least 0.
    """
    if not _is_number(value) or not 0.0 <= value < float("inf"):
        raise ValueError(Errors.L312.format(name=name, value=value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
