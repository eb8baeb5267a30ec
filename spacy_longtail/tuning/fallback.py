from dataclasses import replace
from itertools import product
from typing import Any, Dict, NamedTuple, Sequence, Tuple

import numpy
from spacy.language import Language

from ..evaluation.evidence import Evidence
from ..fitting.abstention import (
    fit_coverage_threshold,
    fit_label_thresholds,
    fit_precision_threshold,
)
from ..pipeline.settings import spread_thresholds
from ..scoring.exclusive import ABSTAINED
from ..scoring.metrics import METRICS, Guesses, bootstrap, get_value
from ..taxonomy import Taxonomy
from .settings import Settings, Wish
from .trials import Trial, try_all

ROUTES = [0.05, 0.1, 0.2, 0.3, 0.5]
WEIGHTS = [0.0, 0.25, 0.5, 1.0, 2.0]


def tune_fallback(
    nlp: Language,
    name: str,
    fallback: str,
    evidence: Evidence,
    wish: Wish,
    before: Settings,
    first: Settings,
    parts: numpy.ndarray,
) -> Tuple[Settings, Guesses, Guesses]:
    """Fit the thresholds of a zero_shot_fallback. Its ranker is asked once.

    Needed of the fallback are `settings` with route_threshold, mixture_weight,
    abstain_threshold and thresholds, `taxonomy` with the run-time labels, `predict`,
    and `refine`, which turns what that returns into probabilities under the settings.

    before (Settings): As the pipeline was.
    first (Settings): Those fitted for the component before the fallback.
    RETURNS (Tuple[Settings, Guesses, Guesses]): The settings with those of the
        fallback, and what is predicted before and, cross-fitted, after.
    """
    now = (before.fallback["route_threshold"], before.fallback["mixture_weight"])
    old = try_all(nlp, name, fallback, evidence, before, [now])[0]
    floors = _Floors(
        before.fallback["abstain_threshold"], before.fallback["thresholds"]
    )
    pairs = [now, *(pair for pair in product(ROUTES, WEIGHTS) if pair != now)]
    settings = replace(first, fallback=before.fallback)
    trials = try_all(nlp, name, fallback, evidence, settings, pairs)
    tree: Taxonomy = nlp.get_pipe(fallback).taxonomy  # type: ignore[attr-defined]
    columns = _get_columns(evidence.names, tree)
    gold = evidence.gold
    guess, confidence = numpy.zeros(len(gold), "int64"), numpy.zeros(len(gold))
    for part in range(int(parts.max()) + 1):
        best, found = _choose(trials, gold, wish, floors, parts != part, tree, columns)
        rows = parts == part
        new = found.apply(trials[best], gold, tree, columns)
        guess[rows], confidence[rows] = new.guess[rows], new.confidence[rows]
    best, found = _choose(trials, gold, wish, floors, parts >= 0, tree, columns)
    route, weight = pairs[best]
    numbers: Dict[str, Any] = {"route_threshold": route, "mixture_weight": weight}
    numbers.update(abstain_threshold=found.known, thresholds=found.thresholds)
    return (
        replace(first, fallback=numbers),
        floors.apply(old, gold, tree, columns),
        Guesses(gold, guess, confidence),
    )


class _Floors(NamedTuple):
    """How sure a label has to be to be given.

    known (float): See FallbackSettings.abstain_threshold.
    thresholds (Dict[str, float]): See FallbackSettings.
    """

    known: float = 0.0
    thresholds: Dict[str, float] = {}

    def apply(
        self,
        trial: Trial,
        gold: numpy.ndarray,
        taxonomy: Taxonomy,
        columns: numpy.ndarray,
    ) -> Guesses:
        """RETURNS (Guesses): What is left. columns: Leaf of each name."""
        needed = spread_thresholds(taxonomy, self.thresholds)
        is_sure = trial.known >= self.known
        is_sure &= trial.confidence >= needed[columns[trial.guess]]
        guess = numpy.where(is_sure, trial.guess, ABSTAINED)
        return Guesses(gold, guess, trial.confidence)


def _get_columns(names: Sequence[str], taxonomy: Taxonomy) -> numpy.ndarray:
    """Find the leaf of each name, also of labels that were added at run time. Gold
    labels that are unknown are never predicted, so 0 is as good as any.
    """
    ids = [taxonomy.index.get(name, 0) for name in names]
    ids += [taxonomy.index[leaf] for leaf in taxonomy.leaves if leaf not in names]
    return numpy.asarray(ids)


def _choose(
    trials: Sequence[Trial],
    gold: numpy.ndarray,
    wish: Wish,
    floors: _Floors,
    mask: numpy.ndarray,
    taxonomy: Taxonomy,
    columns: numpy.ndarray,
) -> Tuple[int, _Floors]:
    """Choose a trial, and how sure a label has to be. The first one, the present
    settings, stays unless another is better by more than two standard errors.
    """
    trials, gold = [Trial(*(x[mask] for x in trial)) for trial in trials], gold[mask]
    systems = [Guesses(gold, trial.guess, trial.confidence) for trial in trials]
    best, gain, error = 0, 0.0, 0.0
    if wish.goal == "calibration":
        logs = [numpy.log(numpy.maximum(t.likelihood, 1e-12)) for t in trials]
        best = int(numpy.argmax([values.mean() for values in logs]))
        gains = logs[best] - logs[0]
        gain, error = gains.mean(), gains.std() / len(gold) ** 0.5
    else:
        name = "macro_f" if wish.goal == "macro" else "accuracy"
        rated = [get_value(METRICS[name], system) for system in systems]
        best = int(numpy.argmax(rated))
        pair = [systems[best], systems[0]]
        draws = bootstrap(pair, {name: METRICS[name]}, resamples=100)[name]
        gain, error = rated[best] - rated[0], numpy.nanstd(draws[0] - draws[1])
    if gain <= 2 * error:
        best = 0
    trial, given = trials[best], trials[best].guess != ABSTAINED
    is_right = (trial.guess == gold)[given]
    if wish.precision is not None and wish.per_label:
        found = fit_label_thresholds(
            taxonomy,
            columns[trial.guess[given]],
            trial.confidence[given],
            is_right,
            wish.precision,
        )
        return best, _Floors(thresholds=found)
    if wish.precision is not None:
        known = trial.known[given]
        return best, _Floors(fit_precision_threshold(known, is_right, wish.precision))
    if wish.coverage is not None:
        return best, _Floors(fit_coverage_threshold(trial.known, wish.coverage))
    return best, floors
