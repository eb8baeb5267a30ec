"""Which labels fit their texts, and which others would."""

from typing import NamedTuple

import numpy

from .crossfit import Compared, CrossFit

# In place of a label where there is none.
NONE = -1
LEAST = 1e-6


class Judgement(NamedTuple):
    """What was found in all texts. Pairs are those of a text and one of its labels.

    given (numpy.ndarray): Log probability of the label of each pair, NaN if it wasn't
        judged, float32, (pairs,).
    other (numpy.ndarray): The most probable label that a text doesn't have, NONE if it
        wasn't judged, (texts,).
    other_log (numpy.ndarray): Its log probability, (texts,).
    needed (numpy.ndarray): How probable a label is where it is found in the texts that
        have it: the mean weighted by itself, from 0.0 to 1.0, (labels,).
    usual (numpy.ndarray): In those that don't have it, (labels,).
    is_blank (numpy.ndarray): Whether nothing in a text is known, bool, (texts,).
    """

    given: numpy.ndarray
    other: numpy.ndarray
    other_log: numpy.ndarray
    needed: numpy.ndarray
    usual: numpy.ndarray
    is_blank: numpy.ndarray


class Judge:
    """Collects what was found, a few numbers of each text."""

    def __init__(self, fit: CrossFit) -> None:
        self.fit, self.gold = fit, fit.gold
        n_texts, n_labels = len(fit.folds), len(self.gold.names)
        self._given = numpy.full(len(self.gold.columns), numpy.nan, dtype="float32")
        self._other = numpy.full(n_texts, NONE, dtype="int64")
        self._other_log = numpy.full(n_texts, numpy.nan, dtype="float32")
        self._is_blank = numpy.zeros(n_texts, dtype="bool")
        # Sums of probabilities, and what they are of: of texts with the label, and all.
        self._own, self._squares, self._n_own = numpy.zeros((3, n_labels))
        self._all, self._n_all = numpy.zeros(n_labels), 0

    def add(self, found: Compared) -> None:
        """Take what was found in texts. Those without a label, or of which nothing is
        known, aren't judged.
        """
        self._is_blank[found.rows] = found.is_blank
        is_used = (self.gold.sizes[found.rows] > 0) & ~found.is_blank
        rows, Z = found.rows[is_used], found.logits[is_used]
        if not len(rows):
            return
        Z -= Z.max(axis=1, keepdims=True)
        P = numpy.exp(Z)
        sums = P.sum(axis=1, keepdims=True)
        Z -= numpy.log(sums)
        P /= sums
        owners, columns = self.gold.pair(rows)
        can_judge = self.fit.can_judge(rows[owners], columns)
        pairs = self.gold.find_pairs(rows)[can_judge]
        owners, columns = owners[can_judge], columns[can_judge]
        self._given[pairs] = Z[owners, columns]
        own = P[owners, columns]
        numpy.add.at(self._own, columns, own)
        numpy.add.at(self._squares, columns, own * own)
        numpy.add.at(self._n_own, columns, 1)
        self._all += P.sum(axis=0)
        self._n_all += len(rows)
        Z[self.gold.pair(rows)] = -numpy.inf
        best = Z.argmax(axis=1)
        self._other[rows] = best
        self._other_log[rows] = Z[numpy.arange(len(rows)), best]

    def finish(self) -> Judgement:
        """RETURNS (Judgement): Once all texts were added."""
        n_own, n_all = self._n_own, max(self._n_all, 1)
        # A label that was judged in no text needs what others need.
        mean = self._squares.sum() / max(self._own.sum(), LEAST)
        needed = (self._squares + LEAST * mean) / (self._own + LEAST)
        usual = (self._all - self._own) / numpy.maximum(n_all - n_own, 1)
        return Judgement(
            self._given,
            self._other,
            self._other_log,
            needed,
            numpy.maximum(usual, 0.0),
            self._is_blank,
        )
