from datetime import date
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Union

from spacy.language import Language
from spacy.training import Example

from .. import __version__
from ..errors import JobErrors
from ..evaluation.evidence import Evidence, ProgressT, collect
from ..evaluation.pipes import (
    find_described,
    find_part,
    find_pipe,
    name_pipeline,
)
from ..loading import load_pipeline
from ..scoring.bootstrap import estimate
from ..scoring.metrics import Metric, find_metrics
from ..scoring.predictions import HEAD, MID, Predictions
from ..scoring.scorer import check_bounds
from ..settings import check_seed
from ..tuning.settings import read_settings
from .against import compare_with
from .baseline import fit_baseline
from .mending import find_mending
from .names import find_names
from .nearest import NearestTexts
from .other import OtherSystem, is_predicted, read_other, run_other
from .result import Report
from .sections import describe_rows, find_confusions, get_tree, get_value
from .unattended import find_unattended

OpenedT = Union[Language, Path, None]


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
    against: Union[Language, Path, str, None] = None,
    text: Sequence[str] = ("text",),
    baseline: Optional[Iterable[Example]] = None,
    n_nearest: int = 3,
) -> Report:
    """Find out how well a pipeline does on a corpus, and where it fails.

    examples (Iterable[Example]): With gold labels.
    pipe (Optional[str]): Name of the component, if there are several.
    head, mid (int): Fewest training documents of a head and of a mid label.
    resamples (int): For the bootstrap intervals.
    progress (ProgressT): Wraps the examples, for example tqdm.
    against (Union[Language, Path, str, None]): Another pipeline to compare with, or
        what one has predicted for the same texts: a table as `predict` writes it, or a
        folder of them.
    text (Sequence[str]): Columns of the text in such a table.
    baseline (Optional[Iterable[Example]]): Instead, what a LinearSVC is trained on, for
        a comparison with it.
    n_nearest (int): How many of the training texts that are kept with the pipeline to
        show, those that are most like a document that it gets wrong.
    RETURNS (Report): JSON values, for render_html. Besides what the kind of the
        component's labels adds:
        about: what was evaluated, by which metrics, and its settings; names, see
            find_names.
        headline: value, low and high of each metric, None without labels.
        against: see compare_with, None without another system.
        unattended: see find_unattended.
        mend: see find_mending.
        labels: for each label count, group, support, p, r, f, most support first.
        tree: nested nodes with the mean F1 of the labels below.
    RAISES (ValueError): L501 if head or mid is out of range, L510, L514 or L518 without
        anything to report, L760 with two systems to compare with; see also read_other
        and fit_baseline.
    """
    check_bounds(head, mid)
    if against is not None and baseline is not None:
        problem = "There can be one system to compare with, but got two."
        raise ValueError(JobErrors.L760.format(problem=problem))
    check_seed(seed)
    # What can't be loaded fails before all the work.
    before = _open_other(against)
    name = find_pipe(nlp, pipe)
    kind = nlp.get_pipe(name).kind  # type: ignore[attr-defined]
    evidence = collect(
        nlp, name, examples, bounds=(head, mid), keeps_raw=False, progress=progress
    )
    predictions = evidence.predictions
    other = _find_other(evidence, before, text, baseline, seed)
    confusions = find_confusions(predictions)
    nearest = NearestTexts()
    own = find_part("report", kind)(evidence, confusions, nearest)
    more = own.pop("labels")
    labels = [{**row, **more[i]} for i, row in describe_rows(predictions).items()]
    labels.sort(key=lambda row: (-row["support"], -row["count"], row["label"]))
    about = _get_about(nlp, name, evidence)
    metrics = _choose_metrics(evidence, about["depth"])
    about.update(labels=kind.name, metrics=_name_metrics(metrics, head, mid))
    about.update(own.pop("about", {}))
    described, names = find_described(nlp, name), about["names"]
    mend = find_mending(evidence, labels, confusions, described, nearest.ask, names)
    nearest.find(nlp, name, evidence, n_nearest)
    drawing = {"resamples": resamples, "seed": seed}
    return Report(
        about=about,
        headline=_get_headline(predictions, metrics, resamples, seed),
        against=other and compare_with(evidence, other, **drawing),
        unattended=find_unattended(predictions, **drawing),
        mend=mend,
        labels=labels,
        tree=get_tree(evidence.taxonomy, labels),
        **own,
    )


def _open_other(against: Union[Language, Path, str, None]) -> OpenedT:
    """RETURNS (OpenedT): A pipeline, or the path of predictions."""
    if against is None or isinstance(against, Language):
        return against
    path = Path(against)
    return path if is_predicted(path) else load_pipeline(str(against))


def _find_other(
    evidence: Evidence,
    before: OpenedT,
    text: Sequence[str],
    train: Optional[Iterable[Example]],
    seed: int,
) -> Optional[OtherSystem]:
    texts = [doc.text for doc in evidence.docs]
    several = evidence.predictions.allows_several
    if train is not None:
        return fit_baseline(train, texts, several, evidence.taxonomy, seed=seed)
    if before is None:
        return None
    if isinstance(before, Language):
        return run_other(before, texts, several)
    return read_other(before, texts, several, text)


def _choose_metrics(evidence: Evidence, depth: int) -> Dict[str, Metric]:
    metrics = find_metrics("report", evidence.predictions.allows_several)
    if depth == 1:
        # There is no level above the labels.
        metrics.pop("coarse_accuracy", None)
    abstained = evidence.has_abstained[evidence.predictions.is_known]
    if not abstained.any():
        # It is the accuracy.
        metrics.pop("precision", None)
    if "accuracy" in metrics and abstained.any():
        note = "share of right labels; one that is held back isn't"
        metrics["accuracy"] = metrics["accuracy"]._replace(note=note)
    return metrics


def _name_metrics(
    metrics: Dict[str, Metric], head: int, mid: int
) -> Dict[str, List[str]]:
    """RETURNS (Dict[str, List[str]]): The title of each, and what it is."""
    notes = {"head": head, "mid": mid, "below": head - 1}
    return {key: [m.title, m.note.format(**notes)] for key, m in metrics.items()}


def _get_about(nlp: Language, name: str, evidence: Evidence) -> Dict[str, Any]:
    tree, predictions = evidence.taxonomy, evidence.predictions
    title, version = name_pipeline(nlp)
    head, mid = predictions.bounds
    return {
        "kind": nlp.get_pipe_meta(name).factory,
        "pipeline": title,
        "version": version,
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
        "names": find_names(nlp.get_pipe(name), tree.leaves, tree.separator),
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
