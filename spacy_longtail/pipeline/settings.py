import warnings
from copy import copy
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Union

from ..errors import Errors, Warnings
from ..settings import LEAST, MOST, CheckedSettings, ReadT, is_between, setting
from ..taxonomy import SEPARATOR, check_settings

ANCESTOR_HELP = (
    "The probability that a node above an abstained label needs to be kept, from 0.0 "
    "to 1.0, and at least the label's threshold."
)
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
    if not is_between(value, 0.0, MOST):
        raise ValueError(Errors.L312.format(name=name, value=value))
    return value


def read_threshold(name: str, value: Any) -> Any:
    """RAISES (ValueError): L313 if it isn't a number from 0.0 to 1.0."""
    if not is_between(value, 0.0, 1.0):
        raise ValueError(Errors.L313.format(name=name, value=value))
    return value


def read_thresholds(name: str, value: Mapping[str, float]) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): A copy. RAISES (ValueError): L313 or L362."""
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        expected = "a dict of labels and numbers"
        raise ValueError(Errors.L362.format(name=name, expected=expected, value=value))
    return {
        node: read_threshold(f"{name}[{node!r}]", needed)
        for node, needed in value.items()
    }


def make_reader(check: Callable[[Any], Any]) -> ReadT:
    """RETURNS (ReadT): Keeps a value as it is, unless the check raises an error."""

    def read(name: str, value: Any) -> Any:
        check(value)
        return value

    return read


def _read_temperature(name: str, value: Any) -> Any:
    if not is_between(value, LEAST, MOST):
        raise ValueError(Errors.L308.format(value=value))
    return value


def _read_top_k(name: str, value: Any) -> Optional[int]:
    if value is not None and (not is_between(value, 1) or value % 1):
        raise ValueError(Errors.L307.format(value=value))
    return None if value is None else int(value)


def _read_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        expected = "true or false"
        raise ValueError(Errors.L362.format(name=name, expected=expected, value=value))
    return value


def _read_keep(name: str, value: Any) -> List[str]:
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    if not is_list or not all(isinstance(label, str) for label in value):
        expected = "a list of labels"
        raise ValueError(Errors.L362.format(name=name, expected=expected, value=value))
    return list(value)


@dataclass
class TextcatSettings(CheckedSettings):
    """Settings of a component that categorizes documents. Those below `temperature`
    can be changed after training, `prior` and `temperature` too.

    RAISES (ValueError): L004, L005, L306 to L308, L312 or L313 if one is out of range.
    """

    min_count: int = setting(
        3,
        "Labels with fewer training documents are pooled; 0 pools none.",
        make_reader(lambda n: check_settings(min_count=n, separator=SEPARATOR)),
    )
    one_other: bool = setting(
        False,
        "Pool them in one Other of all labels, not in one per parent, so that a ranker "
        "compares all of them.",
        _read_flag,
    )
    keep: List[str] = setting([], "Labels that are never pooled.", _read_keep)
    separator: str = setting(
        SEPARATOR,
        "What joins the segments of a label's path.",
        make_reader(lambda text: check_settings(min_count=0, separator=text)),
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
        make_reader(read_prior),
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


def _read_share(name: str, value: Any) -> Any:
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
        0.5, ANCESTOR_HELP, _read_share, is_configured=False
    )


def make_setting_property(name: str) -> Any:
    """RETURNS (Any): A property of a TextCategorizer that gets a copy of a setting, and
    changes it, which raises the error of the setting, or L314 for an unknown node.
    """

    def change(pipe: Any, value: Any) -> None:
        if name == "thresholds" and pipe._taxonomy is not None:
            pipe._taxonomy.check_nodes(read_thresholds(name, value))
        is_new = getattr(pipe.settings, name) != value
        is_fitted_to = is_new and name in ("prior", "temperature")
        unfit = pipe.kind.find_unfit() if is_fitted_to else {}
        pipe.settings.change(**{name: value, **unfit})
        if unfit:
            text = Warnings.LW301.format(name=pipe.name, setting=name)
            warnings.warn(text, stacklevel=2)

    return property(lambda pipe: copy(getattr(pipe.settings, name)), change)
