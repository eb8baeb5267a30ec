from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ...errors import Errors
from ...fitting.mixture import Case, fit_weights
from ...fitting.thresholds import fit_abstention_threshold
from ..decision import EPSILON, read_decision

MIN_DOCS = 10


def fit_mixture(pipe: Any, examples: Iterable[Example]) -> Dict[str, float]:
    """Find the weights with the highest likelihood of the gold labels inside their
    Other, each label counting the same. Where a document can have several, each is
    told from those that it hasn't. See ZeroShotFallback.
    """
    docs, golds = _run(pipe, examples, is_last=False)
    combined: Dict[str, float] = getattr(pipe.ranker, "weights", {})
    names = list(combined)
    if not names:
        cases = _collect(pipe, docs, golds)
    else:
        # The scores are a weighted sum, so that one weight after the other is 1.0.
        before = dict(combined)
        parts = []
        try:
            for name in names:
                pipe.ranker.weights = {other: float(other == name) for other in names}
                parts.append(_collect(pipe, docs, golds))
        finally:
            pipe.ranker.weights = before
        cases = [
            case._replace(logits=numpy.vstack([case.logits, *rest]))
            for case, *others in zip(*parts)
            for rest in [[other.logits[1:] for other in others]]
        ]
    if len(cases) < MIN_DOCS:
        problem = f"of {len(docs)} documents {len(cases)} are in an Other, too few"
        raise ValueError(Errors.L339.format(name=pipe.name, problem=problem))
    weights = fit_weights(cases, is_free=bool(names))
    pipe.settings.mixture_weight = float(weights[0])
    fitted = dict(zip(names, weights[1:].tolist()))
    if names:
        pipe.ranker.weights = fitted
    return {"mixture": float(weights[0]), **fitted}


def _run(
    pipe: Any, examples: Iterable[Example], *, is_last: bool
) -> Tuple[List[Doc], List[Any]]:
    """Process documents anew, as far as the fallback.

    is_last (bool): Whether it is the last component to do so, or the one after.
    RETURNS (Tuple[List[Doc], List[Any]]): Documents, and what is known about their
        labels, see LabelKind.
    """
    examples, docs = list(examples), []
    for tokens in (eg.predicted for eg in examples):
        words = [token.text for token in tokens]
        spaces = [bool(token.whitespace_) for token in tokens]
        docs.append(Doc(pipe.vocab, words=words, spaces=spaces))
    golds = pipe.kind.read_golds(examples, pipe.taxonomy)
    names = pipe.nlp.pipe_names
    with pipe.nlp.select_pipes(disable=names[names.index(pipe.name) + is_last :]):
        return list(pipe.nlp.pipe(docs)), golds


def _collect(pipe: Any, docs: List[Doc], golds: List[Any]) -> List[Case]:
    judged = pipe.predict(docs)
    if judged is None:
        return []
    kind, cases, taxonomy = pipe.kind, [], pipe.taxonomy
    for i, row in enumerate(judged.rows.tolist()):
        start = 0
        for number in judged.others[i]:
            members = list(taxonomy.others[number].members)
            values = judged.scores[i][start : start + len(members)]
            start += len(members)
            own = numpy.log(numpy.maximum(judged.P[i, members], EPSILON))
            logits = numpy.vstack([own, values]).astype("float64")
            for place, places in kind.find_rivals(golds[row], members, taxonomy):
                label = taxonomy.leaves[members[place]]
                rivals = numpy.take(logits, places, axis=1)
                cases.append(Case(label, places.index(place), rivals))
    return cases


def fit_abstention(
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
    before, pipe.settings.abstain_threshold = pipe.settings.abstain_threshold, 0.0
    try:
        docs, golds = _run(pipe, examples, is_last=True)
    finally:
        pipe.settings.abstain_threshold = before
    found = zip(map(read_decision, docs), golds)
    pairs = [(decision, gold) for decision, gold in found if decision is not None]
    known = numpy.asarray([decision.known for decision, _ in pairs])
    counts = [pipe.kind.count_right(*pair, pipe.taxonomy) for pair in pairs]
    right, given = numpy.asarray(counts, dtype="int64").reshape(-1, 2).T
    threshold = fit_abstention_threshold(
        known, right, given, precision=precision, coverage=coverage
    )
    if threshold is None:
        problem = f"no threshold reaches a precision of {precision}"
        raise ValueError(Errors.L339.format(name=pipe.name, problem=problem))
    pipe.settings.abstain_threshold = threshold
    return threshold
