import warnings
from functools import partial
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Errors, Warnings
from ..gold import fill_truths, read_gold
from ..taxonomy import Taxonomy
from .ranking import (
    average_precision,
    get_propensities,
    label_ranking_average_precision,
    mean_or_none,
    ndcg_at_k,
    precision_at_k,
    propensity_scored_precision_at_k,
)

KEYS = (
    *("macro_f", "head_f", "mid_f", "tail_f", "micro_p", "micro_r", "micro_f"),
    *("macro_ap", "lrap", "refined_fixed", "refined_broken", "refined_gain"),
)
RANK_KEYS = ("p_at", "ndcg_at", "psp_at")


class Answers(NamedTuple):
    """Gold and predicted labels.

    labels (List[str]): The pipe's leaves, then gold labels that training never saw.
    counts (numpy.ndarray): Training documents of each.
    n_docs (int): Training documents.
    truths (numpy.ndarray): 1.0, 0.0 or NaN, of shape (docs, labels).
    scores (numpy.ndarray): Probabilities, same shape; 0.0 of labels that 'cats_top_k'
        has cut off.
    is_given (numpy.ndarray): Those of them that the pipe has given nevertheless, bool,
        same shape.
    decisions (List[Dict[str, Any]]): The pipe's of each document, empty without one.
    """

    labels: List[str]
    counts: numpy.ndarray
    n_docs: int
    truths: numpy.ndarray
    scores: numpy.ndarray
    is_given: numpy.ndarray
    decisions: List[Dict[str, Any]]


def make_longtail_multilabel_scorer(
    *, head: int = 50, mid: int = 10, ks: Sequence[int] = (1, 3, 5)
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
    if not 1 <= mid < head:
        raise ValueError(Errors.L501.format(head=head, mid=mid))
    if not all(k >= 1 and k % 1 == 0 for k in ks):
        raise ValueError(Errors.L503.format(value=list(ks)))
    # Not a closure: a pipe is pickled with its scorer where processes are spawned.
    return partial(longtail_multilabel_score, head=head, mid=mid, ks=tuple(ks))


def longtail_multilabel_score(
    examples: Iterable[Example],
    *,
    taxonomy: Union[Taxonomy, Dict[str, Any]],
    thresholds: Optional[Mapping[str, float]] = None,
    threshold: float = 0.5,
    missing: str = "auto",
    head: int = 50,
    mid: int = 10,
    ks: Sequence[int] = (1, 3, 5),
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
    tree = taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.from_dict(taxonomy)
    answers = get_answers(list(examples), tree, pipe, missing)
    own = thresholds or {}
    limits = numpy.asarray([own.get(label, threshold) for label in answers.labels])
    return score_answers(answers, limits, head=head, mid=mid, ks=ks)


def score_answers(
    answers: Answers,
    limits: numpy.ndarray,
    *,
    head: int = 50,
    mid: int = 10,
    ks: Sequence[int] = (1, 3, 5),
) -> Dict[str, Any]:
    """Compare predicted with gold labels, see longtail_multilabel_score.

    limits (numpy.ndarray): The threshold of each label, of shape (labels,).
    """
    scores: Dict[str, Any] = dict.fromkeys(KEYS)
    scores.update({f"{key}_{k}": None for key in RANK_KEYS for k in ks})
    scores["f_per_label"] = {}
    if (~numpy.isnan(answers.truths)).any():
        scores.update(_score_labels(answers, limits, head, mid))
        scores.update(_score_refinement(answers))
    has_label = (answers.truths == 1.0).any(axis=1)
    if has_label.any():
        scores.update(_score_ranks(answers, has_label, ks))
    return {f"longtail_{key}": value for key, value in scores.items()}


def get_answers(
    examples: Sequence[Example], taxonomy: Taxonomy, pipe: str, missing: str
) -> Answers:
    """RETURNS (Answers): What is known about the documents, and what is predicted, see
    longtail_multilabel_score.
    """
    leaves, unseen = list(taxonomy.leaves), _find_unseen(examples, taxonomy)
    n_columns = len(leaves) + len(unseen)
    truths = numpy.full((len(examples), n_columns), numpy.nan)
    scores = numpy.zeros((len(examples), n_columns))
    is_given = numpy.zeros(scores.shape, dtype=bool)
    decisions: List[Dict[str, Any]] = []
    known = taxonomy.ranges.keys() | unseen.keys()
    for row, eg in enumerate(examples):
        gold = read_gold(eg, row, name=pipe, missing=missing, known=known)
        fill_truths(truths[row, : len(leaves)], gold, taxonomy)
        if gold is not None:
            for column, label in enumerate(unseen, start=len(leaves)):
                truths[row, column] = float(label in gold.positive)
        cats = eg.predicted.cats
        scores[row, : len(leaves)] = [cats.get(leaf, 0.0) for leaf in leaves]
        decisions.append(_get_decision(eg.predicted, pipe))
        for label in decisions[-1].get("labels", ()):
            if label not in cats and label in taxonomy.index:
                is_given[row, taxonomy.index[label]] = True
    n_docs = sum(taxonomy.counts) if taxonomy.n_docs is None else taxonomy.n_docs
    counts = numpy.asarray([*taxonomy.counts, *[0] * len(unseen)])
    labels = [*leaves, *unseen]
    return Answers(labels, counts, n_docs, truths, scores, is_given, decisions)


def _get_decision(doc: Doc, pipe: str) -> Dict[str, Any]:
    decision = doc.user_data.get("longtail") or {}
    return decision if decision.get("pipe") == pipe else {}


def _find_unseen(examples: Sequence[Example], taxonomy: Taxonomy) -> Dict[str, int]:
    """Gold labels that neither this pipe nor another one predicts, and how often."""
    found: Dict[str, int] = {}
    foreign: Set[str] = set()
    for eg in examples:
        foreign.update(eg.predicted.cats)
        for label, value in eg.reference.cats.items():
            if value == 1.0 and label not in taxonomy.ranges:
                found[label] = found.get(label, 0) + 1
    unseen = {label: found[label] for label in sorted(found) if label not in foreign}
    if unseen:
        text = Warnings.LW502.format(
            n_labels=len(unseen), labels=", ".join(list(unseen)[:5])
        )
        warnings.warn(text, stacklevel=2)
    return unseen


def _score_labels(
    answers: Answers, limits: numpy.ndarray, head: int, mid: int
) -> Dict[str, Any]:
    is_known, is_yes = ~numpy.isnan(answers.truths), answers.truths == 1.0
    is_guess = ((answers.scores >= limits) | answers.is_given) & is_known
    has_abstained = [d.get("label", "") is None for d in answers.decisions]
    is_guess[numpy.asarray(has_abstained, dtype=bool)] = False
    support, guessed = is_yes.sum(axis=0), is_guess.sum(axis=0)
    right = (is_yes & is_guess).sum(axis=0)
    P = right / numpy.maximum(guessed, 1)
    R = right / numpy.maximum(support, 1)
    F = 2 * right / numpy.maximum(support + guessed, 1)
    n, has_gold = answers.counts, support > 0
    micro = right.sum() / numpy.maximum([guessed.sum(), support.sum()], 1)
    return {
        "macro_f": mean_or_none(F[has_gold]),
        "head_f": mean_or_none(F[has_gold & (n >= head)]),
        "mid_f": mean_or_none(F[has_gold & (n >= mid) & (n < head)]),
        "tail_f": mean_or_none(F[has_gold & (n < mid)]),
        "micro_p": float(micro[0]),
        "micro_r": float(micro[1]),
        "micro_f": float(2 * right.sum() / max(guessed.sum() + support.sum(), 1)),
        "macro_ap": mean_or_none(
            average_precision(answers.scores, answers.truths)[has_gold]
        ),
        "f_per_label": {
            label: {
                "p": float(P[i]),
                "r": float(R[i]),
                "f": float(F[i]),
                "support": int(support[i]),
                "count": int(n[i]),
                "threshold": float(limits[i]),
            }
            for i, label in enumerate(answers.labels)
            if support[i] + guessed[i]
        },
    }


def _score_refinement(answers: Answers) -> Dict[str, float]:
    """Compare the labels of each decision with those it replaced, its "first_labels",
    unless it has abstained.
    """
    if not any("first" in decision for decision in answers.decisions):
        return {}
    index = {label: column for column, label in enumerate(answers.labels)}
    n_fixed, n_broken = 0, 0
    for row, decision in enumerate(answers.decisions):
        if "first_labels" not in decision or decision["label"] is None:
            continue
        labels = set(decision["labels"])
        for label in labels.symmetric_difference(decision["first_labels"]):
            if label in index:
                truth = answers.truths[row, index[label]]
                n_fixed += truth == (label in labels)
                n_broken += truth == (label not in labels)
    n_docs = (~numpy.isnan(answers.truths)).any(axis=1).sum()
    return {
        "refined_fixed": float(n_fixed / n_docs),
        "refined_broken": float(n_broken / n_docs),
        "refined_gain": float((n_fixed - n_broken) / n_docs),
    }


def _score_ranks(
    answers: Answers, has_label: numpy.ndarray, ks: Sequence[int]
) -> Dict[str, float]:
    truths = answers.truths[has_label]
    scores = numpy.where(numpy.isnan(truths), -1.0, answers.scores[has_label])
    is_yes = truths == 1.0
    propensities = get_propensities(answers.counts, answers.n_docs)
    found = {"lrap": label_ranking_average_precision(scores, is_yes)}
    metrics: Tuple[Callable[..., float], ...] = (
        precision_at_k,
        ndcg_at_k,
        lambda scores, truths, k: propensity_scored_precision_at_k(
            scores, truths, propensities, k
        ),
    )
    for key, metric in zip(RANK_KEYS, metrics, strict=True):
        found.update({f"{key}_{k}": metric(scores, is_yes, k) for k in ks})
    return found
