from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.training import Example

from ...gold import KnownT, get_gold_label
from ...ops import softmax, spread_runs
from ...settings import setting
from ...taxonomy import Taxonomy
from ..checks import refuse_loss, try_loss
from ..decision import EPSILON, Prediction, back_off
from ..decision_writer import DecisionWriter, Facts
from ..fallback.decided import Earlier
from ..fallback.router import Judged, Stages, redistribute
from ..settings import ANCESTOR_HELP, TextcatSettings, read_threshold
from ..stored import pack_decision, unpack_decision
from .base import LabelKind, name_other

# So many leaves below a node are summed on their own.
MANY = 1024


@dataclass
class ExclusiveTextcatSettings(TextcatSettings):
    ancestor_threshold: float = setting(
        0.5, ANCESTOR_HELP, read_threshold, is_configured=False
    )


class ExclusiveLabels(LabelKind):
    """One label a document: whatever a label gets, others lose."""

    name = "exclusive"
    factory = "longtail_textcat"
    reason = "most probable label"
    min_leaves = 2
    allows_several = False
    own_score = "longtail_accuracy"
    parts = {
        "loss": "spacy-longtail.LogitAdjusted.v1",
        "scorer": "spacy-longtail.longtail_scorer.v1",
    }
    settings_type = ExclusiveTextcatSettings

    def check_loss(self, make_loss: Callable[[Taxonomy], Any]) -> None:
        """What the gold label gains, the others lose."""
        needed = self.describe_part("loss")
        gradient = try_loss(make_loss, [1.0, 0.0, 0.0], needed)
        if not gradient.any() or abs(gradient.sum()) > 1e-4 * abs(gradient).sum():
            refuse_loss(make_loss, needed)

    def get_gold(self, eg: Example, index: int, known: KnownT) -> Optional[List[str]]:
        label = get_gold_label(
            eg,
            index,
            name=self.pipe,
            factory="longtail_textcat_multilabel",
            separator=self.settings.separator,
            known=known,
        )
        return None if label is None else [label]

    def make_truths(
        self, examples: Sequence[Example], columns: Sequence[int], taxonomy: Taxonomy
    ) -> numpy.ndarray:
        """Mark the leaves that each gold label allows, none without a label."""
        found = [self.get_gold(eg, i, taxonomy.ranges) for i, eg in enumerate(examples)]
        found.extend([taxonomy.leaves[column]] for column in columns)
        mask = numpy.zeros((len(found), len(taxonomy.leaves)), dtype="float32")
        for row, labels in enumerate(found):
            for label in labels or ():
                mask[row, taxonomy.compatible(label)] = 1.0
        return mask

    def get_log_prior(self, taxonomy: Taxonomy) -> numpy.ndarray:
        counts = taxonomy.class_counts
        return numpy.log(counts / counts.sum())

    def get_probabilities(self, Z: numpy.ndarray, taxonomy: Taxonomy) -> numpy.ndarray:
        return softmax(Z, out=Z)

    def make_writer(self, taxonomy: Taxonomy) -> DecisionWriter:
        return DecisionWriter(taxonomy, self, PathSums(taxonomy).get_levels)

    def back_off(
        self, facts: Facts, decisions: List[bytes], taxonomy: Taxonomy
    ) -> List[bytes]:
        if not self.settings.thresholds:
            return decisions
        best = [taxonomy.leaves[column] for column in facts.top[:, 0].tolist()]
        needed, decisions = self.get_thresholds(best), decisions.copy()
        above = self.settings.ancestor_threshold
        for row in numpy.flatnonzero(facts.shares[:, 0] < needed).tolist():
            found = unpack_decision(decisions[row])
            decisions[row] = pack_decision(back_off(found, float(needed[row]), above))
        return decisions

    def refine(self, judged: Judged, stages: Stages) -> Prediction:
        """Rows sum to what they did before, but for rounding."""
        plan, settings = stages.taxonomy.others, stages.settings
        weight, columns = settings.mixture_weight, stages.added_columns
        P = redistribute(judged.P, plan, judged.others, judged.scores, weight)
        if judged.margins is not None:
            P = insert_exclusive(P, judged.margins, columns, settings.trust)
        # A mass that is a sum of what was rounded to 32 bits can be above 1.
        P = numpy.minimum(P, 1.0)
        return Prediction(P, P.max(axis=1) * numpy.clip(judged.similarity, 0.0, 1.0))

    def is_refused(self, label: str, deficit: float, taxonomy: Taxonomy) -> bool:
        """A head label is none of the ranker's business."""
        return deficit > 0 and label in taxonomy.pooled

    def get_reasons(
        self,
        facts: Facts,
        earlier: Earlier,
        others: List[List[int]],
        stages: Stages,
    ) -> List[Optional[str]]:
        """Who decided is whose label it is."""
        taxonomy, best = stages.taxonomy, facts.top[:, 0]
        names = [
            f"ranked first in the Other {name_other(taxonomy, number)}"
            for number in range(len(taxonomy.others))
        ]
        reasons: List[Optional[str]] = [
            names[number] if number >= 0 else None
            for number in taxonomy.other_of[best].tolist()
        ]
        for row in numpy.flatnonzero(numpy.isin(best, stages.added_columns)).tolist():
            reasons[row] = "closest to a label that was added at run time"
        return reasons

    def moves_others(self, stages: Stages) -> bool:
        """Otherwise they are as they were, but for rounding."""
        return bool(stages.added)

    def read_truths(self, eg: Example, index: int, taxonomy: Taxonomy) -> numpy.ndarray:
        """Without a gold label, all are wrong."""
        truths = numpy.zeros(len(taxonomy.leaves))
        for label in self.get_gold(eg, index, taxonomy.ranges) or ():
            is_leaf = label in taxonomy.index
            truths[slice(*taxonomy.ranges[label])] = 1.0 if is_leaf else numpy.nan
        return truths

    def count_right(
        self, labels: Sequence[str], truths: numpy.ndarray, taxonomy: Taxonomy
    ) -> Tuple[int, int]:
        """No label is right if all are wrong."""
        right, _ = super().count_right(labels, truths, taxonomy)
        return right if labels else int(not truths.any()), 1

    def score(
        self, source: Any, scorer: Any, examples: Iterable[Example], **settings: Any
    ) -> Dict[str, Any]:
        self.check_scorer(scorer)
        return scorer(examples, **{**settings, "pipe": self.pipe})


class PathSums:
    """Sums probabilities along the path of a leaf."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    @cached_property
    def bounds(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): First and last column below each node above each
        leaf, both 0 if there is none, of shape (leaves, levels, 2).
        """
        paths = [self.taxonomy.path(leaf) for leaf in self.taxonomy.leaves]
        bounds = numpy.zeros((len(paths), max(map(len, paths)), 2), dtype="int64")
        for column, path in enumerate(paths):
            bounds[column, : len(path)] = [self.taxonomy.ranges[node] for node in path]
        return bounds

    def get_levels(self, P: numpy.ndarray, best: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Of each node of the path, padded."""
        bounds = self.bounds[best]
        starts, stops = bounds[:, :, 0], bounds[:, :, 1]
        sizes, levels = stops - starts, numpy.zeros(starts.shape)
        rows, depths = numpy.nonzero((sizes > 0) & (sizes < MANY))
        n_below = sizes[rows, depths]
        columns = spread_runs(starts[rows, depths], n_below)
        # float64, as many can be summed.
        below = P[rows.repeat(n_below), columns].astype("float64")
        firsts = numpy.cumsum(n_below) - n_below
        levels[rows, depths] = numpy.add.reduceat(below, firsts)
        for row, depth in zip(*map(numpy.ndarray.tolist, (sizes >= MANY).nonzero())):
            own = P[row, starts[row, depth] : stops[row, depth]]
            levels[row, depth] = own.sum(dtype="float64")
        # Probabilities of 32 bits can sum to a little more than 1.
        return numpy.minimum(levels, 1.0)


def insert_exclusive(
    P: numpy.ndarray, margins: numpy.ndarray, columns: Sequence[int], trust: float
) -> numpy.ndarray:
    """Give run-time labels the mass that their own prototypes win.

    A run-time label is as probable as the best of the others times exp(margin - trust *
    log odds of that best). All are scaled to sum to what they did before, so that
    the labels from training keep their order.

    margins (numpy.ndarray): See Ranking, of shape (docs, added).
    columns (Sequence[int]): Columns of the run-time labels, zeros so far.
    trust (float): Share of the first stage's log odds that has to be overcome.
    """
    total = P.sum(axis=1, keepdims=True)
    top = numpy.clip(P.max(axis=1, keepdims=True), EPSILON, 1 - 1e-6)
    margins = margins - trust * numpy.log(top / (1 - top))
    P = P.copy()
    P[:, list(columns)] = top * numpy.exp(numpy.clip(margins, -700.0, 50.0))
    return P * (total / P.sum(axis=1, keepdims=True))
