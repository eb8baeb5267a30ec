from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Type

import numpy
from spacy.language import Language
from spacy.training import Example

from ..errors import Errors
from ..evaluation.evidence import Evidence, ProgressT, collect
from ..evaluation.pipes import find_part, find_pipe
from ..loading import check_pipeline_output, load_pipeline, read_corpus, save_pipeline
from ..scoring.bootstrap import compare
from ..scoring.metrics import KS, find_metrics
from ..scoring.predictions import Predictions
from ..scoring.scorer import PREFIX, score_predictions
from ..settings import check_count, check_seed
from ..texts import hash_text
from .result import Tuning
from .settings import (
    Settings,
    read_settings,
    update_performance,
    write_note,
    write_settings,
)
from .wish import Wish

# From documents, by index, to what fits them.
FitT = Callable[[numpy.ndarray], Any]
# From what fits some documents, and others, to arrays whose rows are the others.
PredictT = Callable[[Any, numpy.ndarray], Tuple[numpy.ndarray, ...]]


@dataclass(frozen=True)
class Task:
    """What is tuned, on what and for what.

    evidence (Evidence): Of the component and the documents that say something.
    before (Settings): The present ones.
    folds (numpy.ndarray): The fold of each document, from 0, of shape (docs,).
    """

    nlp: Language
    name: str
    evidence: Evidence
    wish: Wish
    before: Settings
    folds: numpy.ndarray
    resamples: int
    seed: int
    even_if_worse: bool

    def cross_fit(
        self, fit: FitT, predict: PredictT
    ) -> Tuple[Any, List[numpy.ndarray]]:
        """Fit to all documents, and predict each fold with what fits the other ones.

        RETURNS (Tuple[Any, List[numpy.ndarray]]): What fits all, and what is predicted.
        """
        n_docs = len(self.folds)
        found: List[numpy.ndarray] = []
        for fold in range(int(self.folds.max()) + 1):
            rows = numpy.flatnonzero(self.folds == fold)
            parts = predict(fit(numpy.flatnonzero(self.folds != fold)), rows)
            # Any values, of the right shape, to be filled.
            found = found or [numpy.repeat(part[:1], n_docs, axis=0) for part in parts]
            for array, part in zip(found, parts):
                array[rows] = part
        return fit(numpy.arange(n_docs)), found

    def make_result(
        self,
        result_type: Type[Tuning],
        after: Settings,
        old: Predictions,
        new: Predictions,
        **values: Any,
    ) -> Tuning:
        """Compare what is predicted before and, cross-fitted, after.

        values (Any): The fields that a type of result has of its own.
        """
        sizes, n_docs = old.group_sizes, old.n_docs
        # Those that there is nothing to measure for.
        hidden = {f"{group}_f" for group, n_labels in sizes.items() if not n_labels}
        if old.calibrated is None:
            hidden.add("expected_macro_f")
        metrics = find_metrics("tune", old.allows_several)
        metrics = {key: metrics[key] for key in metrics if key not in hidden}
        settings = {"resamples": self.resamples, "seed": self.seed}
        result = result_type(
            kind=self.nlp.get_pipe_meta(self.name).factory,
            wish=self.wish,
            before=self.before,
            after=after,
            scores=compare(old, new, metrics, **settings),
            n_docs=n_docs,
            n_ignored=self.evidence.n_read - n_docs,
            n_trained=self.evidence.count_trained(),
            performance=self._score(new),
            is_applied=True,
            **values,
        )
        return replace(result, is_applied=self.even_if_worse or not result.is_worse)

    def _score(self, new: Predictions) -> Dict[str, Any]:
        """Measure what the scorer of the component does."""
        ks = getattr(self.evidence.pipe.scorer, "keywords", {}).get("ks", KS)
        scores = score_predictions(new, ks=ks)
        has_all = new.allows_several or len(new.given.rows) == new.n_docs
        if new.has_kept is None and not has_all:
            # Broad categories that were kept aren't known.
            scores[f"{PREFIX}coarse_accuracy"] = None
        return scores


def tune(
    nlp: Language,
    examples: Iterable[Example],
    wish: Optional[Wish] = None,
    *,
    pipe: Optional[str] = None,
    folds: int = 5,
    resamples: int = 1000,
    seed: int = 0,
    even_if_worse: bool = False,
    progress: ProgressT = iter,
) -> Tuning:
    """Fit the settings of a trained pipeline on a dev corpus, and apply them to it,
    unless they are worse than its own.

    The model runs once over the corpus; prior, temperature and thresholds are array
    maths on what it finds. What can be wished, and what is fitted, depends on the kind
    of the component's labels. The scores of training in `nlp.meta["performance"]` are
    replaced by those that were measured here, cross-fitted.

    nlp (Language): The pipeline. Its settings are changed, its model isn't.
    examples (Iterable[Example]): With gold labels, not those of the training.
    wish (Optional[Wish]): What to tune for, by default macro-F1.
    pipe (Optional[str]): Name of the component, if there are several.
    folds (int): Parts of the corpus for cross-fitting, from 2.
    resamples (int): For the bootstrap intervals, from 1.
    even_if_worse (bool): Apply what was fitted even if it is worse beyond noise, see
        Tuning.is_worse.
    progress (ProgressT): Wraps the examples, for example tqdm.
    RETURNS (Tuning): Settings and scores, before and after.
    RAISES (ValueError): L510, L514 or L518 without anything to tune, L515 for a wish
        that can't be fulfilled with several labels per document.
    """
    check_seed(seed)
    check_count("folds", folds, 2)
    name, wish = find_pipe(nlp, pipe), wish or Wish()
    component: Any = nlp.get_pipe(name)
    wish.check(name, allows_several=component.kind.allows_several)
    before = read_settings(nlp, name)
    evidence = collect(nlp, name, examples, progress=progress)
    rows = numpy.flatnonzero(evidence.predictions.is_counted)
    if not len(rows):
        raise ValueError(Errors.L510.format(n=evidence.n_read, name=name))
    evidence = evidence.select(rows)
    parts = make_folds([doc.text for doc in evidence.docs], folds, seed)
    task = Task(
        nlp, name, evidence, wish, before, parts, resamples, seed, even_if_worse
    )
    result: Tuning = find_part("tuning", component.kind)(task)
    if result.is_applied:
        write_settings(nlp, name, result.after)
        write_note(nlp, name, wish, evidence.docs, result.after)
        if result.after != before:
            update_performance(nlp, result.performance)
    return result


def tune_pipeline(
    pipeline: str,
    dev: Path,
    output: Path,
    wish: Optional[Wish] = None,
    *,
    force: bool = False,
    **settings: Any,
) -> Tuning:
    """Tune a pipeline on a corpus and write it to a new folder.

    pipeline (str): Folder or package. It stays as it is.
    dev (Path): A .spacy file, or a folder with some.
    output (Path): Folder to write.
    force (bool): Replace what is there.
    settings (Any): See tune.
    RAISES (ValueError): L601 to L604 about the paths, and errors of tune.
    """
    before = check_pipeline_output(output, force=force, source=pipeline, inputs=[dev])
    nlp = load_pipeline(pipeline)
    result = tune(nlp, read_corpus(nlp, dev), wish, **settings)
    save_pipeline(nlp, output, before=before)
    return result


def make_folds(texts: Sequence[str], folds: int, seed: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The fold of each text, at random, from 0 to folds - 1.
    The same text is never in two.
    """
    ids: Dict[int, int] = {}
    places = [ids.setdefault(hash_text(text), len(ids)) for text in texts]
    order = numpy.random.default_rng(seed).permutation(len(ids))
    return order[places] % min(folds, len(ids))
