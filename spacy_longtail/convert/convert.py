from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, Optional, Sequence

import spacy
from tqdm import tqdm

from ..errors import Errors
from ..files import write_together
from ..tables.columns import SPLITS, Columns, Record, RecordReader
from ..tables.table import ENCODING
from .allot import check_shares
from .plan import Plan, Rows, count_by_split, make_plan
from .shards import SUFFIX, CorpusWriter
from .sources import Source, find_sources
from .summary import Conversion

MAX_DOCS = 20_000
MAX_CHARS = 10_000_000


def convert_corpus(
    inputs: Sequence[Path],
    output_dir: Path,
    *,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    dev: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    lang: str = "en",
    encoding: str = ENCODING,
    delimiter: Optional[str] = None,
    progress: bool = False,
) -> Conversion:
    """Convert tables to a corpus for spaCy: train.spacy, dev.spacy and test.spacy.

    The rows are read twice and never held together, so the memory that it needs
    hardly grows with them. The same input and seed give the same files. If anything
    goes wrong, nothing is left under a final name.

    inputs (Sequence[Path]): Files, or one folder of train, dev and test files. Files
        named train, dev and test are kept apart like that, others are split.
    output_dir (Path): Where to write. It's made if it isn't there.
    columns (Columns): Where the tables have texts and labels.
    dev (float): Share of the dev split, from 0.0. Without effect if the input says
        what belongs where.
    test (float): Share of the test split, from 0.0.
    seed (int): Of the split.
    lang (str): Language of the tokenizer.
    encoding (str): Of text files.
    delimiter (Optional[str]): Of CSV files.
    progress (bool): Whether to show progress bars, on stderr.
    RETURNS (Conversion): What was done.
    RAISES (ValueError): L610 to L630, see there.
    """
    check_shares(dev, test)
    sources = find_sources(inputs, encoding=encoding, delimiter=delimiter)
    nlp = spacy.blank(lang)
    rows = Rows(nlp.max_length)
    notes: "Counter[str]" = Counter()
    readers = [RecordReader(source.table, columns, notes) for source in sources]
    _check_same_kind(readers)
    has_lists = readers[0].has_lists
    bar = {"disable": None if progress else True, "unit": " rows"}
    for record in tqdm(_read(sources, readers), desc="Reading", **bar):
        rows.add(record)
    plan = make_plan(rows, (dev, test), seed=seed, has_lists=has_lists)
    found = {int(split) for split in set(plan.splits.tolist()) if split >= 0}
    if not found:
        dropped = ", ".join(f"{name}: {n}" for name, n in rows.dropped.items())
        raise ValueError(
            Errors.L626.format(n=len(rows.sets), dropped=dropped or "none")
        )
    _check_output(output_dir, [SPLITS[split] for split in found])
    notes_of_all = _get_notes(notes, plan)
    with write_together(Path(output_dir)) as folder:
        writer = CorpusWriter(nlp, folder, max_docs=MAX_DOCS, max_chars=MAX_CHARS)
        records = tqdm(
            zip(_read(sources, readers), plan.splits.tolist()),
            total=len(plan.splits),
            desc="Writing",
            **bar,
        )
        for record, split in records:
            if split >= 0:
                writer.add(SPLITS[split], record.text, record.labels or ())
        names = writer.finish()
    paths = [output_dir / f"{s}{SUFFIX}" for s in SPLITS if f"{s}{SUFFIX}" in names]
    return _summarize(rows, plan, paths, notes_of_all, has_lists)


def _read(
    sources: Sequence[Source], readers: Sequence[RecordReader]
) -> Iterator[Record]:
    for source, reader in zip(sources, readers):
        for record in reader:
            yield record._replace(split=source.split) if source.split else record


def _check_same_kind(readers: Sequence[RecordReader]) -> None:
    for reader in readers[1:]:
        if reader.has_lists != readers[0].has_lists:
            first, second = readers[0].table.path, reader.table.path
            raise ValueError(Errors.L629.format(first=first, second=second))


def _check_output(output_dir: Path, splits: Sequence[str]) -> None:
    """A dev file of another split may contain what is in the new train file."""
    for split in SPLITS:
        path = output_dir / (split + SUFFIX)
        if split not in splits and path.exists():
            raise ValueError(Errors.L624.format(path=path))


def _get_notes(notes: "Counter[str]", plan: Plan) -> Dict[str, int]:
    found = {**notes, "duplicate": plan.n_duplicates, "conflict": plan.n_conflicts}
    return {name: n for name, n in sorted(found.items()) if n}


def _summarize(
    rows: Rows,
    plan: Plan,
    paths: Sequence[Path],
    notes: Dict[str, int],
    has_lists: bool,
) -> Conversion:
    counts = dict(zip(SPLITS, count_by_split(rows, plan.splits.tolist())))
    docs = {split: int((plan.splits == i).sum()) for i, split in enumerate(SPLITS)}
    written = [split for split in SPLITS if docs[split]]
    dropped = {**rows.dropped, "in_earlier_split": plan.n_leaked}
    return Conversion(
        paths=[str(path) for path in paths],
        n_rows=len(plan.splits),
        docs={split: docs[split] for split in written},
        labels={split: len(counts[split]) for split in written},
        has_lists=has_lists,
        missing={
            split: sorted(set(rows.labels) - set(counts[split])) for split in written
        },
        dropped={name: n for name, n in sorted(dropped.items()) if n},
        notes=notes,
    )
