from dataclasses import replace
from itertools import product
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.util import minibatch

from ..pipeline.decision import KEY
from ..pipeline.longtail_textcat import RawScores
from ..pipeline.thresholds import spread_thresholds
from ..scorer import ABSTAINED
from ..taxonomy import Taxonomy
from .evidence import Evidence
from .metrics import METRICS, Guesses, bootstrap, get_value
from .settings import Settings, Wish, apply_settings
from .thresholds import (
    fit_coverage_threshold,
    fit_label_thresholds,
    fit_precision_threshold,
)

ROUTES = [0.05, 0.1, 0.2, 0.3, 0.5]
WEIGHTS = [0.0, 0.25, 0.5, 1.0, 2.0]
# Such a mass can't change a decision, and asking the ranker costs time.
LOWEST_ROUTE = 0.02


class Trial(NamedTuple):
    """What the pipeline predicts with a route threshold and a mixture weight.

    guess (numpy.ndarray): Index into the names, ABSTAINED without one; (docs,).
    confidence, known (numpy.ndarray): As in a decision, of shape (docs,).
    likelihood (numpy.ndarray): Probability of the gold label, of shape (docs,).
    """

    guess: numpy.ndarray
    confidence: numpy.ndarray
    known: numpy.ndarray
    likelihood: numpy.ndarray


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
    old = _try_all(nlp, name, fallback, evidence, before, [now])[0]
    floors = _Floors(
        before.fallback["abstain_threshold"], before.fallback["thresholds"]
    )
    pairs = [now, *(pair for pair in product(ROUTES, WEIGHTS) if pair != now)]
    settings = replace(first, fallback=before.fallback)
    trials = _try_all(nlp, name, fallback, evidence, settings, pairs)
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
        needed = numpy.asarray(spread_thresholds(taxonomy, self.thresholds))
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
        gain, error = rated[best] - rated[0], (draws[0] - draws[1]).std()
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
    apply_settings(nlp, name, replace(settings, fallback=numbers))
    found: List[List[Trial]] = [[] for _ in pairs]
    ids = {label: i for i, label in enumerate(evidence.names)}
    for leaf in fallback.taxonomy.leaves:  # type: ignore[attr-defined]
        ids.setdefault(leaf, len(ids))
    for rows in minibatch(range(len(evidence.docs)), nlp.batch_size):
        part = evidence.select(numpy.asarray(rows))
        raw = RawScores(part.raw.logits, part.raw.closeness)
        cats = [dict(doc.cats) for doc in part.docs]
        pipe.set_annotations(part.docs, pipe.finish(raw))
        judged = fallback.predict(part.docs)  # type: ignore[attr-defined]
        for pair, trials in zip(pairs, found):
            trials.append(_try(fallback, judged, part, pair, ids))
        for doc, before in zip(part.docs, cats):
            doc.cats = before
    return [Trial(*map(numpy.concatenate, zip(*trials))) for trials in found]


def _try(
    fallback: Any,
    judged: Any,
    part: Evidence,
    pair: Tuple[float, float],
    ids: Dict[str, int],
) -> Trial:
    decisions = [doc.user_data[KEY] for doc in part.docs]
    names = [part.names[column] for column in part.gold.tolist()]
    guess = numpy.asarray([ids[decision["label"]] for decision in decisions])
    confidence = numpy.asarray([decision["probability"] for decision in decisions])
    known = numpy.asarray([decision["known"] for decision in decisions])
    likelihood = numpy.asarray(
        [doc.cats.get(name, 0.0) for doc, name in zip(part.docs, names)]
    )
    if judged is None or not len(judged.rows):
        return Trial(guess, confidence, known, likelihood)
    taxonomy, (route, weight) = fallback.taxonomy, pair
    fallback.settings.mixture_weight = weight
    P = fallback.refine(_drop_below(judged, taxonomy, route))
    rows, tops = judged.rows, P.argmax(axis=1)
    leaves = taxonomy.leaves
    found = [ids[leaves[column]] for column in tops.tolist()]
    is_pooled = numpy.asarray([leaves[column] in taxonomy.pooled for column in tops])
    guess[rows] = numpy.where(judged.is_none & is_pooled, ABSTAINED, found)
    confidence[rows] = P.max(axis=1)
    known[rows] = P.max(axis=1) * numpy.clip(judged.closeness, 0.0, 1.0)
    columns = [taxonomy.index.get(names[row]) for row in rows]
    likelihood[rows] = [
        0.0 if column is None else P[i, column] for i, column in enumerate(columns)
    ]
    return Trial(guess, confidence, known, likelihood)


def _drop_below(judged: Any, taxonomy: Any, route: float) -> Any:
    """Take out the Others whose mass is below a threshold, with their scores."""
    others, scores = [], []
    for row, (numbers, values) in enumerate(zip(judged.others, judged.scores)):
        members = [list(taxonomy.others[number].members) for number in numbers]
        stays = [judged.P[row, columns].sum() >= route for columns in members]
        others.append([number for number, stay in zip(numbers, stays) if stay])
        mask = numpy.repeat(stays, [len(columns) for columns in members]).astype(bool)
        scores.append(values[mask])
    return judged._replace(others=others, scores=scores)
