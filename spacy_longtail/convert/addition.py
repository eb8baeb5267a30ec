from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher, get_close_matches
from typing import Any, Dict, Iterable, List, Sequence, Tuple

from ..presentation import Remark, TextTable, count_noun, make_table, shorten
from ..spelling import has_word
from ..tables.columns import describe_notes

# Rows of a table, and names in a sentence.
MAX_ROWS, MAX_NAMES = 20, 5
# New labels that are compared with all others, and how similar a misspelled one is.
MAX_COMPARED, CUTOFF = 100, 0.8
# What can become of a text, as the columns of the first table.
FATES = ("new", "corrected", "removed", "repeated")
REASONS = {
    "no_text": "without a text",
    "no_label": "without a label, which nobody has filled in yet",
    "too_long": "with a text that is longer than spaCy takes",
    "ignored": "that are to be ignored, as 'answer' says",
}
FOUND = {
    "conflict": "texts have different labels in different rows; the last one counts",
    "needed": "new texts are in train although they belong to dev or test, because a "
    "label has no other text there",
    "without_effect": "rows reject or delete what the corpus doesn't have",
}


@dataclass(frozen=True)
class Addition:
    """What an addition to a corpus did.

    paths (List[str]): The files or folders of the corpus.
    n_rows (int): Rows read.
    docs_before, docs (Dict[str, int]): Documents of each split, before and now.
    changes (Dict[str, Dict[str, int]]): Of each split, how many texts are "new", and
        how many documents were "corrected", "removed", or are "repeated" by the rows
        without a change.
    counts_before, counts (Dict[str, int]): Documents of each label, before and now, the
        most first. Before, they have their old names.
    new_labels, vanished (List[str]): Labels that there are only now, or only before.
    moved (Dict[str, str]): What labels are called now that new names or another place
        of the tree have given another name.
    merged (Dict[str, List[str]]): Labels that new names have put together.
    corrections (List[Tuple[str, str, int]]): From which label to which how many
        documents went by corrections, the most first.
    similar (Dict[str, str]): New labels that may be misspelled, with what is known.
    missing (Dict[str, List[str]]): Labels of the corpus that a split doesn't have.
    dropped, notes, first: See Conversion. "without_effect" counts rows that reject or
        delete what isn't there.
    done (List[str]): Old names in the table of new ones that nothing has any more.
    descriptions (List[str]): The file of descriptions with new names, if there is one.
    """

    paths: List[str]
    n_rows: int
    docs_before: Dict[str, int]
    docs: Dict[str, int]
    changes: Dict[str, Dict[str, int]]
    counts_before: Dict[str, int]
    counts: Dict[str, int]
    new_labels: List[str]
    vanished: List[str]
    moved: Dict[str, str]
    merged: Dict[str, List[str]]
    corrections: List[Tuple[str, str, int]]
    similar: Dict[str, str]
    missing: Dict[str, List[str]]
    dropped: Dict[str, int] = field(default_factory=dict)
    notes: Dict[str, int] = field(default_factory=dict)
    first: Dict[str, str] = field(default_factory=dict)
    done: List[str] = field(default_factory=list)
    descriptions: List[str] = field(default_factory=list)

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return asdict(self)

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): What was written, and the largest changes."""
        header = ("Written", "Before", "Now", *map(str.capitalize, FATES))
        rows = [
            (path, self.docs_before[split], n, *map(self.changes[split].get, FATES))
            for path, (split, n) in zip(self.paths, self.docs.items())
        ]
        return [
            make_table("", header, rows),
            self._list_changes(),
            self._list_corrections(),
        ]

    def _list_changes(self) -> TextTable:
        was = {new: old for old, new in self.moved.items()}
        rows = []
        for label, before, now in self.get_changes():
            if label in self.moved and not now:
                continue  # It's said of the new name.
            remark = "" if now else "gone"
            if label in self.merged:
                remark = f"with {_name_some(self.merged[label])}"
            elif label in was:
                remark = f"was {was[label]!r}"
            elif not before:
                remark = "new"
            rows.append((shorten(label), f"{before:,}", f"{now:,}", remark))
        header = ("Category", "Before", "Now", "")
        title = f"{count_noun(len(rows), 'change')} of categories, the largest first"
        title = title.replace("1 change of categories, the largest first", "Change")
        return TextTable(title, header, rows[:MAX_ROWS], "lrrl", _say_more(rows))

    def _list_corrections(self) -> TextTable:
        rows = [(shorten(a), shorten(b), f"{n:,}") for a, b, n in self.corrections]
        header = ("From", "To", "Documents")
        title = "Corrected labels"
        return TextTable(title, header, rows[:MAX_ROWS], "llr", _say_more(rows))

    def get_changes(self) -> List[Tuple[str, int, int]]:
        """RETURNS (List[Tuple[str, int, int]]): Each label whose documents are others,
        with how many they were and are, the largest change first.
        """
        labels = dict.fromkeys([*self.counts_before, *self.counts])
        pairs = [(label, self.counts_before.get(label, 0)) for label in labels]
        changes = [(label, n, self.counts.get(label, 0)) for label, n in pairs]
        names = {*self.moved.values()}
        changes = [c for c in changes if c[1] != c[2] or c[0] in names]
        return sorted(changes, key=lambda change: -abs(change[1] - change[2]))

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What was left out and noticed, a sentence each."""
        sentences = [
            f"Left out {n:,} of {self.n_rows:,} rows {REASONS[reason]}."
            for reason, n in self.dropped.items()
        ]
        sentences += describe_notes(self.notes, self.first)
        sentences += [
            f"{self.notes[name]:,} {what}."
            for name, what in FOUND.items()
            if name in self.notes
        ]
        if self.done:
            names = _name_some(self.done)
            sentences.append(f"Nothing is called {names} any more, only the new name.")
        sentences += [
            f"Wrote the descriptions to {path}." for path in self.descriptions
        ]
        return [*(Remark("info", s) for s in sentences), *self._warn()]

    def _warn(self) -> List[Remark]:
        warnings = [
            f"{label!r} is new ({count_noun(self.counts[label], 'document')}). Did you "
            f"mean {known!r}? Then correct these rows and add them again."
            for label, known in [*self.similar.items()][:MAX_ROWS]
        ]
        more = len(self.similar) - MAX_ROWS
        if more > 0:
            warnings.append(f"{more:,} more are like known ones; --json has all.")
        in_train = self.missing.get("train", [])
        if in_train:
            warnings.append(
                f"{count_noun(len(in_train), 'category').replace('ys', 'ies')} without "
                f"a text in train, as known texts stay where they are: "
                f"{_name_some(in_train)}. Add texts of these."
            )
        return [Remark("warn", sentence) for sentence in warnings]


def find_misspelled(
    new: Sequence[str], known: Iterable[str], counts: Dict[str, int], separator: str
) -> Dict[str, str]:
    """Find what may be meant by labels that are new: one that is written nearly like
    it, see _is_close, or one with the same last segment. Codes are left out.

    new (Sequence[str]): The new labels. Of many, those with few documents are compared.
    RETURNS (Dict[str, str]): The known label that each may be.
    """
    known = list(known)
    spelled = {label.casefold(): label for label in known}
    names: Dict[str, List[str]] = {}
    for label in known:
        names.setdefault(label.rpartition(separator)[2].casefold(), []).append(label)
    found = {}
    for label in sorted(new, key=lambda label: counts.get(label, 0))[:MAX_COMPARED]:
        plain = label.casefold()
        name = plain.rpartition(separator)[2]
        if not has_word(name):
            continue  # Codes are all alike.
        near = get_close_matches(plain, spelled, n=3, cutoff=CUTOFF)
        close = [other for other in near if _is_close(plain, other, separator)]
        same = names.get(name, [])
        if close:
            found[label] = spelled[close[0]]
        elif len(same) == 1:
            found[label] = same[0]
    return found


def _is_close(label: str, other: str, separator: str) -> bool:
    """RETURNS (bool): Whether two labels that are written alike have the same digits
    and, at the same depth, levels that are alike: a long one hides another that isn't.
    """
    digits = ["".join(filter(str.isdigit, name)) for name in (label, other)]
    levels = [name.split(separator) for name in (label, other)]
    if digits[0] != digits[1] or len(levels[0]) != len(levels[1]):
        return digits[0] == digits[1]
    return all(SequenceMatcher(None, *p).ratio() >= CUTOFF for p in zip(*levels))


def find_moved(
    vanished: Sequence[str], new: Sequence[str], separator: str
) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): Vanished labels, and the new ones at another place of
    the tree that have the same last segment, which no others have.
    """
    places: List[Dict[str, List[str]]] = [{}, {}]
    for labels, found in zip((vanished, new), places):
        for label in labels:
            found.setdefault(label.rpartition(separator)[2], []).append(label)
    before, now = places
    return {
        olds[0]: now[name][0]
        for name, olds in before.items()
        if len(olds) == 1 and len(now.get(name, ())) == 1
    }


def _name_some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:MAX_NAMES]))
    more = len(names) - MAX_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _say_more(rows: Sequence[Any]) -> List[Remark]:
    more = len(rows) - MAX_ROWS
    text = f"{MAX_ROWS} of {len(rows):,}; --json has all."
    return [Remark("text", text)] if more > 0 else []
