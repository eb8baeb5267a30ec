"""What a cross-validation says of the labels and texts of a corpus."""

import csv
import json
from dataclasses import dataclass
from io import StringIO
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..errors import JobErrors
from ..presentation import Remark, TextTable, count_noun, make_table, shorten

MAX_FOLDS = 100
# What separates labels in a cell, unless one has it in its name.
LIST_SEPARATOR = ";"
# Rows of a table in the terminal, and characters of a cell there.
MAX_ROWS, MAX_TEXT = 10, 30
NOTHING: Mapping[str, str] = MappingProxyType({})


def check_folds(n_folds: int) -> None:
    """RAISES (ValueError): L745 if so many folds can't be."""
    is_whole = isinstance(n_folds, int) and not isinstance(n_folds, bool)
    if not is_whole or not 2 <= n_folds <= MAX_FOLDS:
        raise ValueError(JobErrors.L745.format(most=MAX_FOLDS, found=n_folds))


@dataclass(frozen=True)
class Suspect:
    """A text whose labels may be wrong.

    row (int): Number of the document, from 0; of copies, that of the first.
    text (str): All of it.
    given (List[str]): Its labels; of copies with different labels, those of all.
    suggested (List[str]): What they could be.
    given_probability (Optional[float]): How probable the least probable of its labels
        is, by the other folds, from 0.0 to 1.0. None if that wasn't judged.
    suggested_probability (Optional[float]): How probable the best of the labels is that
        it doesn't have. None if nothing in it is known.
    n_docs (int): Documents with this text.
    reason (str): Why it is suspected.
    """

    row: int
    text: str
    given: List[str]
    suggested: List[str]
    given_probability: Optional[float]
    suggested_probability: Optional[float]
    n_docs: int
    reason: str


@dataclass(frozen=True)
class Confusion:
    """Two labels whose texts are taken for those of the other one.

    labels (List[str]): The more frequent one first.
    n_docs (List[int]): Texts of each that are like one of the two.
    n_confused (List[int]): Those of them that are like the other one.
    share (float): Of confused texts, the mean of both labels; 0.5 is chance.
    are_siblings (bool): Whether they have the same parent.
    """

    labels: List[str]
    n_docs: List[int]
    n_confused: List[int]
    share: float
    are_siblings: bool


@dataclass(frozen=True)
class CrossValidation:
    """What is found by comparing each text with what the labels are like without it.

    n_folds (int): The texts of a fold are compared with those of all others.
    several (bool): Whether a document can have several labels.
    n_judged (int): Labels of documents that were judged.
    n_unjudged (int): Those that weren't: too little is known of the label.
    n_rare (int): Labels with fewer than min_texts different texts, none of which is
        ever suspected unless it has other labels elsewhere.
    min_texts (int): See n_rare.
    suspects (List[Suspect]): In the order in which they are worth a look.
    confusions (List[Confusion]): Labels that can't be told apart, those with the most
        confused texts first.
    n_unknown (int): Texts with words, but nothing in them that the vectors or another
        text has.
    n_near_copies (int): Documents that are nearly the same as an earlier one with the
        same labels, beside those that are equal.
    near_copies (List[Dict[str, Any]]): The largest groups: "text", "labels", "n_docs".
    """

    n_folds: int
    several: bool
    n_judged: int
    n_unjudged: int
    n_rare: int
    min_texts: int
    suspects: List[Suspect]
    confusions: List[Confusion]
    n_unknown: int
    n_near_copies: int
    near_copies: List[Dict[str, Any]]

    def tables(self, titles: Mapping[str, str] = NOTHING) -> List[TextTable]:
        """RETURNS (List[TextTable]): The first suspects and confusions, labels with
        their titles.
        """
        suspects = [
            (
                _cut(row.text),
                *(_show(labels, titles) for labels in self._choose_labels(row)),
                show_chance(row.given_probability),
            )
            for row in self.suspects[:MAX_ROWS]
        ]
        confusions = [
            (
                *(_show([label], titles) for label in row.labels),
                sum(row.n_docs),
                sum(row.n_confused),
            )
            for row in self.confusions[:MAX_ROWS]
        ]
        named = ("In doubt", "Lacking") if self.several else ("Given", "Suggested")
        header = ("Text", *named, "Probability")
        n = len(self.suspects)
        title = f"Labels to look at, {min(n, MAX_ROWS)} of {n:,} texts"
        table = make_table("Labels that are confused", CONFUSED, confusions)
        return [
            TextTable(title, header, suspects, "lllr"),
            table._replace(aligns="llrr"),
        ]

    def _choose_labels(self, row: Suspect) -> Tuple[List[str], List[str]]:
        """RETURNS (Tuple[List[str], List[str]]): The given and the suggested ones; of
        several, those that differ.
        """
        if not self.several:
            return row.given, row.suggested
        doubted = [label for label in row.given if label not in row.suggested]
        lacking = [label for label in row.suggested if label not in row.given]
        return doubted, lacking

    def remarks(self, titles: Mapping[str, str] = NOTHING) -> List[Remark]:
        """RETURNS (List[Remark]): What it says, a sentence each."""
        return [Remark("info", sentence) for sentence in self.get_sentences(titles)]

    def get_sentences(self, titles: Mapping[str, str] = NOTHING) -> List[str]:
        """RETURNS (List[str]): What to do, the most important first."""
        found = [self._describe_suspects()]
        if self.n_unjudged:
            found.append(
                f"{count_noun(self.n_unjudged, 'label')} of documents could not be "
                "judged, because too few other texts have the same: "
                f"{count_noun(self.n_rare, 'label')} of the corpus "
                f"{'has' if self.n_rare == 1 else 'have'} fewer than {self.min_texts}."
            )
        found += [_describe_confusion(pair, titles) for pair in self.confusions[:3]]
        if self.n_near_copies:
            found.append(
                f"{count_noun(self.n_near_copies, 'document')} nearly repeat another "
                "one with the same labels: they teach little, and look into a dev "
                "corpus that has such copies, too."
            )
        if self.n_unknown:
            found.append(
                f"In {count_noun(self.n_unknown, 'text')} nothing is known, neither to "
                "the vectors of the package nor from another text: they teach nothing."
            )
        return found

    def _describe_suspects(self) -> str:
        n, folds = len(self.suspects), self.n_folds
        if not n:
            return f"No label is in doubt, by {folds} folds."
        first = f"{count_noun(n, 'text')} may have wrong labels, by {folds} folds"
        return f"{first}: the sooner in the list, the surer."


CONFUSED = ("Label", "And", "Texts", "Confused")


def _show(labels: List[str], titles: Mapping[str, str]) -> str:
    """A cell. Of a path its end says most, of a title its start."""
    if titles.keys().isdisjoint(labels):
        return shorten(", ".join(labels), MAX_TEXT)
    named = (f"{x} {titles[x]}" if x in titles else x for x in labels)
    return _cut(", ".join(named))


def _describe_confusion(pair: Confusion, titles: Mapping[str, str]) -> str:
    a, b = (
        f"{label!r} ({titles[label]})" if label in titles else repr(label)
        for label in pair.labels
    )
    merge = "merge them, or say" if pair.are_siblings else "say"
    return (
        f"{a} and {b} can hardly be told apart, {sum(pair.n_confused):,} of "
        f"{sum(pair.n_docs):,} texts are taken for the other: {merge} in their "
        "descriptions what distinguishes them."
    )


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def show_chance(chance: Optional[float]) -> str:
    """RETURNS (str): A probability for people, a dash without one."""
    if chance is None:
        return "–"
    return "< 0.001" if chance < 0.001 else f"{chance:.3f}"


def write_suspects(found: CrossValidation, titles: Mapping[str, str] = NOTHING) -> str:
    """Write the suspects as a table that `convert` adds to a corpus, once a person has
    filled in what is right. Rows whose label is left empty change nothing.

    titles (Mapping[str, str]): What labels are called; given and suggested ones have a
        column of them if there are any.
    RETURNS (str): CSV.
    """
    out, s = StringIO(), "s" if found.several else ""
    header = ["text", f"label{s}", f"given_label{s}", f"suggested_label{s}"]
    header += ["given_probability", "suggested_probability", "documents", "reason"]
    header += [f"given_title{s}", f"suggested_title{s}"] if titles else []
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in found.suspects:
        labels = map(_join, (row.given, row.suggested))
        chances = row.given_probability, row.suggested_probability
        called = [
            _join([titles[label] for label in labels if label in titles])
            for labels in (row.given, row.suggested)
        ]
        cells = [row.text, "", *labels, *chances, row.n_docs, row.reason]
        writer.writerow([*cells, *(called if titles else [])])
    return out.getvalue()


def _join(labels: List[str]) -> str:
    """RETURNS (str): A cell of labels that `convert` can read."""
    if any(LIST_SEPARATOR in label for label in labels) and len(labels) > 1:
        return json.dumps(labels, ensure_ascii=False)
    return LIST_SEPARATOR.join(labels)
