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
    find_decision,
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
    decisions = (find_decision(eg.predicted, pipe) for eg in examples)
    decided = (decision.label for decision in decisions if decision)
    tree = _extend(read_tree(taxonomy), [*labels, *filter(None, decided)])
    predictions = read_exclusive(
        examples, tree, pipe=pipe, bounds=(head, mid), has_counts=bool(taxonomy)
    )
    return score_predictions(predictions)


def read_exclusive(
    examples: Iterable[Example],
    taxonomy: Taxonomy,
    *,
    pipe: Optional[str] = None,
    bounds: Tuple[int, int] = (HEAD, MID),
    has_counts: bool = True,
    **cfg: Any,
) -> Predictions:
    """Read gold and predicted labels of the documents that have a gold label, see
    longtail_score.

    examples (Iterable[Example]): Their documents are looked at once, one after the
        other, so that they can be another pipeline's before and after that.
    taxonomy (Taxonomy): With the labels that were added at run time.
    has_counts (bool): Whether it knows the training documents.
    RETURNS (Predictions): The labels are the leaves, then gold ones that aren't leaves.
    """
    golds = _Golds(taxonomy)
    guesses, shares, firsts = [], [], []
    is_refined = False
    for eg in examples:
        decision = find_decision(eg.predicted, pipe)
        is_refined |= bool(decision) and decision.first_labels is not None
        guesses.append(_get_guess(eg.predicted, taxonomy.index, decision))
        shares.append(_get_share(eg.predicted.cats, golds.add(eg), taxonomy))
        firsts.append(decision.first if decision else None)
    labels = {n: label for n, label in enumerate(golds.finish()) if label is not None}
    ids = dict(taxonomy.index)
    gold, given, confidence, fixed, broken = [], [], [], [], []
    for place, label in labels.items():
        guess, probability = guesses[place]
        gold.append(ids.setdefault(label, len(ids)))
        given.append(ABSTAINED if guess is None else ids.setdefault(guess, len(ids)))
        confidence.append(probability)
        # Abstention shows in the coverage.
        first = None if guess is None else firsts[place]
        fixed.append(first is not None and first != label == guess)
        broken.append(first is not None and first == label != guess)
    inner = taxonomy.ranges.keys() - taxonomy.index.keys()
    n_more = len(ids) - len(taxonomy.leaves)
    counts = numpy.asarray([*taxonomy.counts, *[0] * n_more])
    is_leaf = numpy.asarray([name not in inner for name in ids], dtype="bool")
    columns = numpy.asarray(gold, dtype="i8")
    predictions = pair_columns(
        columns,
        numpy.asarray(given, dtype="i8"),
        numpy.asarray(confidence, dtype="f8"),
        tuple(ids),
        is_counted=is_leaf[columns],
        counts=counts if has_counts else None,
        n_training=sum(taxonomy.counts),
        taxonomy=taxonomy,
        bounds=bounds,
        changes=Changes(numpy.asarray(fixed, "f8"), numpy.asarray(broken, "f8"))
        if is_refined
        else None,
        places=numpy.asarray(list(labels), dtype="i8"),
    )
    found = numpy.asarray([shares[place] for place in labels], dtype="f8")
    return replace(predictions, gold=predictions.gold._replace(confidence=found))


def _extend(taxonomy: Taxonomy, labels: Iterable[str]) -> Taxonomy:
    new = set(labels) - set(taxonomy.ranges)
    new -= {node for label in new for node in taxonomy.path(label)[:-1]}
    # At the end, as the columns of the pooled leaves mustn't move.
    return replace(
        taxonomy,
        leaves=taxonomy.leaves + tuple(sorted(new)),
        counts=taxonomy.counts + (0,) * len(new),
    )


class _Golds:
    """Reads the gold label of one document after the other: a node of the taxonomy or
    one that training never saw, None without one. See longtail_score.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.labels: List[Optional[str]] = []
        self.unknown: Dict[int, List[str]] = {}
        self.foreign: Set[str] = set()

    def add(self, eg: Example) -> Optional[str]:
        """RETURNS (Optional[str]): The label, if it is a node of the taxonomy."""
        cats, ranges = eg.reference.cats, self.taxonomy.ranges
        # Dense cats can have thousands of keys, so the zeros are skipped in C.
        positive = [key for key in compress(cats, cats.values()) if cats[key] > 0]
        ours = [key for key in positive if key in ranges]
        others = [key for key in positive if key not in ranges]
        if ours:
            self.foreign.update(others)
        elif others:
            left = [key for key in others if key not in eg.predicted.cats]
            self.unknown[len(self.labels)] = left
        label = _get_deepest(ours, eg, self.taxonomy) if ours else None
        self.labels.append(label)
        return label

    def finish(self) -> List[Optional[str]]:
        """RETURNS (List[Optional[str]]): Those of all documents, with warning LW501 if
        training never saw some.
        """
        unseen = []
        for row, keys in self.unknown.items():
            left = [key for key in keys if key not in self.foreign]
            if len(left) == 1:
                self.labels[row] = left[0]
                unseen.append(left[0])
        if unseen:
            names = sorted(set(unseen))
            text = Warnings.LW501.format(
                n_docs=len(unseen), n_labels=len(names), labels=", ".join(names[:5])
            )
            warn_unseen(text)
        return self.labels


def _get_deepest(nodes: Sequence[str], eg: Example, taxonomy: Taxonomy) -> str:
    path = max(map(taxonomy.path, nodes), key=len)
    if not set(nodes) <= set(path):
        text = eg.reference.text[:50]
        raise ValueError(Errors.L502.format(labels=sorted(nodes), text=text))
    return path[-1]


def _get_share(
    cats: Dict[str, float], gold: Optional[str], taxonomy: Taxonomy
) -> float:
    """The probability of a gold label, summed below an inner node."""
    if gold is None or gold in taxonomy.index:
        return cats.get(gold or "", 0.0)
    leaves = taxonomy.leaves[slice(*taxonomy.ranges[gold])]
    return float(sum(cats.get(leaf, 0.0) for leaf in leaves))


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
