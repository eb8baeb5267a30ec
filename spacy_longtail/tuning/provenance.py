"""What the meta of a pipeline says about the settings that it was tuned to."""

import hashlib
from dataclasses import asdict
from typing import Any, Dict, Iterable, Mapping, Optional

import srsly
from spacy.language import Language
from spacy.tokens import Doc

from ..scoring.bootstrap import Comparison
from ..scoring.scorer import PREFIX
from .settings import Settings
from .wish import Wish

META_KEY = "longtail_tune"


def write_note(
    nlp: Language, name: str, wish: Wish, docs: Iterable[Doc], settings: Settings
) -> None:
    """Note in the meta of a pipeline what the settings of a component were fitted to,
    so that a later tuning can tell that they look too good on these documents.

    name (str): Name of the component.
    docs (Iterable[Doc]): The documents, in any order.
    """
    notes: Dict[str, Any] = dict(nlp.meta.get(META_KEY, {}))
    notes[name] = {
        "wish": asdict(wish),
        "docs": _hash_docs(docs),
        "settings": _hash_settings(settings),
    }
    nlp.meta[META_KEY] = notes


def find_note(
    nlp: Language, name: str, docs: Iterable[Doc], settings: Settings
) -> Optional[Wish]:
    """RETURNS (Optional[Wish]): What the settings were tuned for, if that was done on
    these documents and they haven't been changed since. None otherwise.
    """
    note = nlp.meta.get(META_KEY, {}).get(name)
    if note is None or note["settings"] != _hash_settings(settings):
        return None
    return Wish(**note["wish"]) if note["docs"] == _hash_docs(docs) else None


def update_performance(nlp: Language, scores: Mapping[str, Comparison]) -> None:
    """Bring the scores in the meta of a pipeline, which are those of its training, up
    to date: those that were measured are replaced, the other ones of this package
    dropped, because they are of other settings. The losses of training stay.

    scores (Mapping[str, Comparison]): By name, as tune finds them.
    """
    found = {}
    for key, value in nlp.meta.get("performance", {}).items():
        name = key[len(PREFIX) :]
        if not key.startswith(PREFIX) or key.endswith("_loss"):
            found[key] = value
        elif name in scores:
            found[key] = scores[name].after.value
    nlp.meta["performance"] = found


def _hash_docs(docs: Iterable[Doc]) -> str:
    found = hashlib.sha256()
    for text in sorted(doc.text for doc in docs):
        found.update(hashlib.sha256(text.encode("utf8")).digest())
    return found.hexdigest()


def _hash_settings(settings: Settings) -> str:
    text = srsly.json_dumps(_round(settings.to_dict()), sort_keys=True)
    return hashlib.sha256(text.encode("utf8")).hexdigest()


def _round(value: Any) -> Any:
    """Leave out the last digits, which can change when they are saved as JSON."""
    if isinstance(value, dict):
        return {key: _round(part) for key, part in value.items()}
    return f"{value:.6f}" if isinstance(value, float) else value
