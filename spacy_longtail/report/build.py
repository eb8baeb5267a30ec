from datetime import date
from typing import Any, Dict, Iterable, List, Optional

from spacy.language import Language
from spacy.training import Example

from .. import __version__
from ..evaluation.evidence import Evidence, ProgressT, collect, remark_trained
from ..evaluation.pipes import find_part, find_pipe
from ..presentation import Remark, TextTable
from ..scoring.bootstrap import estimate
from ..scoring.metrics import Metric, find_metrics
from ..scoring.predictions import HEAD, MID, Predictions
from ..scoring.scorer import check_bounds
from ..settings import check_seed
from ..tuning.settings import read_settings
from .sections import describe_rows, find_confusions, get_tree, get_value


class Report(Dict[str, Any]):
    """What build_report finds: a dict of JSON values that presents itself."""

    def tables(self) -> List[TextTable]:
        rows = [
            (key, f"{found['value']:.3f}", f"[{found['low']:.3f}, {found['high']:.3f}]")
            for key, found in self["headline"].items()
            if found is not None
        ]
        return [TextTable("", ("metric", "value", "interval"), rows)]

    def remarks(self) -> List[Remark]:
        about = self["about"]
        trained = remark_trained(about["n_trained"], about["n_gold"])
        return [*self._remark_coverage(), *trained]

    def _remark_coverage(self) -> List[Remark]:
        right, given = (self["headline"].get(key) for key in ("precision", "coverage"))
        if given is None or given["value"] == 1.0:
            return []
        if right is None:
            return [Remark("text", "No document gets a label.")]
        text = (
            f"{given['value']:.1%} of the documents get a label, and "
            f"{right['value']:.1%} of those are right. Accuracy and F1 count the "
            "others as missed."
        )
        return [Remark("text", text)]

    def to_dict(self) -> Dict[str, Any]:
        return dict(self)


def build_report(
    nlp: Language,
    examples: Iterable[Example],
    *,
    pipe: Optional[str] = None,
    head: int = HEAD,
    mid: int = MID,
    resamples: int = 1000,
    seed: int = 0,
    progress: ProgressT = iter,
) -> Report:
    """Find out how well a pipeline does on a corpus, and where it fails.

    examples (Iterable[Example]): With gold labels.
    pipe (Optional[str]): Name of the component, if there are several.
    head, mid (int): Fewest training documents of a head and of a mid label.
    resamples (int): For the bootstrap intervals.
    progress (ProgressT): Wraps the examples, for example tqdm.
    RETURNS (Report): JSON values, for render_html. Besides what the kind of the
        component's labels adds:
        about: what was evaluated, by which metrics, and its settings.
        headline: value, low and high of each metric, None without labels.
        labels: for each label count, group, support, p, r, f.
        tree: nested nodes with the mean F1 of the labels below.
    RAISES (ValueError): L501 if head or mid is out of range, L510, L514 or L518 without
        anything to report.
    """
    check_bounds(head, mid)
    check_seed(seed)
    name = find_pipe(nlp, pipe)
    kind = nlp.get_pipe(name).kind  # type: ignore[attr-defined]
    evidence = collect(
        nlp, name, examples, bounds=(head, mid), keeps_raw=False, progress=progress
    )
    predictions = evidence.predictions
    own = find_part("report", kind)(evidence, find_confusions(predictions))
    more = own.pop("labels")
    labels = [{**row, **more[i]} for i, row in describe_rows(predictions).items()]
    metrics = find_metrics("report", predictions.allows_several)
    about = _get_about(nlp, name, evidence)
    if about["depth"] == 1:
        # There is no level above the labels.
        metrics.pop("coarse_accuracy", None)
    abstained = evidence.has_abstained[predictions.is_known]
    if not abstained.any():
        # It is the accuracy.
        metrics.pop("precision", None)
    if "accuracy" in metrics and abstained.any():
        note = "share of right labels; one that is held back isn't"
        metrics["accuracy"] = metrics["accuracy"]._replace(note=note)
    notes = {"head": head, "mid": mid, "below": head - 1}
    titles = {key: [m.title, m.note.format(**notes)] for key, m in metrics.items()}
    about.update(labels=kind.name, metrics=titles, **own.pop("about", {}))
    return Report(
        about=about,
        headline=_get_headline(predictions, metrics, resamples, seed),
        labels=labels,
        tree=get_tree(evidence.taxonomy, labels),
        **own,
    )


def _get_about(nlp: Language, name: str, evidence: Evidence) -> Dict[str, Any]:
    tree, predictions = evidence.taxonomy, evidence.predictions
    head, mid = predictions.bounds
    return {
        "kind": nlp.get_pipe_meta(name).factory,
        "pipeline": f"{nlp.meta['lang']}_{nlp.meta['name']}",
        "version": nlp.meta["version"],
        "component": name,
        "written_by": f"spacy-longtail {__version__}",
        "date": date.today().isoformat(),
        "n_docs": evidence.n_read,
        "n_gold": int(predictions.is_known.sum()),
        "n_trained": evidence.count_trained(),
        "n_labels": len(tree.leaves),
        "n_pooled": len(tree.pooled),
        "n_training": predictions.n_training,
        "depth": max(len(tree.path(leaf)) for leaf in tree.leaves),
        "head": head,
        "mid": mid,
        "separator": tree.separator,
        "settings": read_settings(nlp, name).to_dict(),
    }


def _get_headline(
    predictions: Predictions, metrics: Dict[str, Metric], resamples: int, seed: int
) -> Dict[str, Any]:
    if not predictions.is_counted.any():
        return {}
    found = estimate(predictions, metrics, resamples=resamples, seed=seed)
    sizes = {f"{group}_f": n for group, n in predictions.group_sizes.items()}
    headline: Dict[str, Any] = {}
    for key, interval in found.items():
        n = sizes.get(key)
        is_known = get_value(metrics[key].function, predictions) is not None
        headline[key] = {**interval._asdict(), "n_labels": n} if is_known else None
    return headline
