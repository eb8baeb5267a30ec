from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Literal, Optional

from spacy.language import Language

from ..errors import Errors
from ..pipeline.settings import PriorT, read_prior

# The kinds of components are named by their factories.
EXCLUSIVE = "longtail_textcat"
MULTILABEL = "longtail_textcat_multilabel"
FALLBACK = "zero_shot_fallback"
GOALS = ("macro", "accuracy", "calibration")
GoalT = Literal["macro", "accuracy", "calibration"]


@dataclass(frozen=True)
class Wish:
    """What a pipeline is tuned for.

    goal (GoalT): "macro": the prior with the best macro-F1 to expect. "accuracy" and
        "calibration": the prior and temperature under which the gold labels are most
        likely, which is also the one whose first choice is right most often; a
        fallback is tuned for what is wished. With several labels per document see
        tune_multilabel.
    prior (Optional[PriorT]): Take this prior instead of looking for one.
    precision (Optional[float]): Abstain so often that this share of the labels given
        is right, from 0.0 to 1.0.
    coverage (Optional[float]): Abstain so often that this share of the documents gets
        a label, from 0.0 to 1.0. Not with several labels per document.
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


@dataclass(frozen=True)
class Settings:
    """Settings of a trained pipeline, as its components have them.

    fallback (Dict[str, Any]): Those of the zero_shot_fallback, empty without one.
    """

    prior: PriorT
    temperature: float
    thresholds: Dict[str, float] = field(default_factory=dict)
    ancestor_threshold: float = 0.5
    fallback: Dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        return asdict(self)


def find_pipe(nlp: Language, name: Optional[str] = None) -> str:
    """Find the longtail_textcat of a pipeline or, if it has none, its
    longtail_textcat_multilabel.

    name (Optional[str]): The one of either kind that is meant, if there are several.
    RETURNS (str): Its name.
    RAISES (ValueError): L514 if it isn't clear which one is meant, L518 if the name is
        that of another component or none.
    """
    exclusive, multilabel = _find(nlp, EXCLUSIVE), _find(nlp, MULTILABEL)
    found = exclusive + multilabel
    if name in found:
        return str(name)
    if name is not None and found:
        raise ValueError(Errors.L518.format(name=name, found=found))
    meant = exclusive or multilabel
    if len(meant) != 1:
        text = Errors.L514.format(found=found or "none", pipes=nlp.pipe_names)
        raise ValueError(text)
    return meant[0]


def get_kind(nlp: Language, name: str) -> str:
    """RETURNS (str): EXCLUSIVE or MULTILABEL, for a component that find_pipe found."""
    return nlp.get_pipe_meta(name).factory


def find_rivals(nlp: Language, name: str) -> List[str]:
    """RETURNS (List[str]): The other components that write decisions, and the
    fallbacks of these: what has to be disabled to see the decisions of this one.
    """
    rivals = [n for n in _find(nlp, EXCLUSIVE) + _find(nlp, MULTILABEL) if n != name]
    return [
        other
        for other in nlp.pipe_names
        if other in rivals or getattr(nlp.get_pipe(other), "source", None) in rivals
    ]


def find_fallback(nlp: Language, name: str) -> Optional[str]:
    """RETURNS (Optional[str]): Name of the fallback of a component, if it has one."""
    for fallback in _find(nlp, FALLBACK):
        if getattr(nlp.get_pipe(fallback), "source", None) == name:
            return fallback
    return None


def read_settings(nlp: Language, name: str) -> Settings:
    """RETURNS (Settings): What the component and its fallback have now."""
    pipe: Any = nlp.get_pipe(name)
    fallback = find_fallback(nlp, name)
    numbers = {} if fallback is None else _get_numbers(nlp.get_pipe(fallback))
    return Settings(
        prior=pipe.prior,
        temperature=pipe.temperature,
        thresholds=pipe.thresholds,
        ancestor_threshold=pipe.ancestor_threshold,
        fallback=numbers,
    )


def apply_settings(nlp: Language, name: str, settings: Settings) -> None:
    """Set the settings of a component and its fallback, and note them in the config,
    so that it says what the saved pipeline does.
    """
    pipe: Any = nlp.get_pipe(name)
    pipe.prior = settings.prior
    pipe.temperature = settings.temperature
    pipe.thresholds = settings.thresholds
    pipe.ancestor_threshold = settings.ancestor_threshold
    config = nlp.get_pipe_config(name)
    config["prior"] = settings.prior
    config["temperature"] = settings.temperature
    fallback = find_fallback(nlp, name)
    if fallback is not None:
        for key, value in settings.fallback.items():
            setattr(nlp.get_pipe(fallback).settings, key, value)  # type: ignore[attr-defined]
            # Thresholds are fitted, not configured.
            if key in nlp.get_pipe_config(fallback):
                nlp.get_pipe_config(fallback)[key] = value


def _find(nlp: Language, factory: str) -> List[str]:
    return [
        name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == factory
    ]


def _get_numbers(fallback: Any) -> Dict[str, Any]:
    names = ("route_threshold", "mixture_weight", "abstain_threshold", "thresholds")
    return {name: getattr(fallback.settings, name) for name in names}
