"""Which labels can't be told apart."""

from typing import List, Sequence

import numpy

from .crossfit import Gold
from .judge import NONE, Judgement
from .validation import Confusion

# From so large a share of confused texts on, it is more than difficult. By chance it is
# half of them.
MIN_SHARE = 0.25
# Texts of each label that are needed to say so.
MIN_DOCS = 5
# Standard errors that the share has to be above that.
N_ERRORS = 1.64
MAX_PAIRS = 50


def find_confused(gold: Gold, found: Judgement, separator: str) -> List[Confusion]:
    """Find labels that are confused with each other for sure, not because there are few
    texts to tell.

    RETURNS (List[Confusion]): The most frequently confused first.
    """
    n_labels = len(gold.names)
    owners = numpy.arange(len(gold.sizes)).repeat(gold.sizes)
    is_judged = ~numpy.isnan(found.given) & (found.other[owners] != NONE)
    columns, others = gold.columns[is_judged], found.other[owners[is_judged]]
    is_right = found.given[is_judged] >= found.other_log[owners[is_judged]]
    n_right = numpy.bincount(columns[is_right], minlength=n_labels)
    cells = columns[~is_right] * n_labels + others[~is_right]
    keys, n = numpy.unique(cells, return_counts=True)
    counts = dict(zip(keys.tolist(), n.tolist()))
    first, second = numpy.divmod(keys, n_labels)
    pairs = {(min(a, b), max(a, b)) for a, b in zip(first.tolist(), second.tolist())}
    confused = []
    for a, b in sorted(pairs):
        wrong = [counts.get(a * n_labels + b, 0), counts.get(b * n_labels + a, 0)]
        total = [int(n_right[a]) + wrong[0], int(n_right[b]) + wrong[1]]
        if _is_sure(wrong, total):
            names = [gold.names[a], gold.names[b]]
            share = sum(w / t for w, t in zip(wrong, total)) / 2
            parents = {name.rpartition(separator)[0] for name in names}
            found_pair = Confusion(names, total, wrong, share, len(parents) == 1)
            confused.append(found_pair)
    confused.sort(key=lambda pair: (-sum(pair.n_confused), pair.labels))
    return confused[:MAX_PAIRS]


def _is_sure(wrong: Sequence[int], total: Sequence[int]) -> bool:
    """Whether the mean share is above MIN_SHARE, with the usual approximation of its
    error, which takes one more text of each outcome for granted.

    Source: Agresti & Caffo (2000), "Simple and Effective Confidence Intervals for
        Proportions and Differences of Proportions". https://doi.org/10.2307/2685779
    """
    if min(total) < MIN_DOCS:
        return False
    shares = [(w + 1) / (t + 2) for w, t in zip(wrong, total)]
    variance = sum(p * (1 - p) / (t + 2) for p, t in zip(shares, total)) / 4
    return sum(shares) / 2 - N_ERRORS * variance**0.5 > MIN_SHARE
