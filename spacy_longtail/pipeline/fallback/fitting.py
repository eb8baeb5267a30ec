from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ...errors import Errors
from ...fitting.mixture import Case, fit_weights
from ...fitting.thresholds import fit_abstention_threshold
from ...settings import is_between
from ..decision import EPSILON, read_decision
from .router import split_members

MIN_DOCS = 10


def fit_mixture(pipe: Any, examples: Iterable[Example]) -> Dict[str, float]:
    """Fit how much the first stage's own distribution and the ranker, or each of
    several combined rankers, weigh inside an Other, and keep it.

    The weights are those with the highest likelihood of the gold labels inside their
    Other, each label counting the same. Where a document can have several, each is
    told from those that it hasn't.

    examples (Iterable[Example]): Documents that training hasn't seen, like dev.
    RETURNS (Dict[str, float]): The weights, "mixture" that of the first stage.
    RAISES (ValueError): L339 if there are too few documents of pooled labels.
    """
    examples = list(examples)
    docs = _run(pipe, examples, is_last=False)
    before: Dict[str, float] = dict(getattr(pipe.ranker, "weights", {}))
    names, parts = list(before), []
    try:
        for own in names or [""]:
            if names:
                # Scores are a weighted sum, so that one weight after the other is 1.
                pipe.ranker.weights = {name: float(name == own) for name in names}
            parts.append(_collect(pipe, examples, docs))
    finally:
        if names:
            pipe.ranker.weights = before
    cases = []
    for case, *others in zip(*parts):
        rows = [case.logits, *(other.logits[1:] for other in others)]
        cases.append(case._replace(logits=numpy.vstack(rows)))
    if len(cases) < MIN_DOCS:
        problem = f"of {len(docs)} documents {len(cases)} are in an Other, too few"
        raise ValueError(Errors.L339.format(name=pipe.name, problem=problem))
    weights = fit_weights(cases, is_free=bool(names))
    pipe.settings.mixture_weight = float(weights[0])
    fitted = dict(zip(names, weights[1:].tolist()))
    if names:
        pipe.set_weights(fitted)
    return {"mixture": float(weights[0]), **fitted}


def _run(pipe: Any, examples: List[Example], *, is_last: bool) -> List[Doc]:
    """Process documents anew, up to the fallback if it is the last, or before it."""
    docs = []
    for row, eg in enumerate(examples):
        pipe.kind.get_gold(eg, row, pipe.taxonomy.ranges)
        words = [token.text for token in eg.predicted]
        spaces = [bool(token.whitespace_) for token in eg.predicted]
        docs.append(Doc(pipe.vocab, words=words, spaces=spaces))
    names = pipe.nlp.pipe_names
    with pipe.nlp.select_pipes(disable=names[names.index(pipe.name) + is_last :]):
        return list(pipe.nlp.pipe(docs))


def _collect(pipe: Any, examples: List[Example], docs: List[Doc]) -> List[Case]:
    judged, tree, cases = pipe.predict(docs), pipe.taxonomy, []
    for i, row in enumerate([] if judged is None else judged.rows.tolist()):
        truths = pipe.kind.read_truths(examples[row], row, tree)
        found = split_members(tree.others, judged.others[i], judged.scores[i])
        for members, values in found:
            own = numpy.log(numpy.maximum(judged.P[i, members], EPSILON))
            logits = numpy.vstack([own, values])
            for place, places in find_contrasts(truths[members]):
                rivals = numpy.take(logits, places, axis=1)
                label = tree.leaves[members[place]]
                cases.append(Case(label, places.index(place), rivals))
    return cases


def find_contrasts(truths: numpy.ndarray) -> List[Tuple[int, List[int]]]:
    """Find what each gold label of an Other is told from: those that are known to be
    wrong. Between two that are right there is nothing to tell.

    truths (numpy.ndarray): 1.0, 0.0 or NaN for each member.
    RETURNS (List[Tuple[int, List[int]]]): Places of the gold labels, and for each those
        of the others and its own, ascending.
    """
    wrong = numpy.flatnonzero(truths == 0)
    return [
        (place, numpy.union1d(wrong, place).tolist())
        for place in numpy.flatnonzero(truths == 1).tolist()
    ]


def fit_abstention(
    pipe: Any,
    examples: Iterable[Example],
    *,
    precision: Optional[float] = None,
    coverage: Optional[float] = None,
) -> float:
    """Fit `abstain_threshold` to a wished precision or coverage, and keep it.

    examples (Iterable[Example]): Documents that training hasn't seen. Those without a
        label of the pipeline fit nothing, any label of them is wrong. If a document can
        have several, nothing is known about those, see get_gold.
    precision (Optional[float]): Share of the labels given that should be right.
    coverage (Optional[float]): Least share of the documents that should get a label, or
        not abstain if they can have none anyway; give one of the two.
    RETURNS (float): The threshold.
    RAISES (ValueError): L339 if that can't be.
    """
    wished = precision if coverage is None else coverage
    is_share = is_between(wished, 0.0, 1.0) and wished
    if (precision is None) == (coverage is None) or not is_share:
        problem = (
            "give either a precision or a coverage above 0.0 and up to 1.0, got "
            f"{precision!r} and {coverage!r}"
        )
        raise ValueError(Errors.L339.format(name=pipe.name, problem=problem))
    examples, kind, tree = list(examples), pipe.kind, pipe.taxonomy
    before, pipe.settings.abstain_threshold = pipe.settings.abstain_threshold, 0.0
    try:
        docs = _run(pipe, examples, is_last=True)
    finally:
        pipe.settings.abstain_threshold = before
    known, counts = [], []
    for row, decision in enumerate(map(read_decision, docs)):
        if decision is not None:
            truths = kind.read_truths(examples[row], row, tree)
            known.append(decision.known)
            counts.append(kind.count_right(decision.labels, truths, tree))
    right, given = numpy.asarray(counts, dtype="int64").reshape(-1, 2).T
    threshold = fit_abstention_threshold(
        numpy.asarray(known), right, given, precision=precision, coverage=coverage
    )
    if threshold is None:
        problem = f"no threshold reaches a precision of {precision}"
        raise ValueError(Errors.L339.format(name=pipe.name, problem=problem))
    pipe.settings.abstain_threshold = threshold
    return threshold
