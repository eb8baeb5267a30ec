from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Dict, List, Tuple

import numpy
from spacy.language import Language

from ..evaluation.evidence import Evidence
from ..evaluation.pipes import find_fallback
from ..fitting.calibration import choose_prior, fit_prior, fit_temperature
from ..fitting.thresholds import fit_ancestor_threshold
from ..pipeline.settings import PriorT, read_prior
from ..scoring.bootstrap import measure
from ..scoring.metrics import find_metrics
from ..scoring.predictions import ABSTAINED, Predictions
from ..taxonomy import ROOT
from .fallback import tune_fallback
from .provenance import find_note
from .result import Fitted, RowT, Tuning, show_value
from .settings import NAMES, Settings, try_settings
from .wish import Wish

CURVE = [0.0, 0.25, 0.5, 0.75, 1.0]


@dataclass(frozen=True)
class ExclusiveTuning(Tuning):
    """See Tuning.

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

    def get_hidden(self) -> Tuple[str, ...]:
        is_wished = self.wish.precision is not None or self.wish.coverage is not None
        return () if is_wished else ("coverage", "precision")

    def describe_settings(self) -> List[RowT]:
        names = ("prior", "temperature", "ancestor_threshold")
        rows = [self.compare_settings(name) for name in names]
        pair = (self.before, self.after)
        for name in self.after.fallback:
            if name != "thresholds":
                cells = (show_value(settings.fallback[name]) for settings in pair)
                rows.append((f"fallback {name}", *cells))
        # With a fallback, it is the last stage that holds them.
        old, new = (
            {**settings.thresholds, **settings.fallback.get("thresholds", {})}
            for settings in pair
        )
        cells = (show_value(needed.get(ROOT, 0.0)) for needed in (old, new))
        rows.append(("threshold", *cells))
        few, many = (len(needed.keys() - {ROOT}) for needed in (old, new))
        if few or many:
            rows.append(("nodes with their own threshold", str(few), str(many)))
        return rows

    def get_notes(self) -> List[str]:
        notes = []
        if self.is_seen:
            notes.append(
                "The settings before were tuned on these documents, so that 'before' "
                "looks better than it is: it isn't cross-fitted."
            )
        kept = self.kept
        if kept["kept"]:
            notes.append(
                f"Of {kept['abstained']} documents without a label, {kept['kept']} "
                "keep a broader category; it is right for "
                f"{kept['right'] / kept['kept']:.0%}."
            )
        return notes

    def judge_wish(self) -> Any:
        if self.get_hidden():
            return None
        given, right = self.scores["coverage"], self.scores["precision"]
        return (
            f"{given.after.value:.0%} of the documents get a label, and "
            f"{right.after.value:.1%} of those are right."
        )


def tune_exclusive(
    nlp: Language,
    name: str,
    evidence: Evidence,
    wish: Wish,
    before: Settings,
    folds: numpy.ndarray,
) -> Fitted:
    """Fit the settings of a component whose labels exclude each other.

    With a fallback after the component, its thresholds are fitted too, and abstaining
    is left to it.

    folds (numpy.ndarray): For cross-fitting, of shape (docs,).
    """
    fallback = find_fallback(nlp, name)
    # With a fallback, it is the fallback that abstains.
    first_wish = wish if fallback is None else Wish(wish.goal, wish.prior)
    fitted, calibrated = _fit_all(evidence, first_wish, before, folds)
    kept: List[bool] = []
    if fallback is None:
        after, given = fitted[-1], evidence.predictions.give_columns
        # Filled fold by fold.
        P = numpy.zeros(evidence.raw.logits.shape)
        columns, confidence, _ = _decide(nlp, name, evidence, before)
        old = given(columns, confidence, calibrated=P)
        for fold, (settings, true) in enumerate(zip(fitted[:-1], calibrated)):
            rows = numpy.flatnonzero(folds == fold)
            part = evidence.select(rows)
            P[rows] = part.get_probabilities(*true)
            columns[rows], confidence[rows], nodes = _decide(nlp, name, part, settings)
            kept += nodes
        new = given(columns, confidence, calibrated=P)
    else:
        after, old, new = tune_fallback(
            nlp, name, fallback, evidence, wish, before, fitted[-1], folds
        )
    make_result = partial(
        ExclusiveTuning,
        kept={
            "abstained": int((new.given_columns == ABSTAINED).sum()),
            "kept": len(kept),
            "right": sum(kept),
        },
        priors=_rate_priors(evidence),
        is_seen=find_note(nlp, name, evidence.docs, before) is not None,
    )
    return Fitted(after, old, new, make_result)


def _fit_all(
    evidence: Evidence, wish: Wish, before: Settings, folds: numpy.ndarray
) -> Tuple[List[Settings], List[Tuple[float, float]]]:
    """Fit settings without each fold in turn, at last with all, and the priors and
    temperatures whose probabilities are right, whatever is wished.
    """
    n_folds = int(folds.max()) + 1
    masks = [folds != fold for fold in range(n_folds)] + [folds >= 0]
    settings, calibrated = [], []
    for mask in masks:
        part = evidence.select(numpy.flatnonzero(mask))
        gold, get_logits = _get_gold(part), part.get_logits
        true_prior, temperature = fit_prior(
            lambda prior: fit_temperature(get_logits(prior), gold)  # noqa: B023
        )
        calibrated.append((true_prior, temperature))
        prior: PriorT = true_prior
        if wish.prior is not None:
            prior = wish.prior
        elif wish.goal == "macro":
            P = part.get_probabilities(true_prior, temperature)
            prior = choose_prior(get_logits, P, read_prior(before.prior))
        if prior != true_prior:
            temperature, _ = fit_temperature(get_logits(prior), gold)
        P = part.get_probabilities(prior, temperature)
        needed, above = _fit_thresholds(part, P, gold, wish)
        settings.append(Settings(NAMES.get(prior, prior), temperature, needed, above))
    return settings, calibrated


def _get_gold(evidence: Evidence) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The gold label's place among the component's own, one
    beyond them if it isn't.
    """
    n_own = len(evidence.columns)
    places = numpy.full(len(evidence.predictions.labels), n_own)
    places[evidence.columns] = numpy.arange(n_own)
    return places[evidence.predictions.gold_columns]


def _fit_thresholds(
    evidence: Evidence, P: numpy.ndarray, gold: numpy.ndarray, wish: Wish
) -> Tuple[Dict[str, float], float]:
    """Find how probable a label has to be to be given.

    P (numpy.ndarray): Leaf probabilities of shape (docs, leaves).
    gold (numpy.ndarray): See _get_gold.
    RETURNS (Tuple[Dict[str, float], float]): Thresholds, empty if nothing is wished,
        and the ancestor threshold.
    """
    guess, confidence = P.argmax(axis=1), P.max(axis=1)
    is_right, tree = guess == gold, evidence.pipe.taxonomy
    thresholds = wish.fit_thresholds(tree, guess, confidence, is_right)
    if not thresholds:
        return {}, 0.5
    needed = tree.spread(thresholds)[guess]
    has_parent = numpy.asarray([tree.parent(leaf) != ROOT for leaf in tree.leaves])
    rows = numpy.flatnonzero((confidence < needed) & has_parent[guess])
    parents = [tree.parent(tree.leaves[column]) for column in guess[rows]]
    bounds = [tree.ranges[parent] for parent in parents]
    sums = [P[row, start:end].sum() for row, (start, end) in zip(rows, bounds)]
    right = [_is_below(evidence, row, parent) for row, parent in zip(rows, parents)]
    return thresholds, fit_ancestor_threshold(
        numpy.asarray(sums), numpy.asarray(right, dtype=bool), wish.precision
    )


def _decide(
    nlp: Language, name: str, evidence: Evidence, settings: Settings
) -> Tuple[numpy.ndarray, numpy.ndarray, List[bool]]:
    """Decide as the component would with other settings.

    RETURNS (Tuple[numpy.ndarray, numpy.ndarray, List[bool]]): The column of the label
        given, or ABSTAINED, and its probability, both of shape (docs,). For each inner
        node that was kept instead of a label, whether it is right.
    """
    pipe, index = evidence.pipe, evidence.taxonomy.index
    with try_settings(nlp, name, settings):
        P, known = pipe.apply_settings(evidence.raw)
        found = pipe.kind.make_writer(pipe.taxonomy).describe(P, known, "", "")
        decisions = pipe.kind.back_off(found)
    columns = [index.get(decision["label"], ABSTAINED) for decision in decisions]
    kept = [
        _is_below(evidence, row, decision["levels"][-1][0])
        for row, decision in enumerate(decisions)
        if decision["label"] is None and decision["levels"]
    ]
    confidence = [decision["probability"] for decision in decisions]
    return numpy.asarray(columns), numpy.asarray(confidence), kept


def _is_below(evidence: Evidence, row: int, node: str) -> bool:
    """Whether the gold label of a document is below a node."""
    predictions = evidence.predictions
    gold = predictions.labels[predictions.gold_columns[row]]
    return gold.startswith(node + evidence.taxonomy.separator)


def _rate_priors(evidence: Evidence) -> Dict[float, Tuple[float, float]]:
    metrics, ones = find_metrics("tune", False), numpy.ones(len(evidence.docs))

    def rate(prior: float) -> Tuple[float, float]:
        columns = evidence.columns[evidence.get_logits(prior).argmax(axis=1)]
        given: Predictions = evidence.predictions.give_columns(columns, ones)
        macro, accuracy = metrics["macro_f"], metrics["accuracy"]
        return measure(macro, given), measure(accuracy, given)

    return {prior: rate(prior) for prior in CURVE}
