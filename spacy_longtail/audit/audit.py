from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy

from ..loading import find_language, read_whole
from ..similar import NearPair, find_conflicts, find_near_pairs
from ..tables.columns import Columns
from ..taxonomy import SEPARATOR, build_taxonomy, check_settings
from ..vectors.table import make_bundled_vectors
from .advice import choose_start_weight, give_advice
from .contents import Contents, read_contents
from .corpus import SYLLABLES
from .facts import Audit, Dev, Texts
from .labels import (
    find_codes,
    find_spellings,
    get_buckets,
    get_levels,
    get_poolings,
    get_weights,
    read_titles,
)
from .validation import check_folds

# Missing labels that are named.
MAX_LABELS = 50
# Texts of more words are cut off by transformers.
LONG = 512
# Documents that are shown.
MAX_EXAMPLES = 10


def audit_corpus(
    path: Path,
    *,
    dev: Optional[Path] = None,
    separator: str = SEPARATOR,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    n_folds: Optional[int] = None,
    descriptions: Optional[Path] = None,
    progress: bool = False,
    **dialect: Any,
) -> Audit:
    """Gather the facts that decide how to train on a corpus.

    Documents are read as arrays and forgotten; some 200 bytes of each are kept.

    path (Path): A .spacy file, a folder of them, or a table.
    dev (Optional[Path]): The dev corpus, to compare with.
    separator (str): What joins the segments of a label.
    columns (Columns): Where a table has its texts and labels.
    n_folds (Optional[int]): Cross-validate the labels in so many folds, from 2, see
        CrossValidation. None for no cross-validation, which takes most of the time.
    descriptions (Optional[Path]): What the labels mean: descriptions, or a table of
        codes and titles, so that people see what codes are called.
    progress (bool): Whether to show a progress bar, on stderr.
    dialect (Any): What a table doesn't say itself, as for `convert_corpus`.
    RETURNS (Audit): The facts.
    RAISES (ValueError): L612, L640 or L641 if the corpus can't be read, L607 or L608 if
        it is being replaced, L001 or L002 if its labels are no taxonomy, and those of a
        table. L745 or L747 if it can't be cross-validated. Description errors.
    """
    check_settings(min_count=0, separator=separator)
    if n_folds is not None:
        check_folds(n_folds)
    # Texts are read again, to be shown.
    with read_whole(Path(path), *([] if dev is None else [Path(dev)])):
        contents = read_contents(path, columns, separator, progress, dialect)
        dev_contents = None
        if dev is not None:
            dev_contents = read_contents(dev, columns, separator, progress, dialect)
        facts = _gather(path, separator, contents, dev_contents, descriptions)
        if n_folds is not None:
            # What it needs takes time to import.
            from .crossvalidate import cross_validate

            found = cross_validate(
                contents,
                n_folds,
                separator=separator,
                word_weight=choose_start_weight(facts.texts.known_share),
                titles=facts.titles,
                progress=progress,
            )
            facts = replace(facts, cross_validation=found)
        return facts


def _gather(
    path: Path,
    separator: str,
    contents: Contents,
    dev_contents: Optional[Contents],
    descriptions: Optional[Path],
) -> Audit:
    counts = contents.count_labels()
    taxonomy = build_taxonomy(counts, separator=separator)
    sizes = numpy.asarray(list(map(len, contents.label_sets)))
    max_labels = int(sizes.max())
    values = list(counts.values())
    facts = Audit(
        path=str(path),
        lang=find_language(contents.source.files[0]),
        n_docs=len(contents.sets),
        n_unlabelled=int((sizes[contents.sets] == 0).sum()),
        max_labels=max_labels,
        separator=separator,
        depth=max(map(len, map(taxonomy.path, taxonomy.leaves))),
        counts=counts,
        imbalance_ratio=values[0] / values[-1],
        top_10_share=sum(values[:10]) / sum(values),
        levels=get_levels(counts, taxonomy),
        buckets=get_buckets(counts),
        pooling=get_poolings(counts, separator),
        # Nothing competes for a document that can have several labels.
        weights=[] if max_labels > 1 else get_weights(taxonomy),
        texts=_describe_texts(contents),
        similar_labels=find_spellings(list(counts)),
        n_codes=len(find_codes(list(counts), separator)),
        dev=_compare_with_dev(contents, counts, dev_contents) if dev_contents else None,
        advice=list(contents.remarks),
        titles=read_titles(descriptions, taxonomy),
    )
    facts.advice.extend(give_advice(facts))
    return facts


def _compare_with_dev(contents: Contents, counts: Dict[str, int], dev: Contents) -> Dev:
    dev_counts = dev.count_labels()
    missing = [label for label in counts if label not in dev_counts]
    hashes = dev.prints.hashes[dev.prints.hashes != 0]
    return Dev(
        lang=find_language(dev.source.files[0]),
        n_docs=len(dev.sets),
        n_missing=len(missing),
        missing=missing[:MAX_LABELS],
        unseen=[label for label in dev_counts if label not in counts],
        n_shared=int(numpy.isin(hashes, contents.prints.hashes).sum()),
    )


def _describe_texts(contents: Contents) -> Texts:
    prints, sets = contents.prints, contents.sets
    lengths = prints.lengths
    n_duplicates, n_conflicts, groups = find_conflicts(
        prints.hashes, sets, limit=MAX_EXAMPLES
    )
    n_near, pairs = find_near_pairs(prints, sets)
    shown = _choose_different(pairs)
    rows = [int(group[0]) for group in groups]
    texts = contents.fetch(rows + [row for pair in shown for row in pair[:2]])
    conflicts = [
        {
            "text": texts[row],
            "n_docs": len(group),
            "labels": dict(Counter(map(contents.name, group.tolist())).most_common()),
        }
        for row, group in zip(rows, groups)
    ]
    near_conflicts = [
        {
            "similarity": round(pair.similarity, 2),
            "texts": [texts[row] for row in pair[:2]],
            "labels": [contents.name(row) for row in pair[:2]],
        }
        for pair in shown
    ]
    empty, long = numpy.flatnonzero(lengths == 0), numpy.flatnonzero(lengths > LONG)
    return Texts(
        n_empty=len(empty),
        n_long=len(long),
        long_limit=LONG,
        median_length=int(numpy.median(lengths)) if len(lengths) else 0,
        longest=int(lengths.max(initial=0)),
        known_share=find_known_share(contents.words),
        n_duplicates=n_duplicates,
        n_conflicts=n_conflicts,
        conflicts=conflicts,
        n_near_conflicts=n_near,
        near_conflicts=near_conflicts,
        long_rows=long[:MAX_EXAMPLES].tolist(),
        empty_rows=empty[:MAX_EXAMPLES].tolist(),
    )


def find_known_share(words: Mapping[str, int]) -> Optional[float]:
    """RETURNS (Optional[float]): See Texts, of words and how often they occur."""
    n_words = sum(words.values())
    if not n_words:
        return None
    # They have single characters of such scripts, too, but know nothing of them.
    known = {w for w in make_bundled_vectors().words if max(w) < SYLLABLES}
    return sum(n for word, n in words.items() if word in known) / n_words


def _choose_different(pairs: Sequence[NearPair]) -> List[NearPair]:
    """The first pairs, no text in two of them."""
    chosen: List[NearPair] = []
    used: set = set()
    for pair in pairs:
        if len(chosen) < MAX_EXAMPLES and not used & {pair.first, pair.second}:
            used |= {pair.first, pair.second}
            chosen.append(pair)
    return chosen
