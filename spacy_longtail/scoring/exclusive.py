from dataclasses import replace
from functools import partial
from itertools import compress, islice
from typing import (
    Any,
    Callable,
    Container,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Errors, Warnings
from ..taxonomy import Taxonomy
from .predictions import ABSTAINED, HEAD, MID, Changes, Predictions, pair_columns
from .scorer import (
    TaxonomyT,
    check_bounds,
    find_decisions,
    read_tree,
    score_predictions,
    warn_unseen,
)


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
    check_bounds(head, mid)
    # Not a closure: a pipe is pickled with its scorer where processes are spawned.
    return partial(longtail_score, head=head, mid=mid)


def longtail_score(
    examples: Iterable[Example],
    *,
    taxonomy: Optional[TaxonomyT] = None,
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
    as missed, with warning LW501. Documents without any gold label are left out;
    those with an inner node count in coarse_accuracy, hier_* and coverage only.

    The predicted label is that of the decision in the user data, without decision
    the pipe's most probable label in the predicted cats, without one the pipe
    abstained. Labels that decisions name are the pipe's, even if added later.

    taxonomy (Union[Taxonomy, Dict[str, Any], None]): Taxonomy or its JSON form.
        Without one, the training counts are unknown.
    labels (Iterable[str]): Labels of the pipe, can be more than the taxonomy has.
    head (int): Fewest training documents of a head label.
    mid (int): Fewest training documents of a mid label.
    pipe (Optional[str]): Name of the pipe whose decisions count. If None, any.
    RETURNS (Dict[str, Any]): Shares from 0.0 to 1.0, None if they are of nothing.
        The keys start with "longtail_":
        macro_f, head_f, mid_f, tail_f: mean F1 of the leaves with gold documents.
            A label that training never saw has F1 0 and is in the tail.
        accuracy, coarse_accuracy: of the label, of the first level of its path.
        hier_p, hier_r, hier_f: over sets of ancestors, the label itself included,
            the root not, summed over documents.
        coverage: documents not abstained.
        other_recall: of documents with a pooled gold label, those whose predicted
            label is pooled in the same Other.
        refined_fixed, refined_broken, refined_gain: documents whose label a second
            stage has made right, made wrong, and the difference; None without one.
        ece: expected calibration error of the predicted label's probability.
        f_per_label: dict of p, r, f, support (gold documents) and count (training
            documents) for each leaf with gold or predicted documents.
    RAISES (ValueError): L502 if a document has two gold labels.

    Source: Kiritchenko et al. 2005, "Functional Annotation of Genes Using
        Hierarchical Text Categorization"; Silla & Freitas 2011, "A survey of
        hierarchical classification across different application domains",
        https://doi.org/10.1007/s10618-010-0175-9; Guo et al. 2017, "On Calibration
        of Modern Neural Networks", section 2, https://arxiv.org/abs/1706.04599
    """
    examples = list(examples)
    decisions = find_decisions(examples, pipe)
    decided = (decision.label for decision in decisions if decision)
    tree = _extend(read_tree(taxonomy), [*labels, *filter(None, decided)])
    predictions = read_exclusive(
        examples, tree, decisions, bounds=(head, mid), has_counts=bool(taxonomy)
    )
    return score_predictions(predictions)


def read_exclusive(
    examples: Sequence[Example],
    taxonomy: Taxonomy,
    decisions: Sequence[Any],
    *,
    bounds: Tuple[int, int] = (HEAD, MID),
    has_counts: bool = True,
) -> Predictions:
    """Read gold and predicted labels of the documents that have a gold label, see
    longtail_score.

    taxonomy (Taxonomy): With the labels that were added at run time.
    decisions (Sequence[Any]): See find_decisions.
    has_counts (bool): Whether it knows the training documents.
    """
    gold, given, confidence, fixed, broken = [], [], [], [], []
    ids: Dict[str, int] = {}
    is_refined = any(d and d.first_labels is not None for d in decisions)
    golds = get_gold_labels(examples, taxonomy)
    for eg, label, decision in zip(examples, golds, decisions, strict=True):
        if label is None:
            continue
        guess, probability = _get_guess(eg.predicted, taxonomy.index, decision)
        gold.append(ids.setdefault(label, len(ids)))
        given.append(ABSTAINED if guess is None else ids.setdefault(guess, len(ids)))
        confidence.append(probability)
        # Abstention shows in the coverage.
        first = decision.first if decision and guess is not None else None
        fixed.append(first is not None and first != label == guess)
        broken.append(first is not None and first == label != guess)
    inner = taxonomy.ranges.keys() - taxonomy.index.keys()
    known = dict(zip(taxonomy.leaves, taxonomy.counts, strict=True))
    is_leaf = numpy.asarray([name not in inner for name in ids], dtype="bool")
    columns = numpy.asarray(gold, dtype="i8")
    return pair_columns(
        columns,
        numpy.asarray(given, dtype="i8"),
        numpy.asarray(confidence, dtype="f8"),
        tuple(ids),
        is_counted=is_leaf[columns],
        counts=numpy.asarray([known.get(n, 0) for n in ids]) if has_counts else None,
        n_training=sum(taxonomy.counts),
        taxonomy=taxonomy,
        bounds=bounds,
        changes=Changes(numpy.asarray(fixed, "f8"), numpy.asarray(broken, "f8"))
        if is_refined
        else None,
    )


def _extend(taxonomy: Taxonomy, labels: Iterable[str]) -> Taxonomy:
    new = set(labels) - set(taxonomy.ranges)
    new -= {node for label in new for node in taxonomy.path(label)[:-1]}
    # At the end, as the columns of the pooled leaves mustn't move.
    return replace(
        taxonomy,
        leaves=taxonomy.leaves + tuple(sorted(new)),
        counts=taxonomy.counts + (0,) * len(new),
    )


def get_gold_labels(
    examples: Sequence[Example], taxonomy: Taxonomy
) -> List[Optional[str]]:
    """RETURNS (List[Optional[str]]): The gold label of each document, a node of the
    taxonomy or one that training never saw, None without one. See longtail_score.
    """
    found: List[Optional[str]] = []
    unknown: Dict[int, List[str]] = {}
    foreign: Set[str] = set()
    for row, eg in enumerate(examples):
        cats = eg.reference.cats
        # Dense cats can have thousands of keys, so the zeros are skipped in C.
        positive = [key for key in compress(cats, cats.values()) if cats[key] > 0]
        ours = [key for key in positive if key in taxonomy.ranges]
        others = [key for key in positive if key not in taxonomy.ranges]
        if ours:
            foreign.update(others)
        else:
            unknown[row] = others
        found.append(_get_deepest(ours, eg, taxonomy) if ours else None)
    unseen = []
    for row, keys in unknown.items():
        known = foreign.union(examples[row].predicted.cats) if keys else foreign
        left = [key for key in keys if key not in known]
        if len(left) == 1:
            found[row] = left[0]
            unseen.append(left[0])
    if unseen:
        names = sorted(set(unseen))
        text = Warnings.LW501.format(
            n_docs=len(unseen), n_labels=len(names), labels=", ".join(names[:5])
        )
        warn_unseen(text)
    return found


def _get_deepest(nodes: Sequence[str], eg: Example, taxonomy: Taxonomy) -> str:
    path = max(map(taxonomy.path, nodes), key=len)
    if not set(nodes) <= set(path):
        text = eg.reference.text[:50]
        raise ValueError(Errors.L502.format(labels=sorted(nodes), text=text))
    return path[-1]


def _get_guess(
    doc: Doc, leaves: Container[str], decision: Any
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
