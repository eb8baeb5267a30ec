from copy import copy
from dataclasses import asdict, dataclass, field, fields
from math import isclose
from typing import Any, Callable, Dict, List, Mapping

import srsly

from .errors import Errors
from .saved import check_keys

# Larger numbers overflow 32 bits where they are multiplied, smaller ones underflow.
MOST, LEAST = 1e6, 1e-6
# Checks the value of a setting and returns what is kept of it.
ReadT = Callable[[str, Any], Any]


def is_same(value: Any, other: Any) -> bool:
    """RETURNS (bool): Whether values are equal, but for the last digits of a number,
    which old releases of spaCy's packages change when they write it.
    """
    is_number = all(isinstance(v, (int, float)) for v in (value, other))
    return isclose(value, other, rel_tol=1e-8) if is_number else value == other


def is_between(value: Any, least: float, most: float = float("inf")) -> bool:
    """RETURNS (bool): Whether a value is a finite number in [least, most]."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and least <= value <= most and value < float("inf")


def setting(default: Any, help: str, read: ReadT, *, is_configured: bool = True) -> Any:
    """Declare a setting of a component, a field of CheckedSettings.

    default (Any): A list or a dict is copied.
    help (str): What it is, with its range and unit.
    read (ReadT): Gets the name and the value.
    is_configured (bool): Whether it stands in the config. It is fitted otherwise.
    """
    metadata = {"help": help, "read": read, "is_configured": is_configured}
    if isinstance(default, (list, dict)):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class CheckedSettings:
    """Settings that check themselves, when they are made and when one is changed.

    RAISES (ValueError): That of the setting.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        known = type(self).__dataclass_fields__
        if name not in known:
            raise AttributeError(f"{type(self).__name__} has no setting {name!r}")
        value, before = known[name].metadata["read"](name, value), self.__dict__.copy()
        super().__setattr__(name, value)
        if before.get(name) != value:
            self._tell({name: value})

    def _tell(self, changed: Mapping[str, Any]) -> None:
        follow, fields = self.__dict__.get("_follow"), type(self).__dataclass_fields__
        for name, value in changed.items():
            if follow is not None and fields[name].metadata["is_configured"]:
                follow(name, copy(value))

    def follow(self, function: Callable[[str, Any], None]) -> None:
        """Call a function with the name and the JSON value of each setting of the
        config that is changed from now on.
        """
        self.__dict__["_follow"] = function

    @classmethod
    def get_configured(cls) -> List[Any]:
        """RETURNS (List[Any]): The dataclass fields that stand in the config."""
        return [found for found in fields(cls) if found.metadata["is_configured"]]

    @classmethod
    def get_config(cls) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The part of the default config, JSON values."""
        return cls().get_configured_values()

    def get_configured_values(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the config has to say, JSON values."""
        values = self.to_dict()
        return {found.name: values[found.name] for found in self.get_configured()}

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values, copies."""
        return asdict(self)

    def update(self, values: Mapping[str, Any]) -> None:
        """Set what is among the saved values. Other keys mean nothing."""
        known = {found.name for found in fields(self)}
        self.change(**{n: restore(v) for n, v in values.items() if n in known})

    def change(self, **values: Any) -> None:
        """Change several settings, all or none of them."""
        known = type(self).__dataclass_fields__
        read = {n: known[n].metadata["read"](n, value) for n, value in values.items()}
        changed = {n: value for n, value in read.items() if getattr(self, n) != value}
        # In one step, so that no other thread sees some of them only.
        self.__dict__.update(read)
        self._tell(changed)

    def copy_now(self, **others: Any) -> Any:
        """RETURNS (Any): A copy of the settings as they are at one moment, whatever
        other threads do, with these values in it.
        """
        copied = object.__new__(type(self))
        # The whole dict at once: a thread could change two settings between two reads.
        copied.__dict__.update(self.__dict__)
        copied.__dict__.update(others)
        return copied

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Any:
        """RETURNS (Any): What to_dict gave, read as strictly as a setting is changed.

        RAISES (ValueError): L361 for a missing or unknown one, or that of the setting.
        """
        check_keys(values, [found.name for found in fields(cls)], "it")
        return cls(**values)


def restore(value: Any) -> Any:
    """Undo what srsly does to a number: it reads 0.3 as 0.30000000000000004.

    RETURNS (Any): Floats with at most 15 digits where srsly reads these as the value.
        Other values as they are.
    """
    if isinstance(value, dict):
        return {key: restore(part) for key, part in value.items()}
    if not isinstance(value, float):
        return value
    short = float(f"{value:.15g}")
    return short if srsly.json_loads(repr(short)) == value else value


def check_seed(seed: int) -> None:
    """RAISES (ValueError): L662 if it's none of NumPy's."""
    if not 0 <= seed < 1 << 32:
        raise ValueError(Errors.L662.format(seed=seed))


def check_count(name: str, value: int, least: int) -> None:
    """RAISES (ValueError): L665 if an option is below the least."""
    if value < least:
        raise ValueError(Errors.L665.format(name=name, value=value, least=least))


def check_bound(layer: str, name: str, value: float) -> None:
    """RAISES (ValueError): L201 if a setting of a layer isn't above 0."""
    expected = f"above 0, from {LEAST:f} to {MOST:.0f}"
    _check(LEAST <= value <= MOST, layer, name, value, expected)


def check_at_least(
    layer: str, name: str, value: float, least: float, most: float = MOST
) -> None:
    """RAISES (ValueError): L201 if a setting of a layer is below the least, or above
    the most.
    """
    expected = f"of at least {least:g} and at most {most:.0f}"
    _check(least <= value <= most, layer, name, value, expected)


def check_share(layer: str, name: str, value: float) -> None:
    """RAISES (ValueError): L201 if a setting of a layer isn't in [0.0, 1.0)."""
    _check(0.0 <= value < 1.0, layer, name, value, "of at least 0 and below 1")


def _check(is_fine: bool, layer: str, name: str, value: float, expected: str) -> None:
    if not is_fine:
        text = Errors.L201.format(
            layer=layer, name=name, expected=expected, value=value
        )
        raise ValueError(text)
