"""The settings of a pipeline that are tuned, and what its meta says about where they
come from.
"""

import hashlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional

import srsly
from spacy.language import Language
from spacy.tokens import Doc

from ..encoders import contract
from ..evaluation.pipes import find_fallback
from ..pipeline.settings import PriorT
from ..scoring.scorer import PREFIX
from .wish import Wish

META_KEY = "longtail_tune"
NAMES: Dict[PriorT, PriorT] = {0.0: "uniform", 1.0: "train"}
OF_FALLBACK = ("route_threshold", "mixture_weight", "abstain_threshold", "thresholds")


@dataclass(frozen=True)
class Settings:
    """Settings of a trained component and its fallback.

    thresholds (Dict[str, float]): Those that are set, see TextCategorizer.
    ancestor_threshold (Optional[float]): None where a document can have several labels,
        as the settings of a fallback aren't tuned there.
    fallback (Dict[str, Any]): Those of the fallback, empty without one.
    share (Optional[float]): That of the terms of the model, see TermSVM. None if it
        isn't tuned.
    """

    prior: PriorT
    temperature: float
    thresholds: Dict[str, float] = field(default_factory=dict)
    ancestor_threshold: Optional[float] = None
    fallback: Dict[str, Any] = field(default_factory=dict)
    share: Optional[float] = None

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values of the settings that are tuned."""
        data = asdict(self)
        if self.ancestor_threshold is None:
            del data["ancestor_threshold"], data["fallback"]
        if self.share is None:
            del data["share"]
        return data


def read_settings(nlp: Language, name: str) -> Settings:
    """RETURNS (Settings): What a component and its fallback have now."""
    pipe: Any = nlp.get_pipe(name)
    above = getattr(pipe.settings, "ancestor_threshold", None)
    fallback, numbers = find_fallback(nlp, name), {}
    if fallback is not None and above is not None:
        second: Any = nlp.get_pipe(fallback)
        numbers = {key: getattr(second.settings, key) for key in OF_FALLBACK}
    share = None if above is None else contract.get_share(pipe.model)
    return Settings(
        pipe.prior, pipe.temperature, pipe.thresholds, above, numbers, share
    )


def write_settings(nlp: Language, name: str, settings: Settings) -> None:
    """Set the settings of a component and its fallback."""
    pipe: Any = nlp.get_pipe(name)
    # They are replaced, so there is nothing to warn of.
    pipe.thresholds = {}
    pipe.prior = settings.prior
    pipe.temperature = settings.temperature
    pipe.thresholds = settings.thresholds
    if settings.ancestor_threshold is not None:
        pipe.ancestor_threshold = settings.ancestor_threshold
    if settings.share is not None:
        _set_share(nlp, name, settings.share)
    fallback: Any = settings.fallback and nlp.get_pipe(str(find_fallback(nlp, name)))
    for key, value in settings.fallback.items():
        setattr(fallback.settings, key, value)


def _set_share(nlp: Language, name: str, share: float) -> None:
    pipe: Any = nlp.get_pipe(name)
    if share == contract.get_share(pipe.model):
        return
    contract.set_share(pipe.model, share)
    # What is known of the model is that of another one.
    pipe.n_updates += 1
    block = nlp.get_pipe_config(name)["model"].get("terms")
    if block:
        block["share"] = share


@contextmanager
def try_settings(nlp: Language, name: str, settings: Settings) -> Iterator[None]:
    """Let a component and its fallback have other settings for a while."""
    before = read_settings(nlp, name)
    try:
        write_settings(nlp, name, settings)
        yield
    finally:
        write_settings(nlp, name, before)


def write_note(
    nlp: Language, name: str, wish: Wish, docs: Iterable[Doc], settings: Settings
) -> None:
    """Note in the meta of a pipeline what the settings of a component were fitted to,
    so that a later tuning can tell that they look too good on these documents.

    docs (Iterable[Doc]): The documents, in any order.
    """
    note = {"wish": asdict(wish), **_hash(docs, settings)}
    nlp.meta[META_KEY] = {**nlp.meta.get(META_KEY, {}), name: note}


def find_note(
    nlp: Language, name: str, docs: Iterable[Doc], settings: Settings
) -> Optional[Wish]:
    """RETURNS (Optional[Wish]): What the settings were tuned for, if that was done on
    these documents and they haven't been changed since. None otherwise.
    """
    note = nlp.meta.get(META_KEY, {}).get(name)
    if note is None or note != {**note, **_hash(docs, settings)}:
        return None
    return Wish(**note["wish"])


def update_performance(nlp: Language, scores: Mapping[str, Any]) -> None:
    """Replace the scores of this package in the meta of a pipeline, which are those of
    its training. The losses of training stay, and what other components score.

    scores (Mapping[str, Any]): What the scorer finds. What is None is left out.
    """
    old = nlp.meta.get("performance", {})
    found = {key: value for key, value in scores.items() if value is not None}
    for key, value in old.items():
        if not key.startswith(PREFIX) or key.endswith("_loss"):
            found[key] = value
    nlp.meta["performance"] = found


def _hash(docs: Iterable[Doc], settings: Settings) -> Dict[str, str]:
    texts = (text.encode("utf8") for text in sorted(doc.text for doc in docs))
    numbers = srsly.json_dumps(_round(settings.to_dict()), sort_keys=True)
    parts = {
        "docs": b"".join(hashlib.sha256(text).digest() for text in texts),
        "settings": numbers.encode("utf8"),
    }
    return {key: hashlib.sha256(part).hexdigest() for key, part in parts.items()}


def _round(value: Any) -> Any:
    """Leave out the last digits, which can change when they are saved as JSON."""
    if isinstance(value, dict):
        return {key: _round(part) for key, part in value.items()}
    return f"{value:.6f}" if isinstance(value, float) else value
