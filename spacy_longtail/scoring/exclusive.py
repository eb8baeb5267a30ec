import warnings
from dataclasses import replace
from functools import partial
from itertools import compress, islice
from math import inf
from numbers import Real
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Errors, Warnings
from ..gold import check_cats
from ..settings import is_between
from ..taxonomy import Taxonomy
from . import scorer
from .predictions import ABSTAINED, HEAD, MID, BoundsT, Predictions, pair_columns


def make_longtail_scorer(
    *, head: int = HEAD, mid: int = MID
) -> Callable[..., Dict[str, Any]]:
    """Build the scorer of exclusive labels with a long tail.

    Registered as "spacy-longtail.longtail_scorer.v1".

    head (int): Fewest training documents of a head label.
    mid (int): Fewest training documents of a mid label, from 1 to below head.
        Labels with fewer are the tail.
    RETURNS (Callable): `longtail_score` with these bounds.
    RAISES (ValueError): L501 if the bounds are out of range.
    """
    scorer.check_bounds(head, mid)
    # Not a closure: a pipe is pickled with its scorer where processes are spawned.
    return partial(longtail_score, head=head, mid=mid)


def longtail_score(
    examples: Iterable[Example],
    *,
    taxonomy: Optional[scorer.TaxonomyT] = None,
    labels: Iterable[str] = (),
    head: int = HEAD,
    mid: int = MID,
    pipe: Optional[str] = None,
    **cfg: Any,
) -> Dict[str, Any]:
    """Compare predicted with gold labels, pooled or not.

    The gold label is the positive key of the reference's cats that is a node of
    the pipe's taxonomy; its ancestors may be positive too. A document without one
    may have a label that training never saw: the one positive key that can't be
    another pipe's, because the predicted cats don't have it and it isn't positive
    beside a node of ours in any document (ours exclude each other). It is scored
    as missed, with warning LW501, and is in the tail. Documents without any gold
    label are left out; those with an inner node count in coarse_accuracy, hier_*
    and coverage only.

    The predicted label is that of the decision in the user data, without decision
    the pipe's most probable label in the predicted cats, without one the pipe
    abstained. Labels that decisions name are the pipe's, even if added later.

    taxonomy (Union[Taxonomy, Dict[str, Any], None]): Taxonomy or its JSON form.
        Without one, the training counts are unknown.
    labels (Iterable[str]): Labels of the pipe, can be more than the taxonomy has.
    head, mid (int): Fewest training documents of a head and of a mid label.
    pipe (Optional[str]): Name of the pipe whose decisions count. If None, any.
    RETURNS (Dict[str, Any]): See score_predictions.
    RAISES (ValueError): L502 if a document has two gold labels, L303 if the value of
        one isn't a number, L013 if a key isn't a string.
    """
    examples = list(examples)
    decisions = (scorer.find_decision(eg.predicted, pipe) for eg in examples)
    decided = (decision.label for decision in decisions if decision)
    tree = _extend(scorer.read_tree(taxonomy), [*labels, *filter(None, decided)])
    predictions = read_exclusive(
        examples, tree, pipe=pipe, bounds=(head, mid), has_counts=bool(taxonomy)
    )
    return scorer.score_predictions(predictions)


class _Read(NamedTuple):
    """What a document says.

    gold (Optional[str]): Its label, if that is a node of the taxonomy.
    others (List[str]): Positive keys that could be a label that training never saw.
    share (float): Probability of the gold label, summed below an inner node.
    """

    place: int
    gold: Optional[str]
    others: List[str]
    share: float
    guess: Optional[str]
    confidence: float
    decision: Any


def read_exclusive(
    examples: Iterable[Example],
    taxonomy: Taxonomy,
    *,
    pipe: Optional[str] = None,
    bounds: BoundsT = (HEAD, MID),
    has_counts: bool = True,
    **cfg: Any,
) -> Predictions:
    """Read gold and predicted labels, see longtail_score.

    examples (Iterable[Example]): Their documents are looked at once, one after the
        other, so that they can be another pipeline's before and after that.
    taxonomy (Taxonomy): With the labels that were added at run time.
    has_counts (bool): Whether it knows the training documents.
    RETURNS (Predictions): The labels are the leaves, then gold ones that aren't leaves.
    """
    found: List[_Read] = []
    foreign: Set[str] = set()
    for place, eg in enumerate(examples):
        cats, decision = eg.predicted.cats, scorer.find_decision(eg.predicted, pipe)
        gold, others = _get_gold(eg, place, taxonomy)
        if gold is not None:
            foreign.update(others)
        others = [key for key in others if gold is None and key not in cats]
        guess = _get_guess(eg.predicted, taxonomy.index, decision)
        start, end = taxonomy.ranges.get(gold or "", (0, 0))
        share = float(sum(cats.get(leaf, 0.0) for leaf in taxonomy.leaves[start:end]))
        found.append(_Read(place, gold, others, share, *guess, decision))
    has_stage = any(scorer.is_refined(doc.decision) for doc in found)
    docs = _find_unseen(found, foreign)
    ids = dict(taxonomy.index)
    pairs = [
        [
            ABSTAINED if label is None else ids.setdefault(label, len(ids))
            for label in (doc.gold, doc.guess)
        ]
        for doc in docs
    ]
    columns, given = numpy.asarray(pairs, dtype="i8").reshape((-1, 2)).T
    inner = taxonomy.ranges.keys() - taxonomy.index.keys()
    is_leaf = numpy.asarray([name not in inner for name in ids], dtype="bool")
    more = [0] * (len(ids) - len(taxonomy.leaves))
    predictions = pair_columns(
        columns,
        given,
        numpy.asarray([doc.confidence for doc in docs], dtype="f8"),
        tuple(ids),
        is_counted=is_leaf[columns],
        counts=numpy.asarray([*taxonomy.counts, *more]) if has_counts else None,
        n_training=sum(taxonomy.counts),
        taxonomy=taxonomy,
        bounds=bounds,
        changes=_count_changes(docs) if has_stage else None,
        has_kept=numpy.asarray([_has_kept(doc, taxonomy) for doc in docs], dtype=bool),
        places=numpy.asarray([doc.place for doc in docs], dtype="i8"),
    )
    shares = numpy.asarray([doc.share for doc in docs], dtype="f8")
    return replace(predictions, gold=predictions.gold._replace(confidence=shares))


def _extend(taxonomy: Taxonomy, labels: Iterable[str]) -> Taxonomy:
    new = set(labels) - set(taxonomy.ranges)
    new -= {node for label in new for node in taxonomy.path(label)[:-1]}
    # At the end, as the columns of the pooled leaves mustn't move.
    return replace(
        taxonomy,
        leaves=taxonomy.leaves + tuple(sorted(new)),
        counts=taxonomy.counts + (0,) * len(new),
    )


def _get_gold(
    eg: Example, index: int, taxonomy: Taxonomy
) -> Tuple[Optional[str], List[str]]:
    """The deepest positive node of the taxonomy, and the other positive keys."""
    check_cats(eg, index)
    cats = eg.reference.cats
    # Dense cats can have thousands of keys, so the zeros are skipped in C.
    positive: List[str] = []
    for key in compress(cats, cats.values()):
        value = cats[key]
        if isinstance(value, Real) and value > 0:
            positive.append(key)
        elif key in taxonomy.ranges and not is_between(value, -inf):
            text = Errors.L303.format(
                index=index, text=eg.reference.text[:50], value=value, label=key
            )
            raise ValueError(text)
    nodes = [key for key in positive if key in taxonomy.ranges]
    others = [key for key in positive if key not in taxonomy.ranges]
    if not nodes:
        return None, others
    path = max(map(taxonomy.path, nodes), key=len)
    if not set(nodes) <= set(path):
        text = eg.reference.text[:50]
        raise ValueError(Errors.L502.format(labels=sorted(nodes), text=text))
    return path[-1], others


def _find_unseen(docs: List[_Read], foreign: Set[str]) -> List[_Read]:
    """Documents with a gold label, with warning LW501 if training never saw some.

    foreign (Set[str]): Keys that are another pipe's.
    """
    found, unseen = [], []
    for doc in docs:
        left = [key for key in doc.others if key not in foreign]
        if len(left) == 1:
            unseen.append(left[0])
            doc = doc._replace(gold=left[0])
        if doc.gold is not None:
            found.append(doc)
    if unseen:
        names = sorted(set(unseen))
        labels = ", ".join(map(repr, names[:5]))
        text = Warnings.LW501.format(
            n_docs=len(unseen), n_labels=len(names), labels=labels
        )
        warnings.warn(text, stacklevel=3)
    return found


def _count_changes(docs: List[_Read]) -> numpy.ndarray:
    changes = numpy.zeros((len(docs), 2))
    for row, doc in enumerate(docs):
        first = doc.decision and doc.decision.first
        # Abstention shows in the coverage.
        if None not in (first, doc.guess) and first != doc.guess:
            changes[row] = doc.guess == doc.gold, first == doc.gold
    return changes


def _has_kept(doc: _Read, taxonomy: Taxonomy) -> bool:
    path = doc.decision.path if doc.decision and doc.guess is None else ()
    return path[:1] == taxonomy.path(str(doc.gold))[:1]


def _get_guess(
    doc: Doc, leaves: Dict[str, int], decision: Any
) -> Tuple[Optional[str], float]:
    if decision:
        probability = decision.probability
        return decision.label, numpy.nan if probability is None else probability
    label, probability = _get_most_probable(doc.cats)
    if label is None or label in leaves:
        return label, probability
    return _get_most_probable({k: v for k, v in doc.cats.items() if k in leaves})


def _get_most_probable(cats: Dict[str, float]) -> Tuple[Optional[str], float]:
    probabilities = list(cats.values())
    probability = max(probabilities, default=0.0)
    if not probability > 0:
        return None, numpy.nan
    index = probabilities.index(probability)
    return next(islice(cats, index, None)), probability
