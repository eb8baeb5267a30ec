from datetime import date
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.training import Example

from ... import __version__
from ...evaluation.evidence import ProgressT
from ...scoring.metrics import MetricT, bootstrap, get_interval, get_value
from ...scoring.ranking import average_precision
from ...tuning.multilabel.metrics import (
    METRICS,
    count,
    get_n_gold,
    get_n_labels,
    make_group_metrics,
)
from ...tuning.multilabel.settings import read_settings
from ...tuning.settings import MULTILABEL
from ..tree import get_tree
from .answers import MultilabelAnswers, collect_answers
from .cases import (
    count_confusions,
    count_instead,
    get_confusions,
    get_false,
    get_missed,
)
from .curves import get_reliability, get_tradeoff
from .ranks import make_rank_metrics

KS = (1, 3, 5)
HEADLINE = ("macro_f", "micro_f", "micro_p", "micro_r")


def build_multilabel_report(
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
    """Report on a longtail_textcat_multilabel, see build_report.

    name (str): Name of the component.
    RETURNS (Dict[str, Any]): JSON values, for render_html:
        about: what was evaluated, and its settings.
        headline: value, low and high of each metric, None without labels.
        labels: for each label count, group, support, threshold, p, r, f, average
            precision, and what its documents were most often given instead.
        tree: nested nodes with the mean F1 of the labels below.
        confusions: pairs of a missed label and a false one, most documents first.
        reliability, tradeoff: the points of the curves.
        missed, false: documents with the least probable label that was missed, and with
            the most probable one that is false.
    RAISES (ValueError): L510 without anything to report.
    """
    found = collect_answers(nlp, name, examples, progress=progress)
    pairs = count_confusions(found)
    labels = _get_labels(found, count_instead(pairs), head, mid)
    return {
        "about": _get_about(nlp, name, found, head, mid),
        "headline": _get_headline(found, head, mid, resamples, seed),
        "labels": labels,
        "tree": get_tree(found.taxonomy, labels),
        "confusions": get_confusions(found, pairs),
        "reliability": get_reliability(found),
        "tradeoff": get_tradeoff(found),
        "missed": get_missed(found),
        "false": get_false(found),
    }


def _get_about(
    nlp: Language, name: str, found: MultilabelAnswers, head: int, mid: int
) -> Dict[str, Any]:
    taxonomy, guesses = found.taxonomy, found.guesses
    is_exact = (guesses.gold == guesses.guess).all(axis=1)
    return {
        "kind": MULTILABEL,
        "pipeline": f"{nlp.meta['lang']}_{nlp.meta['name']}",
        "version": nlp.meta["version"],
        "component": name,
        "written_by": f"spacy-longtail {__version__}",
        "date": date.today().isoformat(),
        "n_docs": len(found.texts),
        "n_gold": len(found.texts) - found.n_ignored,
        "n_labels": len(taxonomy.leaves),
        "n_pooled": len(taxonomy.pooled),
        "n_training": found.answers.n_docs,
        "gold_per_doc": get_value(get_n_gold, guesses),
        "given_per_doc": get_value(get_n_labels, guesses),
        "n_exact": int(is_exact[guesses.is_known.any(axis=1)].sum()),
        "depth": max(len(taxonomy.path(leaf)) for leaf in taxonomy.leaves),
        "head": head,
        "mid": mid,
        "ks": list(KS),
        "separator": taxonomy.separator,
        "settings": read_settings(nlp, name).to_dict(),
    }


def _get_labels(
    found: MultilabelAnswers,
    instead: Dict[int, Tuple[int, int]],
    head: int,
    mid: int,
) -> List[Dict[str, Any]]:
    answers = found.answers
    precisions = average_precision(answers.scores, answers.truths).tolist()
    numbers = zip(*(n[0].tolist() for n in count(found.guesses, found.ones)))
    figures = [_get_figures(*map(int, triple)) for triple in numbers]
    rows = []
    for i, label in enumerate(answers.labels):
        n = int(answers.counts[i])
        other, n_instead = instead.get(i, (None, 0))
        rows.append(
            {
                "label": label,
                "count": n,
                "group": "head" if n >= head else "mid" if n >= mid else "tail",
                "pooled": label in found.taxonomy.pooled,
                "threshold": _get_threshold(found, i),
                **figures[i],
                "ap": precisions[i] if figures[i]["support"] else None,
                "instead": None if other is None else answers.labels[other],
                "n_instead": n_instead,
            }
        )
    return rows


def _get_figures(right: int, guessed: int, support: int) -> Dict[str, Any]:
    # Without a gold document there is nothing to be found.
    return {
        "p": right / max(guessed, 1) if guessed or support else None,
        "r": right / support if support else None,
        "f": 2 * right / (guessed + support) if support else None,
        "support": support,
    }


def _get_threshold(found: MultilabelAnswers, column: int) -> Optional[float]:
    is_known = found.labels[column] in found.taxonomy.index
    return float(found.thresholds[column]) if is_known else None


def _get_headline(
    found: MultilabelAnswers,
    head: int,
    mid: int,
    resamples: int,
    seed: int,
    ks: Sequence[int] = KS,
) -> Dict[str, Any]:
    metrics: Dict[str, MetricT] = {name: METRICS[name] for name in HEADLINE}
    sizes: Dict[str, int] = {}
    for key, (metric, n_labels) in make_group_metrics(found.answers, head, mid).items():
        metrics[key], sizes[key] = metric, n_labels
    metrics.update(make_rank_metrics(found.answers, ks), ece=METRICS["ece"])
    drawn = bootstrap([found.guesses], metrics, resamples=resamples, seed=seed)
    headline: Dict[str, Any] = {}
    for key, metric in metrics.items():
        interval = get_interval(get_value(metric, found.guesses), drawn[key][0])
        headline[key] = {**interval._asdict(), "n_labels": sizes.get(key)}
        if sizes.get(key) == 0:
            headline[key] = None
    return headline
