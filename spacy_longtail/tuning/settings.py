from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterator, Optional

from spacy.language import Language

from ..evaluation.pipes import find_fallback
from ..pipeline.settings import PriorT

NAMES: Dict[PriorT, PriorT] = {0.0: "uniform", 1.0: "train"}
OF_FALLBACK = ("route_threshold", "mixture_weight", "abstain_threshold", "thresholds")


@dataclass(frozen=True)
class Settings:
    """Settings of a trained component and its fallback.

    thresholds (Dict[str, float]): Those that are set, see TextCategorizer.
    ancestor_threshold (Optional[float]): None where a document can have several labels,
        as the settings of a fallback aren't tuned there.
    fallback (Dict[str, Any]): Those of the fallback, empty without one.
    """

    prior: PriorT
    temperature: float
    thresholds: Dict[str, float] = field(default_factory=dict)
    ancestor_threshold: Optional[float] = None
    fallback: Dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values of the settings that are tuned."""
        data = asdict(self)
        if self.ancestor_threshold is None:
            del data["ancestor_threshold"], data["fallback"]
        return data


def read_settings(nlp: Language, name: str) -> Settings:
    """RETURNS (Settings): What a component and its fallback have now."""
    pipe: Any = nlp.get_pipe(name)
    ancestor_threshold = getattr(pipe.settings, "ancestor_threshold", None)
    fallback, numbers = find_fallback(nlp, name), {}
    if fallback is not None and ancestor_threshold is not None:
        second: Any = nlp.get_pipe(fallback)
        numbers = {key: getattr(second.settings, key) for key in OF_FALLBACK}
    return Settings(
        prior=pipe.prior,
        temperature=pipe.temperature,
        thresholds=pipe.thresholds,
        ancestor_threshold=ancestor_threshold,
        fallback=numbers,
    )


def write_settings(nlp: Language, name: str, settings: Settings) -> None:
    """Set the settings of a component and its fallback, and note them in the config,
    so that it says what the saved pipeline does.
    """
    _set(nlp, name, settings)
    config, fallback = nlp.get_pipe_config(name), find_fallback(nlp, name)
    config["prior"] = settings.prior
    config["temperature"] = settings.temperature
    for key, value in settings.fallback.items():
        # Thresholds are fitted, not configured.
        if key in nlp.get_pipe_config(str(fallback)):
            nlp.get_pipe_config(str(fallback))[key] = value


@contextmanager
def try_settings(nlp: Language, name: str, settings: Settings) -> Iterator[None]:
    """Let a component and its fallback have other settings for a while."""
    before = read_settings(nlp, name)
    try:
        _set(nlp, name, settings)
        yield
    finally:
        _set(nlp, name, before)


def _set(nlp: Language, name: str, settings: Settings) -> None:
    pipe: Any = nlp.get_pipe(name)
    # They are replaced, so there is nothing to warn of.
    pipe.thresholds = {}
    pipe.prior = settings.prior
    pipe.temperature = settings.temperature
    pipe.thresholds = settings.thresholds
    if settings.ancestor_threshold is not None:
        pipe.ancestor_threshold = settings.ancestor_threshold
    fallback: Any = settings.fallback and nlp.get_pipe(str(find_fallback(nlp, name)))
    for key, value in settings.fallback.items():
        setattr(fallback.settings, key, value)
