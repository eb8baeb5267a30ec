"""From the cells of a row to a text and its labels."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import Errors
from ..spelling import clean_segment
from ..taxonomy import SEPARATOR, check_settings
from .cells import MARK, MARKS, is_missing, to_list, to_segment, to_text
from .table import Table

SPLITS = ("train", "dev", "test")
SPLIT_NAMES = dict(zip(SPLITS, SPLITS), training="train")
SPLIT_NAMES.update(dict.fromkeys(("valid", "validation", "val"), "dev"))
# What an annotation tool like Prodigy says of a row that is left out, and its note.
ANSWER = "answer"
ANSWERS = {"reject": "rejected", "ignore": "ignored", "delete": "deleted"}
# Those that say something of a text that is in a corpus already.
REJECTED, DELETED = ANSWERS["reject"], ANSWERS["delete"]
# Its list of chosen labels, and of those that there were to choose from.
CHOICE = ("accept", "options")
# By which a table is known whose labels a person is to fill in.
TO_FILL = {"candidate_1", "given_labels"}
# By which one is known that 'predict' has written, and its columns of labels.
PREDICTED = {"known", "stage"}
USUAL = (("label",), ("labels",))
# Separators to suggest.
OTHERS = ("|", "::", " > ", "\t")
# What is worth a look, in words.
NOTES = {
    "inner_node": "rows lack their last levels, and are labelled with the node above",
    "gap": "rows have a level below a missing one, which was ignored",
    "whole_float": "labels were numbers like 12.0, and were read as 12",
    "mark": "cells of labels say that there is none, like 'NA' or 'None', and were "
    "read so; --keep-na takes them for labels",
    "edge": "labels began or ended with what separates levels, which was left out",
    "respelled": "labels had invisible characters, doubled spaces or accents apart "
    "from their letters, and were written as they look",
    "mark_text": "texts say that there is none, like 'NA' or 'None', and were kept",
    "number_text": "texts were numbers or dates, and were read as they stand",
    "many_lines": "rows have a cell with line ends and delimiters; if their quotes are "
    "text, rows were swallowed: give --no-quotes",
    "rejected": "rows were left out, as 'answer' says that their label is wrong",
    "ignored": "rows were left out, as 'answer' says to ignore them",
    "deleted": "rows were left out, as 'answer' says to delete them",
    "predicted": "labels are what 'predict' has found, and nobody has checked: its "
    "option --review writes a table for a person to fill in",
    "other_sheets": "other sheets were not read; --sheet names the one to read",
}


@dataclass(frozen=True)
class Columns:
    """Where a table has its texts and labels.

    text (Tuple[str, ...]): Columns of the text, joined by a line break.
    label (Tuple[str, ...]): The column of a label that is a path, or the columns of
        its levels from the top. None of them and no 'labels' means "label", or
        "labels" if only that is there, or "accept" in what Prodigy writes for choices.
    labels (Optional[str]): Instead, the column of a list of labels.
    split (Optional[str]): Column that says "train", "dev" or "test".
    path_separator (Optional[str]): What joins the segments of a path in the table,
        if it isn't 'separator'. Spaces around it are removed.
    list_separator (str): What separates several labels in one cell of CSV or Excel,
        unless the cell is a list as JSON or Python write it.
    separator (str): What joins the segments of a label in the corpus.
    keep_na (bool): Whether "NA", "None" and the like are labels. By default, they say
        that there is none.
    RAISES (ValueError): L005 if a separator is empty.
    """

    text: Tuple[str, ...] = ("text",)
    label: Tuple[str, ...] = ()
    labels: Optional[str] = None
    split: Optional[str] = None
    path_separator: Optional[str] = None
    list_separator: str = ";"
    separator: str = SEPARATOR
    keep_na: bool = False

    def __post_init__(self) -> None:
        for separator in (self.separator, self.list_separator, self.path_separator):
            if separator is not None:
                check_settings(min_count=0, separator=separator)


class Record(NamedTuple):
    """A row as it's understood.

    labels (Optional[Tuple[str, ...]]): None if the row has no label; an empty list of
        labels is an answer.
    answer (str): REJECTED if the labels are wrong, DELETED if the text is to go.
    """

    text: str
    labels: Optional[Tuple[str, ...]]
    split: Optional[str]
    answer: str = ""


class RecordReader:
    """Read the records of a table, and count what was remarkable about them. Rows that
    an annotator rejected, ignored or deleted are left out.

    While it's read, it counts in `notes` what NOTES explains, and keeps in `first`
    where each was found first.

    split (Optional[str]): That of all rows, in place of what a column says.
    corrects (bool): Whether the records correct texts that are known: those that are
        rejected or deleted say something of them, and a blank cell of a list of labels
        is one that nobody has filled in, as in any table of TO_FILL.
    RAISES (ValueError): L613, L617 to L619, L622, L628, L632, L635 to L639 or
        L660, see there.
    """

    def __init__(
        self,
        table: Table,
        columns: Columns,
        split: Optional[str] = None,
        *,
        corrects: bool = False,
    ) -> None:
        self.table = table
        self.split = split
        self.corrects = corrects
        self.columns = _choose_labels(table, columns)
        self.notes: "Counter[str]" = table.notes
        self.first: Dict[str, str] = table.first
        self.has_lists = self.columns.labels is not None
        self._is_to_fill = corrects or not TO_FILL.isdisjoint(table.columns)
        self._known: Dict[Tuple[Any, ...], Tuple[str, Tuple[str, ...]]] = {}
        self._labels = self.columns.label or _some(self.columns.labels)
        self._split = _some(self.columns.split)
        self._is_predicted = PREDICTED <= {*table.columns} and self._labels in USUAL
        table.check_columns(self.columns.text, "--text")
        table.check_columns(self._labels, "--labels" if self.has_lists else "--label")
        table.check_columns(self._split, "--split-column")
        names = [*self.columns.text, *self._labels, *self._split]
        twice = [name for name, n in Counter(names).items() if n > 1]
        if twice:
            raise ValueError(Errors.L660.format(column=twice[0]))
        # Where it's the answer to something else, it says nothing of the label.
        is_said = ANSWER in table.columns and ANSWER not in names
        self._names = [*names, ANSWER] if is_said else names

    def __iter__(self) -> Iterator[Record]:
        self.notes.clear()
        self.first.clear()
        n_texts, n_labels = len(self.columns.text), len(self._labels)
        n_answers = len(self._names) - n_texts - n_labels - len(self._split)
        for number, values in self.table.rows(self._names):
            where = self.table.where(number)
            # Spreadsheets that it went through may have changed the case.
            answer = str(values[-1]).strip().lower() if n_answers else ""
            answer = ANSWERS.get(answer, "")
            if answer and not (self.corrects and answer in (REJECTED, DELETED)):
                self.table.note(answer, where)
                continue
            text = _join_texts(self.table, values[:n_texts], where)
            found: Optional[Tuple[str, ...]]
            if self.has_lists:
                found = self._get_labels(values[n_texts], where)
            else:
                label = self._get_label(values[n_texts : n_texts + n_labels], where)
                found = (label,) if label else None
            split = None
            if self._split:
                value = values[n_texts + n_labels]
                split = get_split_name(str(value))
                if split is None:
                    raise ValueError(Errors.L622.format(where=where, value=value))
            if found and self._is_predicted:
                self.table.note("predicted", where)
            yield Record(text, found, self.split or split, answer)

    def _get_labels(self, value: Any, where: str) -> Optional[Tuple[str, ...]]:
        if value is None or (self._is_to_fill and is_missing(value)):
            return None
        if isinstance(value, str) and self._is_mark(value):
            self.table.note("mark", where)
            return None
        list_separator = self.columns.list_separator
        cells = to_list(value, where, None if self.table.has_lists else list_separator)
        labels = [self._get_label((cell,), where) for cell in cells]
        return tuple(dict.fromkeys(filter(None, labels)))

    def _get_label(self, cells: Tuple[Any, ...], where: str) -> str:
        # 1, 1.0 and True are equal, but not as labels.
        key = tuple((type(cell), str(cell)) for cell in cells)
        if key not in self._known:
            self._known[key] = self._join(cells, where)
        label, notes = self._known[key]
        for name in notes:
            self.table.note(name, where)
        return label

    def _join(self, cells: Tuple[Any, ...], where: str) -> Tuple[str, Tuple[str, ...]]:
        notes: List[str] = []
        segments = [to_segment(cell, where, notes.append).strip() for cell in cells]
        separator = self.columns.separator
        if len(segments) == 1 and not self._is_mark(segments[0]):
            segments = self._split_path(segments[0], where, notes)
        written, segments = segments, [clean_segment(segment) for segment in segments]
        if written != segments:
            notes.append("respelled")
        if not self.columns.keep_na and not MARKS.isdisjoint(segments):
            segments = ["" if segment in MARKS else segment for segment in segments]
            notes.append("mark")
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

    def _split_path(self, label: str, where: str, notes: List[str]) -> List[str]:
        """RAISES (ValueError): L619 or L638 if it isn't a path, like a URI."""
        inner = self.columns.path_separator or self.columns.separator
        if label in MARKS and inner in label:
            text = Errors.L619.format(where=where, value=label, separator=inner)
            raise ValueError(text)
        # Spaces around the label are gone already, those of the separator as well.
        edge = inner.strip() or inner
        path = label.removeprefix(edge).removesuffix(edge).strip()
        if path and len(path) < len(label):
            notes.append("edge")
        segments = [segment.strip() for segment in path.split(inner)]
        end = len(segments)
        if not self.columns.keep_na:
            # Like "a/N/A", whose mark is two segments.
            marks = [mark.split(inner) for mark in MARKS]
            found = max((len(m) for m in marks if segments[-len(m) :] == m), default=0)
            end -= found
            segments[end:] = [MARK] if found else []
        if path and not all(map(self._is_known, segments[:end])):
            option = (
                "--path-separator" if self.columns.path_separator else "--separator"
            )
            other = next((name for name in OTHERS if name not in label), OTHERS[0])
            text = Errors.L638.format(
                where=where, label=label, separator=inner, option=option, other=other
            )
            raise ValueError(text)
        return segments

    def _is_known(self, segment: str) -> bool:
        return bool(segment) and not self._is_mark(segment)

    def _is_mark(self, value: str) -> bool:
        return not self.columns.keep_na and value.strip() in MARKS


def read_texts(table: Table, names: Sequence[str]) -> Iterator[str]:
    """Read the texts of a table without its labels.

    names (Sequence[str]): The columns, joined by a line break.
    RAISES (ValueError): L613, L632, L635 or L636, see there.
    """
    table.check_columns(names, "--text")
    for number, values in table.rows(names):
        yield _join_texts(table, values, table.where(number))


def get_split_name(name: str) -> Optional[str]:
    """RETURNS (Optional[str]): "train", "dev" or "test" for a name like "Valid"."""
    return SPLIT_NAMES.get(name.strip().lower())


def describe_notes(notes: Dict[str, int], first: Dict[str, str]) -> List[str]:
    """RETURNS (List[str]): A sentence for each of NOTES that was counted."""
    return [
        f"{n:,} {NOTES[name]} (first: {first[name]})."
        for name, n in notes.items()
        if name in NOTES
    ]


def _choose_labels(table: Table, columns: Columns) -> Columns:
    if columns.label and columns.labels is not None:
        message = Errors.L628.format(label=columns.label[0], labels=columns.labels)
        raise ValueError(message)
    if columns.label or columns.labels is not None:
        return columns
    if "labels" in table.columns and "label" not in table.columns:
        return replace(columns, labels="labels")
    if "label" not in table.columns and set(CHOICE) <= set(table.columns):
        return replace(columns, labels=CHOICE[0])
    return replace(columns, label=("label",))


def _join_texts(table: Table, values: Sequence[Any], where: str) -> str:
    parts = [
        to_text(value, where, lambda name: table.note(name, where))
        for value in values
        if not is_missing(value)
    ]
    return "\n".join(parts)


def _some(name: Optional[str]) -> Tuple[str, ...]:
    return () if name is None else (name,)
