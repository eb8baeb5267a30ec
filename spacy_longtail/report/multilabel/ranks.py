from functools import partial
from typing import Any, Dict, Sequence, Tuple

import numpy

from ...scoring.metrics import MetricT, divide
from ...scoring.multilabel import Answers
from ...scoring.ranking import (
    get_ndcgs,
    get_precisions,
    get_propensities,
    get_propensity_scored_gains,
    get_ranking_precisions,
)

# A product of matrices is faster for so many ranks.
FEW = 50
TINY = 1e-12


def make_rank_metrics(answers: Answers, ks: Sequence[int]) -> Dict[str, MetricT]:
    """Build the metrics of the scorer that need no thresholds, for several weightings
    of the documents at once.

    answers (Answers): What they are of, whatever the guesses.
    ks (Sequence[int]): Ranks of the metrics "at k", each from 1.
    RETURNS (Dict[str, MetricT]): macro_ap, lrap, and p_at_k, ndcg_at_k, psp_at_k.
    """
    rows = numpy.flatnonzero((answers.truths == 1.0).any(axis=1))
    truths, scores = answers.truths[rows], answers.scores[rows]
    is_yes = truths == 1.0
    # What isn't known ranks last.
    scores = numpy.where(numpy.isnan(truths), -1.0, scores)
    ones = numpy.ones(len(rows))
    propensities = get_propensities(answers.counts, answers.n_docs)
    lrap = get_ranking_precisions(scores, is_yes)
    metrics: Dict[str, MetricT] = {
        "macro_ap": partial(_get_macro_ap, answers=answers),
        "lrap": partial(_get_share, rows=rows, found=lrap, best=ones),
    }
    for k in ks:
        pairs = {
            "p": (get_precisions(scores, is_yes, k), ones),
            "ndcg": (get_ndcgs(scores, is_yes, k), ones),
            "psp": get_propensity_scored_gains(scores, is_yes, propensities, k),
        }
        for key, (found, best) in pairs.items():
            metrics[f"{key}_at_{k}"] = partial(
                _get_share, rows=rows, found=found, best=best
            )
    return metrics


def _get_share(
    _: Any,
    W: numpy.ndarray,
    rows: numpy.ndarray,
    found: numpy.ndarray,
    best: numpy.ndarray,
) -> numpy.ndarray:
    """What documents have found of what could be found."""
    return divide(W[:, rows] @ found, W[:, rows] @ best)


def _get_macro_ap(_: Any, W: numpy.ndarray, answers: Answers) -> numpy.ndarray:
    """See average_precision. Mean over the labels with gold documents."""
    totals, n_labels = numpy.zeros(len(W)), numpy.zeros(len(W))
    for truths, scores in zip(answers.truths.T, answers.scores.T):
        rows = numpy.flatnonzero(~numpy.isnan(truths))
        rows = rows[numpy.argsort(-scores[rows], kind="stable")]
        is_yes = truths[rows] == 1.0
        if not is_yes.any():
            continue
        # Documents of the same score are ranked as if each were the last of them.
        ranks = numpy.searchsorted(-scores[rows], -scores[rows][is_yes], side="right")
        add = _sum_few if len(ranks) <= FEW else _sum_many
        right, above = add(W, rows, is_yes, ranks)
        own = W[:, rows[is_yes]]
        weights = own.sum(axis=1)
        # Without weight, there is none above either, and nothing to be a mean of.
        sums = (own * right / numpy.maximum(above, TINY)).sum(axis=1)
        totals += sums / numpy.maximum(weights, TINY)
        n_labels += weights > 0
    return divide(totals, n_labels)


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
