"""How much can go unattended: from which probability on labels are right often enough
for nobody to look at them.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy

from ..scoring.bootstrap import (
    Interval,
    draw_weights,
    get_interval,
    get_share_interval,
)
from ..scoring.predictions import Predictions

# Shares of the unattended documents that are to be right.
WISHES = (0.8, 0.9, 0.95, 0.99)
N_FOLDS = 5
# Of a sum, that a share is still reached.
ROUNDING = 1e-9


class Answers(NamedTuple):
    """What documents were given, the surest first. Arrays of shape (documents,).

    confidence (numpy.ndarray): Probability of the least sure label of each.
    is_right (numpy.ndarray): Whether all labels given are gold.
    is_whole (numpy.ndarray): Whether, besides, none is missing.
    n_docs (int): Documents, those without any label among them.
    """

    confidence: numpy.ndarray
    is_right: numpy.ndarray
    is_whole: numpy.ndarray
    n_docs: int

    def select(self, mask: numpy.ndarray) -> "Answers":
        """RETURNS (Answers): Of some documents."""
        confidence, is_right, is_whole, _ = self
        n_docs = int(mask.sum())
        return Answers(confidence[mask], is_right[mask], is_whole[mask], n_docs)


def find_unattended(
    predictions: Predictions, *, resamples: int = 1000, seed: int = 0
) -> List[Dict[str, Any]]:
    """Find out for each of WISHES from which probability on nobody has to look, and how
    many documents that is.

    A document goes unattended if all labels that it was given are at least so probable.
    It is right if all of them are gold. One without a label is for people.

    RETURNS (List[Dict[str, Any]]): JSON values for each wish:
        wish: share of the unattended documents that is to be right.
        threshold: the lowest probability from which on it is; None if there is none.
        share, people: of the documents, unattended or not: value, low and high, the
            threshold chosen anew in each resample.
        right: share of the unattended documents that is right if thresholds are chosen
            without them, on four fifths of the documents: value, low and high, None if
            no document is unattended.
        whole: share of those to which no label is missing besides, None likewise.
    """
    answers = _read_answers(predictions)
    drawn = _draw_shares(answers, resamples, seed)
    found = []
    for wish, shares in zip(WISHES, drawn):
        cut = _find_cut(answers, wish)
        share = get_interval(cut / max(answers.n_docs, 1), shares)
        people = Interval(1 - share.value, 1 - share.high, 1 - share.low)
        right, whole = _check(answers, wish, seed)
        found.append(
            {
                "wish": wish,
                "threshold": float(answers.confidence[cut - 1]) if cut else None,
                "share": share._asdict(),
                "people": people._asdict(),
                "right": right and right._asdict(),
                "whole": whole,
            }
        )
    return found


def _read_answers(predictions: Predictions) -> Answers:
    given, n = predictions.given, predictions.n_docs
    confidence = numpy.full(n, numpy.inf)
    numpy.minimum.at(confidence, given.rows, numpy.nan_to_num(given.confidence))
    has_label = numpy.isfinite(confidence)
    confidence[~has_label] = -numpy.inf
    is_right, has_all = has_label.copy(), numpy.ones(n, dtype=bool)
    is_right[predictions.false.rows] = False
    has_all[predictions.missed.rows] = False
    rows = numpy.flatnonzero(predictions.is_counted)
    rows = rows[numpy.argsort(-confidence[rows], kind="stable")]
    is_right = is_right[rows]
    return Answers(confidence[rows], is_right, is_right & has_all[rows], len(rows))


def _find_cut(answers: Answers, wish: float) -> int:
    return int(_find_cuts(numpy.ones((1, answers.n_docs)), answers, wish)[0])


def _find_cuts(W: numpy.ndarray, answers: Answers, wish: float) -> numpy.ndarray:
    """How many of the surest documents go unattended, of shape (weightings,).

    W (numpy.ndarray): Weights of the documents, of shape (weightings, docs).
    """
    P = answers.confidence
    # What is equally sure stays together, and what has no label isn't sure.
    is_end = numpy.isfinite(P) & (P != numpy.append(P[1:], -numpy.inf))
    n, right = W.cumsum(axis=1), (W * answers.is_right).cumsum(axis=1)
    is_enough = is_end & (n > 0) & (right >= wish * n - ROUNDING)
    n_after = is_enough[:, ::-1].argmax(axis=1)
    return numpy.where(is_enough.any(axis=1), W.shape[1] - n_after, 0)


def _draw_shares(answers: Answers, resamples: int, seed: int) -> List[numpy.ndarray]:
    """RETURNS (List[numpy.ndarray]): For each wish, shares of shape (resamples,)."""
    found: List[List[numpy.ndarray]] = [[] for _ in WISHES]
    n = answers.n_docs
    for W in draw_weights(n, n, resamples=resamples, seed=seed):
        sums = numpy.pad(W.cumsum(axis=1), ((0, 0), (1, 0)))
        rows = numpy.arange(len(W))
        for wish, shares in zip(WISHES, found):
            cuts = _find_cuts(W, answers, wish)
            shares.append(sums[rows, cuts] / sums[:, -1])
    return [numpy.concatenate(shares) for shares in found]


def _check(
    answers: Answers, wish: float, seed: int
) -> Tuple[Optional[Interval], Optional[float]]:
    """How often what goes unattended is right if the threshold is that of others, and
    how often nothing is missing.
    """
    n = answers.n_docs
    folds = numpy.random.default_rng(seed).permutation(n) % N_FOLDS
    is_alone = numpy.zeros(n, dtype=bool)
    for fold in range(N_FOLDS):
        others = answers.select(folds != fold)
        cut = _find_cut(others, wish)
        if cut:
            is_sure = answers.confidence >= others.confidence[cut - 1]
            is_alone |= (folds == fold) & is_sure
    if not is_alone.any():
        return None, None
    n_right, n_alone = int(answers.is_right[is_alone].sum()), int(is_alone.sum())
    right = get_share_interval(n_right, n_alone)
    return right, float(answers.is_whole[is_alone].mean())
