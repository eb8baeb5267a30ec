from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy
import srsly
from spacy.language import Language
from tqdm import tqdm

from ..code_tables import is_code_table
from ..descriptions import RecordT, make_label_descriptions
from ..errors import Errors, JobErrors
from ..files import finish_interrupted, follow_links, look_at, write_folder
from ..gold import find_leaves
from ..languages import make_blank, read_language
from ..loading import SUFFIX, read_whole
from ..settings import check_seed
from ..tables.columns import SPLITS, Columns, RecordReader
from .addition import FATES, Addition, find_misspelled, find_moved
from .allot import check_shares
from .convert import (
    check_left,
    collect_notes,
    find_sources,
    look_at_corpus,
    make_readers,
)
from .edits import (
    GONE,
    LEFT,
    Outcome,
    count_sets,
    decide,
    rename_sets,
)
from .known import (
    KnownTexts,
    StoredShard,
    agree_on_language,
    correct_cats,
    find_shards,
)
from .plan import DROPPED, Rows
from .renames import Renames, read_renames
from .shards import MAX_DOCS, ShardWriter, pack_shard

ShardT = Tuple[int, Path]
CountsT = List[Dict[str, int]]


class _Contents(NamedTuple):
    """What a corpus and the rows hold, with new names.

    counts (List[Dict[str, int]]): Documents of each label under its old name, of each
        split.
    done (List[str]): Old names that nothing has.
    """

    rows: Rows
    known: KnownTexts
    counts: CountsT
    done: List[str]


def add_to_corpus(
    inputs: Sequence[Path],
    corpus: Path,
    output_dir: Path,
    *,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    rename: Optional[Path] = None,
    descriptions: Optional[Path] = None,
    dev: Optional[float] = None,
    test: Optional[float] = None,
    seed: int = 0,
    lang: Optional[str] = None,
    force: bool = False,
    progress: bool = False,
    **dialect: Any,
) -> Addition:
    """Add the texts of tables to a corpus, and correct the labels of those that it has.

    Each text that the corpus has stays in its split, and a document keeps everything
    but the labels that are corrected. The rows count as if each was added after the
    one before, so that the last one is right, and adding them again changes nothing.
    Neither the corpus nor the rows are held together in memory. Everything is replaced
    together; if anything goes wrong, the corpus is as it was.

    inputs (Sequence[Path]): See convert_corpus. None, if there are only new names.
    corpus (Path): The folder of train.spacy, dev.spacy and test.spacy.
    output_dir (Path): Where to write. It can be the corpus itself.
    columns (Columns): Where the tables have texts and labels. A row without a label is
        left out; one with "reject" in the column "answer" takes its label from a text
        that has it, and one with "delete" the text from the corpus.
    rename (Optional[Path]): A table of the columns "old" and "new": categories, or
        nodes above some, and their new names, which the corpus, the rows and the
        descriptions get.
    descriptions (Optional[Path]): Descriptions as JSON lines, which are written to the
        output under the same file name.
    dev, test (Optional[float]): Shares of the new texts. By default 0.1, or none if the
        corpus has no such split.
    seed (int): Of the split of new texts.
    lang (Optional[str]): Language of the tokenizer, by default that of the corpus.
    force, progress, dialect: See convert_corpus.
    RETURNS (Addition): What was done.
    RAISES (ValueError): L731 to L739, see there, and those of convert_corpus.
    """
    corpus, output_dir = Path(corpus), Path(output_dir)
    if not inputs and rename is None:
        raise ValueError(JobErrors.L731)
    is_here = follow_links(corpus) == follow_links(output_dir)
    before = look_at_corpus(output_dir, force or is_here)
    finish_interrupted(corpus)
    shards = find_shards(corpus)
    own = [path for _, path in shards]
    others = [Path(path) for path in (rename, descriptions) if path is not None]
    sources = find_sources(inputs, **dialect)
    paths = [*(table.path for table, _ in sources), *others, *own]
    seen = look_at(*paths)
    with read_whole(*paths, before=seen):
        nlp = make_blank(agree_on_language(own, lang))
        shares = _choose_shares(dev, test, {split for split, _ in shards}, seed)
        readers = make_readers(sources, columns, corrects=True)
        renames = read_renames(rename, columns)
        records = _read_descriptions(descriptions, output_dir, force)
        contents = _read(nlp, shards, readers, renames, records, progress)
        has_lists = any(reader.has_lists for reader in readers)
        _check_lists(contents, corpus, readers)
        found = decide(contents.rows, contents.known, has_lists, shares, seed=seed)
        result = _summarize(contents, found, renames, readers, output_dir)
    check_left(output_dir, result.docs)
    with (
        write_folder(output_dir, before=before) as folder,
        read_whole(*paths, before=seen),
    ):
        writers = _write_known(nlp, folder, shards, contents, found, renames, progress)
        _write_new(writers, contents.rows, found, readers, progress)
        if descriptions is not None:
            renamed = renames.rename_descriptions(records)
            srsly.write_jsonl(folder / Path(descriptions).name, renamed)
            path = str(output_dir / Path(descriptions).name)
            result = replace(result, descriptions=[path])
    return result


def _choose_shares(
    dev: Optional[float], test: Optional[float], splits: Set[int], seed: int
) -> Tuple[float, float]:
    """RAISES (ValueError): L623 or L662 if they or the seed can't be."""
    usual = [0.1 if number in splits else 0.0 for number in (1, 2)]
    shares = usual[0] if dev is None else dev, usual[1] if test is None else test
    check_shares(*shares)
    check_seed(seed)
    return shares


def _read_descriptions(
    path: Optional[Path], output_dir: Path, force: bool
) -> List[RecordT]:
    """RAISES (ValueError): L739 if it's a table of codes, L604 if the output has other
    ones, and those of make_label_descriptions.
    """
    if path is None:
        return []
    if Path(path).is_file() and is_code_table(Path(path)):
        raise ValueError(JobErrors.L739.format(path=path))
    target = output_dir / Path(path).name
    if target.exists() and not force and not target.samefile(path):
        raise ValueError(Errors.L604.format(path=target))
    return make_label_descriptions(path)


def _read(
    nlp: Language,
    shards: List[ShardT],
    readers: List[RecordReader],
    renames: Renames,
    descriptions: List[RecordT],
    progress: bool,
) -> _Contents:
    rows = Rows(nlp.max_length)
    known = KnownTexts(rows.label_sets)
    bar = {"disable": None if progress else True}
    for split, path in tqdm(shards, desc="Reading the corpus", unit=" files", **bar):
        known.add(StoredShard(path), split)
    for record in tqdm(chain(*readers), desc="Reading", unit=" rows", **bar):
        rows.add(record)
    separator = renames.separator
    leaves = [tuple(find_leaves(labels, separator)) for labels in rows.label_sets]
    counts = count_sets(known.sets, known.splits, leaves)
    others = {*rows.labels, *(record["label"] for record in descriptions)}
    done = [row.old for row in renames.drop_unknown(known.names, others)]
    rename_sets(rows, known, renames.translate, separator)
    return _Contents(rows, known, counts, done)


def _check_lists(
    contents: _Contents, corpus: Path, readers: Sequence[RecordReader]
) -> None:
    """RAISES (ValueError): L738 if one label would replace several."""
    label_sets = list(contents.rows.label_sets)
    most = max((len(label_sets[n]) for n in set(contents.known.sets)), default=0)
    if most > 1 and any(not reader.has_lists for reader in readers):
        table = readers[0].table.path
        text = JobErrors.L738.format(path=corpus, n=most, table=table)
        raise ValueError(text)


def _write_known(
    nlp: Language,
    folder: Path,
    shards: List[ShardT],
    contents: _Contents,
    found: Outcome,
    renames: Renames,
    progress: bool,
) -> Dict[int, ShardWriter]:
    """RETURNS (Dict[int, ShardWriter]): What writes the new texts of each split."""
    lang = nlp.lang if any(read_language(path) for _, path in shards) else None
    n_new = numpy.bincount(found.new_splits, minlength=len(SPLITS))
    writers = {
        split: ShardWriter(nlp, folder / (name + SUFFIX), lang)
        for split, name in enumerate(SPLITS)
        if n_new[split] or split in dict(shards)
    }
    last = {split: path for split, path in shards}
    bar = {"disable": None if progress else True, "unit": " files"}
    start = 0
    for split, path in tqdm(shards, desc="Writing the corpus", **bar):
        shard = StoredShard(path)
        end = start + len(shard)
        _edit(shard, slice(start, end), contents, found, renames)
        start = end
        is_open = path == last[split] and len(shard) < MAX_DOCS
        if is_open and n_new[split]:
            writers[split].continue_shard(shard.docs)
        elif shard.is_changed:
            writers[split].add_shard(pack_shard(shard.docs, shard.lang))
        else:
            writers[split].add_shard(shard.content)
    return writers


def _edit(
    shard: StoredShard,
    part: slice,
    contents: _Contents,
    found: Outcome,
    renames: Renames,
) -> None:
    """Change the labels of documents of one file."""
    cats, after = shard.docs.cats, found.after[part]
    if renames.rows:
        sources = renames.find_sources(contents.known.names)
        for i, own in enumerate(cats):
            shard.set_cats(i, renames.rename_cats(own, sources))
    label_sets = list(contents.rows.label_sets)
    is_gone = after == GONE
    for i in numpy.flatnonzero((after != found.before[part]) & ~is_gone).tolist():
        labels = label_sets[after[i]]
        shard.set_cats(i, correct_cats(cats[i], labels, renames.separator))
    shard.drop(is_gone)


def _write_new(
    writers: Dict[int, ShardWriter],
    rows: Rows,
    found: Outcome,
    readers: List[RecordReader],
    progress: bool,
) -> None:
    edits, label_sets = found.edits, list(rows.label_sets)
    splits = numpy.full(len(rows.sets), DROPPED, dtype="int8")
    splits[edits.rows[found.new]] = found.new_splits
    sets = numpy.full(len(rows.sets), DROPPED)
    sets[edits.rows[found.new]] = edits.sets[found.new]
    numbers = zip(splits.tolist(), sets.tolist())
    bar = {"disable": None if progress else True, "unit": " rows"}
    records = tqdm(chain(*readers), total=len(splits), desc="Writing", **bar)
    for record, (split, number) in zip(records, numbers):
        if split != DROPPED:
            writers[split].add(record.text, label_sets[number])
    for writer in writers.values():
        writer.finish()


def _summarize(
    contents: _Contents,
    found: Outcome,
    renames: Renames,
    readers: Sequence[RecordReader],
    output_dir: Path,
) -> Addition:
    rows, known, edits = contents.rows, contents.known, found.edits
    notes, places = collect_notes(readers)
    n_ignored = notes.pop("ignored", 0)
    dropped = {**rows.dropped, "ignored": n_ignored}
    is_changed = found.after != found.before
    changed = set(found.texts[is_changed].tolist())
    negative = {*edits.rejected, *numpy.flatnonzero(edits.sets == GONE).tolist()}
    notes["conflict"] = edits.n_conflicts
    notes["needed"] = found.n_needed
    notes["without_effect"] = len(negative - changed)
    splits = numpy.asarray(known.splits)
    is_repeated = (found.texts >= 0) & ~is_changed
    is_repeated[is_repeated] = edits.sets[found.texts[is_repeated]] != LEFT
    is_gone = found.after == GONE
    parts = [found.new_splits, splits[is_changed & ~is_gone], splits[is_gone]]
    parts.append(splits[is_repeated])
    counted = numpy.asarray([numpy.bincount(p, minlength=len(SPLITS)) for p in parts])
    n_before = numpy.bincount(splits, minlength=len(SPLITS))
    n_docs = n_before + counted[0] - counted[2]
    there = [i for i in range(len(SPLITS)) if n_docs[i] or n_before[i]]
    counts = count_sets(found.after, splits, list(rows.label_sets))
    new = count_sets(edits.sets[found.new], found.new_splits, list(rows.label_sets))
    for own, more in zip(counts, new):
        own.update({label: own.get(label, 0) + n for label, n in more.items()})
    return Addition(
        paths=[str(output_dir / (SPLITS[i] + SUFFIX)) for i in there],
        n_rows=len(rows.sets) + n_ignored,
        docs_before={SPLITS[i]: int(n_before[i]) for i in there},
        docs={SPLITS[i]: int(n_docs[i]) for i in there},
        changes={SPLITS[i]: dict(zip(FATES, counted[:, i].tolist())) for i in there},
        missing={
            SPLITS[i]: sorted(set(chain(*counts)) - counts[i].keys()) for i in there
        },
        corrections=_count_corrections(found, list(rows.label_sets)),
        dropped={name: n for name, n in sorted(dropped.items()) if n},
        notes={name: n for name, n in sorted(notes.items()) if n},
        first={name: at for name, at in sorted(places.items()) if notes[name]},
        done=contents.done,
        **_compare(_add_up(contents.counts), _add_up(counts), renames),
    )


def _add_up(counts: CountsT) -> Dict[str, int]:
    total: "Counter[str]" = Counter()
    for own in counts:
        total.update(own)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _compare(
    before: Dict[str, int], now: Dict[str, int], renames: Renames
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What has become of the labels, fields of Addition."""
    sources = renames.find_sources(before)
    merged = {n: sorted(olds - {n}) for n, olds in sources.items() if len(olds) > 1}
    moved = {
        old: new
        for new, olds in sources.items()
        for old in olds
        if (old not in now or len(olds) == 1) and new in now
    }
    new = [label for label in now if label not in before]
    vanished = [label for label in before if label not in now]
    unnamed = [label for label in new if label not in sources]
    left = [label for label in vanished if label not in moved]
    moved.update(find_moved(left, unnamed, renames.separator))
    known = [label for label in now if label in before or label in sources]
    return {
        "counts_before": before,
        "counts": now,
        "new_labels": new,
        "vanished": vanished,
        "moved": moved,
        "merged": merged,
        "similar": find_misspelled(unnamed, known, now, renames.separator),
    }


def _count_corrections(
    found: Outcome, label_sets: List[Tuple[str, ...]]
) -> List[Tuple[str, str, int]]:
    is_corrected = (found.after != found.before) & (found.after != GONE)
    pairs = numpy.stack([found.before[is_corrected], found.after[is_corrected]])
    distinct, counts = numpy.unique(pairs, axis=1, return_counts=True)
    found_pairs: "Counter[Tuple[str, str]]" = Counter()
    for (first, second), n in zip(distinct.T.tolist(), counts.tolist()):
        before, after = label_sets[first], label_sets[second]
        lost, got = set(before) - set(after), set(after) - set(before)
        if len(lost) == len(got) == 1:
            found_pairs[(*lost, *got)] += n
    return [(old, new, n) for (old, new), n in found_pairs.most_common()]
