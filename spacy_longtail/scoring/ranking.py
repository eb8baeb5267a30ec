from typing import Callable, Hashable, Tuple

import numpy

from ..ops import slice_rows, top_columns
from .predictions import Predictions, Scores, divide

# A product of matrices is faster for so many ranks.
FEW = 50
TINY = 1e-12
# What each document has found, and what it could have.
PartsT = Tuple[numpy.ndarray, numpy.ndarray]


def get_precision_at(
    predictions: Predictions, W: numpy.ndarray, k: int
) -> numpy.ndarray:
    """Share of the k best-ranked labels that are right, mean over the documents with a
    gold label. Ranks beyond the number of labels count as wrong, and what isn't known
    ranks last.

    W (numpy.ndarray): Weights of the documents, of shape (weightings, docs).
    k (int): From 1.
    RETURNS (numpy.ndarray): Of shape (weightings,), from 0.0 to 1.0.
    """

    def find(ranked: Scores) -> PartsT:
        return _get_hits(ranked, k).sum(axis=1) / k, numpy.ones(len(ranked.P))

    return _average(predictions, W, ("p", k), find)


def get_ndcg_at(predictions: Predictions, W: numpy.ndarray, k: int) -> numpy.ndarray:
    """Normalized discounted cumulative gain of the k best-ranked labels: a label at
    rank r counts 1 / log2(1 + r), divided by what the best ranking has; mean over the
    documents with a gold label.

    Source: Järvelin & Kekäläinen (2002), "Cumulated Gain-Based Evaluation of IR
        Techniques".
    """

    def find(ranked: Scores) -> PartsT:
        hits = _get_hits(ranked, k)
        discounts = 1.0 / numpy.log2(numpy.arange(2, hits.shape[1] + 2))
        n_gold = (ranked.truths == 1.0).sum(axis=1)
        n_best = numpy.minimum(n_gold, hits.shape[1])
        best = numpy.cumsum(discounts)[n_best - 1]
        return (hits * discounts).sum(axis=1) / best, numpy.ones(len(hits))

    return _average(predictions, W, ("ndcg", k), find)


def get_propensity_scored_precision_at(
    predictions: Predictions, W: numpy.ndarray, k: int
) -> numpy.ndarray:
    """Precision at k where a label counts the inverse of its propensity, so that rare
    labels count more, divided by what the best ranking has.

    Source: Jain et al. (2016), see get_propensities, section 4.
    """

    def find(ranked: Scores) -> PartsT:
        counts = predictions.counts
        known = numpy.zeros(len(predictions.labels)) if counts is None else counts
        propensities = get_propensities(known, predictions.n_training)
        gains = (ranked.truths == 1.0) / propensities
        tops = top_columns(ranked.P, k), top_columns(gains, k)
        found, best = (numpy.take_along_axis(gains, top, axis=1) for top in tops)
        return found.sum(axis=1), best.sum(axis=1)

    return _average(predictions, W, ("psp", k), find)


def get_propensities(
    counts: numpy.ndarray, n_docs: int, *, a: float = 0.55, b: float = 1.5
) -> numpy.ndarray:
    """Estimate how probable it is that a label which a document has was annotated:
    1 / (1 + c * (n + b) ** -a) with c = (log(n_docs) - 1) * (b + 1) ** a.

    Source: Jain et al. (2016), "Extreme Multi-label Loss Functions for Recommendation,
        Tagging, Ranking & Other Missing Label Applications", section 4, with the
        constants that it gives for data in general. https://doi.org/10.1145/2939672.2939756

    counts (numpy.ndarray): Training documents of each label, of shape (labels,).
    n_docs (int): Training documents.
    RETURNS (numpy.ndarray): Array of shape (labels,), above 0.0 to 1.0.
    """
    c = max(numpy.log(max(n_docs, 1)) - 1.0, 0.0) * (b + 1.0) ** a
    return 1.0 / (1.0 + c * (numpy.asarray(counts, dtype="float64") + b) ** -a)


def get_lrap(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """Label ranking average precision. For each label that a document has: the share of
    labels ranked at least as high that it has too; mean over labels, then over the
    documents with a gold label.

    Source: Schapire & Singer (2000), "BoosTexter", section 4; Tsoumakas et al. (2010),
        "Mining Multi-label Data", section 7.
    """

    def find(ranked: Scores) -> PartsT:
        P, truths = ranked
        precisions = numpy.zeros(len(P))
        for row in range(len(P)):
            own = numpy.sort(-P[row, truths[row] == 1.0])
            ranks = numpy.searchsorted(numpy.sort(-P[row]), own, side="right")
            own_ranks = numpy.searchsorted(own, own, side="right")
            precisions[row] = (own_ranks / ranks).mean()
        return precisions, numpy.ones(len(P))

    return _average(predictions, W, "lrap", find)


def get_macro_ap(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Mean of average_precision over labels with documents."""
    found = average_precision(predictions, W)
    has_gold = ~numpy.isnan(found)
    return divide(numpy.where(has_gold, found, 0.0).sum(axis=1), has_gold.sum(axis=1))


def average_precision(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """Area below the precision-recall curve of each label, as a sum of steps: mean
    precision at the documents that have it. Documents of which it isn't known are left
    out.

    RETURNS (numpy.ndarray): Of shape (weightings, labels), NaN for a label without
        documents.
    """
    found = numpy.full((len(W), len(predictions.labels)), numpy.nan)
    P, truths = predictions.scores
    for column in numpy.unique(predictions.gold.columns).tolist():
        rows = numpy.flatnonzero(~numpy.isnan(truths[:, column]))
        scores = -P[rows, column]
        order = numpy.argsort(scores, kind="stable")
        rows, scores = rows[order], scores[order]
        is_yes = truths[rows, column] == 1.0
        # Documents of the same score are ranked as if each were the last of them.
        ranks = numpy.searchsorted(scores, scores[is_yes], side="right")
        add = _sum_few if len(ranks) <= FEW else _sum_many
        right, above = add(W, rows, is_yes, ranks)
        own = W[:, rows[is_yes]]
        weights = own.sum(axis=1)
        # Without weight, there is none above either, and nothing to be a mean of.
        sums = (own * right / numpy.maximum(above, TINY)).sum(axis=1)
        means = sums / numpy.maximum(weights, TINY)
        found[:, column] = numpy.where(weights > 0, means, numpy.nan)
    return found


def _average(
    predictions: Predictions,
    W: numpy.ndarray,
    key: Hashable,
    find: Callable[[Scores], PartsT],
) -> numpy.ndarray:
    """Average over the documents with a gold label.

    key (Hashable): What is found is kept for other weightings by this name.
    find (Callable[[Scores], PartsT]): Gets the scores of these documents, in which what
        isn't known ranks last.
    """
    P, truths = predictions.scores
    rows = numpy.unique(predictions.gold.rows)

    def find_all() -> PartsT:
        parts = [(numpy.zeros(0), numpy.zeros(0))]
        for part in slice_rows(len(rows), P.shape[1]):
            known = truths[rows[part]]
            own = numpy.where(numpy.isnan(known), -1.0, P[rows[part]])
            parts.append(find(Scores(own, known)))
        found, best = map(numpy.concatenate, zip(*parts))
        return found, best

    found, best = predictions.keep(key, find_all)
    weights = W[:, rows]
    return divide(weights @ found, weights @ best)


def _get_hits(scores: Scores, k: int) -> numpy.ndarray:
    return numpy.take_along_axis(scores.truths == 1.0, top_columns(scores.P, k), axis=1)


def _sum_few(
    W: numpy.ndarray, rows: numpy.ndarray, is_yes: numpy.ndarray, ranks: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Sum the weights of the right documents, and of all, up to each of some ranks.

    rows (numpy.ndarray): The documents, the best-ranked first.
    is_yes (numpy.ndarray): Whether each of these is right.
    ranks (numpy.ndarray): From 1.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Both of shape (weightings, ranks).
    """
    is_above = numpy.zeros((W.shape[1], len(ranks)))
    is_above[rows] = numpy.arange(len(rows))[:, None] < ranks
    own = rows[is_yes]
    return W[:, own] @ is_above[own], W @ is_above


def _sum_many(
    W: numpy.ndarray, rows: numpy.ndarray, is_yes: numpy.ndarray, ranks: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Faster for many ranks, see _sum_few."""
    last = ranks.max()
    weights = W[:, rows[:last]]
    right = numpy.cumsum(weights * is_yes[:last], axis=1)
    return right[:, ranks - 1], numpy.cumsum(weights, axis=1)[:, ranks - 1]
