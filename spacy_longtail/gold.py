from pathlib import Path
from typing import (
    Any,
    Container,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
)

import numpy
import srsly
from spacy.training import Example

from .errors import Errors
from .spelling import find_similar
from .taxonomy import Taxonomy, check_counts, is_count

MISSING = ("auto", "negative")
# Labels and inner nodes of a component. None if all keys of `doc.cats` are its own.
KnownT = Optional[Container[str]]


class GoldLabels(NamedTuple):
    """What a document's gold `doc.cats` says.

    positive (List[str]): Labels and inner nodes that it has.
    negative (Optional[List[str]]): Those it hasn't, all that aren't positive if None.
    """

    positive: List[str]
    negative: Optional[List[str]]


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
    RAISES (ValueError): L310 if it's something else, L006 if a count is none.
    """
    if labels is None:
        return None
    n_docs = None
    if isinstance(labels, (str, Path)) and Path(labels).is_file():
        try:
            labels = srsly.read_json(labels)
        except ValueError:
            found = f"the file {str(labels)!r}, which isn't JSON"
            raise ValueError(Errors.L310.format(name=name, found=found)) from None
    if isinstance(labels, Mapping) and isinstance(labels.get("counts"), Mapping):
        n_docs, labels = labels.get("n_docs"), labels["counts"]
    is_list = isinstance(labels, Iterable) and not isinstance(labels, str)
    names = list(labels) if is_list else []
    if not is_list or not all(isinstance(label, str) for label in names):
        raise ValueError(Errors.L310.format(name=name, found=repr(labels)[:80]))
    counts = dict(labels) if isinstance(labels, Mapping) else None
    check_counts(counts or {})
    if n_docs is not None and not is_count(n_docs):
        found = f"'n_docs' of {n_docs!r}"[:80]
        raise ValueError(Errors.L310.format(name=name, found=found))
    return LabelCounts(names, counts, None if n_docs is None else int(n_docs))


def get_gold_label(
    example: Example,
    index: int,
    *,
    name: str,
    factory: str,
    separator: str,
    known: KnownT = None,
) -> Optional[str]:
    """Find the gold label of a document.

    An inner node beside a label below it, as in {"banking": 1, "banking/transfer":
    1}, is part of that label's path.

    example (Example): Its reference has the labels.
    index (int): Number of the document, for messages.
    name (str): Name of the component, for messages.
    factory (str): The component for documents with several labels, for messages.
    separator (str): What joins the segments of a label.
    known (KnownT): The component's labels and inner nodes. Other
        keys belong to someone else. None if all keys are its own.
    RETURNS (Optional[str]): None if the document has no label.
    RAISES (ValueError): L302 if it has more than one, L303 if a value isn't 0 or 1,
        L013 if a key isn't a string.
    """
    positive, _, wrong = _sort_labels(example, index, known)
    for label in wrong:
        text, value = _shorten(example), example.reference.cats[label]
        message = Errors.L303.format(index=index, text=text, value=value, label=label)
        raise ValueError(message)
    leaves = find_leaves(positive, separator)
    if len(leaves) > 1:
        text, labels = _shorten(example), ", ".join(map(repr, sorted(positive)[:5]))
        hint = f"All of these are labels of '{name}'."
        if known is None:
            hint = (
                "If some of the keys belong to another component, name those of this "
                f"one in the block [initialize.components.{name}], for example labels "
                f'= ["{leaves[0]}"].'
            )
        message = Errors.L302.format(
            index=index, text=text, labels=labels, name=name, factory=factory, hint=hint
        )
        raise ValueError(message)
    return leaves[0] if leaves else None


def read_missing(name: str, value: str) -> str:
    """Check the setting that says what labels count as that a document doesn't name.

    RAISES (ValueError): L320 if it's neither "auto" nor "negative".
    """
    if value not in MISSING:
        raise ValueError(Errors.L320.format(value=value))
    return value


def read_gold(
    example: Example,
    index: int,
    *,
    name: str,
    missing: str = "auto",
    known: KnownT = None,
) -> Optional[GoldLabels]:
    """Read the gold labels of a document that can have several.

    Cats with 1.0 only are complete: the document has no other labels. As soon as one
    is 0.0, only what is named is known. Without any key of the component nothing is.
    If missing is "negative", everything that isn't 1.0 counts as 0.0.

    example, index, name, known: See get_gold_label.
    missing (str): "auto" or "negative", see above.
    RETURNS (Optional[GoldLabels]): None if nothing is known about the document.
    RAISES (ValueError): L325 if a value isn't 0 or 1, L013 if a key isn't a string.
    """
    positive, negative, wrong = _sort_labels(example, index, known)
    for label in wrong:
        text, value = example.reference.text[:60], example.reference.cats[label]
        message = Errors.L325.format(
            index=index, text=text, value=value, label=label, name=name
        )
        raise ValueError(message)
    if missing == "negative" or (positive and not negative):
        return GoldLabels(positive, None)
    return GoldLabels(positive, negative) if negative else None


def find_leaves(positive: Iterable[str], separator: str) -> List[str]:
    """RETURNS (List[str]): The labels without those that another one is below: "bank"
    beside "bank/card" is only part of its path.
    """
    positive = list(positive)
    if len(positive) < 2:
        return positive
    above = set()
    for label in positive:
        while separator in label:
            label = label.rpartition(separator)[0]
            above.add(label)
    return [label for label in positive if label not in above]


def fill_truths(
    row: numpy.ndarray, gold: Optional[GoldLabels], taxonomy: Taxonomy
) -> None:
    """Write what is known about a document.

    An inner node that is positive, without a positive label below it, says that there
    is one: nothing is known about the leaves below, unless they are negative. One that
    is negative says that there is none.

    row (numpy.ndarray): Gets 1.0, 0.0 or NaN for each leaf.
    gold (Optional[GoldLabels]): See read_gold. Labels that the taxonomy hasn't are
        left out.
    taxonomy (Taxonomy): The label tree.
    """
    row[:] = numpy.nan
    if gold is None:
        return
    ranges, index = taxonomy.ranges, taxonomy.index
    if gold.negative is None:
        row[:] = 0.0
    positive = [label for label in gold.positive if label in ranges]
    for label in find_leaves(positive, taxonomy.separator):
        if label not in index:
            row[slice(*ranges[label])] = numpy.nan
    for label in ranges.keys() & (gold.negative or ()):
        row[slice(*ranges[label])] = 0.0
    row[[index[label] for label in positive if label in index]] = 1.0


def check_cats(example: Example, index: int) -> None:
    """RAISES (ValueError): L013 if a key of the gold `doc.cats` isn't a string."""
    cats = example.reference.cats
    # Dense cats can have thousands of keys.
    if set(map(type, cats)) - {str}:
        for key in cats:
            if not isinstance(key, str):
                text = _shorten(example)
                raise ValueError(Errors.L013.format(index=index, text=text, key=key))


def find_foreign(example: Example, known: Optional[Set[str]]) -> List[str]:
    """RETURNS (List[str]): The gold labels of a document that says nothing about the
    component's own, labels and inner nodes. None of all are its own.
    """
    cats = example.reference.cats
    if known is None or not known.isdisjoint(cats):
        return []
    return [label for label, value in cats.items() if value == 1]


def check_known(
    examples: Sequence[Example], known: Mapping[str, Any], name: str
) -> None:
    """Check that documents have no other gold labels than a component knows.

    RAISES (ValueError): L341 if they do, L013 if a key isn't a string, L303 if a value
        is neither 1 nor 0.
    """
    for index, example in enumerate(examples):
        check_cats(example, index)
        cats = example.reference.cats
        # Of dense cats most are known.
        for label in cats.keys() - known.keys():
            value = cats[label]
            text = _shorten(example)
            if value == 1:
                similar = find_similar(label, known)
                message = Errors.L341.format(
                    index=index, text=text, label=label, similar=similar, name=name
                )
                raise ValueError(message)
            if value != 0:
                message = Errors.L303.format(
                    index=index, text=text, label=label, value=value
                )
                raise ValueError(message)


def _sort_labels(example: Example, index: int, known: KnownT) -> List[List[str]]:
    """Labels with 1, with 0 and with another value."""
    check_cats(example, index)
    positive, negative, wrong = [], [], []
    for label, value in example.reference.cats.items():
        if known is not None and label not in known:
            continue
        if value == 1:
            positive.append(label)
        elif value == 0:
            negative.append(label)
        else:
            wrong.append(label)
    return [positive, negative, wrong]


def _shorten(example: Example) -> str:
    text = example.reference.text
    return text if len(text) <= 60 else text[:57] + "…"
