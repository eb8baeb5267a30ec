from functools import partial
from inspect import isroutine
from typing import Any, Dict, List

import numpy
from thinc.api import Model

from ..saved import (
    check_fields,
    check_finite_array,
    check_keys,
    check_type,
    read_msgpack,
    refuse,
)

# Of a saved model, by layer.
FIELDS = ("nodes", "attrs", "params", "shims")
PLAIN = (int, float, str, list, tuple, dict)


def load_weights(model: Model, data: bytes) -> None:
    """Load what Model.to_bytes gave, in place of Thinc, which believes what it reads.

    RAISES (ValueError): L361, or that of a layer, for data that aren't the model's.
    """
    found = check_fields(read_msgpack(data), dict.fromkeys(FIELDS, list), "it")
    nodes: List[Model] = list(model.walk())
    if any(len(values) != len(nodes) for values in found.values()):
        refuse("it has other layers than the config")
    for i, node in enumerate(nodes):
        _check_node(node, nodes, *(found[field][i] for field in FIELDS))
    model.from_dict(found)


def _check_node(
    node: Model, nodes: List[Model], info: Any, attrs: Any, params: Any, shims: Any
) -> None:
    """RAISES (ValueError): L361 for what Thinc would stumble over, or take unseen."""
    kinds: Dict[str, Any] = {"index": int, "name": str, "dims": dict, "refs": dict}
    check_fields(info, kinds, f"the layer {node.name!r}")
    check_keys(info["dims"], node.dim_names, f"'dims' of {node.name!r}")
    for size in info["dims"].values():
        check_type(size, (int, type(None)), "a dimension")
    # A copy of a layer has none, such as one that replaces a listener.
    refs: Dict[str, Any] = dict.fromkeys(node.ref_names)
    check_keys({**refs, **info["refs"]}, refs, f"'refs' of {node.name!r}")
    for name, index in info["refs"].items():
        known = node.get_ref(name) if node.has_ref(name) else None
        if known is not None and (index is None or nodes[index] is not known):
            refuse(f"'refs' of {node.name!r} has another {name!r}")
    for name, value in check_type(attrs, dict, "'attrs'").items():
        if not _is_attr(value, node.attrs.get(name)):
            refuse(f"'attrs' of {node.name!r} has another {name!r}")
    params = check_type(params, dict, "'params'")
    check_keys(params, node.param_names, f"'params' of {node.name!r}")
    for name, value in params.items():
        if value is not None:
            array = check_type(value, numpy.ndarray, f"{name!r} of {node.name!r}")
            if array.dtype.kind != "f":
                refuse(f"{name!r} of {node.name!r} has numbers of another type")
            check_finite_array(array, f"{name!r} of {node.name!r}")
    if len(check_type(shims, list, "'shims'")) != len(node.shims):
        refuse(f"{node.name!r} has other 'shims' than the config")


def _is_attr(value: Any, known: Any) -> bool:
    """RETURNS (bool): Whether a saved attribute can be what a layer has, or None."""
    if known is None or isinstance(known, PLAIN):
        return _is_alike(read_msgpack(value), known)
    # Functions aren't saved. Other types can have a way of their own to be.
    return not isroutine(known) and not isinstance(known, partial)


def _is_alike(found: Any, known: Any) -> bool:
    """RETURNS (bool): Whether an attribute can have a value in place of a known one."""
    if found is None or known is None:
        return True
    # These become each other when they are saved.
    alike: List[Any] = [(int, float), (list, tuple), type(known)]
    kinds = next(kinds for kinds in alike if isinstance(known, kinds))
    is_bool = isinstance(found, bool), isinstance(known, bool)
    return isinstance(found, kinds) and is_bool[0] == is_bool[1]
