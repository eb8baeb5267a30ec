"""What a pipeline says of the texts of a period."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from tqdm import tqdm

from ..batch.classifier import BatchClassifier
from ..batch.columns import PREFIX, VERSION
from ..batch.inputs import N_ROWS, TextInput
from ..batch.work import get_texts
from ..errors import JobErrors
from ..loading import read_whole
from ..tables.cells import is_missing, to_list

# Texts of a period whose words are looked at, chosen at random.
MAX_TEXTS = 20_000
# Steps of `known` that are told apart.
N_BINS = 50
# By which a table is known that `predict` has written.
MARKS = ("label", "known", "stage")


class AnswerKind(NamedTuple):
    """What is counted of a text.

    labels (Tuple[str, ...]): None of them, one, or several.
    is_second (bool): Whether the second stage decided.
    step (int): Of `known`, below N_BINS.
    """

    labels: Tuple[str, ...]
    is_second: bool
    step: int


@dataclass
class Period:
    """The texts of some time.

    path (str): Where they are.
    counts (Dict[AnswerKind, int]): How many have each answer.
    n_failed (int): Texts that can't be labelled, which count nowhere else.
    known (float): Sum of `known`.
    sample (List[Tuple[str, str]]): Some texts, each with its label or "".
    is_predicted (bool): Whether the answers stood in the table.
    has_texts (bool): Whether there are texts beside the answers.
    versions (Set[str]): The pipelines that have labelled them, if that is known.
    """

    path: str
    counts: Dict[AnswerKind, int] = field(default_factory=dict)
    n_failed: int = 0
    known: float = 0.0
    sample: List[Tuple[str, str]] = field(default_factory=list)
    is_predicted: bool = False
    has_texts: bool = True
    versions: Set[str] = field(default_factory=set)

    @property
    def n_docs(self) -> int:
        """RETURNS (int): Texts with an answer."""
        return sum(self.counts.values())


class _Rows(NamedTuple):
    """Some rows, of each field one value a row."""

    texts: Sequence[Optional[str]]
    labels: Sequence[Sequence[str]]
    known: Sequence[float]
    stages: Sequence[Optional[str]]
    errors: Sequence[Optional[str]]
    versions: Sequence[Optional[str]]


def read_period(
    path: Path,
    classifier: BatchClassifier,
    fallback: Optional[str],
    *,
    text: Sequence[str] = (),
    seed: int = 0,
    progress: bool = False,
    **dialect: Any,
) -> Period:
    """Read the texts of a period, and label them unless `predict` has done so.

    path (Path): A corpus, a table, or a folder or pattern of tables.
    fallback (Optional[str]): Name of the second stage.
    text (Sequence[str]): Columns of the text. By default "text", or what looks like it.
    seed (int): Of the sample.
    dialect (Any): What text files don't say themselves, see Dialect.
    RAISES (ValueError): L773 without a text that has an answer, L774 if a cell isn't
        what `predict` writes. Else see TextInput.
    """
    source = TextInput([path], text, **dialect)
    found, rng, n_seen = Period(str(path)), random.Random(seed), 0
    prefix = _find_prefix(source)
    found.is_predicted = prefix is not None
    rows = _classify(source, classifier) if prefix is None else _read(source, prefix)
    hidden = None if progress else True
    with tqdm(desc=f"Reading {path}", unit=" docs", disable=hidden, leave=False) as bar:
        with read_whole(*source.paths):
            for part in rows:
                n_seen = _count(found, part, fallback, rng, n_seen)
                found.versions.update(filter(None, part.versions))
                bar.update(len(part.known))
    if not found.counts:
        raise ValueError(JobErrors.L773.format(path=path, n=found.n_failed))
    found.has_texts = bool(found.sample)
    return found


def _find_prefix(source: TextInput) -> Optional[str]:
    """RETURNS (Optional[str]): What the names of the answers' columns begin with, None
    without any.
    """
    columns = [] if source.source is None else source.source.columns
    for prefix in ("", PREFIX):
        if all(prefix + name in columns for name in MARKS):
            return prefix
    return None


def _classify(source: TextInput, classifier: BatchClassifier) -> Iterator[_Rows]:
    for texts in source.chunks():
        answers = classifier.classify(texts)
        columns = dict(zip(answers.schema.names, answers.columns))
        several = columns.get("labels")
        label = columns["label"].to_pylist()
        labels = (
            [() if own is None else (own,) for own in label]
            if several is None
            else [own or () for own in several.to_pylist()]
        )
        yield _Rows(
            texts,
            labels,
            columns["known"].to_pylist(),
            columns["stage"].to_pylist(),
            columns["error"].to_pylist(),
            [classifier.version],
        )


def _read(source: TextInput, prefix: str) -> Iterator[_Rows]:
    table: Any = source.source
    names: Sequence[str] = source.text
    if not names and "text" in table.columns:
        names = ("text",)
    if names:
        table.check_text(names)
    row = 0
    for chunk in table.chunks(N_ROWS):
        blank: List[Any] = [None] * len(chunk)
        columns: Dict[str, Any] = {
            name: chunk.column(prefix + name)
            for name in (*MARKS, "labels", "error", VERSION)
            if prefix + name in table.columns
        }
        errors = [None if is_missing(e) else e for e in columns.get("error", blank)]
        pairs = zip(columns["known"], errors)
        known = [_read_known(*pair, row + i, source) for i, pair in enumerate(pairs)]
        texts = get_texts(chunk, names)[0] if names else blank
        versions = [str(v) for v in columns.get(VERSION, ()) if not is_missing(v)]
        labels = _read_labels(columns)
        yield _Rows(texts, labels, known, columns["stage"], errors, versions)
        row += len(chunk)


def _read_labels(columns: Dict[str, Any]) -> List[Tuple[str, ...]]:
    if "labels" not in columns:
        return [() if is_missing(own) else (str(own),) for own in columns["label"]]
    return [
        () if is_missing(own) else tuple(map(str, to_list(own, "", ";")))
        for own in columns["labels"]
    ]


def _read_known(value: Any, error: Optional[str], row: int, source: TextInput) -> float:
    try:
        found = 0.0 if error is not None else float(value)
    except (TypeError, ValueError):
        found = -1.0
    if not 0.0 <= found <= 1.0:
        path = source.paths[0]
        raise ValueError(JobErrors.L774.format(path=path, row=row + 1, value=value))
    return found


def _count(
    found: Period,
    rows: _Rows,
    fallback: Optional[str],
    rng: random.Random,
    n_seen: int,
) -> int:
    """RETURNS (int): Texts with an answer so far.

    Source: Vitter (1985), "Random Sampling with a Reservoir", Algorithm R.
        https://doi.org/10.1145/3147.3165
    """
    fields = rows.texts, rows.labels, rows.known, rows.stages, rows.errors
    for text, labels, known, stage, error in zip(*fields):
        if error is not None:
            found.n_failed += 1
            continue
        step = min(int(known * N_BINS), N_BINS - 1)
        own = tuple(sorted(labels))
        key = AnswerKind(own, fallback is not None and stage == fallback, step)
        found.counts[key] = found.counts.get(key, 0) + 1
        found.known += known
        n_seen += 1
        if not text:
            continue
        pair = (text, labels[0] if labels else "")
        if len(found.sample) < MAX_TEXTS:
            found.sample.append(pair)
        elif (place := rng.randrange(n_seen)) < MAX_TEXTS:
            found.sample[place] = pair
    return n_seen
