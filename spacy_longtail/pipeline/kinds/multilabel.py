from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, cast

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model
from thinc.types import Floats2d

from ...encoders import contract
from ...errors import Errors
from ...fitting.thresholds import fit_thresholds
from ...gold import KnownT, fill_truths, find_leaves, read_gold, read_missing
from ...ops import RowStack, sigmoid, spread_runs
from ...settings import setting
from ...taxonomy import Other, Taxonomy
from ..checks import refuse_loss, try_loss
from ..decision import EPSILON, Prediction
from ..decision_writer import DecisionWriter, Facts, GivenT
from ..fallback.decided import Earlier
from ..fallback.router import Judged, Stages, redistribute
from ..settings import PriorT, TextcatSettings, make_reader, read_prior, read_threshold
from ..start import ClassSums, VectorSample, fit_bias
from .base import LabelKind, name_other

# From so many labels on, arrays of documents and labels are in single precision.
MANY_LABELS = 5000


@dataclass
class MultilabelTextcatSettings(TextcatSettings):
    """RAISES (ValueError): L320 for 'missing', and those of TextcatSettings."""

    prior: PriorT = setting(
        "train",
        '"train" predicts calibrated probabilities, "uniform" as if each label were in '
        "half of the documents; a number from 0.0 to 1.0 is in between.",
        make_reader(read_prior),
    )
    missing: str = setting(
        "auto",
        '"auto": a document without any gold label isn\'t learned from, and of one '
        'with a gold 0.0 only what it names is. "negative": what isn\'t positive is '
        "negative.",
        read_missing,
    )
    threshold: float = setting(
        0.25,
        "Least probability of a label that a document has, for labels without a "
        "threshold of their own, from 0.0 to 1.0.",
        read_threshold,
    )


class MultilabelLabels(LabelKind):
    """Any number of labels a document: what a label gets, none loses, but for those
    that share an Other.
    """

    name = "multilabel"
    factory = "longtail_textcat_multilabel"
    reason = "labels above their thresholds"
    min_leaves = 1
    allows_several = True
    own_score = "longtail_macro_ap"
    parts = {
        "loss": "spacy-longtail.BinaryLogitAdjusted.v1",
        "scorer": "spacy-longtail.longtail_multilabel_scorer.v1",
    }
    sample_size = 2000
    settings_type = MultilabelTextcatSettings
    # The thresholds of all labels as they were last, and what they follow from.
    _needed: Any = None

    def check_model(self, model: Model[List[Doc], Floats2d]) -> None:
        super().check_model(model)
        output = model.get_ref("output")
        if not contract.can_set_bias(output):
            raise ValueError(Errors.L323.format(name=self.pipe, layer=output.name))

    def check_loss(self, make_loss: Callable[[Taxonomy], Any]) -> None:
        """Of labels about which nothing is known, nothing can be learned."""
        needed = self.describe_part("loss")
        gradient = try_loss(make_loss, [1.0, numpy.nan, numpy.nan], needed)
        if not gradient[0] or gradient[1:].any():
            refuse_loss(make_loss, needed)

    def _read_gold(self, example: Example, index: int, known: KnownT) -> Any:
        missing = self.settings.missing
        return read_gold(example, index, name=self.pipe, missing=missing, known=known)

    def get_gold(self, eg: Example, index: int, known: KnownT) -> Optional[List[str]]:
        gold = self._read_gold(eg, index, known)
        return gold and find_leaves(gold.positive, self.settings.separator)

    def read_truths(self, eg: Example, index: int, taxonomy: Taxonomy) -> numpy.ndarray:
        truths = numpy.zeros(len(taxonomy.leaves))
        gold = self._read_gold(eg, index, taxonomy.ranges)
        fill_truths(truths, gold, taxonomy)
        return truths

    def make_truths(
        self, examples: Sequence[Example], columns: Sequence[int], taxonomy: Taxonomy
    ) -> numpy.ndarray:
        """1.0, 0.0, or NaN for what isn't known."""
        shape = len(examples) + len(columns), len(taxonomy.leaves)
        truths = numpy.full(shape, numpy.nan, dtype="float32")
        for row, eg in enumerate(examples):
            fill_truths(
                truths[row], self._read_gold(eg, row, taxonomy.ranges), taxonomy
            )
        truths[numpy.arange(len(examples), len(truths)), list(columns)] = 1.0
        return truths

    def get_n_docs(self, sums: ClassSums) -> Optional[int]:
        """Documents about which something is known.

        RAISES (ValueError): L324 if it's fewer than a label has: with counts of a label
            file, but without the number that belongs to them.
        """
        if sums.n_docs < max(sums.counts.values(), default=0):
            raise ValueError(Errors.L324.format(name=self.pipe))
        return sums.n_docs

    def fit_start(
        self,
        output: Model,
        loss: Any,
        taxonomy: Taxonomy,
        sample: VectorSample,
        is_new: numpy.ndarray,
    ) -> None:
        """Let each label be as probable as it is frequent."""
        X = output.ops.asarray2f(sample.get())
        if len(X):
            logits = output.ops.to_numpy(output.predict(X))
            bias = fit_bias(logits, taxonomy.log_odds)
            # What the loss adds in training needn't be part of the logits.
            bias += loss.log_prior - taxonomy.log_odds
            linear = contract.get_linear(output)
            if linear is not None:
                bias = numpy.where(is_new, bias, output.ops.to_numpy(linear[1]))
            contract.set_bias(output, bias)

    def get_log_prior(self, taxonomy: Taxonomy) -> numpy.ndarray:
        return taxonomy.log_odds

    def get_probabilities(self, Z: numpy.ndarray, taxonomy: Taxonomy) -> numpy.ndarray:
        """Each is from 0.0 to 1.0, independent of the others.

        The odds of an Other, that the document has some label pooled there, are the sum
        of its members' odds. Its probability is spread over them by their odds.
        """
        P, (members, starts) = sigmoid(Z), taxonomy.other_members
        if not len(members):
            return P
        owners = taxonomy.other_of[members]
        # Unlike an index, in the same order of memory for one row and for more.
        own = numpy.take(Z, members, axis=1)
        tops = numpy.maximum.reduceat(own, starts, axis=1)
        exps = numpy.exp(own - numpy.take(tops, owners, axis=1))
        sums = numpy.add.reduceat(exps, starts, axis=1)
        mass = numpy.take(sigmoid(numpy.log(sums) + tops), owners, axis=1)
        P[:, members] = mass * exps / numpy.take(sums, owners, axis=1)
        return P

    def fit_thresholds(
        self, examples: Iterable[Example], taxonomy: Taxonomy, **wish: Any
    ) -> numpy.ndarray:
        labels = taxonomy.leaves
        # Single precision is that of the model. With few labels there is room for more.
        dtypes = ("f4", "f2") if len(labels) >= MANY_LABELS else ("f8", "f8")
        scores, truths = (RowStack(len(labels), dtype) for dtype in dtypes)
        has_gold = False
        # One after the other, as the cats of each are large where labels are many.
        for row, eg in enumerate(examples):
            cats = eg.predicted.cats
            missing = next((label for label in labels if label not in cats), None)
            if missing is not None:
                text = Errors.L329.format(name=self.pipe, row=row, label=missing)
                raise ValueError(text)
            scores.append([cats[label] for label in labels])
            own = self.read_truths(eg, row, taxonomy)
            truths.append(own)
            has_gold = has_gold or bool((own == 1).any())
        found = fit_thresholds(
            scores.take(),
            truths.take(),
            log_odds=taxonomy.log_odds,
            overwrite=True,
            **wish,
        )
        if not has_gold:
            problem = f"of {scores.n_rows} documents none has a gold label of it"
            raise ValueError(Errors.L339.format(name=self.pipe, problem=problem))
        return found

    def find_unfit(self) -> Dict[str, Any]:
        return {"thresholds": {}} if self.settings.thresholds else {}

    def make_writer(self, taxonomy: Taxonomy) -> DecisionWriter:
        return DecisionWriter(taxonomy, self, NodeProbabilities(taxonomy).get_levels)

    def get_labels(self, P: numpy.ndarray, taxonomy: Taxonomy) -> GivenT:
        settings, leaves = self.settings, taxonomy.leaves
        key = leaves, settings.threshold, settings.separator, settings.thresholds
        needed = self._needed
        if needed is None or needed[0] != key:
            # A copy: the settings can be changed, and this is asked for every batch.
            copied = (*key[:-1], dict(settings.thresholds))
            needed = self._needed = copied, self.get_thresholds(leaves)
        rows, columns = divmod(numpy.flatnonzero(P >= needed[1]), P.shape[1])
        order = numpy.lexsort((-P[rows, columns], rows))
        return numpy.bincount(rows, minlength=len(P)), columns[order]

    def check_fallback(self, stages: Stages) -> None:
        if stages.settings.thresholds:
            raise ValueError(Errors.L340.format(name=stages.name, source=self.pipe))

    def refine(self, judged: Judged, stages: Stages) -> Prediction:
        """Labels from training that aren't pooled stay as they are."""
        plan, settings = stages.taxonomy.others, stages.settings
        weight, columns = settings.mixture_weight, stages.added_columns
        P = redistribute(judged.P, plan, judged.others, judged.scores, weight)
        P = discount_other(P, plan, judged.others, judged.deficit)
        P = numpy.minimum(P, 1.0)
        if judged.margins is not None:
            P = insert_independent(
                P, judged.margins, columns, settings.trust, judged.similarity
            )
        # Similarity is part of what run-time labels have got.
        shares = P * numpy.clip(judged.similarity, 0.0, 1.0)[:, None]
        shares[:, columns] = P[:, columns]
        return Prediction(P, shares.max(axis=1))

    def get_reasons(
        self,
        facts: Facts,
        earlier: Earlier,
        others: List[List[int]],
        stages: Stages,
    ) -> List[Optional[str]]:
        """The fallback has decided if a label that it has judged is, or was before,
        among those of the document or the most probable one.
        """
        taxonomy, reasons = stages.taxonomy, []
        leaves, index = taxonomy.leaves, taxonomy.index
        best, (counts, columns) = facts.top[:, 0].tolist(), cast(GivenT, facts.given)
        given = numpy.split(columns, numpy.cumsum(counts)[:-1])
        for row, first in enumerate(earlier.labels):
            named = {first, *earlier.given[row], leaves[best[row]]}
            named.update(leaves[column] for column in given[row].tolist())
            known = [index[label] for label in named if label in index]
            touched = set(taxonomy.other_of[known].tolist())
            parts = [
                f"ranked in the Other {name_other(taxonomy, number)}"
                for number in others[row]
                if number in touched
            ]
            if named.intersection(stages.added):
                parts.append("compared with labels that were added at run time")
            reasons.append("; ".join(parts) or None)
        return reasons

    def score(
        self, source: Any, scorer: Any, examples: Iterable[Example], **settings: Any
    ) -> Dict[str, Any]:
        return source.score(examples, **settings)


class NodeProbabilities:
    """Works out how probable it is that a document has any label below a node:
    1 - product of (1 - p), over the leaves and the Others below it.

    This is right if labels are independent, as the model has it, and at least the
    largest of the p. An Other counts once, with the sum of its members below the node.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        nodes = {node: i for i, node in enumerate(taxonomy.nodes)}
        ranges = numpy.asarray([taxonomy.ranges[node] for node in nodes])
        self.starts, self.stops = ranges[:, 0], ranges[:, 1]
        self.paths = [
            [nodes[node] for node in taxonomy.path(leaf)] for leaf in taxonomy.leaves
        ]
        self.members, _ = taxonomy.other_members
        bounds, position = [], 0
        for other in taxonomy.others:
            members = numpy.asarray(other.members)
            for node in {node for m in other.members for node in self.paths[m]}:
                # Members are ascending, so that those below a node are neighbours.
                start, stop = numpy.searchsorted(members, ranges[node])
                bounds.append((node, position + start, position + stop))
            position += len(members)
        found = numpy.asarray(sorted(bounds), dtype="int64").reshape((-1, 3))
        owners, self.firsts, self.lasts = found.T
        # The rows of these that belong to each node.
        self.n_others = numpy.bincount(owners, minlength=len(nodes))
        self.first_others = numpy.cumsum(self.n_others) - self.n_others
        self.is_pooled = numpy.zeros(len(taxonomy.leaves), dtype=bool)
        self.is_pooled[self.members] = True
        self.depths = numpy.asarray([len(path) - 1 for path in self.paths])
        # The nodes above each leaf, padded.
        self.above = numpy.full((len(self.paths), self.depths.max() + 1), -1)
        for column, path in enumerate(self.paths):
            self.above[column, : len(path) - 1] = path[:-1]

    def __call__(
        self, P: numpy.ndarray, rows: numpy.ndarray, nodes: numpy.ndarray
    ) -> numpy.ndarray:
        """Find the probabilities of some nodes in some documents.

        P (numpy.ndarray): Leaf probabilities, of shape (docs, leaves).
        rows, nodes (numpy.ndarray): Pairs of a document and a node, by the order of
            the taxonomy's nodes.
        RETURNS (numpy.ndarray): float64 array of shape (pairs,).
        """
        sizes = self.stops[nodes] - self.starts[nodes]
        columns = spread_runs(self.starts[nodes], sizes)
        logs = _get_log_absence(P[rows.repeat(sizes), columns])
        logs[self.is_pooled[columns]] = 0.0
        totals = _sum_runs(logs, sizes)
        n = self.n_others[nodes]
        others = spread_runs(self.first_others[nodes], n)
        if len(others):
            sizes = self.lasts[others] - self.firsts[others]
            columns = self.members[spread_runs(self.firsts[others], sizes)]
            own = P[rows.repeat(n).repeat(sizes), columns].astype("float64")
            absences = _get_log_absence(_sum_runs(own, sizes))
            numpy.add.at(totals, numpy.arange(len(rows)).repeat(n), absences)
        return -numpy.expm1(numpy.minimum(totals, 0.0))

    def get_levels(self, P: numpy.ndarray, best: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Of each node of the path, padded."""
        above = self.above[best]
        levels = numpy.zeros(above.shape)
        rows, depths = numpy.nonzero(above >= 0)
        if len(rows):
            levels[rows, depths] = self(P, rows, above[rows, depths])
        places = numpy.arange(len(P))
        levels[places, self.depths[best]] = P[places, best]
        # Rounding mustn't make a node less probable than what is below it.
        return numpy.maximum.accumulate(levels[:, ::-1], axis=1)[:, ::-1]


def _get_log_absence(P: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): log(1 - p), float64, finite."""
    # In 64 bits, or the sums would show rounding errors.
    return numpy.log1p(-numpy.clip(P.astype("float64"), 0.0, 1.0 - 1e-9))


def _sum_runs(values: numpy.ndarray, sizes: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Sums of runs of values, none of them empty."""
    return numpy.add.reduceat(values, numpy.cumsum(sizes) - sizes)


def discount_other(
    P: numpy.ndarray,
    plan: Sequence[Other],
    others: List[List[int]],
    deficit: numpy.ndarray,
) -> numpy.ndarray:
    """Take mass from the Others whose candidates don't fit, by the ranker: the farther
    the best of all scores is below what it needs, the more, exp(-deficit). None of the
    other labels has to get that mass. For the parameters, see redistribute and Judged.
    """
    P = P.copy()
    for row in numpy.flatnonzero(deficit > 0).tolist():
        columns = [m for number in others[row] for m in plan[number].members]
        P[row, columns] *= numpy.exp(-deficit[row])
    return P


def insert_independent(
    P: numpy.ndarray,
    margins: numpy.ndarray,
    columns: Sequence[int],
    trust: float,
    similarity: numpy.ndarray,
) -> numpy.ndarray:
    """Give run-time labels a probability that no other label pays for.

    It is similarity * sigmoid(margin + trust * log odds of the best of the others). A
    margin only compares: a document that is equally far from all labels has none of
    them, and one that is sure to have another label can be close to both.

    margins (numpy.ndarray): See Ranking, of shape (docs, added).
    columns (Sequence[int]): Columns of the run-time labels, zeros so far.
    trust (float): Share of the first stage's log odds that it starts from.
    similarity (numpy.ndarray): See Judged.
    """
    top = numpy.clip(P.max(axis=1, keepdims=True), EPSILON, 1 - 1e-6)
    shares = sigmoid(margins + trust * numpy.log(top / (1 - top)))
    P = P.copy()
    P[:, list(columns)] = shares * numpy.clip(similarity, 0.0, 1.0)[:, None]
    return P
