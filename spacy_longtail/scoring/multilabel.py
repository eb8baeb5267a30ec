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
from .predictions import HEAD, MID, NEVER, Changes, Predictions, pair_scores
from .scorer import (
    TaxonomyT,
    check_bounds,
    check_ks,
    find_decision,
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
    tree = read_tree(taxonomy)
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
    return score_predictions(predictions, ks=ks, thresholds=limits)


def read_multilabel(
    examples: Iterable[Example],
    taxonomy: Taxonomy,
    *,
    pipe: str,
    get_thresholds: Callable[[Sequence[str]], numpy.ndarray],
    missing: str = "auto",
    bounds: Tuple[int, int] = (HEAD, MID),
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
    rows: List[numpy.ndarray] = []
    cut: List[List[int]] = []
    foreign: Set[str] = set()
    index = taxonomy.index
    for eg in examples:
        cats, decision = eg.predicted.cats, find_decision(eg.predicted, pipe)
        references.append(eg)
        decisions.append(decision)
        foreign.update(cats)
        rows.append(numpy.asarray([cats.get(leaf, 0.0) for leaf in taxonomy.leaves]))
        given = decision.labels if decision else ()
        cut.append([index[n] for n in given if n not in cats and n in index])
    unseen = _find_unseen(references, taxonomy, foreign)
    labels = [*taxonomy.leaves, *unseen]
    n_docs, n_leaves = len(rows), len(taxonomy.leaves)
    P = numpy.zeros((n_docs, len(labels)))
    if rows:
        P[:, :n_leaves] = numpy.stack(rows)
    truths = _read_truths(references, taxonomy, unseen, pipe, missing)
    needed = numpy.tile(get_thresholds(labels), (n_docs, 1))
    for row, columns in enumerate(cut):
        # What 'cats_top_k' has cut off.
        needed[row, columns] = 0.0
    has_abstained = [found is not None and found.label is None for found in decisions]
    needed[has_abstained] = NEVER
    n_training = taxonomy.n_docs
    return pair_scores(
        truths,
        P,
        needed,
        labels,
        taxonomy=taxonomy,
        counts=numpy.asarray([*taxonomy.counts, *[0] * len(unseen)]),
        n_training=sum(taxonomy.counts) if n_training is None else n_training,
        bounds=bounds,
        changes=_count_changes(decisions, truths, labels),
        places=numpy.arange(n_docs),
    )


def _read_truths(
    examples: Sequence[Example],
    taxonomy: Taxonomy,
    unseen: Sequence[str],
    pipe: str,
    missing: str,
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): 1.0, 0.0 or NaN, of shape (docs, leaves and unseen)."""
    n_leaves, known = len(taxonomy.leaves), taxonomy.ranges.keys() | set(unseen)
    truths = numpy.full((len(examples), n_leaves + len(unseen)), numpy.nan)
    for row, eg in enumerate(examples):
        gold = read_gold(eg, row, name=pipe, missing=missing, known=known)
        fill_truths(truths[row, :n_leaves], gold, taxonomy)
        if gold is not None:
            truths[row, n_leaves:] = [label in gold.positive for label in unseen]
    return truths


def _count_changes(
    decisions: Sequence[Any],
    truths: numpy.ndarray,
    labels: Sequence[str],
) -> Optional[Changes]:
    if not any(found and found.first_labels is not None for found in decisions):
        return None
    index = {label: column for column, label in enumerate(labels)}
    fixed, broken = numpy.zeros((2, len(decisions)))
    for row, decision in enumerate(decisions):
        if decision and decision.first_labels is not None and decision.label:
            now, before = set(decision.labels), set(decision.first_labels)
            for label in (now ^ before) & index.keys():
                truth = truths[row, index[label]]
                fixed[row] += truth == (label in now)
                broken[row] += truth == (label not in now)
    return Changes(fixed, broken)


def _find_unseen(
    examples: Sequence[Example], taxonomy: Taxonomy, foreign: Set[str]
) -> List[str]:
    """RETURNS (List[str]): Gold labels that nothing predicts, with warning LW502."""
    found: Set[str] = set()
    for eg in examples:
        cats = eg.reference.cats
        positive = (label for label, value in cats.items() if value == 1.0)
        found.update(label for label in positive if label not in taxonomy.ranges)
    unseen = sorted(found - foreign)
    if unseen:
        labels = ", ".join(unseen[:5])
        warn_unseen(Warnings.LW502.format(n_labels=len(unseen), labels=labels))
    return unseen
