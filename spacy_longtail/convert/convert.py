from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Container, Dict, List, Optional, Sequence, Tuple

from tqdm import tqdm

from ..errors import Errors
from ..files import (
    StateT,
    finish_interrupted,
    look_at,
    refuse_stream,
    write_folder,
)
from ..languages import make_blank
from ..loading import read_whole
from ..presentation import Remark, TextTable, make_table
from ..settings import check_seed
from ..tables import Table, is_table, open_table
from ..tables.columns import (
    SPLITS,
    Columns,
    RecordReader,
    describe_notes,
    get_split_name,
)
from .allot import check_shares
from .plan import Plan, Rows, count_by_split, make_plan
from .shards import SUFFIX, ShardWriter, is_conversion

# Why rows are dropped, and what is worth a look, in words.
REASONS = {
    "no_text": "without a text",
    "no_label": "without a label",
    "too_long": "with a text that is longer than spaCy takes",
    "in_earlier_split": "whose text is in an earlier split too",
    "rejected": "whose label is wrong, as 'answer' says",
    "ignored": "that are to be ignored, as 'answer' says",
    "deleted": "that are to be deleted, as 'answer' says",
}
FOUND = {
    "duplicate": "rows repeat a text of their split, and were kept",
    "conflict": "texts have different labels in different rows",
    "needed": "texts are in train although they belong to dev or test, because a label "
    "has no other text there",
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
        "too_long", "in_earlier_split"; "rejected", "ignored" and "deleted" by an
        annotator.
    notes (Dict[str, int]): What is worth a look: "inner_node" (rows that lack a level
        at the end), "gap" (a level below a missing one, ignored), "whole_float"
        (12.0, read as 12), "mark" (cells like "NA", read as no label), "edge" (labels
        with a separator at an end), "respelled" (labels with invisible characters or
        another form of Unicode, written as they look), "mark_text" (texts like "NA",
        kept), "number_text" (numbers that are texts), "many_lines" (cells with line
        ends and delimiters), "predicted" (labels that `predict` has written),
        "other_sheets" (not read), "duplicate" (of a text in the
        same split), "conflict" (texts with different labels), "needed" (texts in train
        that belong to dev or test, because a label has no other there).
    empty (List[str]): Splits that should have a share, but to which no text belongs.
    first (Dict[str, str]): File and line where each note of the tables was first.
    """

    paths: List[str]
    n_rows: int
    docs: Dict[str, int]
    labels: Dict[str, int]
    has_lists: bool
    missing: Dict[str, List[str]] = field(default_factory=dict)
    dropped: Dict[str, int] = field(default_factory=dict)
    notes: Dict[str, int] = field(default_factory=dict)
    empty: List[str] = field(default_factory=list)
    first: Dict[str, str] = field(default_factory=dict)

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
            f"Dropped {n:,} of {self.n_rows:,} rows {REASONS[reason]}."
            for reason, n in self.dropped.items()
        ]
        sentences += describe_notes(self.notes, self.first)
        sentences += [
            f"{self.notes[name]:,} {what}."
            for name, what in FOUND.items()
            if name in self.notes
        ]
        warnings = [
            f"No text belongs to {split}, because there are so few. Give it a larger "
            f"share, for example --{split} 0.3, or try another --seed."
            for split in self.empty
        ]
        return [
            *(Remark("info", sentence) for sentence in sentences),
            *(Remark("warn", sentence) for sentence in warnings),
        ]


def convert_corpus(
    inputs: Sequence[Path],
    output_dir: Path,
    *,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    dev: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    lang: str = "en",
    force: bool = False,
    progress: bool = False,
    **dialect: Any,
) -> Conversion:
    """Convert tables to a corpus for spaCy: train.spacy, dev.spacy and test.spacy.

    The rows are read twice and never held together, so the memory that it needs
    hardly grows with them. Which split a text belongs to depends on the text and the
    seed alone: it stays there when rows are added. The same input and seed give the
    same files. All files of an earlier conversion are replaced together. If anything
    goes wrong, they stay.

    inputs (Sequence[Path]): Files, or one folder of train, dev and test files. Files
        named train, dev and test are kept apart like that, others are split.
    output_dir (Path): Where to write. It's made if it isn't there.
    columns (Columns): Where the tables have texts and labels.
    dev (float): Share of the dev split, from 0.0. Without effect if the input says
        what belongs where.
    test (float): Share of the test split, from 0.0.
    seed (int): Of the split.
    lang (str): Language of the tokenizer, which is noted in the corpus.
    force (bool): Replace also what no conversion has written.
    progress (bool): Whether to show progress bars, on stderr.
    dialect (Any): What the files don't say themselves: "encoding" and "delimiter" of
        text files, "quotes" (False if they are text), "header" (False if there is
        none, and columns are named by their number), "sheet" of an Excel file.
    RETURNS (Conversion): What was done.
    RAISES (ValueError): L604, L606 to L608, L610 to L639 or L660 to L665, see there.
    """
    check_shares(dev, test)
    check_seed(seed)
    before = look_at_corpus(Path(output_dir), force)
    sources = find_sources(inputs, **dialect)
    paths = [table.path for table, _ in sources]
    seen = look_at(*paths)
    readers = make_readers(sources, columns)
    nlp = make_blank(lang)
    rows = Rows(nlp.max_length)
    bar = {"disable": None if progress else True, "unit": " rows"}
    for record in tqdm(chain.from_iterable(readers), desc="Reading", **bar):
        rows.add(record)
    plan = make_plan(rows, (dev, test), seed=seed)
    # The second reading counts the notes again.
    notes, places = collect_notes(readers)
    has_lists = readers[0].has_lists
    result = _summarize(rows, plan, notes, places, output_dir, has_lists)
    if not result.docs:
        dropped = ", ".join(f"{name}: {n}" for name, n in result.dropped.items())
        text = Errors.L626.format(n=result.n_rows, dropped=dropped or "none")
        raise ValueError(text)
    check_left(output_dir, result.docs)
    with (
        write_folder(output_dir, before=before) as folder,
        read_whole(*paths, before=seen),
    ):
        writers = {
            SPLITS.index(split): ShardWriter(nlp, folder / (split + SUFFIX), nlp.lang)
            for split in result.docs
        }
        pairs = zip(chain.from_iterable(readers), plan.splits.tolist())
        for record, split in tqdm(pairs, total=len(plan.splits), desc="Writing", **bar):
            if split in writers:
                writers[split].add(record.text, record.labels or ())
        for writer in writers.values():
            writer.finish()
    return result


def find_sources(
    inputs: Sequence[Path], **dialect: Any
) -> List[Tuple[Table, Optional[str]]]:
    """Open the files of the input. Others than train, dev and test files of a folder
    are left alone.

    RETURNS (List[Tuple[Table, Optional[str]]]): Each with the split that it's named
        by, None if not all of them are.
    RAISES (ValueError): L610 to L612 or L630, see there.
    """
    paths: List[Path] = []
    for path in map(Path, inputs):
        paths.extend(_list_folder(path) if path.is_dir() else [path])
    splits = [get_split_name(path.stem) for path in paths]
    if None in splits or len(paths) == 1:
        splits = [None] * len(paths)
    return [(open_table(path, **dialect), split) for path, split in zip(paths, splits)]


def make_readers(
    sources: Sequence[Tuple[Table, Optional[str]]],
    columns: Columns,
    *,
    corrects: bool = False,
) -> List[RecordReader]:
    """Open the tables that find_sources has found, see RecordReader.

    RAISES (ValueError): L629 if some have lists of labels, and some have not.
    """
    readers = [
        RecordReader(table, columns, split, corrects=corrects)
        for table, split in sources
    ]
    for reader in readers:
        if reader.has_lists != readers[0].has_lists:
            first, second = readers[0].table.path, reader.table.path
            raise ValueError(Errors.L629.format(first=first, second=second))
    return readers


def collect_notes(
    readers: Sequence[RecordReader],
) -> Tuple["Counter[str]", Dict[str, str]]:
    """RETURNS (Tuple[Counter[str], Dict[str, str]]): What was remarkable in tables that
    were read, and where each was first.
    """
    notes = sum((reader.notes for reader in readers), Counter())
    places = {name: at for r in reversed(readers) for name, at in r.first.items()}
    return notes, places


def _list_folder(folder: Path) -> List[Path]:
    tables = sorted(path for path in folder.iterdir() if is_table(path))
    found = [path for path in tables if get_split_name(path.stem)]
    names = [get_split_name(path.stem) for path in found]
    if "train" not in names or len(set(names)) < len(names):
        files = ", ".join(path.name for path in tables) or "none"
        raise ValueError(Errors.L630.format(folder=folder, files=files))
    return found


def look_at_corpus(output_dir: Path, force: bool) -> StateT:
    """Find out whether a corpus may be written there.

    RAISES (ValueError): L604 if it would replace what no conversion has written, L608
        or L625, see files.py.
    """
    refuse_stream(output_dir)
    finish_interrupted(output_dir)
    for path in (output_dir / (split + SUFFIX) for split in SPLITS):
        if path.exists() and not force and not is_conversion(path):
            raise ValueError(Errors.L604.format(path=path))
    return look_at(output_dir)


def check_left(output_dir: Path, splits: Container[str]) -> None:
    """A dev file of another split may contain what is in the new train file.

    RAISES (ValueError): L624 if there is one that isn't replaced.
    """
    for split in SPLITS:
        path = output_dir / (split + SUFFIX)
        if split not in splits and path.exists():
            raise ValueError(Errors.L624.format(path=path))


def _summarize(
    rows: Rows,
    plan: Plan,
    notes: "Counter[str]",
    places: Dict[str, str],
    output_dir: Path,
    has_lists: bool,
) -> Conversion:
    n_docs = Counter(plan.splits.tolist())
    docs = {split: n_docs[i] for i, split in enumerate(SPLITS) if n_docs[i]}
    counts = dict(zip(SPLITS, count_by_split(rows, plan.splits.tolist())))
    # What the readers leave out themselves.
    unread = {name: notes[name] for name in REASONS if name in notes}
    dropped = {**rows.dropped, **unread, "in_earlier_split": plan.n_leaked}
    found = {
        **(notes - Counter(unread)),
        "duplicate": plan.n_duplicates,
        "conflict": plan.n_conflicts,
        "needed": plan.n_needed,
    }
    return Conversion(
        paths=[str(output_dir / (split + SUFFIX)) for split in docs],
        n_rows=len(plan.splits) + sum(unread.values()),
        docs=docs,
        labels={split: len(counts[split]) for split in docs},
        has_lists=has_lists,
        missing={
            split: sorted(set(rows.labels) - counts[split].keys()) for split in docs
        },
        dropped={name: n for name, n in sorted(dropped.items()) if n},
        notes={name: n for name, n in sorted(found.items()) if n},
        empty=plan.empty,
        first={name: at for name, at in sorted(places.items()) if found.get(name)},
    )
