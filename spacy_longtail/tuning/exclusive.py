from dataclasses import replace
from functools import partial
from typing import Any, Dict, Iterable, List, Tuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ..evaluation.evidence import Evidence, ProgressT, collect
from ..fitting.calibration import (
    choose_prior,
    fit_prior_and_temperature,
    fit_temperature,
    rate_priors,
)
from ..pipeline.settings import PriorT, read_prior
from ..scoring.exclusive import ABSTAINED
from ..scoring.metrics import METRICS, Guesses, MetricT, get_expected_macro_f
from .abstaining import decide, fit_thresholds
from .fallback import tune_fallback
from .folds import make_parts
from .provenance import recall, remember
from .result import Tuning, compare
from .settings import (
    Settings,
    Wish,
    apply_settings,
    find_fallback,
    read_settings,
)

NAMES: Dict[PriorT, PriorT] = {0.0: "uniform", 1.0: "train"}
CURVE = [0.0, 0.25, 0.5, 0.75, 1.0]
# With a fallback, it is the fallback that abstains.
NO_ABSTENTION: Dict[str, Any] = {
    "precision": None,
    "coverage": None,
    "per_label": False,
}


def tune_exclusive(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    wish: Wish,
    *,
    folds: int = 5,
    resamples: int = 1000,
    seed: int = 0,
    progress: ProgressT = iter,
) -> Tuning:
    """Fit the settings of a longtail_textcat, see tune.

    With a zero_shot_fallback after the component, its thresholds are fitted too, and
    abstaining is left to it.

    name (str): Name of the component.
    RETURNS (Tuning): Settings and scores, before and after.
    RAISES (ValueError): L510 without anything to tune.
    """
    before = read_settings(nlp, name)
    evidence = collect(nlp, name, examples, progress=progress)
    parts = make_parts(len(evidence.gold), folds, seed)
    fallback = find_fallback(nlp, name)
    first_wish = wish if fallback is None else replace(wish, **NO_ABSTENTION)
    fitted, calibrated = _fit_all(evidence, first_wish, before, parts)
    metrics = dict(METRICS)
    kept: List[bool] = []
    if fallback is None:
        after, (old, _) = fitted[-1], decide(evidence, before)
        new, kept = _apply_all(evidence, fitted, parts)
        metrics["expected_macro_f"] = _make_expected(evidence, calibrated, parts)
    else:
        after, old, new = tune_fallback(
            nlp, name, fallback, evidence, wish, before, fitted[-1], parts
        )
    is_seen = recall(nlp, name, evidence.docs, before) is not None
    apply_settings(nlp, name, after)
    remember(nlp, name, wish, evidence.docs, after)
    return Tuning(
        wish=wish,
        before=before,
        after=after,
        scores=compare(old, new, metrics, resamples=resamples, seed=seed),
        kept={
            "abstained": int((new.guess == ABSTAINED).sum()),
            "kept": len(kept),
            "right": sum(kept),
        },
        priors=_rate(evidence),
        is_seen=is_seen,
        n_docs=len(parts),
        n_ignored=evidence.n_ignored,
    )


def _fit_all(
    evidence: Evidence, wish: Wish, before: Settings, parts: numpy.ndarray
) -> Tuple[List[Settings], List[Tuple[float, float]]]:
    """Fit settings without each part in turn, at last with all, and the priors and
    temperatures whose probabilities are right, whatever is wished.
    """
    n_parts = int(parts.max()) + 1
    masks = [parts != part for part in range(n_parts)] + [parts >= 0]
    settings, calibrated = [], []
    for mask in masks:
        part = evidence.select(numpy.flatnonzero(mask))
        true_prior, heat = fit_prior_and_temperature(part.get_logits, part.gold)
        calibrated.append((true_prior, heat))
        prior: PriorT = true_prior
        if wish.prior is not None:
            prior = wish.prior
        elif wish.goal == "macro":
            P = part.get_probabilities(true_prior, heat)
            prior = choose_prior(part.get_logits, P, read_prior(before.prior))
        if prior != true_prior:
            heat, _ = fit_temperature(part.get_logits(prior), part.gold)
        P = part.get_probabilities(prior, heat)
        needed, ancestor = fit_thresholds(part, P, wish)
        settings.append(Settings(NAMES.get(prior, prior), heat, needed, ancestor))
    return settings, calibrated


def _apply_all(
    evidence: Evidence, fitted: List[Settings], parts: numpy.ndarray
) -> Tuple[Guesses, List[bool]]:
    """Predict each part with the settings that were fitted without it."""
    guesses = Guesses(
        evidence.gold, numpy.zeros(len(parts), "int64"), numpy.zeros(len(parts))
    )
    kept: List[bool] = []
    for part, settings in enumerate(fitted[:-1]):
        rows = numpy.flatnonzero(parts == part)
        found, nodes = decide(evidence.select(rows), settings)
        guesses.guess[rows], guesses.confidence[rows] = found.guess, found.confidence
        kept += nodes
    return guesses, kept


def _make_expected(
    evidence: Evidence, calibrated: List[Tuple[float, float]], parts: numpy.ndarray
) -> MetricT:
    """RETURNS (MetricT): The macro-F1 to expect by the probabilities of each part under
    the prior and temperature that were fitted without it.
    """
    P = numpy.zeros(evidence.raw.logits.shape)
    for part, pair in enumerate(calibrated[:-1]):
        rows = numpy.flatnonzero(parts == part)
        P[rows] = evidence.select(rows).get_probabilities(*pair)
    return partial(get_expected_macro_f, P=P)


def _rate(evidence: Evidence) -> Dict[float, Tuple[float, float]]:
    W = numpy.ones((1, len(evidence.gold)))
    logits, gold = evidence.get_logits, evidence.gold
    macro = rate_priors(logits, gold, METRICS["macro_f"], W, CURVE)[:, 0]
    accuracy = rate_priors(logits, gold, METRICS["accuracy"], W, CURVE)[:, 0]
    return dict(zip(CURVE, zip(macro.tolist(), accuracy.tolist())))
