"""Thresholds of many labels, which few documents each say little about."""

from dataclasses import dataclass, replace
from typing import Any, List, NamedTuple, Tuple

import numpy

from ..ops import find_cells, get_log_odds, slice_rows

# Positive documents that the common threshold counts as: infinitely many for one that
# is the same for all.
SMOOTHINGS = (numpy.inf, 300.0, 100.0, 30.0, 10.0)
# The share of the prior's log odds that is part of a threshold.
PRIOR_SHARES = (0.0, 0.5, 1.0)
# Labels may be so much fewer or more than gold labels, on documents that nothing was
# fitted to. So many standard errors of the number stay free of that, within bounds.
WISHED_GAP, N_ERRORS = 0.2, 4.0
LEAST_GAP, MAX_GAP = 0.05, 0.1
# Of the micro-F1, what may be lost for a better macro-F1.
MAX_LOSS = 0.01
# Of a label's F1, for each time that it is given as often as documents have it.
COST = 0.1
N_FOLDS, N_COUNTS = 5, 11
# So many times as many of the most probable pairs as there are gold labels are looked
# at: no threshold is below all of them.
N_TIMES = 4
GoldT = Tuple[numpy.ndarray, numpy.ndarray]


class Rule(NamedTuple):
    """How thresholds are made."""

    prior_share: float
    smoothing: float


class Rating(NamedTuple):
    """n_times (float): How many times as many labels are given as there are."""

    macro_f: float
    micro_f: float
    n_times: float


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a document and a label that are probable enough to matter.

    rows, columns (numpy.ndarray): The document and the label of each, (pairs,).
    odds (numpy.ndarray): Log odds of each, (pairs,).
    is_yes (numpy.ndarray): Whether the document has the label, (pairs,).
    support (numpy.ndarray): How many documents have each label, (labels,).
    n_gold (int): Labels of the documents that can be given any.
    log_odds (numpy.ndarray): Those of the prior of each label, (labels,).
    """

    rows: numpy.ndarray
    columns: numpy.ndarray
    odds: numpy.ndarray
    is_yes: numpy.ndarray
    support: numpy.ndarray
    n_gold: int
    log_odds: numpy.ndarray

    def select(
        self, is_in: numpy.ndarray, support: numpy.ndarray, n_gold: int
    ) -> "_Pairs":
        names = ("rows", "columns", "odds", "is_yes")
        parts: Any = {name: getattr(self, name)[is_in] for name in names}
        return replace(self, support=support, n_gold=n_gold, **parts)

    def count(self, is_in: numpy.ndarray) -> numpy.ndarray:
        n_labels = len(self.log_odds)
        return numpy.bincount(self.columns[is_in], minlength=n_labels)

    def rate(self, is_given: numpy.ndarray) -> Rating:
        support, guessed = self.support, self.count(is_given)
        right = self.count(is_given & self.is_yes)
        f = 2.0 * right / numpy.maximum(support + guessed, 1)
        total = 2.0 * right.sum() / max(support.sum() + guessed.sum(), 1)
        n_times = guessed.sum() / max(self.n_gold, 1)
        return Rating(float(f[support > 0].mean()), float(total), float(n_times))


class _Fit(NamedTuple):
    """own (numpy.ndarray): The best threshold of each label alone, as log odds.
    support (numpy.ndarray): Documents that it comes from.
    """

    own: numpy.ndarray
    support: numpy.ndarray

    def get_parts(
        self, rule: Rule, log_odds: numpy.ndarray
    ) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): What each threshold is made
        of: a constant, and the weight of the common threshold.
        """
        share = self.support / (self.support + rule.smoothing)
        base = rule.prior_share * log_odds
        return share * self.own + (1.0 - share) * base, 1.0 - share


def fit_shrunk_thresholds(
    odds: numpy.ndarray, truths: numpy.ndarray, log_odds: numpy.ndarray
) -> numpy.ndarray:
    """Find thresholds with the best macro-F1 that give about as many labels as there
    are, and with which the micro-F1 isn't far below that of one threshold for all.

    The threshold of a label with n positive documents is

        (n * own + s * (common + share * log odds of the prior)) / (n + s)

    in log odds, s being the smoothing. How much of the prior and how strong a smoothing
    is chosen by cross-fitting, so that on other documents it is no worse than what is
    common to all labels, which is one of the choices.

    odds (numpy.ndarray): Log odds of shape (docs, labels).
    truths (numpy.ndarray): 1.0, 0.0 or NaN for what isn't known, same shape. At least
        one is 1.0.
    log_odds (numpy.ndarray): Those of the prior of each label, of shape (labels,).
    RETURNS (numpy.ndarray): Log odds of shape (labels,).
    """
    gold = find_cells(truths.shape, lambda part: truths[part] == 1.0)
    # What has abstained is given none, whatever the thresholds are.
    has_any = odds.max(axis=1) > get_log_odds(0.0)
    pairs = _find_pairs(odds, truths, gold, has_any, log_odds)
    n_folds = min(N_FOLDS, len(odds))
    rule = Rule(0.0, numpy.inf)
    if n_folds > 1:
        folds = numpy.random.RandomState(0).permutation(len(odds)) % n_folds
        rule = _choose_rule(pairs, folds, gold, has_any)
    constant, weight = fit_own(pairs).get_parts(rule, log_odds)
    return constant + weight * _fit_common(pairs, constant, weight)


def _find_pairs(
    odds: numpy.ndarray,
    truths: numpy.ndarray,
    gold: GoldT,
    has_any: numpy.ndarray,
    log_odds: numpy.ndarray,
) -> _Pairs:
    n_most = min(N_TIMES * len(gold[0]), odds.size - 1)
    n_docs, n_labels = odds.shape
    found = [numpy.zeros(0, dtype="int64")]
    for share in PRIOR_SHARES if log_odds.any() else PRIOR_SHARES[:1]:
        # The best of all documents so far, and how far down they are.
        places, values = numpy.zeros(0, dtype="int64"), numpy.zeros(0)
        for part in slice_rows(n_docs, n_labels):
            known = numpy.where(numpy.isnan(truths[part]), -numpy.inf, odds[part])
            more = (share * log_odds - known).ravel()
            first = part.start * n_labels
            places = numpy.append(places, numpy.arange(first, first + more.size))
            values = numpy.append(values, more)
            if len(values) > n_most + 1:
                best = numpy.argpartition(values, n_most)[: n_most + 1]
                places, values = places[best], values[best]
        found.append(places)
    rows, columns = numpy.divmod(numpy.unique(numpy.concatenate(found)), n_labels)
    is_known = ~numpy.isnan(truths[rows, columns])
    rows, columns = rows[is_known], columns[is_known]
    support, n_gold = _count(gold, has_any, n_labels)
    own, hits = odds[rows, columns].astype("float64"), truths[rows, columns] == 1.0
    return _Pairs(rows, columns, own, hits, support, n_gold, log_odds)


def _count(
    gold: GoldT, has_any: numpy.ndarray, n_labels: int
) -> Tuple[numpy.ndarray, int]:
    """RETURNS (Tuple[numpy.ndarray, int]): See _Pairs.

    gold (GoldT): Documents and columns of their gold labels, both (gold labels,).
    has_any (numpy.ndarray): Whether a document can be given a label, (docs,).
    """
    rows, columns = gold
    return numpy.bincount(columns, minlength=n_labels), int(has_any[rows].sum())


def _choose_rule(
    pairs: _Pairs,
    folds: numpy.ndarray,
    gold: GoldT,
    has_any: numpy.ndarray,
) -> Rule:
    """RETURNS (Rule): The best for documents that it wasn't fitted to.

    folds (numpy.ndarray): The fold of each document, (docs,).
    gold (GoldT): See _count.
    has_any (numpy.ndarray): See _count.
    """
    learned, outs = [], []
    for fold in range(folds.max() + 1):
        is_in = folds != fold
        own = gold[0][is_in[gold[0]]], gold[1][is_in[gold[0]]]
        support, n_gold = _count(own, has_any, len(pairs.log_odds))
        is_out = folds[pairs.rows] == fold
        if support.any() and not is_out.all():
            outs.append(is_out)
            learned.append(pairs.select(~is_out, support, n_gold))
    fits = [fit_own(part) for part in learned]
    found: List[Tuple[Rule, Rating]] = []
    for rule in (Rule(c, s) for s in SMOOTHINGS for c in PRIOR_SHARES):
        is_given = numpy.zeros(len(pairs.odds), dtype=bool)
        for out, part, fit in zip(outs, learned, fits):
            constant, weight = fit.get_parts(rule, pairs.log_odds)
            needed = constant + weight * _fit_common(part, constant, weight)
            is_given[out] = pairs.odds[out] >= needed[pairs.columns[out]]
        found.append((rule, pairs.rate(is_given)))
    # The first is one threshold for all.
    least = found[0][1].micro_f - MAX_LOSS
    most = max(1.0 + get_gap(pairs.n_gold) + LEAST_GAP, found[0][1].n_times)
    fine = [r for r in found if r[1].micro_f >= least and r[1].n_times <= most]
    # Of equals the simplest, which stands first.
    return max(fine, key=lambda pair: pair[1].macro_f)[0]


def _fit_common(pairs: _Pairs, constant: numpy.ndarray, weight: numpy.ndarray) -> float:
    """Find what is common to all thresholds: the best macro-F1 among those that give
    about as many labels as there are.
    """
    # The threshold is reached where this is at least the common one.
    margins = (pairs.odds - constant[pairs.columns]) / weight[pairs.columns]
    n_gold, n_pairs = pairs.n_gold, len(margins)
    gap = get_gap(n_gold)
    low, high = round(n_gold * (1.0 - gap)), round(n_gold * (1.0 + gap))
    high = min(max(high, 1), n_pairs)
    order = numpy.argsort(-margins, kind="stable")[: high + 1]
    ranked, columns, is_yes = margins[order], pairs.columns[order], pairs.is_yes[order]
    # Below the last one is as far away as it is from the one before.
    ranked = numpy.append(ranked, 2 * ranked[-1] - ranked[-2:][0] - 1e-6)
    best = (-1.0, 0.0)
    counts = numpy.linspace(min(max(low, 1), high), high, N_COUNTS).astype(int)
    for n in numpy.unique(counts).tolist():
        guessed = numpy.bincount(columns[:n], minlength=len(constant))
        right = numpy.bincount(columns[:n][is_yes[:n]], minlength=len(constant))
        f = 2.0 * right / numpy.maximum(pairs.support + guessed, 1)
        middle = float(ranked[n - 1] + ranked[n]) / 2.0
        best = max(best, (float(f[pairs.support > 0].mean()), middle))
    return best[1]


def get_gap(n_gold: int) -> float:
    """RETURNS (float): By what share labels may be fewer or more than gold labels where
    thresholds are fitted, the less the fewer there are.
    """
    gap = WISHED_GAP - N_ERRORS / max(n_gold, 1) ** 0.5
    return min(max(gap, LEAST_GAP), MAX_GAP)


def fit_own(pairs: _Pairs) -> _Fit:
    """Find the threshold with the best F1 for each label alone, in the middle between
    two documents. If none is below, it is the lowest of those that have it. Of those
    that are nearly as good, one that gives the label less often is better: what a
    label takes, others can't have.
    """
    order = numpy.lexsort((-pairs.odds, pairs.columns))
    values = pairs.columns, pairs.odds, pairs.is_yes
    columns, odds, is_yes = (part[order] for part in values)
    own, found = numpy.zeros(len(pairs.support)), pairs.count(pairs.is_yes)
    starts = numpy.flatnonzero(numpy.diff(columns, prepend=-1))
    sizes = numpy.diff(starts, append=len(columns))
    guessed = numpy.arange(len(columns)) - numpy.repeat(starts, sizes) + 1
    total = numpy.cumsum(is_yes)
    before = numpy.repeat(total[starts] - is_yes[starts], sizes)
    support = pairs.support[columns]
    f = 2.0 * (total - before) / (guessed + support)
    f -= COST * guessed / numpy.maximum(support, 1)
    is_last = numpy.append(columns[1:] != columns[:-1], True)
    below = numpy.where(is_last, odds, numpy.append(odds[1:], 0.0))
    # A threshold can't separate equal scores.
    f[(odds == below) & ~is_last] = -numpy.inf
    best = numpy.maximum.reduceat(f, starts)
    places = numpy.flatnonzero(f == numpy.repeat(best, sizes))
    places = places[numpy.unique(columns[places], return_index=True)[1]]
    own[columns[places]] = (odds[places] + below[places]) / 2.0
    # Of a label whose documents are all improbable nothing is known.
    return _Fit(own, numpy.where(found > 0, pairs.support, 0))
