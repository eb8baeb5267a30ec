"""Tuning of the second stage, where labels exclude each other."""

from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy
from spacy.util import minibatch

from ..evaluation.evidence import Evidence
from ..pipeline.decision import get_stored
from ..scoring.bootstrap import bootstrap, measure
from ..scoring.metrics import find_metrics
from ..scoring.predictions import ABSTAINED, Predictions
from ..taxonomy import ROOT, Taxonomy
from .settings import Settings, try_settings
from .tune import Task

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

    def select(self, rows: numpy.ndarray) -> "Trial":
        """RETURNS (Trial): That of some documents."""
        return Trial(*(values[rows] for values in self))


def tune_fallback(
    task: Task, fallback: str, first: Settings
) -> Tuple[Settings, Predictions, Predictions]:
    """Fit the thresholds of a fallback. Its ranker is asked once more.

    fallback (str): Its name.
    first (Settings): Those fitted for the component before the fallback.
    RETURNS (Tuple[Settings, Predictions, Predictions]): The settings with those of the
        fallback, and what is predicted before and, cross-fitted, after.
    """
    numbers, evidence = task.before.fallback, task.evidence
    now = (numbers["route_threshold"], numbers["mixture_weight"])
    pairs = [now, *(pair for pair in product(ROUTES, WEIGHTS) if pair != now)]
    trials = _try_all(task, fallback, replace(first, fallback=numbers), pairs)

    def predict(found: Any, rows: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
        best, least = found
        trial = trials[best].select(rows)
        needed = evidence.taxonomy.spread(least["thresholds"])[trial.columns]
        is_sure = trial.known >= least["abstain_threshold"]
        is_sure &= trial.confidence >= needed
        return numpy.where(is_sure, trial.columns, ABSTAINED), trial.confidence

    fit = partial(_choose, trials, task)
    (best, least), given = task.cross_fit(fit, predict)
    route, weight = pairs[best]
    after = {"route_threshold": route, "mixture_weight": weight, **least}
    old, new = evidence.predictions, evidence.predictions.give_columns(*given)
    return replace(first, fallback=after), old, new


def _try_all(
    task: Task, name: str, settings: Settings, pairs: List[Tuple[float, float]]
) -> List[Trial]:
    """Predict with pairs of a route threshold and a mixture weight."""
    nlp, pipe, fallback = task.nlp, task.evidence.pipe, task.nlp.get_pipe(name)
    lowest = min(LOWEST_ROUTE, *(route for route, _ in pairs))
    numbers = {**settings.fallback, "route_threshold": lowest}
    numbers.update(abstain_threshold=0.0, thresholds={})
    evidence = task.evidence.remix(settings.share)
    found: List[List[Trial]] = [[] for _ in pairs]
    with try_settings(nlp, task.name, replace(settings, fallback=numbers)):
        for rows in minibatch(range(len(task.folds)), nlp.batch_size):
            part = evidence.select(numpy.asarray(rows))
            cats = [dict(doc.cats) for doc in part.docs]
            with pipe.kind.write_all_cats():
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
    trials: Sequence[Trial], task: Task, rows: numpy.ndarray
) -> Tuple[int, Dict[str, Any]]:
    """Choose a trial for some documents, and how sure a label has to be to be given.
    The first one, the present settings, stays unless another is better by more than two
    standard errors.

    RETURNS (Tuple[int, Dict[str, Any]]): The trial's index, and the abstain threshold
        and the thresholds, the present ones if nothing is wished.
    """
    trials = [trial.select(rows) for trial in trials]
    part, wish = task.evidence.predictions.select(rows), task.wish
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
    trial, numbers = trials[best], task.before.fallback
    # What is refused is none of the labels given, but one of the documents.
    is_given = (trial.columns != ABSTAINED) | (wish.coverage is not None)
    is_right = (trial.columns == part.gold_columns)[is_given]
    given = trial.select(is_given)
    sure = given.confidence if wish.per_label else given.known
    found = wish.fit_thresholds(task.evidence.taxonomy, given.columns, sure, is_right)
    if wish.per_label:
        return best, {"abstain_threshold": 0.0, "thresholds": found}
    if found:
        return best, {"abstain_threshold": found[ROOT], "thresholds": {}}
    return best, {key: numbers[key] for key in ("abstain_threshold", "thresholds")}
