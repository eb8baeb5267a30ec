from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List

from ..presentation import Remark, TextTable, make_table

DROPPED = {
    "no_text": "without a text",
    "no_label": "without a label",
    "too_long": "with a text that is longer than spaCy takes",
    "in_earlier_split": "whose text is in an earlier split too",
}
NOTES = {
    "inner_node": "rows lack their last levels, and are labelled with the node above",
    "gap": "rows have a level below a missing one, which was ignored",
    "whole_float": "labels were numbers like 12.0, and were read as 12",
    "duplicate": "rows repeat a text of their split, and were kept",
    "conflict": "texts have different labels in different rows",
}


@dataclass(frozen=True)
class Conversion:
    """What a conversion did.

    paths (List[str]): The files or folders of the corpus.
    n_rows (int): Rows read.
    docs (Dict[str, int]): Documents written to each split.
    labels (Dict[str, int]): Labels that occur in each split.
    has_lists (bool): Whether a document has a list of labels.
    missing (Dict[str, List[str]]): Labels of the corpus that a split doesn't have.
    dropped (Dict[str, int]): Rows that were dropped: "no_text", "no_label",
        "too_long", "in_earlier_split".
    notes (Dict[str, int]): Rows that are worth a look: "inner_node" (a level is
        missing at the end), "gap" (a level below a missing one, ignored),
        "whole_float" (12.0, read as 12), "duplicate" (of a text in the same split),
        "conflict" (texts with different labels).
    """

    paths: List[str]
    n_rows: int
    docs: Dict[str, int]
    labels: Dict[str, int]
    has_lists: bool
    missing: Dict[str, List[str]] = field(default_factory=dict)
    dropped: Dict[str, int] = field(default_factory=dict)
    notes: Dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return asdict(self)

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): What was written."""
        rows = [
            (path, n_docs, self.labels[split], len(self.missing[split]))
            for path, (split, n_docs) in zip(self.paths, self.docs.items())
        ]
        header = ("Written", "Documents", "Labels", "Missing labels")
        return [make_table("", header, rows)]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What was dropped and noticed, a sentence each."""
        sentences = [
            f"Dropped {n:,} of {self.n_rows:,} rows {DROPPED[reason]}."
            for reason, n in self.dropped.items()
        ]
        sentences += [f"{n:,} {NOTES[name]}." for name, n in self.notes.items()]
        return [Remark("info", sentence) for sentence in sentences]
