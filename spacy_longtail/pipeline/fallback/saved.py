"""What a fallback saves, and whether it belongs to the first stage that it is with."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import srsly

from ...errors import Errors
from ...saved import check_fields, check_type, get_digest, read_msgpack, refuse
from ..settings import FallbackSettings
from .labels import LabelStore, check_added

# 1: without digests.
FORMAT = 2
PAYLOAD = {"settings": dict, "store": dict, "ranker": bytes, "gate": bytes}
OUTER: Dict[str, Any] = {
    "format": int,
    "source": (str, type(None)),
    "data": bytes,
    "digest": str,
}


class SavedFallback(NamedTuple):
    """What was saved.

    source (Optional[str]): Digest of the first stage that the rankers have learned
        from. None if they haven't, or in the first format.
    rankers (Optional[List[Any]]): What the config said of them, None if it's not known.
    """

    format: int
    source: Optional[str]
    settings: FallbackSettings
    store: LabelStore
    rankers: Optional[List[Any]]
    ranker: bytes
    gate: bytes

    @property
    def has_learned(self) -> bool:
        """RETURNS (bool): Whether the rankers know the labels."""
        return self.format == 1 or self.source is not None


def pack_fallback(data: Dict[str, Any], source: Optional[str]) -> bytes:
    """RETURNS (bytes): The data of a fallback, with the digest of its first stage."""
    payload = srsly.msgpack_dumps(data)
    digest = get_digest(payload, source)
    outer = {"format": FORMAT, "source": source, "data": payload, "digest": digest}
    return srsly.msgpack_dumps(outer)


def read_fallback(data: bytes, source: Any) -> SavedFallback:
    """Read what pack_fallback gave.

    source (Optional[TextCategorizer]): The first stage that it has to belong to, once
        that has labels.
    RAISES (ValueError): L305 if a newer version wrote it, L314, L333 or L361 if it is
        damaged or of another first stage, and what a setting isn't fine by.
    """
    found = _unpack(data)
    if source is not None and source.labels:
        _check_source(found, source)
    return found


def _unpack(data: bytes) -> SavedFallback:
    found = check_type(read_msgpack(data), dict, "it")
    number, source = check_type(found.get("format"), int, "'format'"), None
    kinds: Dict[str, Any] = {"format": int, **PAYLOAD}
    if number > FORMAT:
        raise ValueError(Errors.L305.format(found=number, known=FORMAT))
    if number == FORMAT:
        check_fields(found, OUTER, "it")
        source = found["source"]
        if found["digest"] != get_digest(found["data"], source):
            refuse("its content isn't what was saved")
        found = {"format": number, **read_msgpack(found["data"])}
        kinds["rankers"] = list, type(None)
    check_fields(found, kinds, "it")
    settings = FallbackSettings.from_dict(found["settings"])
    store = LabelStore.from_dict(found["store"])
    learned = found.get("rankers"), found["ranker"], found["gate"]
    return SavedFallback(number, source, settings, store, *learned)


def _check_source(found: SavedFallback, source: Any) -> None:
    tree, store = source.taxonomy, found.store
    if found.source is not None and found.source != source.digest:
        refuse(f"it belongs to another {source.name!r}")
    if found.format == 1 and source.cfg.get("format", 1) > 1:
        refuse(f"it is of an older version than {source.name!r}")
    is_empty = found.source is None and not store.known
    if not is_empty and tuple(store.known) != tree.leaves:
        refuse(f"it has other labels than {source.name!r}")
    for label in store.added:
        check_added(label, tree, [])
    tree.check_nodes(set(found.settings.thresholds).difference(store.added))


def load_rankers(rankers: Sequence[Any], found: SavedFallback, source: Any) -> None:
    """Load what a ranker and a gate have learned, the second None if there is none.

    source (Optional[TextCategorizer]): The first stage.
    RAISES (ValueError): L361 if they didn't learn this, or from other labels.
    """
    labels = [*found.store.known, *found.store.added]
    is_known = found.has_learned and found.store.known and source and source.labels
    for ranker, learned in zip(rankers, (found.ranker, found.gate)):
        if ranker is not None:
            ranker.from_bytes(learned)
            # Any object with the methods that are called while predicting will do.
            check = getattr(ranker, "check_labels", None)
            if check is not None and is_known:
                check(labels, source.taxonomy.pooled)
