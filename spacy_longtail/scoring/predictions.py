from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy

from ..ops import find_cells, slice_rows
from ..taxonomy import Taxonomy

# Fewest training documents of a head and of a mid label.
HEAD, MID = 50, 10
GROUPS = ("head", "mid", "tail")
# In an array of given columns: none. In one of thresholds: above every probability.
ABSTAINED, NEVER = -1, 2.0
# Fields of Predictions that have a row for each document.
PER_DOC = ("is_known", "is_counted", "calibrated", "changes", "has_kept", "places")
BoundsT = Tuple[int, int]


class Pairs(NamedTuple):
    """Documents and the labels they have, or were given. Arrays of shape (pairs,).

    rows (numpy.ndarray): Index of the document, ascending, int64.
    columns (numpy.ndarray): Index of the label, int64.
    confidence (numpy.ndarray): Probability of the label in the end, NaN if there is
        none, float64.
    """

    rows: numpy.ndarray
    columns: numpy.ndarray
    confidence: numpy.ndarray

    def select(self, mask: numpy.ndarray) -> "Pairs":
        """RETURNS (Pairs): Some of them."""
        return Pairs(*(part[mask] for part in self))

    def to_columns(self, n_docs: int) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The label of each document, or ABSTAINED, of shape
        (docs,), where a document has at most one.
        """
        columns = numpy.full(n_docs, ABSTAINED, dtype="int64")
        columns[self.rows] = self.columns
        return columns

    def pick(self, rows: numpy.ndarray) -> "Pairs":
        """RETURNS (Pairs): Those of some documents, which can be repeated."""
        starts = numpy.searchsorted(self.rows, rows, side="left")
        ends = numpy.searchsorted(self.rows, rows, side="right")
        n = ends - starts
        shifts = starts - (numpy.cumsum(n) - n)
        found = self.select(numpy.arange(n.sum()) + numpy.repeat(shifts, n))
        return found._replace(rows=numpy.repeat(numpy.arange(len(rows)), n))


class Scores(NamedTuple):
    """What ranking and calibration need where a document can have several labels.

    P (numpy.ndarray): Probabilities of shape (docs, labels).
    truths (numpy.ndarray): 1.0, 0.0 or NaN for what isn't known, same shape. With many
        labels in half precision, which isn't enough for sums of them.
    """

    P: numpy.ndarray
    truths: numpy.ndarray


class Counts(NamedTuple):
    """Weights of documents by label, each of shape (weightings, labels).

    right (numpy.ndarray): Those that have the label and were given it.
    guessed (numpy.ndarray): Those that were given it.
    support (numpy.ndarray): Those that have it.
    """

    right: numpy.ndarray
    guessed: numpy.ndarray
    support: numpy.ndarray

    @property
    def f(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): F1 of each label, 0.0 without any document."""
        return 2 * self.right / numpy.maximum(self.support + self.guessed, 1e-12)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Gold and given labels of documents. Whether a document can have one label or
    several, what counts is pairs of a document and a label, of which there are few:
    an array of documents and labels is only needed to rank.

    labels (Tuple[str, ...]): Full paths. Gold labels that training never saw and inner
        nodes can be among them.
    n_docs (int): Documents.
    gold (Pairs): The labels they have.
    given (Pairs): The labels they were given, without those of which it isn't known
        whether the document has them.
    allows_several (bool): Whether a document can have several labels.
    is_known (numpy.ndarray): Whether anything is known of a document, of shape (docs,).
    is_counted (numpy.ndarray): Whether its pairs say something about labels: not if its
        gold label is an inner node, of shape (docs,).
    taxonomy (Taxonomy): The label tree, with labels that were added at run time.
    counts (Optional[numpy.ndarray]): Training documents of each label, of shape
        (labels,). None if they are unknown.
    n_training (int): Training documents.
    bounds (Tuple[int, int]): Fewest training documents of a head and of a mid label.
    scores (Optional[Scores]): Where a document can have several labels.
    calibrated (Optional[numpy.ndarray]): The best estimate of the probability of each
        label, whatever was given by, of shape (docs, labels).
    changes (Optional[numpy.ndarray]): How many labels of each document a second stage
        has made right, and how many wrong, of shape (docs, 2). None without one.
    has_kept (Optional[numpy.ndarray]): Whether a document has no label but keeps the
        right broad category, of shape (docs,). None if that isn't known.
    places (Optional[numpy.ndarray]): Which of the documents that were read these are,
        of shape (docs,). None if that isn't known.
    """

    labels: Tuple[str, ...]
    n_docs: int
    gold: Pairs
    given: Pairs
    allows_several: bool
    is_known: numpy.ndarray
    is_counted: numpy.ndarray
    taxonomy: Taxonomy = field(default_factory=lambda: Taxonomy(leaves=(), counts=()))
    counts: Optional[numpy.ndarray] = None
    n_training: int = 0
    bounds: BoundsT = (HEAD, MID)
    scores: Any = None
    calibrated: Optional[numpy.ndarray] = None
    changes: Optional[numpy.ndarray] = None
    has_kept: Optional[numpy.ndarray] = None
    places: Optional[numpy.ndarray] = None
    _kept: Dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def right(self) -> Pairs:
        """RETURNS (Pairs): The given ones that are gold."""
        return self.given.select(self.has(self.given, self.gold))

    @cached_property
    def missed(self) -> Pairs:
        """RETURNS (Pairs): The gold ones that aren't given."""
        return self.gold.select(~self.has(self.gold, self.given))

    @cached_property
    def false(self) -> Pairs:
        """RETURNS (Pairs): The given ones that aren't gold."""
        return self.given.select(~self.has(self.given, self.gold))

    @cached_property
    def groups(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Index into GROUPS of each label, -1 if the training
        documents are unknown.
        """
        if self.counts is None:
            return numpy.full(len(self.labels), -1)
        return 2 - numpy.digitize(self.counts, self.bounds[::-1])

    @property
    def group_sizes(self) -> Dict[str, int]:
        """RETURNS (Dict[str, int]): Labels with gold documents, by group."""
        groups = self.groups[count(self).support[0] > 0]
        return {name: int((groups == i).sum()) for i, name in enumerate(GROUPS)}

    @cached_property
    def gold_columns(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The label of each, or ABSTAINED, (docs,)."""
        return self.gold.to_columns(self.n_docs)

    @cached_property
    def given_columns(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Likewise."""
        return self.given.to_columns(self.n_docs)

    @cached_property
    def ones(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): A weighting of all documents alike, (1, docs)."""
        return numpy.ones((1, self.n_docs))

    def has(self, pairs: Pairs, others: Pairs) -> numpy.ndarray:
        """Whether each of some pairs is among others."""
        n = max(len(self.labels), 1)
        ids, known = (part.rows * n + part.columns for part in (pairs, others))
        return numpy.isin(ids, known)

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """RETURNS (Any): What is made the first time that it is asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def select(self, rows: numpy.ndarray) -> "Predictions":
        """RETURNS (Predictions): Of some documents, which can be repeated."""
        parts: Dict[str, Any] = {}
        for name in PER_DOC:
            whole = getattr(self, name)
            parts[name] = None if whole is None else whole[rows]
        return replace(
            self,
            n_docs=len(rows),
            gold=self.gold.pick(rows),
            given=self.given.pick(rows),
            scores=self.scores and Scores(*(part[rows] for part in self.scores)),
            **parts,
        )

    def keep_labels(self, columns: numpy.ndarray) -> "Predictions":
        """RETURNS (Predictions): The same documents with pairs of some labels only, for
        counting these.
        """
        places = numpy.full(len(self.labels), ABSTAINED)
        places[columns] = numpy.arange(len(columns))

        def cut(pairs: Pairs) -> Pairs:
            kept = pairs.select(places[pairs.columns] != ABSTAINED)
            return kept._replace(columns=places[kept.columns])

        return replace(
            self,
            labels=tuple(self.labels[column] for column in columns.tolist()),
            gold=cut(self.gold),
            given=cut(self.given),
            counts=None,
            scores=None,
            calibrated=None,
        )

    def give_columns(
        self, columns: numpy.ndarray, confidence: numpy.ndarray, **values: Any
    ) -> "Predictions":
        """RETURNS (Predictions): The same documents, given other labels: one column
        each, or ABSTAINED. values (Any): Other fields that change.
        """
        values["given"] = _pair_column(columns, confidence)
        return replace(self, **{"changes": None, "has_kept": None, **values})

    def give_scores(self, P: numpy.ndarray, thresholds: numpy.ndarray) -> "Predictions":
        """RETURNS (Predictions): The same documents, which can have several labels,
        given those that are at least as probable as their threshold.
        """
        needed = numpy.broadcast_to(thresholds, P.shape)
        given = find_cells(P.shape, lambda part: P[part] >= needed[part])
        new = pair_cells(self.scores.truths, P, given, self.labels)
        return replace(
            self, gold=new.gold, given=new.given, scores=new.scores, changes=None
        )


def count(predictions: Predictions, W: Optional[numpy.ndarray] = None) -> Counts:
    """Count the documents of each label. Every precision, recall, F, accuracy and
    coverage is an average of these.

    W (Optional[numpy.ndarray]): Weights of the documents from 0.0, of shape
        (weightings, docs). None for all alike, (1, docs).
    """
    W = predictions.ones if W is None else W
    # Several metrics of the same documents are asked for one after another.
    last = predictions._kept.get("counts")
    if last is not None and last[0] is W:
        return last[1]
    n_labels, is_counted = len(predictions.labels), predictions.is_counted

    def add(pairs: Pairs) -> numpy.ndarray:
        mask = is_counted[pairs.rows]
        return sum_by_id(pairs.columns[mask], W[:, pairs.rows[mask]], n_labels)

    pairs = predictions.right, predictions.given, predictions.gold
    counts = Counts(*map(add, pairs))
    predictions._kept["counts"] = (W, counts)
    return counts


def pair_columns(
    gold: numpy.ndarray,
    given: numpy.ndarray,
    confidence: numpy.ndarray,
    labels: Sequence[str],
    **values: Any,
) -> Predictions:
    """Make the predictions of documents with one label each.

    gold, given (numpy.ndarray): Columns of the labels, or ABSTAINED, of shape (docs,).
    confidence (numpy.ndarray): Of the given label, same shape.
    values (Any): Further fields of Predictions.
    """
    everything = numpy.ones(len(gold), dtype=bool)
    return Predictions(
        labels=tuple(labels),
        n_docs=len(gold),
        gold=_pair_column(gold, numpy.ones(len(gold))),
        given=_pair_column(given, confidence),
        allows_several=False,
        is_known=everything,
        **{"is_counted": everything, **values},
    )


def pair_scores(
    truths: numpy.ndarray,
    P: numpy.ndarray,
    is_given: numpy.ndarray,
    labels: Sequence[str],
    **values: Any,
) -> Predictions:
    """Make the predictions of documents that can have several labels.

    truths (numpy.ndarray): 1.0, 0.0 or NaN, of shape (docs, labels).
    P (numpy.ndarray): Probabilities, same shape.
    is_given (numpy.ndarray): Whether a document was given a label, same shape. Where
        nothing is known of that, it doesn't count.
    values (Any): Further fields of Predictions.
    """
    given = find_cells(P.shape, lambda part: is_given[part])
    return pair_cells(truths, P, given, labels, **values)


def pair_cells(
    truths: numpy.ndarray,
    P: numpy.ndarray,
    given: Tuple[numpy.ndarray, numpy.ndarray],
    labels: Sequence[str],
    **values: Any,
) -> Predictions:
    """Do what pair_scores does without an array of what was given.

    given (Tuple[numpy.ndarray, numpy.ndarray]): Documents, ascending, and columns of
        the labels they were given, each pair once, both of shape (pairs,).
    """
    has_known = numpy.zeros(len(truths), dtype=bool)
    for part in slice_rows(*truths.shape):
        has_known[part] = (~numpy.isnan(truths[part])).any(axis=1)

    def pair(rows: numpy.ndarray, columns: numpy.ndarray) -> Pairs:
        return Pairs(rows, columns, P[rows, columns])

    is_known = ~numpy.isnan(truths[given])
    return Predictions(
        labels=tuple(labels),
        n_docs=len(truths),
        gold=pair(*find_cells(truths.shape, lambda part: truths[part] == 1.0)),
        given=pair(*given).select(is_known),
        allows_several=True,
        is_known=has_known,
        is_counted=has_known,
        scores=Scores(P, truths),
        **values,
    )


def sum_by_id(ids: numpy.ndarray, W: numpy.ndarray, n_ids: int) -> numpy.ndarray:
    """Sum the weights of each id, for several weightings at once.

    ids (numpy.ndarray): From 0 to below n_ids, of shape (things,).
    W (numpy.ndarray): Weights of shape (weightings, things).
    RETURNS (numpy.ndarray): Array of shape (weightings, n_ids).
    """
    flat = (numpy.arange(len(W))[:, None] * n_ids + ids).ravel()
    sums = numpy.bincount(flat, weights=W.ravel(), minlength=len(W) * n_ids)
    return sums.reshape(len(W), n_ids)


def divide(parts: numpy.ndarray, wholes: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): NaN for weightings without a whole."""
    has_whole = wholes > 0
    shares = parts / numpy.where(has_whole, wholes, 1.0)
    return numpy.where(has_whole, shares, numpy.nan)


def _pair_column(columns: numpy.ndarray, confidence: numpy.ndarray) -> Pairs:
    rows = numpy.flatnonzero(columns != ABSTAINED)
    return Pairs(rows, columns[rows], confidence[rows])
