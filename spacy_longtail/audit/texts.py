"""What the prints of the texts say."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy

from ..tables.columns import Columns
from .corpus import fetch_texts
from .facts import Texts
from .similar import NearPair, Prints, find_near_pairs, group_equal

# What transformers cut off.
LONG = 512
MAX_EXAMPLES = 10
MAX_SHOWN = 200


@dataclass(frozen=True)
class Contents:
    """The texts of a corpus and where to read them again.

    files (List[Path]): Its files.
    columns (Columns): Of a table.
    prints (Prints): Of the texts.
    sets (numpy.ndarray): Id of the label set of each document.
    label_sets (List[Tuple[str, ...]]): The label sets.
    """

    files: List[Path]
    columns: Columns
    prints: Prints
    sets: numpy.ndarray
    label_sets: List[Tuple[str, ...]]

    def fetch(self, rows: Sequence[int]) -> Dict[int, str]:
        """RETURNS (Dict[int, str]): The beginning of some texts."""
        texts = fetch_texts(self.files, rows, self.columns)
        return {
            row: text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
            for row, text in texts.items()
        }

    def name(self, row: int) -> str:
        """RETURNS (str): The labels of a document, for people."""
        return ", ".join(self.label_sets[self.sets[row]])


def describe_texts(contents: Contents) -> Texts:
    """RETURNS (Texts): The facts, with a few examples."""
    lengths = contents.prints.lengths
    n_duplicates, groups = find_conflicts(contents.prints.hashes, contents.sets)
    n_near, pairs = find_near_pairs(contents.prints, contents.sets)
    chosen = sorted(groups, key=len, reverse=True)[:MAX_EXAMPLES]
    shown = choose_different(pairs)
    wanted = [int(rows[0]) for rows in chosen]
    wanted += [row for pair in shown for row in pair[:2]]
    texts = contents.fetch(wanted)
    conflicts = [
        {
            "text": texts[int(rows[0])],
            "n_docs": len(rows),
            "labels": dict(Counter(map(contents.name, rows.tolist())).most_common()),
        }
        for rows in chosen
    ]
    near_conflicts = [
        {
            "similarity": round(pair.similarity, 2),
            "texts": [texts[row] for row in pair[:2]],
            "labels": [contents.name(row) for row in pair[:2]],
        }
        for pair in shown
    ]
    return Texts(
        n_empty=int((lengths == 0).sum()),
        n_long=int((lengths > LONG).sum()),
        long_limit=LONG,
        median_length=int(numpy.median(lengths)) if len(lengths) else 0,
        longest=int(lengths.max(initial=0)),
        n_duplicates=n_duplicates,
        n_conflicts=len(groups),
        conflicts=conflicts,
        n_near_conflicts=n_near,
        near_conflicts=near_conflicts,
        long_rows=numpy.flatnonzero(lengths > LONG)[:MAX_EXAMPLES].tolist(),
        empty_rows=numpy.flatnonzero(lengths == 0)[:MAX_EXAMPLES].tolist(),
    )


def find_conflicts(
    hashes: numpy.ndarray, sets: numpy.ndarray
) -> Tuple[int, List[numpy.ndarray]]:
    """Find equal texts.

    RETURNS (Tuple[int, List[numpy.ndarray]]): Documents that repeat the text and
        labels of an earlier one, and the rows of each text that has several labels.
    """
    # Texts without a word have nothing in common.
    rows = numpy.flatnonzero(hashes)
    order, starts = group_equal(hashes[rows])
    order = rows[order]
    sizes = numpy.diff([*starts, len(order)])
    text_of = numpy.repeat(numpy.arange(len(starts)), sizes)
    n_distinct = len(numpy.unique(text_of * (sets.max(initial=0) + 1) + sets[order]))
    differs = sets[order] != numpy.repeat(sets[order[starts]], sizes)
    in_conflict = numpy.unique(text_of[differs])
    groups = [order[starts[i] : starts[i] + sizes[i]] for i in in_conflict]
    return len(order) - n_distinct, groups


def choose_different(pairs: Sequence[NearPair]) -> List[NearPair]:
    """RETURNS (List[NearPair]): The first pairs, no text in two of them."""
    chosen: List[NearPair] = []
    used: set = set()
    for pair in pairs:
        if len(chosen) == MAX_EXAMPLES:
            break
        if not used & {pair.first, pair.second}:
            used |= {pair.first, pair.second}
            chosen.append(pair)
    return chosen
