from functools import partial
from typing import Dict, NamedTuple, Optional, Tuple

import numpy

from ...scoring.exclusive import BIN_EDGES
from ...scoring.metrics import MetricT, divide, mean_f, sum_by_id
from ...scoring.multilabel import Answers

LOWEST = 1e-6


class Guesses(NamedTuple):
    """What was predicted for documents that can have several labels.

    gold (numpy.ndarray): Whether a document has a label, of shape (docs, labels).
    guess (numpy.ndarray): Whether it was given, same shape. False if it isn't known
        whether the document has the label.
    is_known (numpy.ndarray): Whether that is known, same shape.
    P (numpy.ndarray): Probabilities, same shape.
    """

    gold: numpy.ndarray
    guess: numpy.ndarray
    is_known: numpy.ndarray
    P: numpy.ndarray


class Counts(NamedTuple):
    """Weights of documents by label, each of shape (weightings, labels).

    right (numpy.ndarray): Those that have the label and were given it.
    guessed (numpy.ndarray): Those that were given it.
    support (numpy.ndarray): Those that have it.
    """

    right: numpy.ndarray
    guessed: numpy.ndarray
    support: numpy.ndarray


def make_guesses(
    truths: numpy.ndarray, P: numpy.ndarray, thresholds: numpy.ndarray
) -> Guesses:
    """Give each document the labels that are at least as probable as their threshold.

    truths (numpy.ndarray): 1.0, 0.0 or NaN, of shape (docs, labels).
    P (numpy.ndarray): Probabilities, same shape.
    thresholds (numpy.ndarray): Of shape (labels,), or the shape of P.
    RETURNS (Guesses): Of these documents.
    """
    is_known = ~numpy.isnan(truths)
    return Guesses(truths == 1.0, (P >= thresholds) & is_known, is_known, P)


def count(guesses: Guesses, W: numpy.ndarray) -> Counts:
    """RETURNS (Counts): For weights of shape (weightings, docs)."""
    n_labels = guesses.gold.shape[1]

    def add(mask: numpy.ndarray) -> numpy.ndarray:
        # There are few pairs of a document and one of its labels.
        rows, columns = numpy.nonzero(mask)
        return sum_by_id(columns, W[:, rows], n_labels)

    return Counts(
        add(guesses.gold & guesses.guess), add(guesses.guess), add(guesses.gold)
    )


def get_macro_f(
    guesses: Guesses, W: numpy.ndarray, among: Optional[numpy.ndarray] = None
) -> numpy.ndarray:
    """Calculate the mean F1 of the labels with gold documents, as the scorer does, for
    several weightings of the documents at once.

    W (numpy.ndarray): Weights from 0.0, of shape (weightings, docs).
    among (Optional[numpy.ndarray]): Whether each label counts, of shape (labels,).
        None for all.
    RETURNS (numpy.ndarray): Of shape (weightings,). See divide.
    """
    right, guessed, support = count(guesses, W)
    return mean_f(right, guessed, support, among)


def get_micro_f(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): F1 of all pairs of a document and a label, see
    get_macro_f.
    """
    right, guessed, support = (found.sum(axis=1) for found in count(guesses, W))
    return divide(2 * right, guessed + support)


def get_micro_p(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of right ones among the labels given, 1.0 if none
    is, see get_macro_f.
    """
    right, guessed, _ = (found.sum(axis=1) for found in count(guesses, W))
    return divide(right, guessed, empty=1.0)


def get_micro_r(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of the gold labels that are given, see
    get_macro_f.
    """
    right, _, support = (found.sum(axis=1) for found in count(guesses, W))
    return divide(right, support)


def get_macro_p(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Mean precision of the labels that are given at all, 1.0
    if none is, see get_macro_f.
    """
    right, guessed, _ = count(guesses, W)
    n_given = (guessed > 0).sum(axis=1)
    total = (right / numpy.maximum(guessed, 1e-12)).sum(axis=1)
    return divide(total, n_given, empty=1.0)


def get_n_labels(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Labels given per document, see get_macro_f."""
    return _average(guesses, guesses.guess.sum(axis=1), W)


def get_n_gold(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Gold labels per document, see get_macro_f."""
    return _average(guesses, guesses.gold.sum(axis=1), W)


def get_ece(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """Calculate the expected calibration error of all pairs of a document and a label:
    the mean distance of the probabilities of a bin from the share that is right.

    Most pairs are neither gold nor probable, so that this is far below what it is for
    labels that exclude each other.

    RETURNS (numpy.ndarray): See get_macro_f.
    """
    rows, columns = numpy.nonzero(guesses.is_known)
    P = guesses.P[rows, columns]
    n_docs, n_bins = len(guesses.gold), len(BIN_EDGES)
    bins = numpy.digitize(P, BIN_EDGES[1:-1], right=True)
    gaps = numpy.bincount(
        rows * n_bins + bins,
        weights=P - guesses.gold[rows, columns],
        minlength=n_docs * n_bins,
    )
    totals = numpy.abs(W @ gaps.reshape(n_docs, n_bins)).sum(axis=1)
    n_pairs = W @ guesses.is_known.sum(axis=1)
    return divide(totals, n_pairs)


def get_log_loss(guesses: Guesses, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): How improbable the gold labels are, in nats per
    document, summed over its labels, see get_macro_f.
    """
    P = numpy.clip(guesses.P, LOWEST, 1.0 - LOWEST)
    nats = -numpy.log(numpy.where(guesses.gold, P, 1.0 - P))
    totals = numpy.where(guesses.is_known, nats, 0.0).sum(axis=1)
    return _average(guesses, totals, W)


def _average(
    guesses: Guesses, values: numpy.ndarray, W: numpy.ndarray
) -> numpy.ndarray:
    """Average over the documents about which something is known."""
    rows = guesses.is_known.any(axis=1)
    return divide(W[:, rows] @ values[rows], W[:, rows].sum(axis=1))


METRICS: Dict[str, MetricT] = {
    "macro_f": get_macro_f,
    "micro_f": get_micro_f,
    "micro_p": get_micro_p,
    "micro_r": get_micro_r,
    "macro_p": get_macro_p,
    "n_labels": get_n_labels,
    "ece": get_ece,
    "log_loss": get_log_loss,
}


def make_group_metrics(
    answers: Answers, head: int, mid: int
) -> Dict[str, Tuple[MetricT, int]]:
    """RETURNS (Dict[str, Tuple[MetricT, int]]): Macro-F1 of head, mid and tail labels,
    and how many of them have gold documents.
    """
    n = answers.counts
    has_gold = (answers.truths == 1.0).any(axis=0)
    groups = {"head": n >= head, "mid": (n >= mid) & (n < head), "tail": n < mid}
    return {
        f"{name}_f": (partial(get_macro_f, among=among), int((among & has_gold).sum()))
        for name, among in groups.items()
    }
