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
    for registry in (getattr(msgpack, name) for name in REGISTRIES):
        if "get_all" not in vars(registry) and hasattr(catalogue, "REGISTRY"):
            known = KnownFunctions(registry)
            registry.get_all, registry.register = known.get_all, known.register


class KnownFunctions:
    """What a registry answers, kept until it could be something else.

    registry (Any): One of catalogue's, which asks this one in its place.
    """

    def __init__(self, registry: Any) -> None:
        self.find, self.add = registry.get_all, registry.register
        self.place = tuple(registry.namespace)
        self.known: Optional[Tuple[int, Dict[Any, Any], Dict[str, Any]]] = None

    def get_all(self) -> Dict[str, Any]:
        functions, found = catalogue.REGISTRY, self.known
        if found is None or found[0] != len(functions) or not _are_there(found[1]):
            n_functions, answer = len(functions), self.find()
            keys = [(*self.place, name) for name in answer]
            there = {key: functions.get(key) for key in keys}
            found = self.known = n_functions, there, answer
        return dict(found[2])

    def register(self, *args: Any, **kwargs: Any) -> Any:
        self.known = None
        return self.add(*args, **kwargs)


def _are_there(functions: Dict[Any, Any]) -> bool:
    registered = catalogue.REGISTRY
    return all(registered.get(key) is own for key, own in functions.items())
