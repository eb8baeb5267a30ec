import warnings
from io import StringIO
from pathlib import Path
from typing import IO, Any, Dict, List, Optional, Sequence

from spacy.language import Language
from spacy.training import Corpus, Example
from spacy.training.loop import train
from thinc.api import Config

from ..descriptions import make_label_descriptions
from ..errors import JobErrors
from ..evaluation.evidence import ProgressT, collect
from ..evaluation.pipes import find_fallback, find_pipe
from ..files import finish_interrupted
from ..loading import (
    SUFFIX,
    check_pipeline_output,
    find_corpus,
    load_pipeline,
    read_corpus,
    read_whole,
    save_pipeline,
)
from ..pipeline.warm_start import check_keep, forget_at_start, promote_from
from ..scoring.metrics import KS
from ..scoring.scorer import score_predictions
from ..settings import check_count, check_seed
from ..spelling import find_similar
from ..tuning.settings import update_performance
from .categories import Labels, describe_categories
from .compare import compare_pipelines
from .result import Update
from .settings import KEEP, make_config


def update_pipeline(
    pipeline: str,
    corpus: Path,
    output: Path,
    *,
    promote: Optional[int] = None,
    forget: Sequence[str] = (),
    descriptions: Optional[Path] = None,
    steps: Optional[int] = None,
    keep: float = KEEP,
    pipe: Optional[str] = None,
    resamples: int = 1000,
    seed: int = 0,
    force: bool = False,
    progress: ProgressT = iter,
    log: Optional[IO[str]] = None,
) -> Update:
    """Train a pipeline further on a corpus that has grown, and write a new one.

    It starts with a share of what the pipeline has learned, and takes a share of the
    steps of a training from scratch. Both pipelines are compared on the dev split.

    pipeline (str): Folder or package. It stays as it is.
    corpus (Path): Folder of train.spacy and dev.spacy, with all texts, old and new.
    output (Path): Folder to write.
    promote (Optional[int]): Texts from which on a category gets a column of its own
        that was pooled or added at run time. By default what the pipeline pools by.
        Categories that have one keep it.
    forget (Sequence[str]): Categories, or nodes above some, that aren't predicted any
        more, because they have other names now or were split. Those that have texts in
        the corpus stay.
    descriptions (Optional[Path]): Of categories, as for `initialize`. Those of before
        stay without new ones.
    steps (Optional[int]): Steps of training, from 1. By default a sixth of those from
        scratch.
    keep (float): The share of what was learned that it starts with, see warm_start.
    pipe (Optional[str]): Name of the component, if there are several.
    resamples (int): For the intervals, from 1.
    seed (int): Of the training and the intervals.
    force (bool): Replace what is there.
    progress (ProgressT): Wraps dev documents, for example tqdm.
    log (Optional[IO[str]]): Where spaCy shows how far it is, by default nowhere.
    RETURNS (Update): What became of the categories, and what is better and worse.
    RAISES (ValueError): L750 to L754, L601 to L604 about the paths, errors of
        warm_start and of the training.
    """
    inputs = [corpus, *([descriptions] if descriptions else [])]
    before = check_pipeline_output(output, force=force, source=pipeline, inputs=inputs)
    train_path, dev_path = (find_split(corpus, name) for name in ("train", "dev"))
    nlp = load_pipeline(pipeline)
    with read_whole(*find_corpus(train_path), *find_corpus(dev_path)):
        result = train_on(
            nlp,
            train_path,
            dev_path,
            promote=promote,
            forget=forget,
            descriptions=descriptions,
            steps=steps,
            keep=keep,
            pipe=pipe,
            resamples=resamples,
            seed=seed,
            progress=progress,
            log=log,
        )
    save_pipeline(nlp, output, before=before)
    return result


def train_on(
    nlp: Language,
    train_path: Path,
    dev_path: Path,
    *,
    promote: Optional[int] = None,
    forget: Sequence[str] = (),
    descriptions: Optional[Path] = None,
    steps: Optional[int] = None,
    keep: float = KEEP,
    pipe: Optional[str] = None,
    resamples: int = 1000,
    seed: int = 0,
    progress: ProgressT = iter,
    log: Optional[IO[str]] = None,
) -> Update:
    """Train a loaded pipeline further, see update_pipeline.

    nlp (Language): The pipeline, which is changed.
    train_path, dev_path (Path): .spacy files, or folders of them.
    """
    check_seed(seed)
    if promote is not None:
        check_count("promote", promote, 0)
    check_keep(keep)
    name = find_pipe(nlp, pipe)
    config = make_config(nlp, name, train_path, dev_path, steps=steps, seed=seed)
    given = make_label_descriptions(descriptions)
    before, had_thresholds = _look(nlp, name), _drop_thresholds(nlp, name)
    with warnings.catch_warnings():
        # Labels that it doesn't know yet are why it's updated.
        warnings.filterwarnings("ignore", r"\[LW50[12]\]")
        dev = progress(read_corpus(nlp, dev_path))
        old = collect(nlp, name, dev, keeps_raw=False).predictions
    examples = list(Corpus(train_path)(nlp))
    n_new = _count_new(nlp, name, examples)
    usual = {key: nlp.config[key] for key in ("training", "corpora")}
    n_steps = config["training"]["max_steps"]
    nlp.config = config
    forgotten = _find_forgotten(before, forget)
    _start(nlp, name, examples, given, promote, keep, forgotten)
    if not any(_look(nlp, name).taxonomy.counts):
        n_docs = len(examples)
        raise ValueError(JobErrors.L753.format(path=train_path, name=name, n=n_docs))
    with warnings.catch_warnings():
        # About the one document that the training scores.
        warnings.filterwarnings("ignore", r"\[LW50\d\]")
        train(nlp, stdout=StringIO(), stderr=log or StringIO())
    # The next update takes a share of the first training, not of this one.
    nlp.config = Config({**config, **usual})
    evidence = collect(nlp, name, progress(read_corpus(nlp, dev_path)), keeps_raw=False)
    update_performance(nlp, score_predictions(evidence.predictions, ks=KS))
    scores, labels = compare_pipelines(
        old, evidence.predictions, before.known, resamples=resamples, seed=seed
    )
    return Update(
        kind=nlp.get_pipe_meta(name).factory,
        min_count=evidence.pipe.settings.min_count,
        steps=n_steps,
        n_docs=len(examples),
        n_new=n_new,
        n_dev=evidence.predictions.n_docs,
        n_trained=evidence.count_trained(),
        categories=describe_categories(before, _look(nlp, name)),
        scores=scores,
        labels=labels,
        had_thresholds=had_thresholds,
    )


def find_split(corpus: Path, name: str) -> Path:
    """RETURNS (Path): The file or folder of a split.
    RAISES (ValueError): L750 if it isn't there.
    """
    path = corpus / (name + SUFFIX)
    finish_interrupted(path)
    if not path.exists() or not find_corpus(path):
        raise ValueError(JobErrors.L750.format(path=corpus, name=name))
    return path


def _look(nlp: Language, name: str) -> Labels:
    """RETURNS (Labels): What a component and its fallback know now."""
    pipe: Any = nlp.get_pipe(name)
    fallback: Any = find_fallback(nlp, name)
    added = nlp.get_pipe(fallback).added_labels if fallback else ()  # type: ignore[attr-defined]
    return Labels(pipe.taxonomy, tuple(added))


def _find_forgotten(before: Labels, nodes: Sequence[str]) -> List[str]:
    """RETURNS (List[str]): The labels at and below these nodes.
    RAISES (ValueError): L754 if there are none.
    """
    found: List[str] = []
    for node in nodes:
        below = node + before.taxonomy.separator
        own = [n for n in before.known if n == node or n.startswith(below)]
        if not own:
            similar = find_similar(node, before.known)
            raise ValueError(JobErrors.L754.format(node=node, similar=similar))
        found += own
    return found


def _count_new(nlp: Language, name: str, examples: List[Example]) -> Optional[int]:
    pipe: Any = nlp.get_pipe(name)
    known = pipe.trained.count(eg.reference for eg in examples)
    return None if known is None else len(examples) - known


def _drop_thresholds(nlp: Language, name: str) -> bool:
    """Drop the thresholds of a component and of its fallback, so that both pipelines
    are compared without: those that are fitted to the model before hold documents back.

    RETURNS (bool): Whether there were any.
    """
    pipe: Any = nlp.get_pipe(name)
    fallback: Any = find_fallback(nlp, name)
    had, pipe.thresholds = bool(pipe.thresholds), {}
    if fallback:
        settings: Any = nlp.get_pipe(fallback).settings  # type: ignore[attr-defined]
        had = had or bool(settings.thresholds or settings.abstain_threshold)
        settings.thresholds, settings.abstain_threshold = {}, 0.0
    return had


def _start(
    nlp: Language,
    name: str,
    examples: List[Example],
    descriptions: List[Dict[str, str]],
    promote: Optional[int],
    keep: float,
    forgotten: Sequence[str],
) -> None:
    pipe: Any = nlp.get_pipe(name)
    fallback: Any = find_fallback(nlp, name)
    forget_at_start(pipe, forgotten)
    if promote is not None:
        promote_from(pipe, promote)
    more = {"nlp": nlp, "descriptions": descriptions or None}
    pipe.warm_start(lambda: examples, keep=keep, **more)
    if fallback:
        second: Any = nlp.get_pipe(fallback)
        for label in {*second.added_labels} & {*forgotten} - pipe.taxonomy.index.keys():
            second.remove_label(label)
        second.warm_start(lambda: examples, **more)
