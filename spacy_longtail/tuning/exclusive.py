from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Dict, List, Tuple

import numpy

from ..evaluation.evidence import Evidence
from ..evaluation.pipes import find_fallback
from ..fitting.calibration import choose_prior, fit_prior, fit_temperature
from ..fitting.thresholds import fit_ancestor_threshold
from ..pipeline.settings import PriorT, read_prior
from ..pipeline.stored import unpack_decision
from ..presentation import count_noun
from ..scoring.bootstrap import measure
from ..scoring.metrics import find_metrics
from ..scoring.predictions import ABSTAINED
from ..taxonomy import ROOT
from .fallback import tune_fallback
from .result import RowT, Tuning, make_row
from .settings import NAMES, Settings, find_note, try_settings
from .share import choose_share
from .tune import Task
from .wish import Wish

CURVE = [0.0, 0.25, 0.5, 0.75, 1.0]
# Settings, and the prior and the temperature whose probabilities are right, whatever is
# wished.
FittedT = Tuple[Settings, Tuple[float, float]]


@dataclass(frozen=True)
class ExclusiveTuning(Tuning):
    """What tune found for labels that exclude each other.

    kept (Dict[str, int]): Of the documents that abstained: all, those that keep an
        inner node, those for which it is right.
    priors (Dict[float, Tuple[float, float]]): For each prior that was tried, macro-F1
        and accuracy on the whole corpus.
    is_seen (bool): Whether the settings before were tuned on the same documents, so
        that "before" looks better than it is.
    """

    allows_several: ClassVar[bool] = False
    kept: Dict[str, int]
    priors: Dict[float, Tuple[float, float]]
    is_seen: bool

    def to_dict(self) -> Dict[str, Any]:
        priors = [[prior, *values] for prior, values in self.priors.items()]
        return {**super().to_dict(), "priors": priors}

    def describe_settings(self) -> List[RowT]:
        rows = self.compare_settings("prior", "temperature", "ancestor_threshold")
        if self.after.share is not None:
            rows += self.compare_settings("share")
        pair = (self.before, self.after)
        for name in self.after.fallback:
            if name != "thresholds":
                values = (settings.fallback[name] for settings in pair)
                rows.append(make_row(f"fallback {name}", *values))
        # With a fallback, it is the last stage that holds them.
        needed = [
            {**settings.thresholds, **settings.fallback.get("thresholds", {})}
            for settings in pair
        ]
        rows.append(make_row("threshold", *(found.get(ROOT, 0.0) for found in needed)))
        numbers = [len(found.keys() - {ROOT}) for found in needed]
        if any(numbers):
            rows.append(make_row("nodes with their own threshold", *numbers))
        return rows

    @property
    def wished(self) -> Tuple[str, str]:
        return "precision", "coverage"

    def get_notes(self) -> List[str]:
        notes = []
        if self.scores["coverage"].after.value < 1.0:
            notes.append(
                "Macro-F1, accuracy, head, mid and tail count a document without a "
                "label as missed, so that they are lower the more are held back."
            )
        if self.is_seen:
            notes.append(
                "The settings before were tuned on these documents, so that 'before' "
                "looks better than it is: it isn't cross-fitted."
            )
        kept = self.kept
        if kept["kept"]:
            notes.append(
                f"Of {count_noun(kept['abstained'], 'document')} without a label, "
                f"{kept['kept']:,} keep a broader category; it is right for "
                f"{kept['right'] / kept['kept']:.0%}."
            )
        return notes

    def judge_wish(self) -> str:
        given, right = self.scores["coverage"], self.scores["precision"]
        if not given.after.value:
            return "No document gets a label."
        return (
            f"{given.after.value:.1%} of the documents get a label, and "
            f"{right.after.value:.1%} of those are right."
        )


def tune_exclusive(task: Task) -> Tuning:
    """Fit the settings of a component whose labels exclude each other.

    With a fallback after the component, its thresholds are fitted too, and abstaining
    is left to it.
    """
    evidence, wish, before = task.evidence, task.wish, task.before
    fallback = find_fallback(task.nlp, task.name)
    if fallback is None:
        fit, predict = partial(_fit, task, wish), partial(_predict, task)
        (after, _), found = task.cross_fit(fit, predict)
        P, columns, confidence, has_node, is_right, is_near = found
        give = partial(evidence.predictions.give_columns, calibrated=P)
        old = give(*_decide(task, evidence, before)[:2])
        new = give(columns, confidence, has_kept=is_near)
    else:
        wish = Wish(wish.goal, wish.prior)
        first, _ = _fit(task, wish, numpy.arange(len(task.folds)))
        after, old, new = tune_fallback(task, fallback, first)
        has_node = is_right = numpy.zeros(0)
    kept = {
        "abstained": int((new.given_columns == ABSTAINED).sum()),
        "kept": int(has_node.sum()),
        "right": int(is_right.sum()),
    }
    note = find_note(task.nlp, task.name, evidence.docs, before)
    priors = _rate_priors(evidence.remix(after.share))
    is_seen = note is not None
    return task.make_result(
        ExclusiveTuning, after, old, new, kept=kept, priors=priors, is_seen=is_seen
    )


def _fit(task: Task, wish: Wish, rows: numpy.ndarray) -> FittedT:
    evidence = task.evidence.select(rows)
    # The gold label's place among the component's own, one beyond them if it isn't.
    n_own = len(evidence.columns)
    places = numpy.full(len(evidence.predictions.labels), n_own)
    places[evidence.columns] = numpy.arange(n_own)
    gold = places[evidence.predictions.gold_columns]
    share = choose_share(evidence, gold, wish, task.before.share)
    evidence = evidence.remix(share)
    get_logits = evidence.get_logits

    def fit(prior: PriorT) -> Tuple[float, float]:
        return fit_temperature(get_logits(prior), gold)

    calibrated = fit_prior(fit)
    prior: PriorT = calibrated[0]
    if wish.prior is not None:
        prior = wish.prior
    elif wish.goal == "macro":
        P = evidence.get_probabilities(*calibrated)
        prior = choose_prior(get_logits, P, read_prior(task.before.prior))
    is_same = prior == calibrated[0]
    temperature = calibrated[1] if is_same else fit(prior)[0]
    P = evidence.get_probabilities(prior, temperature)
    thresholds, above = _fit_thresholds(evidence, P, gold, wish)
    prior = NAMES.get(prior, prior)
    return Settings(prior, temperature, thresholds, above, share=share), calibrated


def _fit_thresholds(
    evidence: Evidence, P: numpy.ndarray, gold: numpy.ndarray, wish: Wish
) -> Tuple[Dict[str, float], float]:
    """Find how probable a label has to be to be given.

    P (numpy.ndarray): Leaf probabilities of shape (docs, leaves).
    gold (numpy.ndarray): The gold labels' columns of P, of shape (docs,).
    RETURNS (Tuple[Dict[str, float], float]): Thresholds, empty if nothing is wished,
        and the ancestor threshold.
    """
    guess, confidence = P.argmax(axis=1), P.max(axis=1)
    tree = evidence.pipe.taxonomy
    thresholds = wish.fit_thresholds(tree, guess, confidence, guess == gold)
    sums, is_right = [], []
    needed = tree.spread(thresholds)[guess]
    for row in numpy.flatnonzero(confidence < needed):
        parent = tree.parent(tree.leaves[guess[row]])
        if parent != ROOT:
            start, end = tree.ranges[parent]
            sums.append(P[row, start:end].sum())
            is_right.append(_is_below(evidence, row, parent))
    return thresholds, fit_ancestor_threshold(
        numpy.asarray(sums), numpy.asarray(is_right, dtype=bool), wish.precision
    )


def _predict(
    task: Task, fitted: FittedT, rows: numpy.ndarray
) -> Tuple[numpy.ndarray, ...]:
    """RETURNS (Tuple[numpy.ndarray, ...]): Right probabilities, then see _decide."""
    settings, calibrated = fitted
    evidence = task.evidence.select(rows).remix(settings.share)
    P = evidence.get_probabilities(*calibrated)
    return (P, *_decide(task, evidence, settings))


def _decide(
    task: Task, evidence: Evidence, settings: Settings
) -> Tuple[numpy.ndarray, ...]:
    """Decide as the component would with other settings.

    RETURNS (Tuple[numpy.ndarray, ...]): The column of the label given, or ABSTAINED,
        its probability, whether an inner node was kept instead of a label, whether
        that is right, and whether at least the node at the first level is; all of shape
        (docs,).
    """
    pipe, index = evidence.pipe, evidence.taxonomy.index
    with try_settings(task.nlp, task.name, settings):
        P, known = pipe.apply_settings(evidence.raw)
        writer = pipe.kind.make_writer(pipe.taxonomy)
        found = pipe.kind.back_off(*writer.describe(P, known, "", ""), pipe.taxonomy)
    decisions = [unpack_decision(decision) for decision in found]
    columns = [index.get(decision["label"], ABSTAINED) for decision in decisions]
    confidence = [decision["probability"] for decision in decisions]
    kept = numpy.zeros((3, len(decisions)), dtype=bool)
    for row, decision in enumerate(decisions):
        if decision["label"] is None and decision["levels"]:
            top, node = decision["levels"][0][0], decision["levels"][-1][0]
            kept[:, row] = True, *(_is_below(evidence, row, n) for n in (node, top))
    return numpy.asarray(columns), numpy.asarray(confidence), *kept


def _is_below(evidence: Evidence, row: int, node: str) -> bool:
    """Whether the gold label of a document is below a node."""
    predictions = evidence.predictions
    gold = predictions.labels[predictions.gold_columns[row]]
    return gold.startswith(node + evidence.taxonomy.separator)


def _rate_priors(evidence: Evidence) -> Dict[float, Tuple[float, float]]:
    metrics, ones = find_metrics("tune", False), numpy.ones(len(evidence.docs))
    rated = {}
    for prior in CURVE:
        columns = evidence.columns[evidence.get_logits(prior).argmax(axis=1)]
        given = evidence.predictions.give_columns(columns, ones)
        macro, accuracy = (measure(metrics[n], given) for n in ("macro_f", "accuracy"))
        rated[prior] = macro, accuracy
    return rated
