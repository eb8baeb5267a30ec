from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy
from spacy.language import Language
from spacy.util import minibatch

from ..evaluation.evidence import Evidence
from ..pipeline.decision import KEY
from ..pipeline.textcat import write_all_cats
from ..scoring.exclusive import ABSTAINED
from .settings import Settings, apply_settings

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


def try_all(
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
        cats = [dict(doc.cats) for doc in part.docs]
        with write_all_cats(pipe):
            pipe.set_annotations(part.docs, pipe.apply_settings(part.raw))
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
    known[rows] = P.max(axis=1) * numpy.clip(judged.similarity, 0.0, 1.0)
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
