"""The messages in which spaCy saves a Doc and sends it to another process.

For each of them, srsly asks catalogue for its encoders, which goes through all entry
points of the environment and all functions that are registered with spaCy. That takes
ten times as long as the rest of a message, and a Doc with `user_data` is three of them
in place of one. Here the answer is kept until another function is registered.
"""

from typing import Any, Dict, Optional, Tuple

import catalogue  # type: ignore[import-untyped]  # It has no types.
from srsly import msgpack

REGISTRIES = ("msgpack_encoders", "msgpack_decoders")


def remember_functions() -> None:
    """Let the encoders and decoders of messages be looked up once, in this process.
    They are what they were; registering others is noticed.
    """
    for registry in (getattr(msgpack, name, None) for name in REGISTRIES):
        is_remembered = registry is None or "get_all" in vars(registry)
        if not is_remembered and hasattr(catalogue, "REGISTRY"):
            _remember(registry)


def _remember(registry: Any) -> None:
    find, place = registry.get_all, tuple(registry.namespace)
    known: Optional[Tuple[int, Dict[Any, Any], Dict[str, Any]]] = None

    def get_all() -> Dict[str, Any]:
        nonlocal known
        functions, found = catalogue.REGISTRY, known
        if found is None or found[0] != len(functions) or not _are_there(found[1]):
            n_functions, answer = len(functions), find()
            there = {(*place, name): functions.get((*place, name)) for name in answer}
            found = known = n_functions, there, answer
        return dict(found[2])

    registry.get_all = get_all


def _are_there(functions: Dict[Any, Any]) -> bool:
    registered = catalogue.REGISTRY
    return all(registered.get(key) is own for key, own in functions.items())
