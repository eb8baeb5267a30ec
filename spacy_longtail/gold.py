from typing import Container, Iterable, List, NamedTuple, Optional

import numpy
from spacy.training import Example

from .errors import Errors
from .taxonomy import Taxonomy

MISSING = ("auto", "negative")


class GoldLabels(NamedTuple):
    """What a document's gold `doc.cats` says.

    positive (List[str]): Labels and inner nodes that it has.
    negative (Optional[List[str]]): Those it hasn't, all that aren't positive if None.
    """

    positive: List[str]
    negative: Optional[List[str]]


def check_missing(missing: str) -> None:
    """Check what labels count as that a document doesn't name.

    RAISES (ValueError): L320 if it's neither "auto" nor "negative".
    """
    if missing not in MISSING:
        raise ValueError(Errors.L320.format(value=missing))


def read_gold(
    example: Example,
    index: int,
    *,
    name: str,
    missing: str = "auto",
    known: Optional[Container[str]] = None,
) -> Optional[GoldLabels]:
    """Read the gold labels of a document that can have several.

    Cats with 1.0 only are complete: the document has no other labels. As soon as one
    is 0.0, only what is named is known. Without any key of the component nothing is.
    If missing is "negative", everything that isn't 1.0 counts as 0.0.

    example (Example): Its reference has the labels.
    index (int): Number of the document, for messages.
    name (str): Name of the component, for messages.
    missing (str): "auto" or "negative", see above.
    known (Optional[Container[str]]): The component's labels and inner nodes. Other
        keys belong to someone else. None if all keys are its own.
    RETURNS (Optional[GoldLabels]): None if nothing is known about the document.
    RAISES (ValueError): L325 if a value isn't 0 or 1.
    """
    positive, negative = [], []
    for label, value in example.reference.cats.items():
        if known is not None and label not in known:
            continue
        if value == 1:
            positive.append(label)
        elif value == 0:
            negative.append(label)
        else:
            text = example.reference.text[:60]
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
    ranges = taxonomy.ranges
    if gold.negative is None:
        row[:] = 0.0
    positive = [label for label in gold.positive if label in ranges]
    leaves = [label for label in positive if label in taxonomy.index]
    for label in find_leaves(positive, taxonomy.separator):
        if label not in taxonomy.index:
            row[slice(*ranges[label])] = numpy.nan
    for label in gold.negative or ():
        if label in ranges:
            row[slice(*ranges[label])] = 0.0
    row[[taxonomy.index[label] for label in leaves]] = 1.0
