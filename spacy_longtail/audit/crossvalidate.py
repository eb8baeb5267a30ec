"""Find wrong labels, labels that can't be told apart, and texts that teach nothing."""

from collections import Counter
from typing import Any, Dict, List, Mapping, Tuple

import numpy

from ..errors import JobErrors
from ..pipeline.names import get_name_texts
from ..similar import Prints, find_copies
from .confusion import find_confused
from .contents import Contents
from .crossfit import MIN_TEXTS, CrossFit, Gold
from .judge import Judge
from .suspects import SuspectFinder
from .validation import CrossValidation

# Groups of near copies that are shown.
MAX_GROUPS = 10


def cross_validate(
    contents: Contents,
    n_folds: int,
    *,
    separator: str,
    word_weight: float,
    titles: Mapping[str, str],
    progress: bool,
) -> CrossValidation:
    """Compare each text with what its labels are like without it and its copies.

    contents (Contents): The corpus, which is read three times more.
    n_folds (int): The fold of a text follows from the text alone.
    separator (str): What joins the segments of a label.
    word_weight (float): Of word vectors beside n-grams, see choose_start_weight.
    titles (Mapping[str, str]): What labels are called whose names say nothing.
    progress (bool): Whether to show progress bars, on stderr.
    RAISES (ValueError): L747 if all labels are too rare.
    """
    gold = gather_gold(contents)
    fit = CrossFit(gold, contents.prints.hashes, n_folds)
    is_common = fit.n_texts >= MIN_TEXTS
    if not is_common.any():
        most = int(fit.n_texts.max(initial=0))
        raise ValueError(JobErrors.L747.format(most=most, needed=MIN_TEXTS))
    judge = Judge(fit)
    named = [titles.get(x) or get_name_texts(x, separator)[0] for x in gold.names]
    for found in fit.compare(contents.source, word_weight, named, progress):
        judge.add(found)
    judged = judge.finish()
    several = int(gold.sizes.max()) > 1
    findings = SuspectFinder(gold, judged, contents.prints.hashes).find(several=several)
    texts = contents.fetch_whole([finding.row for finding in findings])
    n_near, groups = _find_groups(contents)
    return CrossValidation(
        n_folds=n_folds,
        several=several,
        n_judged=int((~numpy.isnan(judged.given)).sum()),
        n_unjudged=int(numpy.isnan(judged.given).sum()),
        n_rare=int((~is_common).sum()),
        min_texts=MIN_TEXTS,
        suspects=[row.show(gold.names, texts[row.row]) for row in findings],
        confusions=find_confused(gold, judged, separator),
        n_unknown=int((judged.is_blank & (contents.prints.lengths > 0)).sum()),
        n_near_copies=n_near,
        near_copies=groups,
    )


def gather_gold(contents: Contents) -> Gold:
    """RETURNS (Gold): The labels of a corpus, the most frequent first."""
    names = list(contents.count_labels())
    columns = {name: column for column, name in enumerate(names)}
    flat = [columns[label] for labels in contents.label_sets for label in labels]
    lengths = numpy.asarray([*map(len, contents.label_sets)], dtype="int64")
    offsets = numpy.cumsum(lengths) - lengths
    sizes = lengths[contents.sets]
    sets = Gold(offsets, lengths, numpy.asarray(flat, dtype="int64"), names)
    starts = numpy.cumsum(sizes) - sizes
    return Gold(starts, sizes, sets.pair(contents.sets)[1], names)


def _find_groups(contents: Contents) -> Tuple[int, List[Dict[str, Any]]]:
    """Find texts that nearly repeat another one with the same labels. Those that repeat
    it exactly are counted elsewhere.

    RETURNS (Tuple[int, List[Dict[str, Any]]]): See CrossValidation.
    """
    prints, sets = contents.prints, contents.sets
    has_label = numpy.asarray([*map(len, contents.label_sets)])[sets] > 0
    keys = prints.hashes ^ sets.astype("uint64")
    _, first = numpy.unique(keys, return_index=True)
    rows = numpy.sort(first)
    rows = rows[has_label[rows] & (prints.hashes[rows] != 0)]
    leaders = rows[find_copies(Prints(*(part[rows] for part in prints)))]
    is_copy = (leaders != rows) & (sets[leaders] == sets[rows])
    counts = Counter(leaders[is_copy].tolist())
    largest = counts.most_common(MAX_GROUPS)
    texts = contents.fetch([row for row, _ in largest])
    groups = [
        {"text": texts[row], "labels": contents.name(row), "n_docs": n + 1}
        for row, n in largest
    ]
    return int(is_copy.sum()), groups
