import warnings
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set

import numpy
from spacy.training import Example

from ..errors import Errors, Warnings
from ..gold import check_cats, fill_truths, read_gold
from ..ops import RowStack
from ..taxonomy import Taxonomy
from . import scorer
from .metrics import KS
from .predictions import HEAD, MID, BoundsT, Predictions, pair_cells

# From so many labels on, arrays of documents and labels are in single precision.
MANY_LABELS = 5000
EMPTY = numpy.zeros(0, dtype="int64")


def make_longtail_multilabel_scorer(
    *, head: int = HEAD, mid: int = MID, ks: Sequence[int] = KS
) -> Callable[..., Dict[str, Any]]:
    """Build the scorer of labels with a long tail of which a document can have several.

    Registered as "spacy-longtail.longtail_multilabel_scorer.v1".

    head (int): Fewest training documents of a head label.
    mid (int): Fewest training documents of a mid label, from 1 to below head.
        Labels with fewer are the tail.
    ks (Sequence[int]): Ranks of the scores "at k", each from 1.
    RETURNS (Callable): `longtail_multilabel_score` with these settings.
    RAISES (ValueError): L501 or L503 if they are out of range.
    """
    scorer.check_bounds(head, mid)
    if not all(k >= 1 and k % 1 == 0 for k in ks):
        raise ValueError(Errors.L503.format(value=list(ks)))
    # Not a closure: a pipe is pickled with its scorer where processes are spawned.
    return partial(longtail_multilabel_score, head=head, mid=mid, ks=tuple(ks))


def longtail_multilabel_score(
    examples: Iterable[Example],
    *,
    taxonomy: scorer.TaxonomyT,
    thresholds: Optional[Mapping[str, float]] = None,
    threshold: float = 0.5,
    missing: str = "auto",
    head: int = HEAD,
    mid: int = MID,
    ks: Sequence[int] = KS,
    pipe: str = "longtail_textcat_multilabel",
    **cfg: Any,
) -> Dict[str, Any]:
    """Compare predicted with gold labels, pooled or not.

    A document has the labels whose predicted probability in `doc.cats` is at least
    their threshold, and none if the pipe abstained. Labels that 'cats_top_k' has cut
    off count if the pipe has given them, but rank last. What isn't known about a
    document, see read_gold, is left out, and ranks last. A gold label that training
    never saw is scored as missed, with warning LW502, and is in the tail; keys that the
    predicted cats have belong to another component.

    taxonomy (Union[Taxonomy, Dict[str, Any]]): Taxonomy or its JSON form.
    thresholds (Optional[Mapping[str, float]]): Of some labels.
    threshold (float): Of the others.
    missing (str): See read_gold.
    head, mid, ks: See make_longtail_multilabel_scorer.
    pipe (str): Name of the component, whose decisions count.
    """
    tree = scorer.read_tree(taxonomy)
    own = tree.spread(thresholds or {}, threshold)

    def get_thresholds(labels: Sequence[str]) -> numpy.ndarray:
        return numpy.append(own, numpy.full(len(labels) - len(own), threshold))

    predictions = read_multilabel(
        examples,
        tree,
        pipe=pipe,
        get_thresholds=get_thresholds,
        missing=missing,
        bounds=(head, mid),
    )
    limits = get_thresholds(predictions.labels)
    return scorer.score_predictions(predictions, ks=ks, thresholds=limits)


def read_multilabel(
    examples: Iterable[Example],
    taxonomy: Taxonomy,
    *,
    pipe: str,
    get_thresholds: Callable[[Sequence[str]], numpy.ndarray],
    missing: str = "auto",
    bounds: BoundsT = (HEAD, MID),
    **cfg: Any,
) -> Predictions:
    """Read gold and predicted labels, see longtail_multilabel_score.

    examples (Iterable[Example]): Their documents are looked at once, one after the
        other, so that they can be another pipeline's before and after that.
    taxonomy (Taxonomy): With the labels that were added at run time.
    get_thresholds (Callable[[Sequence[str]], numpy.ndarray]): Gives what each label
        needs: the leaves, then gold labels that neither this component nor another one
        predicts, with warning LW502.
    """
    references: List[Example] = []
    decisions: List[Any] = []
    given: List[numpy.ndarray] = []
    foreign: Set[str] = set()
    index = taxonomy.index
    needed = get_thresholds(list(index))
    # Single precision is that of the model. With few labels there is room for more.
    dtype, truth_dtype = ("f4", "f2") if len(index) >= MANY_LABELS else ("f8", "f8")
    rows = RowStack(len(index), dtype)
    for row, eg in enumerate(examples):
        check_cats(eg, row)
        cats, decision = eg.predicted.cats, scorer.find_decision(eg.predicted, pipe)
        references.append(eg)
        decisions.append(decision)
        foreign.update(cats)
        values = numpy.asarray([cats.get(leaf, 0.0) for leaf in index], "f8")
        rows.append(values)
        found = numpy.flatnonzero(needed <= values)
        # What 'cats_top_k' has cut off.
        names = decision.labels if decision else ()
        cut = [index[n] for n in names if n not in cats and n in index]
        has_abstained = decision is not None and decision.label is None
        found = numpy.unique([*found.tolist(), *cut]).astype("int64")
        given.append(found[:0] if has_abstained else found)
    unseen = _find_unseen(references, taxonomy, foreign)
    labels = [*index, *unseen]
    n_leaves, known = len(index), taxonomy.ranges.keys() | set(unseen)
    P = rows.take()
    if unseen:
        P = numpy.pad(P, ((0, 0), (0, len(unseen))))
    truths = numpy.full(P.shape, numpy.nan, dtype=truth_dtype)
    for row, eg in enumerate(references):
        gold = read_gold(eg, row, name=pipe, missing=missing, known=known)
        fill_truths(truths[row, :n_leaves], gold, taxonomy)
        if gold is not None:
            truths[row, n_leaves:] = [label in gold.positive for label in unseen]
    n_docs = taxonomy.n_docs
    n_given = [len(columns) for columns in given]
    return pair_cells(
        truths,
        P,
        # What training never saw can't be given.
        (numpy.arange(len(P)).repeat(n_given), numpy.hstack([*given, EMPTY])),
        labels,
        taxonomy=taxonomy,
        counts=numpy.asarray([*taxonomy.counts, *[0] * len(unseen)]),
        n_training=sum(taxonomy.counts) if n_docs is None else n_docs,
        bounds=bounds,
        changes=_count_changes(decisions, truths, labels),
        places=numpy.arange(len(P)),
    )


def _count_changes(
    decisions: Sequence[Any], truths: numpy.ndarray, labels: Sequence[str]
) -> Optional[numpy.ndarray]:
    if not any(map(scorer.is_refined, decisions)):
        return None
    index = {label: column for column, label in enumerate(labels)}
    changes = numpy.zeros((len(decisions), 2))
    for row, decision in enumerate(decisions):
        if scorer.is_refined(decision) and decision.label:
            now, before = set(decision.labels), set(decision.first_labels)
            for label in (now ^ before) & index.keys():
                truth = truths[row, index[label]]
                changes[row] += truth == (label in now), truth == (label not in now)
    return changes


def _find_unseen(
    examples: Sequence[Example], taxonomy: Taxonomy, foreign: Set[str]
) -> List[str]:
    """Gold labels that nothing predicts, with warning LW502."""
    found: Set[str] = set()
    for eg in examples:
        cats = eg.reference.cats
        positive = (label for label, value in cats.items() if value == 1.0)
        found.update(label for label in positive if label not in taxonomy.ranges)
    unseen = sorted(found - foreign)
    if unseen:
        labels = ", ".join(map(repr, unseen[:5]))
        text = Warnings.LW502.format(n_labels=len(unseen), labels=labels)
        warnings.warn(text, stacklevel=3)
    return unseen
