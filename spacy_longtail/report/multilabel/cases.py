from collections import Counter
from typing import Any, Dict, List, Tuple

import numpy

from ..cases import MAX_TEXT, N_CONFUSIONS, N_DOCUMENTS
from .answers import MultilabelAnswers

N_CANDIDATES = 5
PairT = Tuple[int, int]


def count_confusions(answers: MultilabelAnswers) -> Dict[PairT, List[int]]:
    """Find labels that documents were wrongly given where another one was missed.

    RETURNS (Dict[PairT, List[int]]): By the columns of the missed and the false label,
        the documents.
    """
    gold, guess, _, _ = answers.guesses
    pairs: Dict[PairT, List[int]] = {}
    missed, false = gold & ~guess, guess & ~gold
    for row in numpy.flatnonzero(missed.any(axis=1) & false.any(axis=1)).tolist():
        for first in numpy.flatnonzero(missed[row]).tolist():
            for second in numpy.flatnonzero(false[row]).tolist():
                pairs.setdefault((first, second), []).append(row)
    return pairs


def get_confusions(
    answers: MultilabelAnswers, pairs: Dict[PairT, List[int]]
) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Pairs of count_confusions, most documents first:
    the missed label, the false one, n documents, their share of all documents that miss
    the label, n the other way, and one of the texts.
    """
    gold, guess, _, _ = answers.guesses
    n_missed = (gold & ~guess).sum(axis=0).tolist()
    labels = answers.labels
    ranked = sorted(pairs.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        {
            "gold": labels[first],
            "label": labels[second],
            "n": len(rows),
            "share": len(rows) / n_missed[first],
            "back": len(pairs.get((second, first), ())),
            "example": answers.texts[rows[0]][:MAX_TEXT],
        }
        for (first, second), rows in ranked[:N_CONFUSIONS]
    ]


def count_instead(pairs: Dict[PairT, List[int]]) -> Dict[int, Tuple[int, int]]:
    """RETURNS (Dict[int, Tuple[int, int]]): For each missed column, the one that was
    most often given instead, and how often.
    """
    found: Dict[int, Counter] = {}
    for (first, second), rows in pairs.items():
        found.setdefault(first, Counter())[second] = len(rows)
    return {first: counter.most_common(1)[0] for first, counter in found.items()}


def get_missed(answers: MultilabelAnswers) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Documents that miss a label, the least probable
    one first.
    """
    gold, guess, _, P = answers.guesses
    scores = numpy.where(gold & ~guess, 1.0 - P, -1.0)
    return _describe_all(answers, scores)


def get_false(answers: MultilabelAnswers) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Documents that were given a label they haven't,
    the most probable one first.
    """
    gold, guess, _, P = answers.guesses
    return _describe_all(answers, numpy.where(guess & ~gold, P, -1.0))


def _describe_all(
    answers: MultilabelAnswers, scores: numpy.ndarray
) -> List[Dict[str, Any]]:
    """Describe the documents of the highest scores, with the label that has it."""
    columns, tops = scores.argmax(axis=1), scores.max(axis=1)
    rows = numpy.argsort(-tops, kind="stable")[:N_DOCUMENTS]
    return [
        _describe(answers, row, int(columns[row]))
        for row in rows.tolist()
        if tops[row] >= 0.0
    ]


def _describe(answers: MultilabelAnswers, row: int, column: int) -> Dict[str, Any]:
    gold, guess, _, P = (part[row] for part in answers.guesses)
    text, labels = answers.texts[row], answers.labels
    ranked = numpy.argsort(-P, kind="stable")

    def show(mask: numpy.ndarray) -> List[List[Any]]:
        return [[labels[i], float(P[i])] for i in ranked.tolist() if mask[i]]

    is_top = numpy.zeros(len(P), dtype=bool)
    is_top[ranked[:N_CANDIDATES]] = True
    return {
        "text": text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…",
        "label": labels[column],
        "probability": float(P[column]),
        "threshold": float(answers.thresholds[column]),
        "right": show(gold & guess),
        "missed": show(gold & ~guess),
        "false": show(guess & ~gold),
        "candidates": show(is_top),
    }
