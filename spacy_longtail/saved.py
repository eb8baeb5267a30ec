"""Read back what was saved. Nothing that a file says is believed before it is checked,
and whatever is wrong with one ends in the same error.
"""

import json
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NoReturn, Optional, Tuple, Union

import numpy
from srsly import msgpack

from .errors import Errors

# These say more than that a file can't be read: other vectors, a newer version.
KEPT = tuple(f"[{code}]" for code in ("L203", "L204", "L305", "L360"))
NUMBER = (int, float)
# Of fewer bytes, no claim costs much.
SMALL = 1000
# That of srsly looks for decoders among what is installed, which takes a millisecond.
UNPACKER: Any = msgpack.Unpacker.__base__
KindsT = Union[type, Tuple[type, ...]]


class DamagedError(ValueError):
    """Something that was saved can't be what was written.

    problem (str): What was found, for explain_damage.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(Errors.L361.format(problem=problem))
        self.problem = problem


def refuse(problem: str) -> NoReturn:
    """RAISES (DamagedError): L361."""
    raise DamagedError(problem)


@contextmanager
def explain_damage(file: Union[str, Path], name: str) -> Iterator[None]:
    """Read a file of a component. What can go wrong is whatever bytes can do.

    file (Union[str, Path]): Its path, or what it is a part of.
    name (str): Name of the component.
    RAISES (ValueError): L360 for whatever went wrong, but those in KEPT.
    """
    try:
        yield
    except Exception as error:
        text = str(error)
        if text.startswith(KEPT):
            raise
        if isinstance(error, DamagedError):
            text = error.problem
        elif isinstance(error, FileNotFoundError):
            text = "it is missing"
        elif isinstance(error, OSError):
            text = error.strerror or text
        elif not text.startswith("[L"):
            text = f"{type(error).__name__} {text[:100]!r}"
        message = Errors.L360.format(file=file, name=name, problem=text.rstrip("."))
        raise ValueError(message) from error


def get_digest(*parts: Any) -> str:
    """RETURNS (str): 32 hexadecimal digits that are the same for the same parts only:
    bytes, or JSON values, whose keys can be in any order.
    """
    found = blake2b(digest_size=16)
    for part in parts:
        if not isinstance(part, bytes):
            part = json.dumps(part, sort_keys=True).encode("utf8")
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()


def write_json(data: Mapping[str, Any]) -> bytes:
    """RETURNS (bytes): JSON that every number is read back from as it was."""
    options: Any = {"indent": 2, "sort_keys": True, "allow_nan": False}
    text = json.dumps(data, ensure_ascii=False, **options)
    return f"{text}\n".encode("utf8")


def read_json(data: bytes) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): A JSON object. RAISES (ValueError): If it is none."""

    def refuse_constant(name: str) -> NoReturn:
        refuse(f"it has the number {name}")

    found = json.loads(data.decode("utf8"), parse_constant=refuse_constant)
    return check_type(found, dict, "its content")


def read_msgpack(data: Any) -> Any:
    """Unpack data, in memory in proportion to their length: a count that they claim is
    believed once as many values are there.

    RAISES (ValueError): If they aren't bytes, or aren't complete.
    """
    if len(check_type(data, bytes, "its content")) > SMALL:
        unpacker = UNPACKER(max_buffer_size=len(data))
        unpacker.feed(data)
        try:
            unpacker.skip()
        except msgpack.OutOfData:
            refuse("it ends too early")
    hooks = {"object_hook": _get_decoder(), "object_pairs_hook": None}
    try:
        return msgpack.unpackb(data, raw=False, **hooks)
    except (ValueError, TypeError) as error:
        refuse(f"it can't be unpacked, {type(error).__name__} {str(error)[:60]!r}")


@lru_cache(maxsize=None)
def _get_decoder() -> Any:
    return msgpack.msgpack_decoders.get("numpy")


def check_type(value: Any, kinds: KindsT, what: str) -> Any:
    """RETURNS (Any): The value.

    RAISES (DamagedError): L361 if it's of none of the types. True is no number.
    """
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        refuse(f"{what} is of the type {type(value).__name__}, not {names}")
    return value


def check_fields(data: Any, kinds: Mapping[str, KindsT], what: str) -> Dict[str, Any]:
    """Check that data are a dict of exactly these keys, with values of these types.

    RETURNS (Dict[str, Any]): The data.
    RAISES (DamagedError): L361.
    """
    check_type(data, dict, what)
    check_keys(data, kinds, what)
    for key, kind in kinds.items():
        check_type(data[key], kind, repr(key))
    return data


def check_keys(data: Mapping[str, Any], keys: Any, what: str) -> None:
    """RAISES (DamagedError): L361 if the keys aren't exactly these."""
    if missing := sorted(set(keys) - set(data)):
        refuse(f"{what} lacks {missing[:5]}")
    if unknown := sorted(map(repr, set(data) - set(keys))):
        refuse(f"{what} has the unknown {', '.join(unknown[:5])[:100]}")


def check_texts(values: Any, what: str, *, distinct: bool = False) -> Any:
    """RETURNS (Any): The values.

    RAISES (DamagedError): L361 if they aren't a list of strings.
    """
    check_type(values, list, what)
    try:
        "".join(values)
    except TypeError:
        refuse(f"{what} has something that is no text")
    if distinct and len(set(values)) < len(values):
        refuse(f"{what} has something twice")
    return values


def check_number(value: Any, what: str, *, above: Optional[float] = None) -> Any:
    """RETURNS (Any): The value.

    RAISES (DamagedError): L361 if it isn't a finite number, or isn't above another.
    """
    check_type(value, NUMBER, what)
    if not abs(value) < float("inf") or (above is not None and value <= above):
        refuse(f"{what} is {value!r}"[:100])
    return value


def read_array(
    data: Any, dtype: str, shape: Tuple[int, ...], what: str
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The numbers in bytes, read-only, of that shape.

    RAISES (DamagedError): L361 if there are more or fewer bytes, or a number isn't
        finite. Nothing is allocated for a shape that isn't there.
    """
    check_type(data, bytes, what)
    n_bytes = numpy.dtype(dtype).itemsize
    for size in shape:
        n_bytes *= size
    if len(data) != n_bytes or min(shape) < 0:
        refuse(f"{what} has {len(data)} bytes, not {n_bytes}")
    return check_finite_array(numpy.frombuffer(data, dtype=dtype).reshape(shape), what)


def check_finite_array(array: Any, what: str) -> Any:
    """RETURNS (Any): The array.

    RAISES (DamagedError): L361 if it has a number that isn't finite.
    """
    if array.dtype.kind == "f" and not numpy.isfinite(array).all():
        refuse(f"{what} has a number that isn't finite")
    return array
