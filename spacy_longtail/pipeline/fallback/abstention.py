from typing import Any, Iterable, Optional

import numpy
from spacy.training import Example

from ...errors import Errors
from ...fitting.abstention import fit_coverage_threshold
from ..decision import KEY
from .fitting import get_names_from, prepare_docs


def fit_threshold(
    pipe: Any,
    examples: Iterable[Example],
    *,
    precision: Optional[float],
    coverage: Optional[float],
) -> float:
    """See ZeroShotFallback.fit_abstention."""
    wished = precision if coverage is None else coverage
    if (precision is None) == (coverage is None) or not 0.0 < (wished or 0.0) <= 1.0:
        problem = (
            "give either a precision or a coverage above 0.0 and up to 1.0, got "
            f"{precision} and {coverage}"
        )
        raise ValueError(Errors.L339.format(name=pipe.name, problem=problem))
    docs, golds = prepare_docs(pipe, examples)
    before, pipe.settings.abstain_threshold = pipe.settings.abstain_threshold, 0.0
    try:
        with pipe.nlp.select_pipes(disable=get_names_from(pipe, pipe.name)[1:]):
            found = [doc.user_data[KEY] for doc in pipe.nlp.pipe(docs)]
    finally:
        pipe.settings.abstain_threshold = before
    known = numpy.asarray([decision["known"] for decision in found])
    count_right = pipe.kind.count_right
    counts = [count_right(decision, gold) for decision, gold in zip(found, golds)]
    right, given = numpy.asarray(counts, dtype="int64").reshape(-1, 2).T
    threshold = find_threshold(known, right, precision, coverage, given)
    if threshold is None:
        problem = f"no threshold reaches a precision of {precision}"
        raise ValueError(Errors.L339.format(name=pipe.name, problem=problem))
    pipe.settings.abstain_threshold = threshold
    return threshold


def find_threshold(
    known: numpy.ndarray,
    right: numpy.ndarray,
    precision: Optional[float],
    coverage: Optional[float],
    given: Optional[numpy.ndarray] = None,
) -> Optional[float]:
    """Find the lowest threshold, so that as many documents as possible get a label.

    known (numpy.ndarray): Of each document.
    right (numpy.ndarray): How many of its labels are right.
    precision, coverage: See ZeroShotFallback.fit_abstention.
    given (Optional[numpy.ndarray]): How many labels it has, None if each has one.
    """
    if not len(known):
        return None
    if coverage is not None:
        return min(max(fit_coverage_threshold(known, coverage), 0.0), 1.0)
    order = numpy.argsort(-known, kind="stable")
    given = numpy.ones(len(known), dtype="int64") if given is None else given
    # All with the same value get a label or none does.
    is_last = numpy.append(numpy.diff(known[order]) < 0, True)
    n_given = numpy.maximum(numpy.cumsum(given[order]), 1)
    good = numpy.cumsum(right[order]) / n_given >= precision
    places = numpy.flatnonzero(good & is_last)
    if not len(places):
        return None
    return float(min(max(known[order[places[-1]]], 0.0), 1.0))
