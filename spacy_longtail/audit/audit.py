from array import array
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy
from tqdm import tqdm

from ..gold import find_leaves
from ..tables.columns import Columns
from ..taxonomy import SEPARATOR, build_taxonomy
from .advice import give_advice
from .corpus import find_files, read_chunks
from .facts import Audit, Dev
from .labels import (
    MIN_COUNTS,
    find_similar_labels,
    get_buckets,
    get_levels,
    get_pooling,
    get_weights,
)
from .similar import Prints, make_prints
from .texts import Contents, describe_texts

MAX_LABELS = 50


def audit_corpus(
    path: Path,
    *,
    dev: Optional[Path] = None,
    separator: str = SEPARATOR,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    progress: bool = False,
) -> Audit:
    """Gather the facts that decide how to train on a corpus.

    Documents are read as arrays and forgotten; some 200 bytes of each are kept.

    path (Path): A .spacy file, a folder of them, or a table.
    dev (Optional[Path]): The dev corpus, to compare with.
    separator (str): What joins the segments of a label.
    columns (Columns): Where a table has its texts and labels.
    progress (bool): Whether to show a progress bar, on stderr.
    RETURNS (Audit): The facts.
    RAISES (ValueError): L640 or L641 if the corpus can't be read, L001 or L002 if its
        labels are no taxonomy.
    """
    contents = read_contents(path, columns, separator, progress=progress)
    dev_contents = dev and read_contents(dev, columns, separator, progress=progress)
    counts = count_labels(contents)
    taxonomy = build_taxonomy(counts, separator=separator)
    max_labels = max(map(len, contents.label_sets))
    is_labelled = numpy.asarray([bool(labels) for labels in contents.label_sets])
    n_labelled = int(is_labelled[contents.sets].sum())
    values = list(counts.values())
    facts = Audit(
        path=str(path),
        n_docs=len(contents.sets),
        n_unlabelled=len(contents.sets) - n_labelled,
        max_labels=max_labels,
        separator=separator,
        depth=max(len(taxonomy.path(leaf)) for leaf in taxonomy.leaves),
        counts=counts,
        imbalance_ratio=values[0] / values[-1],
        top_10_share=sum(values[:10]) / sum(values),
        levels=get_levels(taxonomy),
        buckets=get_buckets(counts),
        pooling=[get_pooling(counts, separator, n) for n in MIN_COUNTS],
        # Nothing competes for a document that can have several labels.
        weights=[] if max_labels > 1 else get_weights(taxonomy),
        texts=describe_texts(contents),
        similar_labels=find_similar_labels(list(counts)),
        dev=compare_with_dev(contents, counts, dev_contents) if dev_contents else None,
        advice=[],
    )
    facts.advice.extend(give_advice(facts))
    return facts


def read_contents(
    path: Path, columns: Columns, separator: str, *, progress: bool
) -> Contents:
    """Read a corpus once."""
    files = find_files(Path(path))
    prints: List[Prints] = []
    sets = array("l")
    ids: Dict[Tuple[str, ...], int] = {}
    bar = tqdm(desc="Reading", unit=" docs", disable=None if progress else True)
    with bar:
        for file_ in files:
            for chunk in read_chunks(file_, columns):
                prints.append(make_prints(chunk.keys, chunk.lengths))
                for labels in chunk.labels:
                    leaves = tuple(find_leaves(labels, separator))
                    sets.append(ids.setdefault(leaves, len(ids)))
                bar.update(len(chunk.lengths))
    joined = Prints(*map(numpy.concatenate, zip(*prints)))
    return Contents(files, columns, joined, numpy.asarray(sets, "int64"), list(ids))


def count_labels(contents: Contents) -> Dict[str, int]:
    """RETURNS (Dict[str, int]): Documents of each label, the most frequent first."""
    n_docs = numpy.bincount(contents.sets, minlength=len(contents.label_sets))
    counts: "Counter[str]" = Counter()
    for labels, n in zip(contents.label_sets, n_docs.tolist()):
        for label in labels:
            counts[label] += n
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def compare_with_dev(contents: Contents, counts: Dict[str, int], dev: Contents) -> Dev:
    """RETURNS (Dev): How another corpus fits to this one."""
    dev_counts = count_labels(dev)
    missing = [label for label in counts if label not in dev_counts]
    hashes = dev.prints.hashes[dev.prints.hashes != 0]
    return Dev(
        n_docs=len(dev.sets),
        n_missing=len(missing),
        missing=missing[:MAX_LABELS],
        unseen=[label for label in dev_counts if label not in counts],
        n_shared=int(numpy.isin(hashes, contents.prints.hashes).sum()),
    )
