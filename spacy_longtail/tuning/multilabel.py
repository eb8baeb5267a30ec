import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, ClassVar, Dict, List, NamedTuple, Optional, Tuple

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
from .provenance import find_note
from .result import Fitted, RowT, Tuning, show_value
from .settings import NAMES, Settings, try_settings
from .wish import Wish

# Of a document and a label, for prior and temperature.
MAX_PAIRS = 1_000_000
CALLBACK = "spacy-longtail.fit_thresholds.v1"
# From probabilities and truths to the threshold of each label.
FitT = Callable[[numpy.ndarray, numpy.ndarray], numpy.ndarray]
N_LABELS = 8
REFITS = {
    "training": "as the training config does",
    "tune": "by an earlier tune",
}


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

    def show(self) -> RowT:
        """RETURNS (Tuple[str, ...]): A row of a table."""
        pair = (self.threshold_before, self.threshold_after)
        # A label that was added at run time has none of its own.
        thresholds = "" if None in pair else f"{pair[0]:.3f} → {pair[1]:.3f}"
        gain = f"{self.f_before:.3f} → {self.f_after:.3f}"
        numbers = str(self.count), str(self.support)
        return (shorten(self.label), *numbers, thresholds, gain)


@dataclass(frozen=True)
class MultilabelTuning(Tuning):
    """See Tuning.

    labels (List[LabelChange]): In the order of the component.
    later (List[str]): Components after it that change its probabilities, to whose
        result the thresholds are fitted. Prior and temperature are fitted without them.
    refit_as (Optional[str]): What the thresholds before are known to be fitted to the
        same documents by, so that "before" is cross-fitted too: "training", as its
        config says, or an earlier "tune". None if nothing is known.
    n_gold (float): Gold labels per document.
    """

    allows_several: ClassVar[bool] = True
    goals: ClassVar[Dict[str, str]] = {**Tuning.goals, "accuracy": "micro_f"}
    labels: List[LabelChange]
    later: List[str]
    refit_as: Optional[str]
    n_gold: float

    def describe_settings(self) -> List[RowT]:
        rows = [self.compare_settings(name) for name in ("prior", "temperature")]
        pairs = [(x.threshold_before, x.threshold_after) for x in self.labels]
        old, new = (
            sorted(value for value in values if value is not None)
            for values in zip(*pairs)
        )
        for name, share in (("lowest", 0.0), ("median", 0.5), ("highest", 1.0)):
            place = int(share * (len(old) - 1))
            cells = show_value(old[place]), show_value(new[place])
            rows.append((f"{name} threshold", *cells))
        return rows

    def describe_labels(self) -> List[TextTable]:
        changed = [change for change in self.labels if change.f_gain]
        changed.sort(key=lambda change: -abs(change.f_gain))
        header = ("label", "training", "here", "threshold", "F1 (cross-fitted)")
        rows = [change.show() for change in changed[:N_LABELS]]
        return [TextTable("Labels whose F1 changed most", header, rows, "lrrll")]

    def get_notes(self) -> List[str]:
        notes = [f"The documents have {self.n_gold:.2f} gold labels each."]
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

    def judge_wish(self) -> Optional[str]:
        if self.wish.precision is None:
            return None
        keys = ("micro_p", "macro_p", "micro_r")
        right, each, found = (self.scores[key].after.value for key in keys)
        return (
            f"{right:.1%} of the labels given are right, on average {each:.1%} of "
            f"those of each label; {found:.1%} of the gold labels are found."
        )


class Final(NamedTuple):
    """What comes out at the end of the pipeline.

    P (numpy.ndarray): Probabilities of shape (docs, labels).
    has_abstained (numpy.ndarray): Whether a document is left without any label,
        whatever their probabilities, of shape (docs,).
    """

    P: numpy.ndarray
    has_abstained: numpy.ndarray


def tune_multilabel(
    nlp: Language,
    name: str,
    evidence: Evidence,
    wish: Wish,
    before: Settings,
    folds: numpy.ndarray,
) -> Fitted:
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

    folds (numpy.ndarray): For cross-fitting, of shape (docs,).
    """
    tuner = _Tuner(nlp, name, evidence, wish, before)
    refit_as, refit = tuner.find_earlier_fit()
    old = tuner.judge_before(refit, folds)
    new = tuner.cross_fit(folds)
    after = tuner.fit(folds >= 0)[0]
    make_result = partial(
        MultilabelTuning,
        labels=tuner.describe_labels(after, old, new),
        later=tuner.later,
        refit_as=refit_as,
        n_gold=float(get_labels_per_doc(old, old.ones, of_gold=True)[0]),
    )
    return Fitted(after, old, new, make_result)


class _Tuner:
    """Fits settings to parts of the documents.

    later (List[str]): See MultilabelTuning.
    needed (numpy.ndarray): The present threshold of each label, of shape (labels,).
    default (numpy.ndarray): The threshold without those that are fitted, same shape.
    """

    def __init__(
        self, nlp: Language, name: str, evidence: Evidence, wish: Wish, before: Settings
    ) -> None:
        self.nlp, self.name, self.wish, self.before = nlp, name, wish, before
        self.evidence, self.pipe = evidence, evidence.pipe
        scores = evidence.predictions.scores
        # It is never None where a document can have several labels.
        self.truths = scores.truths  # type: ignore[union-attr]
        self.final = Final(scores.P, evidence.has_abstained)  # type: ignore[union-attr]
        own = self._widen(evidence, before.prior, before.temperature)
        is_same = numpy.allclose(own, self.final.P, atol=1e-5)
        is_changed = not is_same or bool(self.final.has_abstained.any())
        self.later = find_changers(nlp, name, is_changed=is_changed)
        labels = evidence.predictions.labels
        self.needed = self.pipe.get_thresholds(labels)
        with try_settings(nlp, name, replace(before, thresholds={})):
            self.default = self.pipe.get_thresholds(labels)

    def fit(self, mask: numpy.ndarray) -> Tuple[Settings, Final]:
        """Fit settings to some of the documents.

        mask (numpy.ndarray): Which, of shape (docs,).
        RETURNS (Tuple[Settings, Final]): The settings, and what the pipeline finds with
            their prior and temperature in all documents.
        """
        prior, temperature = fit_first_stage(
            self.evidence.select(numpy.flatnonzero(mask)), self.wish, self.before
        )
        final = self._run_again(prior, temperature)
        fit = partial(fit_wished, wish=self.wish)
        # Digits that JSON keeps, see fit_temperature.
        values = self._fit_own(final, fit, mask).round(8).tolist()
        thresholds = dict(zip(self.pipe.labels, values))
        return Settings(prior, temperature, thresholds), final

    def judge_before(self, refit: Optional[FitT], folds: numpy.ndarray) -> Predictions:
        """Predict with the present settings. Thresholds that were fitted to the same
        documents are fitted again without each fold in turn.
        """
        thresholds = numpy.tile(self.needed, (len(folds), 1))
        for fold in range(int(folds.max()) + 1):
            if refit is not None:
                own = numpy.ix_(folds == fold, self.evidence.columns)
                thresholds[own] = self._fit_own(self.final, refit, folds != fold)
        return self._give(self.final, thresholds)

    def cross_fit(self, folds: numpy.ndarray) -> Predictions:
        """Predict each fold with the settings that were fitted without it."""
        P, has_abstained = (part.copy() for part in self.final)
        thresholds = numpy.tile(self.default, (len(folds), 1))
        for fold in range(int(folds.max()) + 1):
            settings, final = self.fit(folds != fold)
            rows = folds == fold
            P[rows], has_abstained[rows] = final.P[rows], final.has_abstained[rows]
            own = numpy.ix_(rows, self.evidence.columns)
            thresholds[own] = list(settings.thresholds.values())
        return self._give(Final(P, has_abstained), thresholds)

    def find_earlier_fit(self) -> Tuple[Optional[str], Optional[FitT]]:
        """Find out whether the present thresholds were fitted to these very documents,
        by an earlier tuning, which is noted, or as the training config says, which is
        tried out. What they score is too good then.

        RETURNS (Tuple[Optional[str], Optional[FitT]]): By what, see MultilabelTuning,
            and how. None if nothing is known of that.
        """
        wish = find_note(self.nlp, self.name, self.evidence.docs, self.before)
        if wish is not None:
            return "tune", partial(fit_wished, wish=wish)
        method = partial(fit_thresholds, **_read_callback(self.nlp, self.name))
        everything = numpy.ones(len(self.truths), dtype=bool)
        found = self._fit_own(self.final, method, everything)
        now = self.needed[self.evidence.columns]
        # The last digits of a probability can depend on the machine.
        is_same = numpy.isclose(found, now, rtol=0.0, atol=1e-3).mean() > 0.9
        return ("training", method) if is_same else (None, None)

    def describe_labels(
        self, after: Settings, old: Predictions, new: Predictions
    ) -> List[LabelChange]:
        """RETURNS (List[LabelChange]): For each label."""
        own = set(self.pipe.labels)
        counts: Any = old.counts
        support = count(old).support[0].astype(int).tolist()
        before, now = (count(part).f[0].tolist() for part in (old, new))
        return [
            LabelChange(
                label,
                int(counts[i]),
                support[i],
                float(self.needed[i]) if label in own else None,
                after.thresholds.get(label),
                before[i] if support[i] else None,
                now[i] if support[i] else None,
            )
            for i, label in enumerate(old.labels)
        ]

    def _fit_own(self, final: Final, fit: FitT, mask: numpy.ndarray) -> numpy.ndarray:
        """Fit the thresholds of the component's labels to some of the documents. Those
        that have abstained are given none, whatever the threshold.
        """
        P = numpy.where(final.has_abstained[:, None], 0.0, final.P)[mask]
        columns = self.evidence.columns
        return fit(P[:, columns], self.truths[mask][:, columns])

    def _give(self, final: Final, thresholds: numpy.ndarray) -> Predictions:
        needed = numpy.where(final.has_abstained[:, None], NEVER, thresholds)
        return self.evidence.predictions.give_scores(final.P, needed)

    def _widen(
        self, evidence: Evidence, prior: PriorT, temperature: float
    ) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What the component predicts, of shape (docs,
        labels). Labels that aren't its own have 0.0.
        """
        P = numpy.zeros((len(evidence.docs), len(evidence.predictions.labels)))
        P[:, evidence.columns] = evidence.get_probabilities(prior, temperature)
        return P

    def _run_again(self, prior: PriorT, temperature: float) -> Final:
        """Find what comes out of the pipeline under another prior and temperature. Only
        components that come later run again.
        """
        if not self.later:
            P = self._widen(self.evidence, prior, temperature)
            return Final(P, self.final.has_abstained)
        settings = Settings(prior, temperature)
        leaves = self.evidence.taxonomy.leaves
        P = numpy.zeros(self.truths.shape)
        has_abstained = numpy.zeros(len(P), dtype=bool)
        with try_settings(self.nlp, self.name, settings):
            for rows in minibatch(range(len(P)), self.nlp.batch_size):
                part = self.evidence.select(numpy.asarray(rows))
                with run_after(self.nlp, self.name, part.docs, part.raw) as docs:
                    for row, doc in zip(rows, docs):
                        values = [doc.cats.get(leaf, 0.0) for leaf in leaves]
                        P[row, : len(leaves)] = values
                        has_abstained[row] = get_stored(doc)["label"] is None
        return Final(P, has_abstained)


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
    P = numpy.zeros(truths.shape)

    def fit(prior: PriorT) -> Tuple[float, float]:
        def get_probabilities(temperature: float) -> numpy.ndarray:
            P[:, part.columns] = part.get_probabilities(prior, temperature)
            return P

        return fit_pair_temperature(get_probabilities, truths)

    prior = before.prior if wish.prior is None else wish.prior
    if wish.prior is None and wish.goal != "macro":
        prior, _ = fit_prior(fit)
    temperature, _ = fit(prior)
    return NAMES.get(prior, prior), temperature


def fit_wished(P: numpy.ndarray, truths: numpy.ndarray, wish: Wish) -> numpy.ndarray:
    """Find the threshold of each label. For "accuracy" there is one for all, with the
    best micro-F1 or the wished precision of all labels given.

    RETURNS (numpy.ndarray): Of shape (labels,).
    """
    if wish.goal != "accuracy" or wish.per_label:
        return fit_thresholds(P, truths, precision=wish.precision)
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
