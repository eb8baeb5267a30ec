"""Which of many texts a person should label next."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Union

import numpy
from tqdm import tqdm

from ..batch.classifier import BatchClassifier, load_classifier
from ..batch.columns import BatchOptions
from ..batch.inputs import TextInput
from ..batch.review import ReviewQueue, ReviewRow
from ..errors import Errors, JobErrors
from ..evaluation.pipes import find_added, run_before
from ..loading import read_whole
from ..presentation import Remark, TextTable, count_noun, make_table, shorten
from ..scoring.predictions import MID
from ..texts import hash_text
from .coverage import choose_spread

PathT = Union[str, Path]
ALL, TAIL = "all", "tail"
# Candidates that are looked at, and those that are written.
N_READ, N_WRITTEN = 10, 3
# Texts among which those that stand for others are chosen, for each that is wanted, and
# at most: that takes memory and time with the square.
SPARE, MOST = 25, 5000
# Rows of a table for a terminal.
N_SHOWN = 20
BLOCK = 256


@dataclass(frozen=True)
class Suggestions:
    """Texts to label, the most useful first.

    rows (List[Dict[str, Any]]): Of each its "number" in the pool, from 1, its "text",
        its "candidates" as pairs of a label and its probability, "known", "reason", and
        "copies": how many texts are nearly the same, itself included.
    labels (Dict[str, Dict[str, float]]): Of the labels that are looked for, and are
        likely among the texts, the training texts ("count") and how many of the
        suggested ones are expected to be theirs ("expected"), the most first.
    focus (str): What was looked for: "tail", "all" or a node.
    n_focus (int): Labels that are looked for.
    several (bool): Whether a text can have several labels.
    n_texts, n_failed, n_labelled (int): Texts of the pool, those that no pipeline can
        read, and those that are labelled already.
    n_trained (int): Suggested ones that the pipeline was trained on, as far as that is
        known.
    """

    rows: List[Dict[str, Any]]
    labels: Dict[str, Dict[str, float]]
    focus: str
    n_focus: int
    several: bool
    n_texts: int
    n_failed: int = 0
    n_labelled: int = 0
    n_trained: int = 0

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return asdict(self)

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): The first texts, and what labels they may get."""
        texts = [
            (f"{row['number']:,}", shorten_end(row["text"]), row["reason"])
            for row in self.rows[:N_SHOWN]
        ]
        labels = [
            (shorten(label), int(found["count"]), found["expected"])
            for label, found in [*self.labels.items()][:N_SHOWN]
        ]
        header = ("Label", "Training texts", "Expected")
        return [
            TextTable("Texts to label", ("Row", "Text", "Why"), texts, "rll"),
            make_table("Labels that they may get", header, labels),
        ]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What was found, and what to do next."""
        n, copies = len(self.rows), sum(row["copies"] - 1 for row in self.rows)
        looked = count_noun(self.n_focus, "label")
        found = f"{count_noun(n, 'text')} of {self.n_texts:,}, for {looked}."
        remarks = [Remark("info", found)]
        left_out = [(copies, "nearly the same"), (self.n_labelled, "labelled already")]
        for count, what in left_out:
            if count:
                sentence = f"{count_noun(count, 'text')} left out, {what}."
                remarks.append(Remark("info", sentence))
        if self.n_trained:
            sentence = f"{self.n_trained:,} of these texts were trained on. Leave out "
            sentence += "what is labelled: --labelled CORPUS."
            remarks.append(Remark("warn", sentence))
        if self.n_failed:
            failed = count_noun(self.n_failed, "text")
            remarks.append(Remark("warn", f"{failed} can't be read by the pipeline."))
        return remarks

    def to_arrow(self) -> Any:
        """RETURNS (pyarrow.RecordBatch): A table in which the labels are to be filled
        in, for `convert --add`.
        """
        import pyarrow

        empty = [None] * len(self.rows)
        target = "labels" if self.several else "label"
        columns = {
            "text": pyarrow.array([row["text"] for row in self.rows], pyarrow.string()),
            target: pyarrow.array(empty, pyarrow.string()),
        }
        for rank in range(N_WRITTEN):
            pairs = [
                row["candidates"][rank] if rank < len(row["candidates"]) else [None] * 2
                for row in self.rows
            ]
            name = f"candidate_{rank + 1}"
            labels = [label for label, _ in pairs]
            columns[name] = pyarrow.array(labels, pyarrow.string())
            shares = [None if share is None else round(share, 4) for _, share in pairs]
            columns[f"{name}_probability"] = pyarrow.array(shares, pyarrow.float64())
        known = [round(row["known"], 4) for row in self.rows]
        columns["known"] = pyarrow.array(known, pyarrow.float64())
        columns["reason"] = pyarrow.array([row["reason"] for row in self.rows])
        columns["reason"] = columns["reason"].cast(pyarrow.string())
        return pyarrow.RecordBatch.from_pydict(columns)


@dataclass
class _Pool:
    """What has been read of the texts."""

    queue: ReviewQueue
    # Texts that are labelled, and their hashes.
    known: List[str]
    hashes: Set[int]
    n_texts: int = 0
    n_failed: int = 0
    n_labelled: int = 0


def suggest(
    pipeline: PathT,
    pool: Union[PathT, Sequence[PathT]],
    n: int = 200,
    focus: str = TAIL,
    *,
    labelled: Optional[PathT] = None,
    text: Sequence[str] = (),
    pipe: Optional[str] = None,
    progress: bool = False,
    **dialect: Any,
) -> Suggestions:
    """Choose the texts to label next. It's always the next text that lets the labels
    gain the most, sum over l of 2 p_l (1 - p_l) / (1 + n_l + e_l): p_l is the
    probability of a label, n_l its training texts, e_l how many of the texts before it
    are expected to be its own.

    2 p (1 - p) is the expected length of the gradient of the logit: a text that surely
    is or isn't of a label teaches nothing about it. 1 / (1 + n) is how far one more
    text moves the mean of n. Of those that are worth the most by that, texts are
    taken that stand for the others, see choose_spread; of near-copies, and copies that
    differ in numbers only, one. Memory grows with n, not with the pool.

    Source: Settles, Craven and Ray (2007), "Multiple-Instance Active Learning", section
        4 (expected gradient length). https://papers.nips.cc/paper/3252

    pipeline (Union[str, Path]): Folder or package, or what is loaded already.
    pool (Union[str, Path, Sequence[Union[str, Path]]]): Unlabelled texts: tables,
        folders or patterns of them, or a .spacy corpus.
    n (int): How many, at least 1.
    focus (str): Which labels should gain: "tail", those with fewer than 10 training
        texts, "all", or a label or category.
    labelled (Optional[Union[str, Path]]): A corpus or table whose texts, and their
        copies, are left out.
    text (Sequence[str]): Columns of the text, joined by a line break. By default
        "text", or the one that looks like it.
    pipe (Optional[str]): Name of the component, if there are several.
    progress (bool): Whether to show a progress bar, on stderr.
    dialect (Any): What text files don't say themselves, see Dialect.
    RETURNS (Suggestions): At most n texts.
    RAISES (ValueError): L770 or L771 if no label is meant, L772 without any text, L665
        if n is below 1, and see load_pipeline, open_source and BatchClassifier.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(Errors.L665.format(name="n", least=1, value=n))
    paths = [pool] if isinstance(pool, (str, Path)) else list(pool)
    source = TextInput(paths, text, **dialect)
    classifier = load_classifier(pipeline, BatchOptions(pipe=pipe, top=N_READ))
    counts = count_texts(classifier)
    wanted = find_focus(counts, focus, classifier.pipe.taxonomy.separator)
    weights = {label: float(counts[label]) for label in wanted}
    # Others gain nothing.
    weights = {**dict.fromkeys(counts, float("inf")), **weights}
    queue = ReviewQueue(weights, max(min(SPARE * n, MOST), n), weigh=weigh)
    known: List[str] = []
    if labelled is not None:
        chunks = TextInput([labelled], text, **dialect).chunks()
        known = [own for chunk in chunks for own in chunk if own]
    found = _Pool(queue, known, set(map(hash_text, known)))
    with read_whole(*source.paths):
        _read(source, classifier, found, progress)
    if not found.n_texts:
        raise ValueError(JobErrors.L772.format(path=paths[0]))
    chosen = _spread(found.queue.rank(found.known), classifier, weights, n)
    rows = [_describe(row, counts, wanted) for row in chosen]
    docs = (classifier.nlp.make_doc(row.text) for row in chosen)
    return Suggestions(
        rows,
        _sum_labels(chosen, counts, wanted),
        focus,
        len(wanted),
        classifier.pipe.kind.allows_several,
        found.n_texts,
        found.n_failed,
        found.n_labelled,
        classifier.pipe.trained.count(docs) or 0,
    )


def weigh(share: float) -> float:
    """RETURNS (float): Expected length of the gradient of the logit of a label that has
    this probability: 1 - p if it's right, which is p probable, or else p.
    """
    return 2.0 * share * (1.0 - share)


def _spread(
    rows: List[ReviewRow],
    classifier: BatchClassifier,
    weights: Mapping[str, float],
    n: int,
) -> List[ReviewRow]:
    """RETURNS (List[ReviewRow]): The rows that stand for the others, if the encoder
    gives vectors.
    """
    nlp, pipe = classifier.nlp, classifier.pipe
    vectors = []
    for start in range(0, len(rows), BLOCK):
        docs = [nlp.make_doc(row.text) for row in rows[start : start + BLOCK]]
        raw = pipe.get_raw_scores(run_before(nlp, pipe.name, docs))
        vectors.append(getattr(raw, "vectors", None))
    if len(rows) <= n or any(found is None for found in vectors):
        return rows[:n]
    worth = [
        sum(weigh(p) / (1.0 + weights.get(label, 0.0)) for label, p in row.candidates)
        for row in rows
    ]
    X = numpy.concatenate(vectors)
    return [rows[i] for i in choose_spread(X, numpy.asarray(worth, X.dtype), n)]


def count_texts(classifier: BatchClassifier) -> Dict[str, int]:
    """RETURNS (Dict[str, int]): Training texts of each label, 0 of those that were
    added at run time.
    """
    tree = classifier.pipe.taxonomy
    counts = dict.fromkeys(find_added(classifier.nlp, classifier.pipe.name), 0)
    return {**counts, **dict(zip(tree.leaves, tree.counts))}


def find_focus(counts: Mapping[str, int], focus: str, separator: str) -> List[str]:
    """RETURNS (List[str]): The labels that should gain.

    RAISES (ValueError): L770 if there is no such label, L771 if none is rare.
    """
    if focus == ALL:
        return list(counts)
    if focus == TAIL:
        rare = [label for label, n in counts.items() if n < MID]
        if not rare:
            least = min(counts, key=lambda label: counts[label])
            text = JobErrors.L771.format(mid=MID, label=least, n=counts[least])
            raise ValueError(text)
        return rare
    below = focus + separator
    found = [label for label in counts if label == focus or label.startswith(below)]
    if not found:
        raise ValueError(JobErrors.L770.format(focus=focus))
    return found


def _read(
    source: TextInput, classifier: BatchClassifier, found: _Pool, progress: bool
) -> None:
    hidden = None if progress else True
    with tqdm(desc="Reading", unit=" texts", disable=hidden, leave=False) as bar:
        for texts in source.chunks():
            numbers, new = [], []
            for own in texts:
                found.n_texts += 1
                if own and hash_text(own) in found.hashes:
                    found.n_labelled += 1
                    continue
                numbers.append(found.n_texts)
                new.append(own)
            found.queue.add(_classify(classifier, numbers, new, found))
            bar.update(len(texts))


def _classify(
    classifier: BatchClassifier,
    numbers: List[int],
    texts: List[Optional[str]],
    found: _Pool,
) -> Iterator[ReviewRow]:
    answers = classifier.classify(texts)
    columns = {name: answers.column(name).to_pylist() for name in answers.schema.names}
    ranks = [f"candidate_{rank + 1}" for rank in range(N_READ)]
    labels = list(zip(*(columns[name] for name in ranks)))
    shares = list(zip(*(columns[f"{name}_probability"] for name in ranks)))
    for i, text in enumerate(texts):
        if columns["error"][i] is not None or text is None:
            found.n_failed += 1
            continue
        pairs = zip(labels[i], shares[i])
        candidates = tuple((a, p) for a, p in pairs if a is not None)
        yield ReviewRow(numbers[i], text, candidates, {"known": columns["known"][i]})


def _describe(
    row: ReviewRow, counts: Mapping[str, int], wanted: Sequence[str]
) -> Dict[str, Any]:
    gains = {
        label: share * (1.0 - share) / (1.0 + counts[label])
        for label, share in row.candidates
        if label in wanted
    }
    label = max(gains, key=lambda name: gains[name], default="")
    share = dict(row.candidates).get(label, 0.0)
    n = count_noun(counts.get(label, 0), "training text")
    reason = f"may be {label} ({share:.0%}), which has {n}" if label else "unlike all"
    return {
        "number": row.number,
        "text": row.text,
        "candidates": [list(pair) for pair in row.candidates[:N_WRITTEN]],
        "known": row.answer["known"],
        "reason": reason,
        "copies": row.copies,
    }


def _sum_labels(
    rows: Sequence[ReviewRow], counts: Mapping[str, int], wanted: Sequence[str]
) -> Dict[str, Dict[str, float]]:
    expected: Dict[str, float] = {}
    for row in rows:
        for label, share in row.candidates:
            expected[label] = expected.get(label, 0.0) + share
    order = sorted(wanted, key=lambda label: -expected.get(label, 0.0))
    return {
        label: {"count": counts[label], "expected": expected[label]}
        for label in order
        if label in expected
    }


def shorten_end(text: str, most: int = 60) -> str:
    """RETURNS (str): The start of a text, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
