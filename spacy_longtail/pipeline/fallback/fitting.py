from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ...errors import Errors
from .refinement import EPSILON

WEIGHTS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
TEMPERATURES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
SWEEPS = 3
MIN_DOCS = 10


class Case(NamedTuple):
    """A gold label of a document, in an Other that was ranked.

    label (str): The gold label.
    column (int): Its column.
    logits (numpy.ndarray): Of shape (1 + rankers, rivals): the log of the first
        stage's probabilities, then each ranker's scores.
    """

    label: str
    column: int
    logits: numpy.ndarray


def fit_mixture(pipe: Any, examples: Iterable[Example]) -> Dict[str, float]:
    """Find the weights with the highest likelihood of the gold labels inside their
    Other, each label counting the same. Where a document can have several, each is
    told from those that it hasn't. See ZeroShotFallback.
    """
    docs, golds = prepare_docs(pipe, examples)
    with pipe.nlp.select_pipes(disable=get_names_from(pipe, pipe.name)):
        docs = list(pipe.nlp.pipe(docs))
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
    weights = _search(cases, is_free=bool(names))
    pipe.settings.mixture_weight = float(weights[0])
    fitted = dict(zip(names, weights[1:].tolist()))
    if names:
        pipe.ranker.weights = fitted
    return {"mixture": float(weights[0]), **fitted}


def prepare_docs(pipe: Any, examples: Iterable[Example]) -> Tuple[List[Doc], List[Any]]:
    """RETURNS (Tuple[List[Doc], List[Any]]): Fresh documents, and what is known about
    their labels, see LabelKind.
    """
    examples, docs = list(examples), []
    for example in examples:
        tokens = example.predicted
        words = [token.text for token in tokens]
        spaces = [bool(token.whitespace_) for token in tokens]
        docs.append(Doc(pipe.vocab, words=words, spaces=spaces))
    return docs, pipe.kind.read_golds(examples)


def get_names_from(pipe: Any, name: str) -> List[str]:
    """RETURNS (List[str]): The pipe and those after it."""
    names = pipe.nlp.pipe_names
    return names[names.index(name) :]


def _collect(pipe: Any, docs: List[Doc], golds: List[Any]) -> List[Case]:
    judged = pipe.predict(docs)
    if judged is None:
        return []
    kind, cases = pipe.kind, []
    taxonomy = kind.taxonomy
    for i, row in enumerate(judged.rows.tolist()):
        start = 0
        for number in judged.others[i]:
            members = list(taxonomy.others[number].members)
            values = judged.scores[i][start : start + len(members)]
            start += len(members)
            own = numpy.log(numpy.maximum(judged.P[i, members], EPSILON))
            logits = numpy.vstack([own, values]).astype("float64")
            for place, places in kind.find_rivals(golds[row], members):
                label = taxonomy.leaves[members[place]]
                rivals = numpy.take(logits, places, axis=1)
                cases.append(Case(label, places.index(place), rivals))
    return cases


def _search(cases: List[Case], *, is_free: bool) -> numpy.ndarray:
    """Try one weight after the other.

    is_free (bool): Whether the rankers' weights can be changed, too.
    RETURNS (numpy.ndarray): Of shape (1 + rankers,), the first is the mixture's.
    """
    weights = numpy.ones(len(cases[0].logits))
    places = range(len(weights) if is_free else 1)
    for _ in range(SWEEPS):
        for place in places:
            losses = []
            for value in WEIGHTS:
                weights[place] = value
                losses.append(_get_loss(cases, weights))
            weights[place] = WEIGHTS[int(numpy.argmin(losses))]
    return weights


def _get_loss(cases: List[Case], weights: numpy.ndarray) -> float:
    """RETURNS (float): Nats per document, the mean over the labels' means, at the best
    temperature: how sure the weighted logits are must not decide how they are mixed.
    """
    labels, owners = numpy.unique([case.label for case in cases], return_inverse=True)
    counts = numpy.bincount(owners, minlength=len(labels))
    logits = [weights @ case.logits for case in cases]
    gaps = [z - z[case.column] for z, case in zip(logits, cases)]
    lengths = numpy.asarray([len(gap) for gap in gaps])
    starts = numpy.cumsum(lengths) - lengths
    flat = numpy.concatenate(gaps)
    losses = []
    for temperature in TEMPERATURES:
        exps = numpy.exp(numpy.minimum(flat / temperature, 700.0))
        nats = numpy.log(numpy.add.reduceat(exps, starts))
        losses.append((numpy.bincount(owners, weights=nats) / counts).mean())
    return float(min(losses))
