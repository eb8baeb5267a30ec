"""Which labels a person should look at first."""

import math
from collections import Counter
from typing import Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy

from .crossfit import Gold
from .judge import LEAST, Judgement
from .validation import Suspect

# Why a text is there.
UNLIKE = "no more like its label than texts that have another"
UNLIKE_ONE = "no more like {labels} than texts without {it}"
HARD = "unlike its label, but not sure to be like another: it may only be hard to tell"
LACKS = "as much like another label, too, as the texts that have it"
COPIES = "labelled otherwise where the same text stands again"
# A label is in doubt that is at most so many times as probable as in texts without it,
# or, where these are all as clear as can be, as by chance.
DOUBT, DOUBT_OF_SEVERAL, OF_CHANCE = 1.0, 0.5, 0.01
# A text that is no other label for sure has none with more than this probability.
SURE = math.log(0.5)
# A label that a text lacks is at least so many times as probable as the best it has.
OF_BEST = 0.5
# Which part of the log probability that a label usually has is taken off.
OF_USUAL = 0.5


class Finding(NamedTuple):
    """A suspect without its text. Labels are columns, and the score is what it's ranked
    by, the lowest first.
    """

    row: int
    given: Tuple[int, ...]
    suggested: Tuple[int, ...]
    given_log: float
    other_log: float
    n_docs: int
    reason: str
    score: float

    def show(self, names: Sequence[str], text: str) -> Suspect:
        """RETURNS (Suspect): With the text and the names of the labels."""
        return Suspect(
            row=self.row,
            text=text,
            given=[names[column] for column in self.given],
            suggested=[names[column] for column in self.suggested],
            given_probability=_get_probability(self.given_log),
            suggested_probability=_get_probability(self.other_log),
            n_docs=self.n_docs,
            reason=self.reason,
        )


class SuspectFinder:
    """Chooses texts by what was found in them, and orders them: the least probable
    labels first.

    The score is the log probability of the given label out of fold, less half of that
    which it has where it is found: labels that mean something general are never very
    probable. A label is in doubt if it is no more probable than in texts that don't
    have it.

    Source: the score is "self-confidence" of Northcutt, Jiang & Chuang (2021),
        "Confident Learning: Estimating Uncertainty in Dataset Labels", as in the
        library cleanlab. Its thresholds ask how probable another label has to be; the
        one here, how improbable the given label, which found more errors among fewer
        texts. https://arxiv.org/abs/1911.00068

    gold (Gold): The labels.
    found (Judgement): What is known of them.
    hashes (numpy.ndarray): uint64 hash of each text, 0 without a word.
    """

    def __init__(self, gold: Gold, found: Judgement, hashes: numpy.ndarray) -> None:
        self.gold, self.found, self.hashes = gold, found, hashes
        self._owners = numpy.arange(len(gold.sizes)).repeat(gold.sizes)

    def find(self, *, several: bool) -> List[Finding]:
        """RETURNS (List[Finding]): In the order in which they are worth a look.

        several (bool): Whether a document can have several labels, so that one may be
            lacking, and a wrong one can be beside a right one.
        """
        is_wrong = self._find_wrong(DOUBT_OF_SEVERAL if several else DOUBT)
        is_lacking = self._find_lacking() & several
        rows = {*self._owners[is_wrong].tolist(), *is_lacking.nonzero()[0].tolist()}
        groups = self._group_copies(rows)
        found = [self._describe(group, is_wrong, is_lacking) for group in groups]
        return sorted(found, key=_rank)

    def _find_wrong(self, doubt: float) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Whether each label is in doubt, (pairs,)."""
        gold, found = self.gold, self.found
        most = numpy.maximum(doubt * found.usual, OF_CHANCE / len(gold.names))
        # What wasn't judged is NaN, which is below nothing.
        is_unlike = found.given <= numpy.log(most)[gold.columns]
        return is_unlike & (found.given < found.other_log[self._owners])

    def _find_lacking(self) -> numpy.ndarray:
        """Find texts that lack a label: of what their labels leave, it has more than a
        text that has it usually gives to it.

        RETURNS (numpy.ndarray): Bools of shape (texts,).
        """
        found, n_texts = self.found, len(self.gold.sizes)
        given = numpy.exp(numpy.nan_to_num(found.given, nan=-numpy.inf))
        best = numpy.zeros(n_texts)
        numpy.maximum.at(best, self._owners, given)
        taken = numpy.bincount(self._owners, weights=given, minlength=n_texts)
        other = numpy.exp(found.other_log)
        share = other / numpy.maximum(1.0 - taken, LEAST)
        # In the middle between the usual and all.
        is_likely = share >= numpy.sqrt(found.needed[found.other])
        return is_likely & (other >= OF_BEST * best)

    def _group_copies(self, rows: Set[int]) -> Iterator[List[int]]:
        """YIELDS (List[int]): All documents of each text that is suspected, or that has
        different labels in different documents.
        """
        gold, hashes = self.gold, self.hashes
        order = numpy.argsort(hashes, kind="stable")
        order = order[(hashes[order] != 0) & (gold.sizes[order] > 0)]
        cuts = numpy.flatnonzero(numpy.diff(hashes[order])) + 1
        for group in numpy.split(order, cuts):
            members = group.tolist()
            is_suspected = not rows.isdisjoint(members)
            if is_suspected or (len(members) > 1 and len(self._count(members)) > 1):
                yield members

    def _count(self, rows: Sequence[int]) -> "Counter[Tuple[int, ...]]":
        """RETURNS (Counter[Tuple[int, ...]]): How often texts have which labels."""
        return Counter(map(self._get_labels, rows))

    def _get_labels(self, row: int) -> Tuple[int, ...]:
        start = self.gold.starts[row]
        return tuple(self.gold.columns[start : start + self.gold.sizes[row]].tolist())

    def _describe(
        self, rows: List[int], is_wrong: numpy.ndarray, is_lacking: numpy.ndarray
    ) -> Finding:
        gold, found, sets = self.gold, self.found, self._count(rows)
        pairs = gold.find_pairs(numpy.asarray(rows))
        is_judged = ~numpy.isnan(found.given[pairs])
        logs = found.given[pairs][is_judged]
        usual = numpy.log(found.needed[gold.columns[pairs][is_judged]])
        score = float((logs - OF_USUAL * usual).min(initial=numpy.inf))
        wrong = set(gold.columns[pairs[is_wrong[pairs]]].tolist())
        kept = [label for label in sets.most_common(1)[0][0] if label not in wrong]
        # Copies have the same vector, and other labels than their own may be those of
        # another copy.
        row = max(rows, key=lambda row: found.other_log[row])
        is_missing = bool(is_lacking[rows].any())
        more = [int(found.other[row])] if is_missing or (wrong and not kept) else []
        reason = self._say_why(wrong, kept, float(found.other_log[row]))
        return Finding(
            row=rows[0],
            given=tuple(dict.fromkeys(label for labels in sets for label in labels)),
            suggested=tuple(dict.fromkeys([*kept, *more])),
            given_log=float(logs.min()) if len(logs) else math.nan,
            other_log=float(found.other_log[row]),
            n_docs=len(rows),
            reason=COPIES if len(sets) > 1 else reason,
            score=score,
        )

    def _say_why(self, wrong: Set[int], kept: List[int], other_log: float) -> str:
        if not wrong:
            return LACKS
        if not kept:
            return UNLIKE if other_log > SURE else HARD
        # Which of several it is.
        named = ", ".join(self.gold.names[column] for column in sorted(wrong))
        return UNLIKE_ONE.format(labels=named, it="it" if len(wrong) == 1 else "them")


def _rank(found: Finding) -> Tuple[bool, bool, float, int]:
    is_unjudged, is_lacking = math.isnan(found.given_log), found.reason == LACKS
    score = -found.other_log if is_lacking else found.score
    return is_unjudged, is_lacking, 0.0 if is_unjudged else score, found.row


def _get_probability(log: float) -> Optional[float]:
    return None if math.isnan(log) else float(f"{math.exp(log):.3g}")
