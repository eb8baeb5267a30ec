"""Tuning of the second stage, where labels exclude each other."""

from dataclasses import replace
from itertools import product
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.util import minibatch

from ..evaluation.evidence import Evidence
from ..pipeline.decision import get_stored
from ..pipeline.textcat import write_all_cats
from ..scoring.bootstrap import bootstrap, measure
from ..scoring.metrics import find_metrics
from ..scoring.predictions import ABSTAINED, Predictions
from ..taxonomy import ROOT, Taxonomy
from .settings import Settings, try_settings
from .wish import Wish

ROUTES = [0.05, 0.1, 0.2, 0.3, 0.5]
WEIGHTS = [0.0, 0.25, 0.5, 1.0, 2.0]
# Such a mass can't change a decision, and asking the ranker costs time.
LOWEST_ROUTE = 0.02


class Trial(NamedTuple):
    """What the pipeline predicts with a route threshold and a mixture weight.

    columns (numpy.ndarray): The label given, or ABSTAINED; (docs,).
    confidence, known (numpy.ndarray): As in a decision, of shape (docs,).
    likelihood (numpy.ndarray): Probability of the gold label, of shape (docs,).
    """

    columns: numpy.ndarray
    confidence: numpy.ndarray
    known: numpy.ndarray
    likelihood: numpy.ndarray


class Floors(NamedTuple):
    """How sure a label has to be to be given.

    known (float): See FallbackSettings.abstain_threshold.
    thresholds (Dict[str, float]): See FallbackSettings.
    """

    known: float = 0.0
    thresholds: Dict[str, float] = {}

    def apply(self, trial: Trial, taxonomy: Taxonomy) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The columns that are left, of shape (docs,)."""
        needed = taxonomy.spread(self.thresholds)
        is_sure = trial.known >= self.known
        is_sure &= trial.confidence >= needed[trial.columns]
        return numpy.where(is_sure, trial.columns, ABSTAINED)


def tune_fallback(
    nlp: Language,
    name: str,
    fallback: str,
    evidence: Evidence,
    wish: Wish,
    before: Settings,
    first: Settings,
    folds: numpy.ndarray,
) -> Tuple[Settings, Predictions, Predictions]:
    """Fit the thresholds of a fallback. Its ranker is asked once more.

    fallback (str): Its name.
    before (Settings): As the pipeline was.
    first (Settings): Those fitted for the component before the fallback.
    RETURNS (Tuple[Settings, Predictions, Predictions]): The settings with those of the
        fallback, and what is predicted before and, cross-fitted, after.
    """
    numbers = before.fallback
    now = (numbers["route_threshold"], numbers["mixture_weight"])
    pairs = [now, *(pair for pair in product(ROUTES, WEIGHTS) if pair != now)]
    settings = replace(first, fallback=numbers)
    trials = _try_all(nlp, name, fallback, evidence, settings, pairs)
    floors = Floors(numbers["abstain_threshold"], numbers["thresholds"])
    columns = numpy.zeros(len(folds), dtype="int64")
    confidence = numpy.zeros(len(folds))
    for fold in range(int(folds.max()) + 1):
        best, found = _choose(trials, evidence, wish, floors, folds != fold)
        rows = folds == fold
        columns[rows] = found.apply(trials[best], evidence.taxonomy)[rows]
        confidence[rows] = trials[best].confidence[rows]
    best, found = _choose(trials, evidence, wish, floors, folds >= 0)
    route, weight = pairs[best]
    numbers = {"route_threshold": route, "mixture_weight": weight}
    numbers.update(abstain_threshold=found.known, thresholds=found.thresholds)
    new = evidence.predictions.give_columns(columns, confidence)
    return replace(first, fallback=numbers), evidence.predictions, new


def _try_all(
    nlp: Language,
    name: str,
    fallback_name: str,
    evidence: Evidence,
    settings: Settings,
    pairs: List[Tuple[float, float]],
) -> List[Trial]:
    """Predict with pairs of a route threshold and a mixture weight."""
    pipe, fallback = evidence.pipe, nlp.get_pipe(fallback_name)
    lowest = min(LOWEST_ROUTE, *(route for route, _ in pairs))
    numbers = {**settings.fallback, "route_threshold": lowest}
    numbers.update(abstain_threshold=0.0, thresholds={})
    found: List[List[Trial]] = [[] for _ in pairs]
    with try_settings(nlp, name, replace(settings, fallback=numbers)):
        for rows in minibatch(range(len(evidence.docs)), nlp.batch_size):
            part = evidence.select(numpy.asarray(rows))
            cats = [dict(doc.cats) for doc in part.docs]
            with write_all_cats(pipe):
                pipe.set_annotations(part.docs, pipe.apply_settings(part.raw))
                judged = fallback.predict(part.docs)  # type: ignore[attr-defined]
            for pair, trials in zip(pairs, found):
                trials.append(_try(fallback, judged, part, pair))
            for doc, before in zip(part.docs, cats):
                doc.cats = before
    return [Trial(*map(numpy.concatenate, zip(*trials))) for trials in found]


def _try(
    fallback: Any, judged: Any, part: Evidence, pair: Tuple[float, float]
) -> Trial:
    tree, (route, weight) = part.taxonomy, pair
    gold, labels = part.predictions.gold_columns, part.predictions.labels
    decisions = [get_stored(doc) for doc in part.docs]
    columns = numpy.asarray([tree.index[decision["label"]] for decision in decisions])
    confidence = numpy.asarray([decision["probability"] for decision in decisions])
    known = numpy.asarray([decision["known"] for decision in decisions])
    likelihood = numpy.asarray(
        [doc.cats.get(labels[column], 0.0) for doc, column in zip(part.docs, gold)]
    )
    if judged is None or not len(judged.rows):
        return Trial(columns, confidence, known, likelihood)
    fallback.settings.mixture_weight = weight
    judged = _drop_below(judged, tree, route)
    rows, (P, of_rows) = judged.rows, fallback.refine(judged)
    known[rows] = of_rows
    columns[rows], confidence[rows] = P.argmax(axis=1), P.max(axis=1)
    for row, deficit in zip(rows, judged.deficit):
        if fallback.kind.is_refused(labels[columns[row]], deficit, tree):
            columns[row] = ABSTAINED
    is_known = gold[rows] < P.shape[1]
    own = P[numpy.arange(len(rows)), numpy.where(is_known, gold[rows], 0)]
    likelihood[rows] = numpy.where(is_known, own, 0.0)
    return Trial(columns, confidence, known, likelihood)


def _drop_below(judged: Any, taxonomy: Taxonomy, route: float) -> Any:
    """Take out the Others whose mass is below a threshold, with their scores."""
    others, scores = [], []
    for row, (numbers, values) in enumerate(zip(judged.others, judged.scores)):
        members = [list(taxonomy.others[number].members) for number in numbers]
        stays = [judged.P[row, columns].sum() >= route for columns in members]
        others.append([number for number, stay in zip(numbers, stays) if stay])
        mask = numpy.repeat(stays, [len(columns) for columns in members]).astype(bool)
        scores.append(values[mask])
    return judged._replace(others=others, scores=scores)


def _choose(
    trials: Sequence[Trial],
    evidence: Evidence,
    wish: Wish,
    floors: Floors,
    mask: numpy.ndarray,
) -> Tuple[int, Floors]:
    """Choose a trial, and how sure a label has to be. The first one, the present
    settings, stays unless another is better by more than two standard errors.
    """
    trials = [Trial(*(values[mask] for values in trial)) for trial in trials]
    part = evidence.predictions.select(numpy.flatnonzero(mask))
    best, gain, error = 0, 0.0, 0.0
    if wish.goal == "calibration":
        logs = [numpy.log(numpy.maximum(t.likelihood, 1e-12)) for t in trials]
        best = int(numpy.argmax([values.mean() for values in logs]))
        gains = logs[best] - logs[0]
        gain, error = gains.mean(), gains.std() / part.n_docs**0.5
    else:
        key = "macro_f" if wish.goal == "macro" else "accuracy"
        metric = find_metrics("tune", part.allows_several)[key]
        systems = [part.give_columns(t.columns, t.confidence) for t in trials]
        rated = [measure(metric, system) for system in systems]
        best = int(numpy.argmax(rated))
        draws = bootstrap([systems[best], systems[0]], {key: metric}, resamples=100)
        gain = rated[best] - rated[0]
        error = float(numpy.nanstd(draws[key][0] - draws[key][1]))
    if gain <= 2 * error:
        best = 0
    return best, _fit_floors(trials[best], part.gold_columns, evidence, wish, floors)


def _fit_floors(
    trial: Trial,
    gold: numpy.ndarray,
    evidence: Evidence,
    wish: Wish,
    floors: Floors,
) -> Floors:
    """RETURNS (Floors): The present ones if nothing is wished."""
    # What is refused is none of the labels given, but one of the documents.
    rows = numpy.flatnonzero((trial.columns != ABSTAINED) | (wish.coverage is not None))
    sure = trial.confidence if wish.per_label else trial.known
    columns = trial.columns[rows]
    is_right = columns == gold[rows]
    found = wish.fit_thresholds(evidence.taxonomy, columns, sure[rows], is_right)
    if wish.per_label:
        return Floors(thresholds=found)
    return Floors(found[ROOT]) if found else floors
