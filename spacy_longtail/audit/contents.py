"""What is kept of a corpus while it's audited."""

from array import array
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy
from tqdm import tqdm

from ..errors import Errors
from ..gold import find_leaves
from ..similar import Prints, make_prints
from ..tables.columns import Columns
from .corpus import CorpusFiles, fetch_texts, find_files, read_chunks

# Characters of a text that are shown.
MAX_SHOWN = 200


@dataclass(frozen=True)
class Contents:
    """The texts of a corpus and where to read them again."""

    source: CorpusFiles
    remarks: List[str]
    words: Mapping[str, int]
    prints: Prints
    # For each document, which of the label sets it has.
    sets: numpy.ndarray
    label_sets: List[Tuple[str, ...]]

    def count_labels(self) -> Dict[str, int]:
        """Count the documents of each label, the most frequent label first."""
        n_docs = numpy.bincount(self.sets, minlength=len(self.label_sets))
        counts: "Counter[str]" = Counter()
        for labels, n in zip(self.label_sets, n_docs.tolist()):
            counts.update(dict.fromkeys(labels, n))
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def fetch(self, rows: Sequence[int]) -> Dict[int, str]:
        """RETURNS (Dict[int, str]): The beginning of some texts."""
        texts = self.fetch_whole(rows)
        return {row: cut_text(text) for row, text in texts.items()}

    def fetch_whole(self, rows: Sequence[int]) -> Dict[int, str]:
        """RETURNS (Dict[int, str]): Some texts."""
        return fetch_texts(self.source, rows)

    def name(self, row: int) -> str:
        """RETURNS (str): The labels of a document, for people."""
        return ", ".join(self.label_sets[self.sets[row]])


def cut_text(text: str) -> str:
    """RETURNS (str): The beginning of a text, for people."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def read_contents(
    path: Path,
    columns: Columns,
    separator: str,
    progress: bool,
    dialect: Dict[str, Any],
) -> Contents:
    """Read a corpus once.

    RAISES (ValueError): See audit_corpus.
    """
    files = find_files(Path(path))
    prints: List[Prints] = []
    remarks: List[str] = []
    words: Dict[str, int] = Counter()
    sets = array("l")
    ids: Dict[Tuple[str, ...], int] = {}
    with tqdm(desc="Reading", unit=" docs", disable=None if progress else True) as bar:
        for file_ in files:
            for chunk in read_chunks(file_, columns, **dialect):
                prints.append(make_prints(chunk.keys, chunk.lengths, chunk.hashes))
                for labels in chunk.labels:
                    leaves = tuple(find_leaves(labels, separator))
                    sets.append(ids.setdefault(leaves, len(ids)))
                for word, n in chunk.words.items():
                    words[word] += n
                bar.update(len(chunk.lengths))
                # A table is the only file.
                remarks = list(chunk.remarks or remarks)
    if not prints:
        raise ValueError(Errors.L612.format(path=path))
    joined = Prints(*map(numpy.concatenate, zip(*prints)))
    n_sets = numpy.asarray(sets, "int64")
    source = CorpusFiles(files, columns, dialect)
    return Contents(source, remarks, words, joined, n_sets, list(ids))
