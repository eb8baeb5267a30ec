from typing import Optional, Tuple

import numpy

from ..ops import top_columns


def precision_at_k(scores: numpy.ndarray, truths: numpy.ndarray, k: int) -> float:
    """Share of the k best-ranked labels that are right, mean over documents.

    scores (numpy.ndarray): Array of shape (docs, labels), at least one document.
    truths (numpy.ndarray): True where a document has the label, same shape.
    k (int): From 1. Ranks beyond the number of labels count as wrong.
    RETURNS (float): From 0.0 to 1.0.
    """
    return float(get_precisions(scores, truths, k).mean())


def get_precisions(
    scores: numpy.ndarray, truths: numpy.ndarray, k: int
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): See precision_at_k, of shape (docs,)."""
    return _get_hits(scores, truths, k).sum(axis=1) / k


def ndcg_at_k(scores: numpy.ndarray, truths: numpy.ndarray, k: int) -> float:
    """Normalized discounted cumulative gain of the k best-ranked labels: a label at
    rank r counts 1 / log2(1 + r), divided by what the best ranking has.

    Source: Järvelin & Kekäläinen (2002), "Cumulated Gain-Based Evaluation of IR
        Techniques".

    scores, truths, k: See precision_at_k. Each document needs a label.
    RETURNS (float): From 0.0 to 1.0.
    """
    return float(get_ndcgs(scores, truths, k).mean())


def get_ndcgs(scores: numpy.ndarray, truths: numpy.ndarray, k: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): See ndcg_at_k, of shape (docs,)."""
    hits = _get_hits(scores, truths, k)
    discounts = 1.0 / numpy.log2(numpy.arange(2, hits.shape[1] + 2))
    n_best = numpy.minimum(truths.sum(axis=1), hits.shape[1])
    best = numpy.cumsum(discounts)[n_best - 1]
    return (hits * discounts).sum(axis=1) / best


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


def propensity_scored_precision_at_k(
    scores: numpy.ndarray, truths: numpy.ndarray, propensities: numpy.ndarray, k: int
) -> float:
    """Precision at k where a label counts the inverse of its propensity, so that rare
    labels count more, divided by what the best ranking has.

    Source: Jain et al. (2016), see get_propensities, section 4.

    scores, truths, k: See precision_at_k. At least one document needs a label.
    propensities (numpy.ndarray): Of each label, see get_propensities.
    RETURNS (float): From 0.0 to 1.0.
    """
    found, best = get_propensity_scored_gains(scores, truths, propensities, k)
    return float(found.sum() / best.sum())


def get_propensity_scored_gains(
    scores: numpy.ndarray, truths: numpy.ndarray, propensities: numpy.ndarray, k: int
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): What the k best-ranked labels of
    each document count, and what those of the best ranking do, each of shape (docs,).
    """
    gains = truths / propensities
    tops = top_columns(scores, k), top_columns(gains, k)
    found, best = (numpy.take_along_axis(gains, top, axis=1) for top in tops)
    return found.sum(axis=1), best.sum(axis=1)


def label_ranking_average_precision(
    scores: numpy.ndarray, truths: numpy.ndarray
) -> float:
    """For each label that a document has: the share of labels ranked at least as high
    that it has too; mean over labels, then over documents.

    Source: Schapire & Singer (2000), "BoosTexter", section 4; Tsoumakas et al. (2010),
        "Mining Multi-label Data", section 7.

    scores, truths: See precision_at_k. Each document needs a label.
    RETURNS (float): Above 0.0 to 1.0.
    """
    return float(get_ranking_precisions(scores, truths).mean())


def get_ranking_precisions(
    scores: numpy.ndarray, truths: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): See label_ranking_average_precision, (docs,)."""
    precisions = numpy.zeros(len(scores))
    for row in range(len(scores)):
        own = numpy.sort(-scores[row, truths[row]])
        ranks = numpy.searchsorted(numpy.sort(-scores[row]), own, side="right")
        own_ranks = numpy.searchsorted(own, own, side="right")
        precisions[row] = (own_ranks / ranks).mean()
    return precisions


def average_precision(scores: numpy.ndarray, truths: numpy.ndarray) -> numpy.ndarray:
    """Area below the precision-recall curve of each label, as a sum of steps: mean
    precision at the documents that have it.

    scores (numpy.ndarray): Array of shape (docs, labels).
    truths (numpy.ndarray): 1.0, 0.0 or NaN for documents to leave out, same shape.
    RETURNS (numpy.ndarray): Of shape (labels,), NaN for a label without documents.
    """
    found = numpy.full(scores.shape[1], numpy.nan)
    for column in range(scores.shape[1]):
        is_known = ~numpy.isnan(truths[:, column])
        s, y = scores[is_known, column], truths[is_known, column] == 1.0
        if y.any():
            own = numpy.sort(-s[y])
            ranks = numpy.searchsorted(numpy.sort(-s), own, side="right")
            found[column] = (numpy.searchsorted(own, own, side="right") / ranks).mean()
    return found


def _get_hits(scores: numpy.ndarray, truths: numpy.ndarray, k: int) -> numpy.ndarray:
    return numpy.take_along_axis(truths, top_columns(scores, k), axis=1)


def mean_or_none(values: numpy.ndarray) -> Optional[float]:
    """RETURNS (Optional[float]): The mean, None of nothing."""
    return float(values.mean()) if values.size else None
