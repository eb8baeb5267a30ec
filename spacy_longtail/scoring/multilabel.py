from functools import partial
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import numpy
from spacy.training import Example

from ..errors import Warnings
from ..gold import fill_truths, read_gold
from ..taxonomy import Taxonomy
from .metrics import KS
from .predictions import HEAD, MID, Changes, Pairs, Predictions, Scores
from .scorer import (
    TaxonomyT,
    check_bounds,
    check_ks,
    find_decisions,
    read_tree,
    score_predictions,
    warn_unseen,
)


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
    check_bounds(head, mid)
    check_ks(ks)
    # Not a closure: a pipe is pickled with its scorer where processes are spawned.
    return partial(longtail_multilabel_score, head=head, mid=mid, ks=tuple(ks))


def longtail_multilabel_score(
    examples: Iterable[Example],
    *,
    taxonomy: TaxonomyT,
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
    document, see read_gold, is left out. A gold label that training never saw is
    scored as missed, with warning LW502; keys that the predicted cats have belong to
    another component.

    taxonomy (Union[Taxonomy, Dict[str, Any]]): Taxonomy or its JSON form.
    thresholds (Optional[Mapping[str, float]]): Of some labels.
    threshold (float): Of the others.
    missing (str): See read_gold.
    head, mid, ks: See make_longtail_multilabel_scorer.
    pipe (str): Name of the component, whose decisions count.
    RETURNS (Dict[str, Any]): Shares from 0.0 to 1.0, None if they are of nothing.
        The keys start with "longtail_":
        macro_f, head_f, mid_f, tail_f: mean F1 of the leaves with gold documents.
            A label that training never saw has F1 0 and is in the tail.
        micro_p, micro_r, micro_f: of all pairs of a document and a label.
        macro_ap: mean over labels of the average precision, without thresholds.
        lrap: label ranking average precision.
        p_at_k, ndcg_at_k, psp_at_k: precision, normalized discounted cumulative gain
            and propensity-scored precision of the k best-ranked labels. These and lrap
            are of documents with a gold label; what isn't known ranks last.
        refined_fixed, refined_broken, refined_gain: labels that a second stage has
            rightly given or taken away, per document; those wrongly; and the
            difference. None without one. Can be above 1.0.
        f_per_label: dict of p, r, f, support (gold documents), count (training
            documents) and threshold for each leaf with gold or predicted documents.
    """
    tree, found = read_tree(taxonomy), list(examples)
    unseen = find_unseen(found, tree)
    limits = tree.spread(thresholds or {}, threshold)
    limits = numpy.append(limits, numpy.full(len(unseen), threshold))
    predictions = read_multilabel(
        found,
        tree,
        limits,
        pipe=pipe,
        missing=missing,
        bounds=(head, mid),
        unseen=unseen,
    )
    return score_predictions(predictions, ks=ks, thresholds=limits)


def read_multilabel(
    examples: Sequence[Example],
    taxonomy: Taxonomy,
    thresholds: numpy.ndarray,
    *,
    pipe: str,
    missing: str = "auto",
    bounds: Tuple[int, int] = (HEAD, MID),
    unseen: Sequence[str] = (),
    can_rank: bool = True,
) -> Predictions:
    """Read gold and predicted labels, see longtail_multilabel_score.

    taxonomy (Taxonomy): With the labels that were added at run time.
    thresholds (numpy.ndarray): What each label needs, of shape (labels,): the leaves,
        then the unseen ones.
    unseen (Sequence[str]): See find_unseen.
    can_rank (bool): Whether to keep an array of documents and labels, which metrics
        that rank or calibrate need. Those that count don't.
    """
    labels = (*taxonomy.leaves, *unseen)
    index = {label: column for column, label in enumerate(labels)}
    known = taxonomy.ranges.keys() | set(unseen)
    n_docs, n_leaves = len(examples), len(taxonomy.leaves)
    shape = (n_docs if can_rank else 1, len(labels))
    truths, P = numpy.full(shape, numpy.nan), numpy.zeros(shape)
    gold: List[numpy.ndarray] = []
    given: List[numpy.ndarray] = []
    confidence: List[numpy.ndarray] = []
    is_known = numpy.zeros(n_docs, dtype=bool)
    fixed, broken = numpy.zeros((2, n_docs))
    decisions = find_decisions(examples, pipe)
    is_refined = any(d and d.first_labels is not None for d in decisions)
    for number, (eg, decision) in enumerate(zip(examples, decisions)):
        row = number if can_rank else 0
        found = read_gold(eg, number, name=pipe, missing=missing, known=known)
        fill_truths(truths[row, :n_leaves], found, taxonomy)
        for label in unseen:
            has_label = found is not None and label in found.positive
            truths[row, index[label]] = numpy.nan if found is None else has_label
        cats = eg.predicted.cats
        P[row, :n_leaves] = [cats.get(leaf, 0.0) for leaf in taxonomy.leaves]
        is_given = P[row] >= thresholds
        for label in decision.labels if decision else ():
            # What 'cats_top_k' has cut off.
            if label not in cats and label in taxonomy.index:
                is_given[index[label]] = True
        has_abstained = decision is not None and decision.label is None
        is_given &= ~numpy.isnan(truths[row]) & (not has_abstained)
        gold.append(numpy.flatnonzero(truths[row] == 1.0))
        given.append(numpy.flatnonzero(is_given))
        confidence.append(P[row, is_given])
        is_known[number] = not numpy.isnan(truths[row]).all()
        if decision and decision.first_labels is not None and not has_abstained:
            now, before = set(decision.labels), set(decision.first_labels)
            for label in (now ^ before) & index.keys():
                truth = truths[row, index[label]]
                fixed[number] += truth == (label in now)
                broken[number] += truth == (label not in now)
    n_training = taxonomy.n_docs
    return Predictions(
        labels=labels,
        n_docs=n_docs,
        gold=_join(gold, [numpy.ones(len(columns)) for columns in gold]),
        given=_join(given, confidence),
        allows_several=True,
        is_known=is_known,
        is_counted=is_known,
        taxonomy=taxonomy,
        counts=numpy.asarray([*taxonomy.counts, *[0] * len(unseen)]),
        n_training=sum(taxonomy.counts) if n_training is None else n_training,
        bounds=bounds,
        scores=Scores(P, truths) if can_rank else None,
        changes=Changes(fixed, broken) if is_refined else None,
    )


def find_unseen(examples: Sequence[Example], taxonomy: Taxonomy) -> List[str]:
    """RETURNS (List[str]): Gold labels that neither this pipe nor another one predicts,
    with warning LW502 if there are any.
    """
    found: Set[str] = set()
    foreign: Set[str] = set()
    for eg in examples:
        foreign.update(eg.predicted.cats)
        cats = eg.reference.cats
        positive = (label for label, value in cats.items() if value == 1.0)
        found.update(label for label in positive if label not in taxonomy.ranges)
    unseen = sorted(found - foreign)
    if unseen:
        labels = ", ".join(unseen[:5])
        warn_unseen(Warnings.LW502.format(n_labels=len(unseen), labels=labels))
    return unseen


def _join(columns: List[numpy.ndarray], confidence: List[numpy.ndarray]) -> Pairs:
    rows = numpy.repeat(numpy.arange(len(columns)), [len(part) for part in columns])
    nothing = numpy.zeros(0)
    return Pairs(
        rows,
        numpy.concatenate([nothing.astype("int64"), *columns]),
        numpy.concatenate([nothing, *confidence]),
    )
