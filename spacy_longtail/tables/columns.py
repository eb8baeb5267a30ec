"""From the cells of a row to a text and its labels."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..errors import Errors
from ..taxonomy import SEPARATOR
from .table import Table

SPLITS = ("train", "dev", "test")
SPLIT_NAMES = dict(zip(SPLITS, SPLITS), training="train")
SPLIT_NAMES.update(dict.fromkeys(("valid", "validation", "val"), "dev"))


@dataclass(frozen=True)
class Columns:
    """Where a table has its texts and labels.

    text (Tuple[str, ...]): Columns of the text, joined by a line break.
    label (Tuple[str, ...]): The column of a label that is a path, or the columns of
        its levels from the top. None of them and no 'labels' means "label", or
        "labels" if only that is there.
    labels (Optional[str]): Instead, the column of a list of labels.
    split (Optional[str]): Column that says "train", "dev" or "test".
    path_separator (Optional[str]): What joins the segments of a path in the table,
        if it isn't 'separator'. Spaces around it are removed.
    list_separator (str): What separates several labels in one cell of CSV.
    separator (str): What joins the segments of a label in the corpus.
    """

    text: Tuple[str, ...] = ("text",)
    label: Tuple[str, ...] = ()
    labels: Optional[str] = None
    split: Optional[str] = None
    path_separator: Optional[str] = None
    list_separator: str = ";"
    separator: str = SEPARATOR


class Record(NamedTuple):
    """A row as it's understood.

    labels (Optional[Tuple[str, ...]]): None if the row has no label; an empty list of
        labels is an answer.
    """

    text: str
    labels: Optional[Tuple[str, ...]]
    split: Optional[str]


class RecordReader:
    """Read the records of a table, and count what was remarkable about them.

    While it's read, it counts in `notes`: "inner_node" labels that end early because a
    level is missing, "gap" labels with a level below a missing one, and "whole_float"
    numbers like 12.0, read as 12.

    split (Optional[str]): That of all rows, in place of what a column says.
    RAISES (ValueError): L613, L617 to L619, L622 or L628, see there.
    """

    def __init__(
        self, table: Table, columns: Columns, split: Optional[str] = None
    ) -> None:
        self.table = table
        self.split = split
        self.columns = _choose_labels(table, columns)
        self.notes: "Counter[str]" = Counter()
        self.has_lists = self.columns.labels is not None
        self._known: Dict[Tuple[Any, ...], Tuple[str, Tuple[str, ...]]] = {}
        self._labels = self.columns.label or _some(self.columns.labels)
        self._split = _some(self.columns.split)
        table.check_columns(self.columns.text, "--text")
        table.check_columns(self._labels, "--labels" if self.has_lists else "--label")
        table.check_columns(self._split, "--split-column")

    def __iter__(self) -> Iterator[Record]:
        texts, labels, splits = self.columns.text, self._labels, self._split
        start, end = len(texts), len(texts) + len(labels)
        for number, values in self.table.rows([*texts, *labels, *splits]):
            where = self.table.where(number)
            parts = [str(value) for value in values[:start] if not _is_missing(value)]
            found: Optional[Tuple[str, ...]]
            if self.has_lists:
                found = self._get_labels(values[start], where)
            else:
                label = self._get_label(values[start:end], where)
                found = (label,) if label else None
            split = get_split_name(str(values[end])) if splits else None
            if splits and split is None:
                raise ValueError(Errors.L622.format(where=where, value=values[end]))
            yield Record("\n".join(parts), found, self.split or split)

    def _get_labels(self, value: Any, where: str) -> Optional[Tuple[str, ...]]:
        if value is None:
            return None
        if not self.table.has_types:
            value = value.split(self.columns.list_separator)
        if not isinstance(value, (list, tuple)):
            hint = "--label for one label a row"
            raise _make_error(where, value, "a list of labels", hint)
        labels = [self._get_label((cell,), where) for cell in value]
        return tuple(dict.fromkeys(filter(None, labels)))

    def _get_label(self, cells: Tuple[Any, ...], where: str) -> str:
        # 1, 1.0 and True are equal, but not as labels.
        key = tuple((type(cell), str(cell)) for cell in cells)
        if key not in self._known:
            self._known[key] = self._join(cells, where)
        label, notes = self._known[key]
        self.notes.update(notes)
        return label

    def _join(self, cells: Tuple[Any, ...], where: str) -> Tuple[str, Tuple[str, ...]]:
        notes: List[str] = []
        segments = [_to_str(cell, where, notes) for cell in cells]
        separator = self.columns.separator
        if len(segments) == 1:
            inner = self.columns.path_separator or separator
            segments = segments[0].strip().strip(inner).split(inner)
        segments = [segment.strip() for segment in segments]
        n_known = segments.index("") if "" in segments else len(segments)
        if any(segments[n_known:]):
            notes.append("gap")
        elif 0 < n_known < len(segments):
            notes.append("inner_node")
        for value in segments[:n_known]:
            if separator in value:
                text = Errors.L619.format(where=where, value=value, separator=separator)
                raise ValueError(text)
        return separator.join(segments[:n_known]), tuple(notes)


def get_split_name(name: str) -> Optional[str]:
    """RETURNS (Optional[str]): "train", "dev" or "test" for a name like "Valid"."""
    return SPLIT_NAMES.get(name.strip().lower())


def _choose_labels(table: Table, columns: Columns) -> Columns:
    if columns.label and columns.labels:
        message = Errors.L628.format(label=columns.label[0], labels=columns.labels)
        raise ValueError(message)
    if columns.label or columns.labels:
        return columns
    if "labels" in table.columns and "label" not in table.columns:
        return replace(columns, labels="labels")
    return replace(columns, label=("label",))


def _some(name: Optional[str]) -> Tuple[str, ...]:
    return () if name is None else (name,)


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    # Only NaN differs from itself.
    return value is None or value != value


def _to_str(value: Any, where: str, notes: List[str]) -> str:
    if _is_missing(value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(Errors.L618.format(where=where, value=value))
        notes.append("whole_float")
        value = int(value)
    if not isinstance(value, (str, int)):
        raise _make_error(where, value, "a string", "--labels for a column of lists")
    return str(value)


def _make_error(where: str, value: Any, expected: str, hint: str) -> ValueError:
    text = Errors.L617.format(where=where, value=value, expected=expected, hint=hint)
    return ValueError(text)
