import warnings
from dataclasses import dataclass, replace
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
    Union,
)

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Errors, Warnings
from ..taxonomy import Taxonomy

SCALARS = (
    *("longtail_macro_f", "longtail_head_f", "longtail_mid_f", "longtail_tail_f"),
    *("longtail_accuracy", "longtail_coarse_accuracy", "longtail_coverage"),
    *("longtail_hier_p", "longtail_hier_r", "longtail_hier_f"),
    *("longtail_other_recall", "longtail_ece"),
    *("longtail_refined_fixed", "longtail_refined_broken", "longtail_refined_gain"),
)
BIN_EDGES = numpy.linspace(0.0, 1.0, 16)
ABSTAINED = -1


@dataclass(frozen=True)
class Answers:
    """Gold and predicted labels of the documents that have a gold label."""

    names: Tuple[str, ...]
    is_inner: numpy.ndarray  # (names,), whether it is an inner node
    gold: numpy.ndarray  # (docs,), index into names
    guess: numpy.ndarray  # (docs,), index into names or ABSTAINED
    confidence: numpy.ndarray  # (docs,), NaN if there is no probability

    def select(self, mask: numpy.ndarray) -> "Answers":
        return replace(
            self,
            gold=self.gold[mask],
            guess=self.guess[mask],
            confidence=self.confidence[mask],
        )


def make_longtail_scorer(
    *, head: int = 50, mid: int = 10
) -> Callable[..., Dict[str, Any]]:
    """Build the scorer of exclusive labels with a long tail.

    Registered as "spacy-longtail.longtail_scorer.v1".

    head (int): Fewest training documents of a head label.
    mid (int): Fewest training documents of a mid label, from 1 to below head.
        Labels with fewer are the tail.
    RETURNS (Callable): `longtail_score` with these bounds.
    RAISES (ValueError): L501 if the bounds are out of range.
    """
    if not 1 <= mid < head:
        raise ValueError(Errors.L501.format(head=head, mid=mid))

    # Not a closure: a pipe is pickled with its scorer where processes are spawned.
    return partial(longtail_score, head=head, mid=mid)


def longtail_score(
    examples: Iterable[Example],
    *,
    taxonomy: Union[Taxonomy, Dict[str, Any], None] = None,
    labels: Iterable[str] = (),
    head: int = 50,
    mid: int = 10,
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
    bounds = (head, mid) if taxonomy else None
    tree = _extend(taxonomy, [*labels, *_get_decided(examples, pipe)])
    golds = get_gold_labels(examples, tree)
    answers = _get_answers(examples, golds, tree, pipe)
    scores: Dict[str, Any] = {key: None for key in SCALARS}
    scores["longtail_f_per_label"] = {}
    if answers.names:
        on_leaves = answers.select(~answers.is_inner[answers.gold])
        scores.update(_score_leaves(on_leaves, tree, bounds))
        scores.update(_score_paths(answers, tree))
        scores["longtail_coverage"] = _mean(answers.guess != ABSTAINED)
        scores["longtail_other_recall"] = _get_other_recall(on_leaves, tree)
        scores["longtail_ece"] = _get_calibration_error(on_leaves)
        scores.update(_score_refinement(examples, golds, pipe))
    return scores


def _get_decided(examples: Sequence[Example], pipe: Optional[str]) -> Set[str]:
    decisions = (_get_decision(eg.predicted, pipe) for eg in examples)
    return {d["label"] for d in decisions if d and d["label"] is not None}


def _get_decision(doc: Doc, pipe: Optional[str]) -> Optional[Dict[str, Any]]:
    """The last pipe's decision replaces that of the one before, so it may be that of
    another taxonomy.
    """
    decision = doc.user_data.get("longtail")
    is_own = decision and (pipe is None or decision.get("pipe", pipe) == pipe)
    return decision if is_own else None


def _extend(
    taxonomy: Union[Taxonomy, Dict[str, Any], None], labels: Iterable[str]
) -> Taxonomy:
    if not taxonomy:
        tree = Taxonomy(leaves=(), counts=())
    elif isinstance(taxonomy, Taxonomy):
        tree = taxonomy
    else:
        tree = Taxonomy.from_dict(taxonomy)
    new = set(labels) - set(tree.ranges)
    new -= {node for label in new for node in tree.path(label)[:-1]}
    # At the end, as the columns of the pooled leaves mustn't move.
    return replace(
        tree,
        leaves=tree.leaves + tuple(sorted(new)),
        counts=tree.counts + (0,) * len(new),
    )


def _get_answers(
    examples: Sequence[Example],
    golds: Sequence[Optional[str]],
    taxonomy: Taxonomy,
    pipe: Optional[str],
) -> Answers:
    gold, guess, confidence = [], [], []
    ids: Dict[str, int] = {}
    for eg, gold_label in zip(examples, golds, strict=True):
        if gold_label is None:
            continue
        label, probability = _get_guess(eg.predicted, taxonomy.index, pipe)
        gold.append(ids.setdefault(gold_label, len(ids)))
        guess.append(ABSTAINED if label is None else ids.setdefault(label, len(ids)))
        confidence.append(probability)
    inner = taxonomy.ranges.keys() - taxonomy.index.keys()
    return Answers(
        names=tuple(ids),
        is_inner=numpy.asarray([name in inner for name in ids], dtype="bool"),
        gold=numpy.asarray(gold, dtype="i8"),
        guess=numpy.asarray(guess, dtype="i8"),
        confidence=numpy.asarray(confidence, dtype="f8"),
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
    _warn_unseen(unseen)
    return found


def _get_deepest(nodes: Sequence[str], eg: Example, taxonomy: Taxonomy) -> str:
    path = max(map(taxonomy.path, nodes), key=len)
    if not set(nodes) <= set(path):
        text = eg.reference.text[:50]
        raise ValueError(Errors.L502.format(labels=sorted(nodes), text=text))
    return path[-1]


def _warn_unseen(labels: Sequence[str]) -> None:
    if labels:
        names = sorted(set(labels))
        text = Warnings.LW501.format(
            n_docs=len(labels), n_labels=len(names), labels=", ".join(names[:5])
        )
        warnings.warn(text, stacklevel=2)


def _get_guess(
    doc: Doc, leaves: Container[str], pipe: Optional[str]
) -> Tuple[Optional[str], float]:
    decision = _get_decision(doc, pipe)
    if decision:
        probability = decision.get("probability")
        return decision["label"], numpy.nan if probability is None else probability
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


def _score_leaves(
    answers: Answers, taxonomy: Taxonomy, bounds: Optional[Tuple[int, int]]
) -> Dict[str, Any]:
    gold, guess, n_names = answers.gold, answers.guess, len(answers.names)
    support = numpy.bincount(gold, minlength=n_names)
    guessed = numpy.bincount(guess[guess != ABSTAINED], minlength=n_names)
    right = numpy.bincount(gold[gold == guess], minlength=n_names)
    P = right / numpy.maximum(guessed, 1)
    R = right / numpy.maximum(support, 1)
    F = 2 * right / numpy.maximum(support + guessed, 1)
    scores: Dict[str, Any] = {
        "longtail_accuracy": _mean(gold == guess),
        "longtail_macro_f": _mean(F[support > 0]),
    }
    counts: List[Optional[int]] = [None] * n_names
    if bounds is not None:
        head, mid = bounds
        known = dict(zip(taxonomy.leaves, taxonomy.counts, strict=True))
        counts = [known.get(name, 0) for name in answers.names]
        n = numpy.asarray(counts)
        scores["longtail_head_f"] = _mean(F[(support > 0) & (n >= head)])
        scores["longtail_mid_f"] = _mean(F[(support > 0) & (n >= mid) & (n < head)])
        scores["longtail_tail_f"] = _mean(F[(support > 0) & (n < mid)])
    shown = numpy.flatnonzero((support + guessed > 0) & ~answers.is_inner)
    scores["longtail_f_per_label"] = {
        answers.names[i]: {
            "p": float(P[i]),
            "r": float(R[i]),
            "f": float(F[i]),
            "support": int(support[i]),
            "count": counts[i],
        }
        for i in sorted(shown, key=answers.names.__getitem__)
    }
    return scores


def _score_paths(answers: Answers, taxonomy: Taxonomy) -> Dict[str, Optional[float]]:
    paths = [taxonomy.path(name) for name in answers.names]
    ids: Dict[str, int] = {}
    # ABSTAINED is the index of the last row, an empty path.
    nodes = numpy.full((len(paths) + 1, max(map(len, paths))), -1)
    for row, path in enumerate(paths):
        nodes[row, : len(path)] = [ids.setdefault(node, len(ids)) for node in path]
    gold, guess = nodes[answers.gold], nodes[answers.guess]
    n_gold, n_guess = int((gold >= 0).sum()), int((guess >= 0).sum())
    n_right = int(((gold == guess) & (gold >= 0)).sum())
    return {
        "longtail_coarse_accuracy": _mean(gold[:, 0] == guess[:, 0]),
        "longtail_hier_p": n_right / max(n_guess, 1),
        "longtail_hier_r": n_right / n_gold,
        "longtail_hier_f": 2 * n_right / (n_gold + n_guess),
    }


def _score_refinement(
    examples: Sequence[Example], golds: Sequence[Optional[str]], pipe: Optional[str]
) -> Dict[str, Optional[float]]:
    """Compare the label of each decision with the one it replaced, its "first"."""
    n_fixed, n_broken, is_refined = 0, 0, False
    for eg, gold in zip(examples, golds, strict=True):
        decision = _get_decision(eg.predicted, pipe) or {}
        is_refined |= "first" in decision
        first, label = decision.get("first"), decision.get("label")
        if gold is not None and None not in (first, label):
            n_fixed += first != gold == label
            n_broken += first == gold != label
    if not is_refined:
        return {}
    n_docs = sum(gold is not None for gold in golds)
    return {
        "longtail_refined_fixed": n_fixed / n_docs,
        "longtail_refined_broken": n_broken / n_docs,
        "longtail_refined_gain": (n_fixed - n_broken) / n_docs,
    }


def _get_other_recall(answers: Answers, taxonomy: Taxonomy) -> Optional[float]:
    other_of = dict(zip(taxonomy.leaves, taxonomy.other_of, strict=True))
    # ABSTAINED is the index of the last one.
    others = numpy.asarray([*(other_of.get(name, -1) for name in answers.names), -1])
    gold, guess = others[answers.gold], others[answers.guess]
    return _mean(gold[gold >= 0] == guess[gold >= 0])


def _get_calibration_error(answers: Answers) -> Optional[float]:
    has_probability = (answers.guess != ABSTAINED) & ~numpy.isnan(answers.confidence)
    answers = answers.select(has_probability)
    if not answers.gold.size:
        return None
    gaps = answers.confidence - (answers.gold == answers.guess)
    bins = numpy.digitize(answers.confidence, BIN_EDGES[1:-1], right=True)
    return float(numpy.abs(numpy.bincount(bins, weights=gaps)).sum() / gaps.size)


def _mean(values: numpy.ndarray) -> Optional[float]:
    return float(values.mean()) if values.size else None
