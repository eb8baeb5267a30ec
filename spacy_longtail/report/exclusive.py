from collections import Counter
from datetime import date
from functools import partial
from typing import Any, Dict, Iterable, List, Optional

import numpy
from spacy.language import Language
from spacy.training import Example

from .. import __version__
from ..evaluation.evidence import ProgressT
from ..scoring.metrics import (
    Guesses,
    MetricT,
    bootstrap,
    get_accuracy,
    get_coverage,
    get_ece,
    get_interval,
    get_macro_f,
    get_value,
)
from ..tuning.settings import EXCLUSIVE, read_settings
from .answers import Answers, collect_answers
from .cases import get_confusions, get_hardest, get_refinement
from .curves import get_coverage_curve, get_reliability
from .tree import get_tree


def build_exclusive_report(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    *,
    head: int = 50,
    mid: int = 10,
    resamples: int = 1000,
    seed: int = 0,
    progress: ProgressT = iter,
) -> Dict[str, Any]:
    """Report on a longtail_textcat, see build_report.

    name (str): Name of the component.
    RETURNS (Dict[str, Any]): JSON values, for render_html:
        about: what was evaluated, and its settings.
        headline: value, low and high of each metric, None without labels.
        labels: for each label count, group, support, p, r, f, and what its documents
            were most often taken for.
        tree: nested nodes with the mean F1 of the labels below.
        confusions: pairs of siblings that were taken for each other, most first.
        reliability, coverage: the points of the curves.
        refinement: what a second stage has fixed and broken, None without one.
        hardest: documents whose gold label was least probable.
    RAISES (ValueError): L510 without anything to report.
    """
    answers = collect_answers(
        nlp, name, examples, head=head, mid=mid, progress=progress
    )
    labels = _get_labels(answers, head, mid)
    return {
        "about": _get_about(nlp, name, answers, head, mid),
        "headline": _get_headline(answers, labels, resamples, seed),
        "labels": labels,
        "tree": get_tree(answers.taxonomy, labels),
        "confusions": get_confusions(answers),
        "reliability": get_reliability(answers.on_leaves),
        "coverage": get_coverage_curve(answers.on_leaves),
        "refinement": get_refinement(answers.answers),
        "hardest": get_hardest(answers.answers),
    }


def _get_about(
    nlp: Language, name: str, answers: Answers, head: int, mid: int
) -> Dict[str, Any]:
    taxonomy = answers.taxonomy
    return {
        "kind": EXCLUSIVE,
        "pipeline": f"{nlp.meta['lang']}_{nlp.meta['name']}",
        "version": nlp.meta["version"],
        "component": name,
        "written_by": f"spacy-longtail {__version__}",
        "date": date.today().isoformat(),
        "n_docs": answers.n_docs,
        "n_gold": len(answers.answers),
        "n_labels": len(taxonomy.leaves),
        "n_pooled": len(taxonomy.pooled),
        "n_training": sum(taxonomy.counts),
        "depth": max(len(taxonomy.path(leaf)) for leaf in taxonomy.leaves),
        "head": head,
        "mid": mid,
        "separator": taxonomy.separator,
        "settings": read_settings(nlp, name).to_dict(),
    }


def _get_labels(answers: Answers, head: int, mid: int) -> List[Dict[str, Any]]:
    found = answers.scores["longtail_f_per_label"]
    taxonomy = answers.taxonomy
    counts = dict(zip(taxonomy.leaves, taxonomy.counts))
    taken: Dict[str, Counter] = {}
    for answer in answers.on_leaves:
        if answer.label is not None and answer.label != answer.gold:
            taken.setdefault(answer.gold, Counter())[answer.label] += 1
    nothing = {"p": None, "r": None, "f": None, "support": 0}
    labels = []
    for label in [*taxonomy.leaves, *(set(found) - set(counts))]:
        count = counts.get(label, 0)
        scores = {key: found.get(label, nothing)[key] for key in nothing}
        best = taken.get(label, Counter()).most_common(1)
        labels.append(
            {
                "label": label,
                "count": count,
                "group": "head" if count >= head else "mid" if count >= mid else "tail",
                "pooled": label in taxonomy.pooled,
                **scores,
                "taken_for": best[0][0] if best else None,
                "n_taken_for": best[0][1] if best else 0,
            }
        )
    return labels


def _get_headline(
    answers: Answers, labels: List[Dict[str, Any]], resamples: int, seed: int
) -> Dict[str, Any]:
    names, guesses = answers.get_guesses()
    if not len(guesses.gold):
        return {}
    groups = {row["label"]: row["group"] for row in labels}
    coarse = _get_coarse(answers)
    metrics: Dict[str, MetricT] = {"macro_f": get_macro_f, "accuracy": get_accuracy}
    sizes = {}
    for group in ("head", "mid", "tail"):
        among = numpy.asarray([groups.get(name) == group for name in names])
        metrics[f"{group}_f"] = partial(get_macro_f, among=among)
        sizes[f"{group}_f"] = int(among[numpy.unique(guesses.gold)].sum())
    if coarse is not None:
        metrics["coarse_accuracy"] = lambda _, W: get_accuracy(coarse, W)
    metrics.update(coverage=get_coverage, ece=get_ece)
    drawn = bootstrap([guesses], metrics, resamples=resamples, seed=seed)
    headline: Dict[str, Any] = {}
    for name, metric in metrics.items():
        interval = get_interval(get_value(metric, guesses), drawn[name][0])
        headline[name] = {**interval._asdict(), "n_labels": sizes.get(name)}
        if sizes.get(name) == 0:
            headline[name] = None
    return headline


def _get_coarse(answers: Answers) -> Optional[Guesses]:
    """Compare the first level. None if it is the only one."""
    if all(len(answers.taxonomy.path(leaf)) == 1 for leaf in answers.taxonomy.leaves):
        return None
    ids: Dict[Optional[str], int] = {}
    pairs = []
    for answer in answers.on_leaves:
        levels = answer.decision["levels"]
        node = levels[0][0] if levels else None
        gold = answers.taxonomy.path(answer.gold)[0]
        pairs.append([ids.setdefault(gold, len(ids)), ids.setdefault(node, len(ids))])
    gold_ids, node_ids = numpy.asarray(pairs).T
    return Guesses(gold_ids, node_ids, numpy.ones(len(pairs)))
