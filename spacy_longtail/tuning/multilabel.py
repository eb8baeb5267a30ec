import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, ClassVar, Dict, List, Optional, Tuple

import numpy
from spacy.language import Language
from spacy.util import minibatch

from ..evaluation.evidence import Evidence, run_after
from ..evaluation.pipes import find_changers
from ..fitting.calibration import fit_pair_temperature, fit_prior
from ..fitting.thresholds import fit_thresholds
from ..pipeline.decision import get_stored
from ..pipeline.settings import PriorT
from ..presentation import TextTable, shorten
from ..scoring.metrics import get_labels_per_doc
from ..scoring.predictions import NEVER, Predictions, count
from .result import RowT, Tuning, make_row
from .settings import NAMES, Settings, find_note, try_settings
from .tune import Task
from .wish import Wish

# Of a document and a label, for prior and temperature.
MAX_PAIRS = 1_000_000
CALLBACK = "spacy-longtail.fit_thresholds.v1"
# What comes out at the end of the pipeline: probabilities of shape (docs, labels), and
# whether a document is left without any label, whatever these are, of shape (docs,).
FinalT = Tuple[numpy.ndarray, numpy.ndarray]
# Settings, the threshold of each label under them, and what comes out.
FittedT = Tuple[Settings, numpy.ndarray, FinalT]
# From probabilities and truths to the threshold of each label.
RuleT = Callable[[numpy.ndarray, numpy.ndarray], numpy.ndarray]
N_LABELS = 8
REFITS = {"training": "as the training config does", "tune": "by an earlier tune"}


@dataclass(frozen=True)
class LabelChange:
    """What became of a label.

    count (int): Its training documents.
    support (int): Documents of the corpus that have it.
    threshold_before, threshold_after (Optional[float]): None if it isn't one of the
        component's.
    f_before, f_after (Optional[float]): F1, None if no document has it.
    """

    label: str
    count: int
    support: int
    threshold_before: Optional[float]
    threshold_after: Optional[float]
    f_before: Optional[float]
    f_after: Optional[float]

    @property
    def f_gain(self) -> float:
        """RETURNS (float): By how much the F1 is better."""
        return (self.f_after or 0.0) - (self.f_before or 0.0)


@dataclass(frozen=True)
class MultilabelTuning(Tuning):
    """What tune found where a document can have several labels.

    labels (List[LabelChange]): In the order of the component.
    later (List[str]): Components after it that change its probabilities, to whose
        result the thresholds are fitted. Prior and temperature are fitted without them.
    refit_as (Optional[str]): What the thresholds before are known to be fitted to the
        same documents by, so that "before" is cross-fitted too: "training", as its
        config says, or an earlier "tune". None if nothing is known.
    n_gold (float): Gold labels per document.
    """

    allows_several: ClassVar[bool] = True
    labels: List[LabelChange]
    later: List[str]
    refit_as: Optional[str]
    n_gold: float

    def describe_settings(self) -> List[RowT]:
        rows = self.compare_settings("prior", "temperature")
        pairs = [(x.threshold_before, x.threshold_after) for x in self.labels]
        known = numpy.asarray([pair for pair in pairs if None not in pair])
        for name, share in (("lowest", 0.0), ("median", 0.5), ("highest", 1.0)):
            values = numpy.quantile(known, share, axis=0, method="lower").tolist()
            rows.append(make_row(f"{name} threshold", *values))
        return rows

    def describe_labels(self) -> List[TextTable]:
        changed = [change for change in self.labels if change.f_gain]
        changed.sort(key=lambda change: -abs(change.f_gain))
        rows = []
        for x in changed[:N_LABELS]:
            pair = (x.threshold_before, x.threshold_after)
            # A label that was added at run time has none of its own.
            needed = "" if None in pair else f"{pair[0]:.3f} → {pair[1]:.3f}"
            gain = f"{x.f_before:.3f} → {x.f_after:.3f}"
            rows.append((shorten(x.label), str(x.count), str(x.support), needed, gain))
        header = ("label", "training", "here", "threshold", "F1 (cross-fitted)")
        return [TextTable("Labels whose F1 changed most", header, rows, "lrrll")]

    def get_notes(self) -> List[str]:
        n_given = self.scores["n_labels"].after.value
        notes = [
            f"A document has {self.n_gold:.2f} gold labels on average, and gets "
            f"{n_given:.2f} after."
        ]
        if self.later:
            notes.append(
                f"The thresholds are fitted to what {', '.join(self.later)} makes of "
                "the probabilities, prior and temperature to the component alone."
            )
        if self.refit_as is not None:
            notes.append(
                "The thresholds before were fitted to these documents, "
                f"{REFITS[self.refit_as]}. To be fair, 'before' is cross-fitted here "
                "as well."
            )
        return notes

    @property
    def wished(self) -> Tuple[str, str]:
        is_over_all = self.wish.goal == "accuracy" and not self.wish.per_label
        return ("micro_p" if is_over_all else "macro_p"), "n_labels"

    def judge_wish(self) -> str:
        keys = ("micro_p", "macro_p", "micro_r")
        right, each, found = (self.scores[key].after.value for key in keys)
        if not self._has_given(1):
            return "No document gets a label."
        return (
            f"{right:.1%} of the labels given are right, on average {each:.1%} of "
            f"those of each label; {found:.1%} of the gold labels are found."
        )


def tune_multilabel(task: Task) -> Tuning:
    """Fit the settings of a component where a document can have several labels.

    For each goal the temperature is that under which the gold labels are most likely:

    "macro": a threshold for each label, with the best F1 or a wished precision. The
        prior stays, because thresholds do what it would do.
    "accuracy": the prior under which the gold labels are most likely, and one threshold
        for all labels, with the best micro-F1 or a wished precision of all together.
    "calibration": that prior, and thresholds as for "macro".

    If components that come later change the probabilities, as a fallback does, prior
    and temperature are still those of the component alone, and the thresholds are
    fitted to what the whole pipeline makes of these. The later components run over the
    corpus for each fold, because each has its own prior and temperature.
    """
    tuner, give = _Tuner(task), task.evidence.predictions.give_scores
    refit_as, rule = tuner.find_earlier_fit()
    _, before = task.cross_fit(partial(tuner.refit, rule), tuner.predict)
    (after, *_), found = task.cross_fit(tuner.fit, tuner.predict)
    old, new = give(*before), give(*found)
    return task.make_result(
        MultilabelTuning,
        after,
        old,
        new,
        labels=tuner.describe_labels(after, old, new),
        later=tuner.later,
        refit_as=refit_as,
        n_gold=float(get_labels_per_doc(old, old.ones, of_gold=True)[0]),
    )


class _Tuner:
    """Fits settings to some of the documents.

    final (FinalT): What the pipeline finds in all documents now.
    later (List[str]): See MultilabelTuning.
    now (numpy.ndarray): The threshold of each label, of shape (labels,).
    default (numpy.ndarray): The same without those that are fitted.
    """

    def __init__(self, task: Task) -> None:
        self.task, self.evidence = task, task.evidence
        nlp, name, before = task.nlp, task.name, task.before
        self.pipe, self.own = task.evidence.pipe, task.evidence.columns
        self.log_odds = self.pipe.taxonomy.log_odds
        # They are never None where a document can have several labels.
        P, self.truths = task.evidence.predictions.scores  # type: ignore[misc]
        self.final: FinalT = P, task.evidence.has_abstained
        first = _predict(task.evidence, before.prior, before.temperature)
        is_same = numpy.allclose(first, P, atol=1e-5) and not self.final[1].any()
        self.later = find_changers(nlp, name, is_changed=not is_same)
        labels = task.evidence.predictions.labels
        self.now = self.pipe.get_thresholds(labels)
        with try_settings(nlp, name, replace(before, thresholds={})):
            self.default = self.pipe.get_thresholds(labels)

    def find_earlier_fit(self) -> Tuple[Optional[str], Optional[RuleT]]:
        """Find out whether the present thresholds were fitted to these very documents,
        by an earlier tuning, which is noted, or as the training config says, which is
        tried out. What they score is too good then.

        RETURNS (Tuple[Optional[str], Optional[RuleT]]): By what, see MultilabelTuning,
            and how. None if nothing is known of that.
        """
        nlp, name, docs = self.task.nlp, self.task.name, self.evidence.docs
        wish = find_note(nlp, name, docs, self.task.before)
        if wish is not None:
            return "tune", partial(fit_wished, wish=wish, log_odds=self.log_odds)
        rule = partial(
            fit_thresholds, log_odds=self.log_odds, **_read_callback(nlp, name)
        )
        found = self._fit_own(self.final, rule, numpy.arange(len(docs)))
        # The last digits of a probability can depend on the machine.
        is_same = numpy.isclose(found, self.now[self.own], rtol=0.0, atol=1e-3)
        return ("training", rule) if is_same.mean() > 0.9 else (None, None)

    def refit(self, rule: Optional[RuleT], rows: numpy.ndarray) -> FittedT:
        """Fit thresholds to some documents that were fitted to all of them."""
        needed = self.now.copy()
        if rule is not None:
            needed[self.own] = self._fit_own(self.final, rule, rows)
        return self.task.before, needed, self.final

    def fit(self, rows: numpy.ndarray) -> FittedT:
        wish, before = self.task.wish, self.task.before
        first = fit_first_stage(self.evidence.select(rows), wish, before)
        final, needed = self._run_again(*first), self.default.copy()
        rule = partial(fit_wished, wish=wish, log_odds=self.log_odds)
        found = self._fit_own(final, rule, rows)
        # Digits that JSON keeps, see fit_temperature.
        needed[self.own] = found.round(8)
        thresholds = dict(zip(self.pipe.labels, needed[self.own].tolist()))
        return Settings(*first, thresholds), needed, final

    def predict(
        self, fitted: FittedT, rows: numpy.ndarray
    ) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The probabilities of some of
        the documents, and what they need, both of shape (docs, labels).
        """
        _, needed, (P, has_abstained) = fitted
        return P[rows], numpy.where(has_abstained[rows, None], NEVER, needed)

    def describe_labels(
        self, after: Settings, old: Predictions, new: Predictions
    ) -> List[LabelChange]:
        """RETURNS (List[LabelChange]): For each label."""
        needed = dict(zip(self.pipe.labels, self.now[self.own].tolist()))
        counts: Any = old.counts
        support = count(old).support[0].astype(int).tolist()
        before, now = (count(part).f[0].tolist() for part in (old, new))
        return [
            LabelChange(
                label,
                int(counts[i]),
                support[i],
                needed.get(label),
                after.thresholds.get(label),
                before[i] if support[i] else None,
                now[i] if support[i] else None,
            )
            for i, label in enumerate(old.labels)
        ]

    def _fit_own(
        self, final: FinalT, rule: RuleT, rows: numpy.ndarray
    ) -> numpy.ndarray:
        """Fit the thresholds of the component's labels to some of the documents. Those
        that have abstained are given none, whatever the threshold.
        """
        own = numpy.ix_(rows, self.own)
        P = numpy.where(final[1][rows, None], 0.0, final[0][own])
        return rule(P, self.truths[own])

    def _run_again(self, prior: PriorT, temperature: float) -> FinalT:
        """Find what comes out of the pipeline under another prior and temperature. Only
        components that come later run again.
        """
        if not self.later:
            return _predict(self.evidence, prior, temperature), self.final[1]
        nlp, name = self.task.nlp, self.task.name
        leaves = self.evidence.taxonomy.leaves
        P = numpy.zeros_like(self.final[0])
        has_abstained = numpy.zeros(len(P), dtype=bool)
        with try_settings(nlp, name, Settings(prior, temperature)):
            for rows in minibatch(range(len(P)), nlp.batch_size):
                part = self.evidence.select(numpy.asarray(rows))
                with run_after(nlp, name, part.docs, part.raw) as docs:
                    for row, doc in zip(rows, docs):
                        values = [doc.cats.get(leaf, 0.0) for leaf in leaves]
                        P[row, : len(leaves)] = values
                        has_abstained[row] = get_stored(doc)["label"] is None
        return P, has_abstained


def fit_first_stage(
    evidence: Evidence, wish: Wish, before: Settings
) -> Tuple[PriorT, float]:
    """Find the prior and the temperature that are best for documents, as if the
    component were alone. The prior stays unless there is a reason.

    RETURNS (Tuple[PriorT, float]): See tune_multilabel.
    """
    # Two numbers don't need all of many documents.
    n_docs, n_labels = len(evidence.docs), len(evidence.predictions.labels)
    step = math.ceil(max(n_docs * n_labels, 1) / MAX_PAIRS)
    part = evidence.select(numpy.arange(0, n_docs, step))
    truths = part.predictions.scores.truths

    def fit(prior: PriorT) -> Tuple[float, float]:
        return fit_pair_temperature(partial(_predict, part, prior), truths)

    prior = before.prior if wish.prior is None else wish.prior
    if wish.prior is None and wish.goal != "macro":
        prior, _ = fit_prior(fit)
    temperature, _ = fit(prior)
    return NAMES.get(prior, prior), temperature


def _predict(evidence: Evidence, prior: PriorT, temperature: float) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): What the component alone predicts, of shape (docs,
    labels). Labels that aren't its own have 0.0.
    """
    # They are never None where a document can have several labels.
    known = evidence.predictions.scores.P
    P = numpy.zeros_like(known)
    P[:, evidence.columns] = evidence.get_probabilities(prior, temperature)
    return P


def fit_wished(
    P: numpy.ndarray,
    truths: numpy.ndarray,
    wish: Wish,
    log_odds: Optional[numpy.ndarray] = None,
) -> numpy.ndarray:
    """Find the threshold of each label. For "accuracy" there is one for all, with the
    best micro-F1 or the wished precision of all labels given.

    log_odds (Optional[numpy.ndarray]): Those of the prior, see fit_thresholds.
    RETURNS (numpy.ndarray): Of shape (labels,).
    """
    if wish.goal != "accuracy" or wish.per_label:
        settings: Any = {"precision": wish.precision, "log_odds": log_odds}
        return fit_thresholds(P, truths, smoothing=None, **settings)
    is_known = ~numpy.isnan(truths)
    # The F1 of a single label that each pair has or hasn't is the micro-F1.
    pairs = (values[is_known][:, None] for values in (P, truths))
    found = fit_thresholds(*pairs, precision=wish.precision, smoothing=0.0)
    return numpy.repeat(found, P.shape[1])


def _read_callback(nlp: Language, name: str) -> Dict[str, Any]:
    block = nlp.config["training"].get("before_to_disk") or {}
    if block.get("@callbacks") != CALLBACK or block.get("component", name) != name:
        return {}
    return {key: block[key] for key in ("precision", "smoothing") if key in block}
