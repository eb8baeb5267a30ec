from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator

from spacy.language import Language

from ...pipeline.settings import PriorT


@dataclass(frozen=True)
class MultilabelSettings:
    """Settings of a trained longtail_textcat_multilabel.

    prior, temperature: See the component.
    thresholds (Dict[str, float]): From which probability a document has a label, for
        every label.
    """

    prior: PriorT
    temperature: float
    thresholds: Dict[str, float]

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        return asdict(self)


def read_settings(nlp: Language, name: str) -> MultilabelSettings:
    """RETURNS (MultilabelSettings): What the component has now."""
    pipe: Any = nlp.get_pipe(name)
    needed = pipe.get_thresholds(pipe.labels).tolist()
    return MultilabelSettings(
        pipe.prior, pipe.temperature, dict(zip(pipe.labels, needed))
    )


def apply_settings(nlp: Language, name: str, settings: MultilabelSettings) -> None:
    """Set the settings of a component, and note those in the config that it has, so
    that it says what the saved pipeline does.
    """
    pipe: Any = nlp.get_pipe(name)
    # They are replaced, so there is nothing to warn of.
    pipe.thresholds = {}
    pipe.prior = settings.prior
    pipe.temperature = settings.temperature
    pipe.thresholds = settings.thresholds
    config = nlp.get_pipe_config(name)
    config["prior"] = settings.prior
    config["temperature"] = settings.temperature


@contextmanager
def try_settings(pipe: Any, prior: PriorT, temperature: float) -> Iterator[None]:
    """Let a component predict with another prior and temperature for a while, without
    fitted thresholds.
    """
    before = pipe.prior, pipe.temperature, pipe.thresholds
    pipe.thresholds = {}
    try:
        pipe.prior, pipe.temperature = prior, temperature
        yield
    finally:
        pipe.prior, pipe.temperature, pipe.thresholds = before
