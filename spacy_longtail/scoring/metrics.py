"""One table of everything that is measured."""

from functools import partial
from itertools import groupby
from math import inf
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy

from ..ops import LOWEST, slice_rows
from . import ranking
from .predictions import ABSTAINED, GROUPS, Predictions, count, divide, sum_by_id

# Labels whose probabilities are added up together.
N_COLUMNS = 512
BIN_EDGES = numpy.linspace(0.0, 1.0, 16)
SHARE = (0.0, 1.0)
NUMBER = (0.0, inf)
# From weights of the documents, of shape (weightings, docs), to a value for each of the
# weightings, NaN where there is nothing to measure.
MetricT = Callable[[Predictions, numpy.ndarray], numpy.ndarray]


class Metric(NamedTuple):
    """Something that is measured.

    key (str): What scorer, tune and report call it.
    title (str): What people call it.
    note (str): What it is, in a few words. Can have {head}, {mid} and {below}, the
        bounds of head, mid and tail.
    function (MetricT): Measures it.
    rooms (Tuple[str, ...]): Where it is shown: "scorer", "tune", "report".
    several (Optional[bool]): True or False if it is only for documents that can have
        several labels, or one.
    bounds (Tuple[float, float]): Values that it can have.
    direction (int): 1 if more is better, -1 if less is, 0 if neither.
    empty (float): Its value where there is nothing to measure at all.
    """

    key: str
    title: str
    note: str
    function: MetricT
    rooms: Tuple[str, ...] = ("scorer", "tune", "report")
    several: Optional[bool] = None
    bounds: Tuple[float, float] = SHARE
    direction: int = 1
    empty: float = 0.0


def get_accuracy(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of documents with the right label."""
    right = count(predictions, W).right.sum(axis=1)
    return divide(right, W[:, predictions.is_counted].sum(axis=1))


def get_coverage(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of documents with a label."""
    is_given = predictions.given_columns != ABSTAINED
    return divide(W @ is_given, W.sum(axis=1))


def get_macro_f(
    predictions: Predictions, W: numpy.ndarray, among: Any = True
) -> numpy.ndarray:
    """Mean F1 of the labels with gold documents.

    among (Any): Whether each label counts, of shape (labels,), or True for all.
    """
    counts = count(predictions, W)
    counted = (counts.support > 0) & among
    return divide((counts.f * counted).sum(axis=1), counted.sum(axis=1))


def get_group_f(
    predictions: Predictions, W: numpy.ndarray, group: str
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Mean F1 of the labels of one of GROUPS."""
    return get_macro_f(predictions, W, predictions.groups == GROUPS.index(group))


def get_micro(predictions: Predictions, W: numpy.ndarray, part: str) -> numpy.ndarray:
    """Precision, recall or F1 of all pairs of a document and a label.

    part (str): "p", "r" or "f".
    """
    return _rate(part, *(n.sum(axis=1) for n in count(predictions, W)))


def get_macro_p(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Mean precision of the labels that are given at all."""
    right, guessed, _ = count(predictions, W)
    total = (right / numpy.maximum(guessed, 1e-12)).sum(axis=1)
    return divide(total, (guessed > 0).sum(axis=1))


def get_labels_per_doc(
    predictions: Predictions, W: numpy.ndarray, of_gold: bool = False
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Labels given per known document, or gold ones."""
    pairs = predictions.gold if of_gold else predictions.given
    per_doc = numpy.bincount(pairs.rows, minlength=predictions.n_docs)
    return _average(predictions, per_doc, W)


def get_coarse_accuracy(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Share of documents whose label, or the broad category that
    they keep without one, has the right node at the first level of its path.
    """
    gold, given = find_paths(predictions)
    is_right = gold[:, 0] == given[:, 0]
    if predictions.has_kept is not None:
        is_right |= predictions.has_kept
    return divide(W @ is_right, W.sum(axis=1))


def get_hierarchical(
    predictions: Predictions, W: numpy.ndarray, part: str
) -> numpy.ndarray:
    """Precision, recall or F1 over sets of ancestors, the label itself included, the
    root not, summed over documents.

    Source: Kiritchenko et al. (2005), "Functional Annotation of Genes Using
        Hierarchical Text Categorization"; Silla & Freitas (2011), "A survey of
        hierarchical classification across different application domains".
        https://doi.org/10.1007/s10618-010-0175-9

    part (str): "p", "r" or "f".
    """
    gold, given = find_paths(predictions)
    right = W @ ((gold == given) & (gold >= 0)).sum(axis=1)
    n_given, n_gold = W @ (given >= 0).sum(axis=1), W @ (gold >= 0).sum(axis=1)
    return _rate(part, right, n_given, n_gold)


def get_other_recall(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Of documents with a pooled gold label, share of those
    whose given label is pooled in the same Other.
    """
    tree = predictions.taxonomy
    other_of = dict(zip(tree.leaves, tree.other_of))
    # ABSTAINED is the index of the last one.
    others = numpy.asarray([*(other_of.get(n, -1) for n in predictions.labels), -1])
    gold, given = others[predictions.gold_columns], others[predictions.given_columns]
    is_pooled = predictions.is_counted & (gold >= 0)
    return divide(W @ (is_pooled & (gold == given)), W @ is_pooled)


def get_refined(predictions: Predictions, W: numpy.ndarray, part: str) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Labels that a second stage has "fixed" or "broken", or
    the difference, "gain", per document of which anything is known.
    """
    if predictions.changes is None:
        return numpy.full(len(W), numpy.nan)
    fixed, broken = predictions.changes.T
    values = {"fixed": fixed, "broken": broken, "gain": fixed - broken}[part]
    return _average(predictions, values, W)


def get_ece(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """Expected calibration error of the given labels: the mean distance of their
    probabilities from the share that is right, bin by bin.

    Source: Guo et al. (2017), "On Calibration of Modern Neural Networks", section 2.
        https://arxiv.org/abs/1706.04599
    """
    pairs, right = predictions.given, predictions.right
    mask = predictions.is_counted[pairs.rows] & ~numpy.isnan(pairs.confidence)
    rows, _, confidence = pairs.select(mask)
    gaps = confidence - numpy.isin(rows, right.rows)
    weights = W[:, rows]
    totals = sum_by_id(find_bins(confidence), weights * gaps, len(BIN_EDGES))
    return divide(numpy.abs(totals).sum(axis=1), weights.sum(axis=1))


def get_pair_ece(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """Expected calibration error of all pairs of a document and a label, given or not.

    Most pairs are neither gold nor probable, so that this is far below what it is for
    labels that exclude each other.
    """
    gaps, n_known = predictions.keep("pair gaps", partial(_sum_gaps, predictions))
    totals = numpy.abs(W @ gaps).sum(axis=1)
    return divide(totals, W @ n_known)


def _sum_gaps(predictions: Predictions) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): How far the probabilities of each
    document are above its labels, by bin, (docs, bins), and how many are known.
    """
    P, truths = predictions.scores
    n_bins, n_known = len(BIN_EDGES), numpy.zeros(len(P))
    gaps = numpy.zeros((len(P), n_bins))
    for part in slice_rows(*P.shape):
        is_known = ~numpy.isnan(truths[part])
        rows, columns = numpy.nonzero(is_known)
        known = P[part][rows, columns]
        sums = numpy.bincount(
            rows * n_bins + find_bins(known),
            weights=known - truths[part][rows, columns],
            minlength=len(is_known) * n_bins,
        )
        gaps[part] = sums.reshape(-1, n_bins)
        n_known[part] = is_known.sum(axis=1)
    return gaps, n_known


def get_log_loss(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The sum of get_nats over labels, per document."""
    P, truths = predictions.scores

    def find() -> numpy.ndarray:
        totals = numpy.zeros(len(P))
        for part in slice_rows(*P.shape):
            nats = get_nats(P[part], truths[part])
            nats = numpy.where(numpy.isnan(truths[part]), 0.0, nats)
            totals[part] = nats.sum(axis=1)
        return totals

    return _average(predictions, predictions.keep("nats", find), W)


def get_nats(P: numpy.ndarray, truths: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): How improbable what is known is, of the shape of both."""
    P = numpy.clip(P, LOWEST, 1.0 - LOWEST)
    return -numpy.log(numpy.where(truths == 1.0, P, 1.0 - P))


def get_expected_macro_f(predictions: Predictions, W: numpy.ndarray) -> numpy.ndarray:
    """Macro-F1 to expect if the calibrated probabilities are right, over all labels.

    It needs no gold labels. With one or two documents for most labels, the macro-F1 of
    gold labels is too kind to predictions of rare ones: labels that happen to have no
    document don't count, however often they are predicted.

    Source: the plug-in estimate of Ye et al. 2012, "Optimizing F-measure: A Tale of
        Two Approaches", https://arxiv.org/abs/1206.4625, of each label's F1.
    """
    P = predictions.calibrated
    if P is None:
        return numpy.full(len(W), numpy.nan)
    n_labels = P.shape[1]
    rows, columns, _ = predictions.given
    is_known = columns < n_labels
    rows, columns = rows[is_known], columns[is_known]
    W = numpy.asarray(W, dtype="float64")
    right = sum_by_id(columns, W[:, rows] * P[rows, columns], n_labels)
    guessed = sum_by_id(columns, W[:, rows], n_labels)
    # P may be too large for a copy in double precision.
    sums = numpy.zeros(guessed.shape)
    for start in range(0, n_labels, N_COLUMNS):
        part = slice(start, start + N_COLUMNS)
        sums[:, part] = W @ P[:, part]
    return (2 * right / numpy.maximum(sums + guessed, 1e-12)).mean(axis=1)


def find_bins(P: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Bin of each probability. An edge is in the one below."""
    return numpy.digitize(P, BIN_EDGES[1:-1], right=True)


def find_paths(predictions: Predictions) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Ids of the nodes on the path of
    the gold and of the given label of each document, -1 where it has ended, both of
    shape (docs, depth).
    """

    def find() -> Tuple[numpy.ndarray, numpy.ndarray]:
        paths = [predictions.taxonomy.path(label) for label in predictions.labels]
        ids: Dict[str, int] = {}
        # ABSTAINED is the index of the last row, an empty path.
        nodes = numpy.full((len(paths) + 1, max(map(len, paths), default=1)), -1)
        for row, path in enumerate(paths):
            nodes[row, : len(path)] = [ids.setdefault(n, len(ids)) for n in path]
        return nodes[predictions.gold_columns], nodes[predictions.given_columns]

    return predictions.keep("paths", find)


def _rate(
    part: str, right: numpy.ndarray, guessed: numpy.ndarray, support: numpy.ndarray
) -> numpy.ndarray:
    if part == "f":
        return divide(2 * right, guessed + support)
    return divide(right, guessed if part == "p" else support)


def _average(
    predictions: Predictions, values: numpy.ndarray, W: numpy.ndarray
) -> numpy.ndarray:
    """Average over the documents of which anything is known."""
    rows = predictions.is_known
    return divide(W[:, rows] @ values[rows], W[:, rows].sum(axis=1))


def _make_at(key: str, title: str, function: Callable[..., numpy.ndarray]) -> Metric:
    note = "of the first {k}, without thresholds"
    return Metric(key, title, note, function, ("scorer", "report"), several=True)


# fmt: off
METRICS: Tuple[Metric, ...] = (
    Metric("macro_f", "macro-F1", "mean over labels", get_macro_f),
    Metric("expected_macro_f", "expected macro-F1", "by calibrated probabilities", get_expected_macro_f, ("tune",), several=False),
    Metric("accuracy", "accuracy", "share of right labels", get_accuracy, several=False),
    Metric("micro_f", "micro-F1", "of all labels given", partial(get_micro, part="f"), several=True),
    Metric("micro_p", "precision", "share of given labels that are right", partial(get_micro, part="p"), several=True, empty=1.0),
    Metric("micro_r", "recall", "share of gold labels that are given", partial(get_micro, part="r"), several=True),
    Metric("macro_p", "precision, mean of labels", "of those that are given", get_macro_p, ("tune",), several=True, empty=1.0),
    Metric("head_f", "head", "F1, {head} training documents or more", partial(get_group_f, group="head")),
    Metric("mid_f", "mid", "F1, {mid} to {below}", partial(get_group_f, group="mid")),
    Metric("tail_f", "tail", "F1, fewer than {mid}", partial(get_group_f, group="tail")),
    Metric("coarse_accuracy", "first level", "share of right broad categories", get_coarse_accuracy, ("scorer", "report"), several=False),
    Metric("hier_p", "hierarchical precision", "over sets of ancestors", partial(get_hierarchical, part="p"), ("scorer",), several=False),
    Metric("hier_r", "hierarchical recall", "over sets of ancestors", partial(get_hierarchical, part="r"), ("scorer",), several=False),
    Metric("hier_f", "hierarchical F1", "over sets of ancestors", partial(get_hierarchical, part="f"), ("scorer",), several=False),
    Metric("coverage", "coverage", "share of documents with a label", get_coverage, several=False),
    Metric("precision", "precision", "share of given labels that are right", partial(get_micro, part="p"), ("tune", "report"), several=False, empty=1.0),
    Metric("n_labels", "labels per document", "given ones", get_labels_per_doc, ("tune",), several=True, bounds=NUMBER, direction=0),
    Metric("macro_ap", "average precision (AP)", "mean over labels", ranking.get_macro_ap, ("scorer", "report"), several=True),
    Metric("lrap", "LRAP", "label ranking average precision, mean over documents", ranking.get_lrap, ("scorer", "report"), several=True),
    _make_at("p_at", "precision", ranking.get_precision_at),
    _make_at("ndcg_at", "nDCG", ranking.get_ndcg_at),
    _make_at("psp_at", "propensity-scored precision", ranking.get_propensity_scored_precision_at),
    Metric("other_recall", "recall of Others", "pooled labels found in their Other", get_other_recall, ("scorer",), several=False),
    Metric("refined_fixed", "fixed", "labels made right by the second stage", partial(get_refined, part="fixed"), ("scorer",), bounds=NUMBER),
    Metric("refined_broken", "broken", "labels made wrong by the second stage", partial(get_refined, part="broken"), ("scorer",), bounds=NUMBER, direction=-1),
    Metric("refined_gain", "gain", "fixed less broken", partial(get_refined, part="gain"), ("scorer",), bounds=(-inf, inf)),
    Metric("ece", "ECE", "calibration error, 0 is best", get_ece, several=False, direction=-1),
    Metric("ece", "ECE", "calibration error of all labels, 0 is best", get_pair_ece, ("tune", "report"), several=True, direction=-1),
    Metric("log_loss", "log loss", "nats per document", get_log_loss, ("tune",), several=True, bounds=NUMBER, direction=-1),
)
# fmt: on
# Metrics of the best-ranked labels, one for each of some ranks.
AT = tuple(metric.key for metric in METRICS if metric.key.endswith("_at"))
KS = (1, 3, 5)


def find_metrics(
    room: str, allows_several: bool, *, ks: Sequence[int] = KS
) -> Dict[str, Metric]:
    """RETURNS (Dict[str, Metric]): What a room shows for labels of a kind, by key.

    room (str): "scorer", "tune" or "report".
    allows_several (bool): Whether a document can have several labels.
    ks (Sequence[int]): Ranks of the metrics "at k", each from 1.
    """
    kinds = (None, allows_several)
    shown = (m for m in METRICS if room in m.rooms and m.several in kinds)
    found: List[Metric] = []
    for is_at, metrics in groupby(shown, lambda metric: metric.key in AT):
        same = list(metrics)
        found += [_rank_at(m, k) for k in ks for m in same] if is_at else same
    return {metric.key: metric for metric in found}


def _rank_at(metric: Metric, k: int) -> Metric:
    function: Any = partial(metric.function, k=k)
    key, note = f"{metric.key}_{k}", metric.note.format(k=k)
    return metric._replace(key=key, note=note, function=function)
