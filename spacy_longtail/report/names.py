"""What people call labels."""

from collections import Counter
from typing import Any, Dict, Mapping, Sequence

from ..audit.labels import find_codes
from ..evaluation.pipes import find_titles


def find_names(pipe: Any, labels: Sequence[str], separator: str) -> Dict[str, str]:
    """Find names for labels whose last segment doesn't say which one is meant. Codes
    have their title, if they have one. Other codes, and labels that end like another
    one, are called by their whole path.

    pipe (Any): The component.
    RETURNS (Dict[str, str]): By label, without those that the last segment names.
    """
    last = {label: label.rpartition(separator)[2] for label in labels}
    n_named = Counter(last.values())
    whole = {label: label for label, name in last.items() if n_named[name] > 1}
    whole.update((label, label) for label in find_codes(labels, separator))
    return {**whole, **find_titles(pipe, labels)}


def name_label(label: str, names: Mapping[str, str], separator: str) -> str:
    """RETURNS (str): The name of a label, by those that find_names has found."""
    return names.get(label) or label.rpartition(separator)[2]


def show_label(label: str, names: Mapping[str, str]) -> str:
    """RETURNS (str): The label, and its title if it is a code that has one."""
    title = names.get(label, label)
    return label if title == label else f"{label} ({title})"
