from typing import Dict, List, Tuple

import numpy

from ..evaluation.evidence import Evidence
from ..fitting.abstention import (
    fit_ancestor_threshold,
    fit_coverage_threshold,
    fit_label_thresholds,
    fit_precision_threshold,
)
from ..pipeline.decision import Decision
from ..pipeline.settings import spread_thresholds
from ..scoring.exclusive import ABSTAINED
from ..scoring.metrics import Guesses
from ..taxonomy import ROOT
from .settings import Settings, Wish


def fit_thresholds(
    evidence: Evidence, P: numpy.ndarray, wish: Wish
) -> Tuple[Dict[str, float], float]:
    """Find how probable a label has to be to be given.

    P (numpy.ndarray): Leaf probabilities of shape (docs, leaves).
    RETURNS (Tuple[Dict[str, float], float]): Thresholds, empty if nothing is wished,
        and the ancestor threshold.
    """
    guess, confidence = P.argmax(axis=1), P.max(axis=1)
    is_right = guess == evidence.gold
    taxonomy = evidence.pipe.taxonomy
    if wish.precision is not None and wish.per_label:
        thresholds = fit_label_thresholds(
            taxonomy, guess, confidence, is_right, wish.precision
        )
    elif wish.precision is not None:
        threshold = fit_precision_threshold(confidence, is_right, wish.precision)
        thresholds = {ROOT: threshold}
    elif wish.coverage is not None:
        thresholds = {ROOT: fit_coverage_threshold(confidence, wish.coverage)}
    else:
        return {}, 0.5
    needed = spread_thresholds(taxonomy, thresholds)[guess]
    has_parent = numpy.asarray(
        [taxonomy.parent(leaf) != ROOT for leaf in taxonomy.leaves]
    )
    rows = numpy.flatnonzero((confidence < needed) & has_parent[guess])
    parents = [taxonomy.parent(taxonomy.leaves[column]) for column in guess[rows]]
    bounds = [taxonomy.ranges[parent] for parent in parents]
    sums = [P[row, start:end].sum() for row, (start, end) in zip(rows, bounds)]
    right = [
        _is_below(evidence.names[evidence.gold[row]], parent, taxonomy.separator)
        for row, parent in zip(rows, parents)
    ]
    return thresholds, fit_ancestor_threshold(
        numpy.asarray(sums), numpy.asarray(right, dtype=bool), wish.precision
    )


def decide(evidence: Evidence, settings: Settings) -> Tuple[Guesses, List[bool]]:
    """Predict as the component would with other settings.

    RETURNS (Tuple[Guesses, List[bool]]): And for each inner node that was kept instead
        of a label, whether it is right.
    """
    P = evidence.get_probabilities(settings.prior, settings.temperature)
    guess, confidence = P.argmax(axis=1), P.max(axis=1)
    taxonomy = evidence.pipe.taxonomy
    needed = spread_thresholds(taxonomy, settings.thresholds)[guess]
    rows = numpy.flatnonzero(confidence < needed)
    known = numpy.zeros(len(rows))
    found = evidence.pipe.make_writer(taxonomy).describe(P[rows], known, "", "")
    kept = []
    for row, data in zip(rows.tolist(), found):
        decision = Decision.from_dict(data)
        decision = decision.back_off(float(needed[row]), settings.ancestor_threshold)
        if decision.levels:
            gold = evidence.names[evidence.gold[row]]
            node = decision.levels[-1][0]
            kept.append(_is_below(gold, node, taxonomy.separator))
    guess = guess.copy()
    guess[rows] = ABSTAINED
    return Guesses(evidence.gold, guess, confidence), kept


def _is_below(label: str, node: str, separator: str) -> bool:
    return label.startswith(node + separator)
