from pathlib import Path
from typing import Any, Container, Dict, Iterable, List, Mapping, NamedTuple, Optional

import srsly
from spacy.training import Example

from ..errors import Errors


class LabelCounts(NamedTuple):
    """What 'labels' of initialize says.

    names (List[str]): The labels of the component.
    counts (Optional[Dict[str, int]]): Training documents of each, None if they are
        to be counted.
    n_docs (Optional[int]): Training documents, where one can have several labels.
    """

    names: List[str]
    counts: Optional[Dict[str, int]]
    n_docs: Optional[int] = None


def read_labels(labels: Any, name: str) -> Optional[LabelCounts]:
    """Read the labels that initialize was given: a list, labels with counts, or what
    'spacy init labels' has written, itself or the path of its file.

    labels (Any): See above, None if the corpus is to tell.
    name (str): Name of the component, for messages.
    RAISES (ValueError): L310 if it's something else.
    """
    if labels is None:
        return None
    n_docs = None
    if isinstance(labels, (str, Path)) and Path(labels).is_file():
        labels = _read_file(Path(labels), name)
    if isinstance(labels, Mapping) and isinstance(labels.get("counts"), Mapping):
        n_docs, labels = labels.get("n_docs"), labels["counts"]
    is_list = isinstance(labels, Iterable) and not isinstance(labels, str)
    names = list(labels) if is_list else []
    if not is_list or not all(isinstance(label, str) for label in names):
        raise ValueError(Errors.L310.format(name=name, found=repr(labels)[:80]))
    counts = dict(labels) if isinstance(labels, Mapping) else None
    return LabelCounts(names, counts, n_docs)


def _read_file(path: Path, name: str) -> Any:
    try:
        return srsly.read_json(path)
    except ValueError:
        found = f"the file {str(path)!r}, which isn't JSON"
        raise ValueError(Errors.L310.format(name=name, found=found)) from None


def get_gold_label(
    example: Example,
    index: int,
    *,
    name: str,
    separator: str,
    known: Optional[Container[str]] = None,
) -> Optional[str]:
    """Find the gold label of a document.

    An inner node beside a label below it, as in {"banking": 1, "banking/transfer":
    1}, is part of that label's path.

    example (Example): Its reference has the labels.
    index (int): Number of the document, for messages.
    name (str): Name of the component, for messages.
    separator (str): What joins the segments of a label.
    known (Optional[Container[str]]): The component's labels and inner nodes. Other
        keys belong to someone else. None if all keys are its own.
    RETURNS (Optional[str]): None if the document has no label.
    RAISES (ValueError): L302 if it has more than one, L303 if a value isn't 0 or 1.
    """
    positive = []
    for label, value in example.reference.cats.items():
        if known is not None and label not in known:
            continue
        if value == 1:
            positive.append(label)
        elif value != 0:
            text = _shorten(example)
            message = Errors.L303.format(
                index=index, text=text, value=value, label=label
            )
            raise ValueError(message)
    if len(positive) > 1:
        deepest = max(positive, key=len)
        if all(
            (deepest + separator).startswith(label + separator) for label in positive
        ):
            return deepest
        text, labels = _shorten(example), ", ".join(map(repr, sorted(positive)[:5]))
        message = Errors.L302.format(index=index, text=text, labels=labels, name=name)
        raise ValueError(message)
    return positive[0] if positive else None


def _shorten(example: Example) -> str:
    text = example.reference.text
    return text if len(text) <= 60 else text[:57] + "…"
