"""What people call labels."""

from collections import Counter
from typing import Any, Dict, Mapping, Sequence

from ..audit.labels import find_codes
from ..evaluation.pipes import find_titles


def find_names(pipe: Any, labels: Sequence[str], separator: str) -> Dict[str, str]:
    """Find names for labels whose last segment doesn't say which one is meant. Codes
    have their title or description, if they have one. Other codes, and labels that end
    like another one, are called by their whole path.

    pipe (Any): The component.
    RETURNS (Dict[str, str]): By label, without those that the last segment names.
    """
    last = {label: label.rpartition(separator)[2] for label in labels}
    n_named = Counter(last.values())
    alike = (label for label in labels if n_named[last[label]] > 1)
    whole = {label: show_path(label, separator) for label in alike}
    codes = dict.fromkeys(find_codes(labels, separator))
    whole.update((code, code) for code in codes)
    return {**whole, **find_titles(pipe, labels, codes)}


def name_label(label: str, names: Mapping[str, str], separator: str) -> str:
    """RETURNS (str): The name of a label, by those that find_names has found."""
    return names.get(label) or label.rpartition(separator)[2]


def show_label(label: str, names: Mapping[str, str], separator: str) -> str:
    """RETURNS (str): The label, and its title if it is a code that has one."""
    title = names.get(label, label)
    is_path = title in (label, show_path(label, separator))
    return label if is_path else f"{label} ({title})"


def show_path(label: str, separator: str) -> str:
    """RETURNS (str): The segments of a label, as people like to see them."""
    return " › ".join(label.split(separator))
