from typing import Dict, Iterable, Optional, Tuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ...errors import Errors
from ...evaluation.evidence import ProgressT
from ...scoring.metrics import MetricT, get_value
from ..folds import make_parts
from ..provenance import remember
from ..result import compare
from ..settings import Wish
from .evidence import Evidence, collect, predict_again
from .fitting import (
    EarlierFit,
    find_earlier_fit,
    fit_first_stage,
    fit_last,
    fit_own,
    spread,
)
from .metrics import METRICS, Guesses, get_n_gold, make_group_metrics, make_guesses
from .result import MultilabelTuning, describe_labels
from .settings import MultilabelSettings, apply_settings, read_settings

HEAD, MID = 50, 10


def tune_multilabel(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    wish: Wish,
    *,
    folds: int = 5,
    resamples: int = 1000,
    seed: int = 0,
    progress: ProgressT = iter,
) -> MultilabelTuning:
    """Fit the settings of a longtail_textcat_multilabel, see tune.

    For each goal the temperature is that under which the gold labels are most likely:

    "macro": a threshold for each label, with the best F1 or a wished precision. The
        prior stays, because thresholds do what it would do.
    "accuracy": the prior under which the gold labels are most likely, and one threshold
        for all labels, with the best micro-F1 or a wished precision of all together.
    "calibration": that prior, and thresholds as for "macro".

    If components that come later change the probabilities, as a fallback does, prior
    and temperature are still those of the component alone, and the thresholds are
    fitted to what the whole pipeline makes of these. The later components run over the
    corpus for each fold, because each has its own prior and temperature.

    name (str): Name of the component.
    RETURNS (MultilabelTuning): Settings and scores, before and after.
    RAISES (ValueError): L510 without anything to tune, L515 for a wished coverage.
    """
    if wish.coverage is not None:
        raise ValueError(Errors.L515.format(name=name, value=wish.coverage))
    before = read_settings(nlp, name)
    evidence = collect(nlp, name, examples, progress=progress)
    parts = make_parts(len(evidence.docs), folds, seed)
    earlier = find_earlier_fit(nlp, name, evidence, before)
    old = _judge_before(evidence, before, earlier, parts)
    new = _cross_fit(nlp, name, evidence, wish, before, parts)
    after, _ = _fit(nlp, name, evidence, wish, before, parts >= 0)
    apply_settings(nlp, name, after)
    remember(nlp, name, wish, evidence.docs, after)
    metrics = _get_metrics(evidence)
    return MultilabelTuning(
        wish=wish,
        before=before,
        after=after,
        scores=compare(old, new, metrics, resamples=resamples, seed=seed),
        labels=describe_labels(evidence.answers, before, after, old, new),
        later=evidence.later,
        refit_as=None if earlier is None else earlier.by,
        n_docs=len(parts) - evidence.n_ignored,
        n_gold=get_value(get_n_gold, old),
        n_ignored=evidence.n_ignored,
    )


def _get_metrics(evidence: Evidence) -> Dict[str, MetricT]:
    """RETURNS (Dict[str, MetricT]): With those of head, mid and tail labels as the
    component's scorer has them, if there are any.
    """
    keywords = getattr(evidence.pipe.scorer, "keywords", {})
    head, mid = keywords.get("head", HEAD), keywords.get("mid", MID)
    groups = make_group_metrics(evidence.answers, head, mid)
    return {**METRICS, **{key: metric for key, (metric, n) in groups.items() if n}}


def _fit(
    nlp: Language,
    name: str,
    evidence: Evidence,
    wish: Wish,
    before: MultilabelSettings,
    mask: numpy.ndarray,
) -> Tuple[MultilabelSettings, Evidence]:
    """Fit settings to some of the documents.

    mask (numpy.ndarray): Which, of shape (docs,).
    RETURNS (Tuple[MultilabelSettings, Evidence]): The settings, and what the pipeline
        finds with their prior and temperature in all documents.
    """
    rows = numpy.flatnonzero(mask)
    first = fit_first_stage(evidence.select(rows), wish, before)
    again = predict_again(nlp, name, evidence, *first)
    return fit_last(again.select(rows), wish, *first), again


def _judge_before(
    evidence: Evidence,
    before: MultilabelSettings,
    earlier: Optional[EarlierFit],
    parts: numpy.ndarray,
) -> Guesses:
    """Predict with the present settings. Thresholds that were fitted to the same
    documents are fitted again without each part in turn.
    """
    thresholds = spread(evidence, before.thresholds)
    if earlier is not None:
        for part in range(int(parts.max()) + 1):
            rows, rest = _divide(evidence, parts, part)
            values = fit_own(rest, rest.answers.scores, earlier.fit).tolist()
            own = dict(zip(evidence.pipe.labels, values))
            thresholds[parts == part] = spread(rows, own)
    answers = evidence.answers
    return make_guesses(answers.truths, answers.scores, thresholds)


def _cross_fit(
    nlp: Language,
    name: str,
    evidence: Evidence,
    wish: Wish,
    before: MultilabelSettings,
    parts: numpy.ndarray,
) -> Guesses:
    """Predict each part with the settings that were fitted without it."""
    truths = evidence.answers.truths
    P, thresholds = numpy.zeros(truths.shape), numpy.ones(truths.shape)
    for part in range(int(parts.max()) + 1):
        settings, again = _fit(nlp, name, evidence, wish, before, parts != part)
        rows, _ = _divide(again, parts, part)
        P[parts == part] = rows.answers.scores
        thresholds[parts == part] = spread(rows, settings.thresholds)
    return make_guesses(truths, P, thresholds)


def _divide(
    evidence: Evidence, parts: numpy.ndarray, part: int
) -> Tuple[Evidence, Evidence]:
    """RETURNS (Tuple[Evidence, Evidence]): That of a part, and of the others."""
    rows, rest = numpy.flatnonzero(parts == part), numpy.flatnonzero(parts != part)
    return evidence.select(rows), evidence.select(rest)
