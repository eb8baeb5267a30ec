import hashlib
from dataclasses import asdict
from typing import Any, Dict, Iterable, Optional

import srsly
from spacy.language import Language
from spacy.tokens import Doc

from .settings import Wish

# Where the meta of a pipeline says what its settings were fitted to.
META_KEY = "longtail_tune"


def remember(
    nlp: Language, name: str, wish: Wish, docs: Iterable[Doc], settings: Any
) -> None:
    """Note in the meta of a pipeline what the settings of a component were fitted to,
    so that a later tuning can tell that they look too good on these documents.

    name (str): Name of the component.
    docs (Iterable[Doc]): The documents, in any order.
    settings (Any): The settings, with `to_dict`.
    """
    notes: Dict[str, Any] = dict(nlp.meta.get(META_KEY, {}))
    notes[name] = {
        "wish": asdict(wish),
        "docs": _hash_docs(docs),
        "settings": _hash_settings(settings),
    }
    nlp.meta[META_KEY] = notes


def recall(
    nlp: Language, name: str, docs: Iterable[Doc], settings: Any
) -> Optional[Wish]:
    """RETURNS (Optional[Wish]): What the settings were tuned for, if that was done on
    these documents and they haven't been changed since. None otherwise.
    """
    note = nlp.meta.get(META_KEY, {}).get(name)
    if note is None or note["settings"] != _hash_settings(settings):
        return None
    return Wish(**note["wish"]) if note["docs"] == _hash_docs(docs) else None


def _hash_docs(docs: Iterable[Doc]) -> str:
    found = hashlib.sha256()
    for text in sorted(doc.text for doc in docs):
        found.update(hashlib.sha256(text.encode("utf8")).digest())
    return found.hexdigest()


def _hash_settings(settings: Any) -> str:
    text = srsly.json_dumps(_round(settings.to_dict()), sort_keys=True)
    return hashlib.sha256(text.encode("utf8")).hexdigest()


def _round(value: Any) -> Any:
    """Leave out the last digits, which can change when they are saved as JSON."""
    if isinstance(value, dict):
        return {key: _round(part) for key, part in value.items()}
    return f"{value:.6f}" if isinstance(value, float) else value
