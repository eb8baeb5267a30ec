"""The table of a review: what is kept of the rows of a piece, and what is written."""

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
)

import numpy

from ..files import StateT, follow_links
from ..loading import check_output
from ..presentation import Remark, count_noun
from ..tables.whole import check_format, write_whole
from .columns import make_option_error
from .review import Confidence, ReviewQueue, ReviewRow
from .shards import is_result
from .target import Target, refuse_inside

# Before the names of columns of the table that the review has for itself.
TAKEN = "input_"
# What 'convert' reads of a row beside its text: none of the table's is that.
READ = {"label", "labels", "answer"}
# Rows that are written, unless something else is said.
MOST = 10_000


@dataclass(frozen=True)
class Review:
    """What a person is to see.

    path (Path): The table to write.
    precision (Optional[float]): How many of the labels that nobody sees have to be
        right, as expected by their probabilities. None leaves all of them alone: only
        rows without a label are seen.
    most (int): Rows that are written, at most.
    before (Optional[StateT]): What was there when the run began.
    RAISES (ValueError): L701 if a value can't be used, L716 for an unknown format.
    """

    path: Path
    precision: Optional[float] = None
    most: int = MOST
    before: Optional[StateT] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.precision is not None and not 0.0 < self.precision <= 1.0:
            expected = "above 0.0 and at most 1.0"
            raise make_option_error("review_precision", expected, self.precision)
        if isinstance(self.most, bool) or self.most < 1:
            raise make_option_error("review_rows", "at least 1", self.most)
        check_format(self.path)

    def check(
        self,
        target: Target,
        *,
        top: int,
        source: str,
        given: Iterable[str],
        inputs: Any,
        force: bool,
    ) -> "Review":
        """RETURNS (Review): The same, with what is there.

        target (Target): The result.
        top (int): How many candidates are written.
        source (str): The pipeline.
        given (Iterable[str]): Files, folders or patterns, as they were given.
        inputs (Iterable[Path]): The files that are read.
        RAISES (ValueError): L701 if nothing can be chosen from, or if it's the result.
            Else see check_output.
        """
        if top < 1:
            raise make_option_error("top", "at least 1 for a review", top)
        if target.path and follow_links(target.path) == follow_links(self.path):
            expected = "another file than the output"
            raise make_option_error("review", expected, str(self.path))
        refuse_inside(self.path, given)
        is_own = target.path is not None and is_result(target.parts, self.path)
        paths = {"source": source, "inputs": inputs}
        force = force or is_own
        before = check_output(self.path, force=force, is_file=True, **paths)
        return replace(self, before=before)

    @property
    def limit(self) -> float:
        """RETURNS (float): No label from this probability on is ever looked at."""
        return self.precision or 0.0


@dataclass(frozen=True)
class Reviewed:
    """What was written for a person.

    path (str): Where.
    precision (Optional[float]): What was wished, see Review.
    n_rows (int): Rows that nobody should believe unseen.
    n_written (int): Those that were written, without near copies.
    threshold (Optional[float]): Labels from this probability on are left alone, above
        1.0 if none is. None if all are.
    """

    path: str
    precision: Optional[float]
    n_rows: int
    n_written: int
    threshold: Optional[float] = None

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): Sentences."""
        n_left = self.n_rows - self.n_written
        text = (
            f"To review: {count_noun(self.n_written, 'row')} in {self.path}, the most "
        )
        text += "useful first"
        if n_left:
            text += f"; {n_left:,} more are near copies or beyond --review-rows"
        found = [Remark("info", f"{text}.")]
        if self.threshold is not None and self.precision is not None:
            share = f"{100 * self.precision:g}% of the labels should be right"
            where = f"from a probability of {self.threshold:.3f} on, {share}, if the "
            where += "probabilities are calibrated: see 'tune'."
            if self.threshold > 1.0:
                where = f"there is no probability from which on {share}."
            found.append(Remark("info", where[0].upper() + where[1:]))
        return found


def keep_rows(
    start: int,
    texts: Sequence[Optional[str]],
    answers: Any,
    others: Mapping[str, Any],
    limit: float,
) -> Any:
    """Keep of rows what the review could need.

    start (int): Rows before them.
    answers (pyarrow.RecordBatch): Ours, with plain names.
    others (Mapping[str, pyarrow.Array]): The table's, as strings.
    limit (float): See Review.
    RETURNS (pyarrow.RecordBatch): Some of the rows, with "row", "text", our columns and
        the table's, whose names are in the metadata.
    """
    import pyarrow

    is_good = _to_mask(answers.column("error").is_null())
    has_label = _to_mask(answers.column("label").is_valid())
    shares = answers.column("probability").to_numpy(zero_copy_only=False)
    rows = numpy.flatnonzero(is_good & ~(has_label & (shares >= limit)))
    own = [texts[row] for row in rows.tolist()]
    columns = [pyarrow.array(start + 1 + rows), pyarrow.array(own, pyarrow.string())]
    columns += [column.take(rows) for column in (*answers.columns, *others.values())]
    names = ["row", "text", *answers.schema.names, *others]
    return pyarrow.RecordBatch.from_arrays(columns, names=names)


def measure_confidence(answers: Any) -> List[List[float]]:
    """RETURNS (List[List[float]]): How probable the labels are, see Confidence."""
    has_label = _to_mask(answers.column("label").is_valid())
    shares = answers.column("probability").to_numpy(zero_copy_only=False)
    confidence = Confidence()
    confidence.add(shares[has_label])
    return confidence.to_list()


def read_rows(batch: Any, n_answers: int) -> Iterator[ReviewRow]:
    """YIELDS (ReviewRow): What keep_rows has kept.

    n_answers (int): How many columns are ours.
    """
    names = batch.schema.names
    columns = [column.to_pylist() for column in batch.columns]
    end = 2 + n_answers
    for number, text, *values in zip(*columns):
        answer = dict(zip(names[2:end], values))
        others = dict(zip(names[end:], values[n_answers:]))
        candidates = []
        for rank in range(1, n_answers):
            label = answer.get(f"candidate_{rank}")
            if label is None:
                break
            candidates.append((label, answer[f"candidate_{rank}_probability"]))
        yield ReviewRow(number, text, tuple(candidates), answer, others)


def write_review(
    review: Review,
    batches: Iterable[Any],
    confidence: Iterable[List[List[float]]],
    *,
    counts: Mapping[str, int],
    names: Sequence[str],
    note: Optional[Callable[[Path], None]] = None,
) -> Reviewed:
    """Choose and order the rows, and write them.

    batches (Iterable[pyarrow.RecordBatch]): Of keep_rows.
    confidence (Iterable[List[List[float]]]): Of measure_confidence.
    counts (Mapping[str, int]): Training texts of each label.
    names (Sequence[str]): Our columns, without a prefix.
    note (Optional[Callable[[Path], None]]): See write_whole.
    """
    threshold: Optional[float] = None
    if review.precision is not None:
        found = Confidence()
        for part in confidence:
            found.add_list(part)
        threshold = found.find_threshold(review.precision)
    limit = 0.0 if threshold is None else threshold
    rows = chain.from_iterable(read_rows(batch, len(names)) for batch in batches)
    queue = ReviewQueue(counts, review.most)
    queue.add(row for row in rows if _is_open(row, limit))
    ranked = queue.rank()
    table = _make_table(ranked, names)
    write_whole(review.path, table, before=review.before, note=note)
    return Reviewed(
        str(review.path), review.precision, queue.n_rows, len(ranked), threshold
    )


def _is_open(row: ReviewRow, limit: float) -> bool:
    return row.answer["label"] is None or row.answer["probability"] < limit


def _make_table(rows: Sequence[ReviewRow], names: Sequence[str]) -> Any:
    """RETURNS (pyarrow.RecordBatch): The text, an empty column for the label that a
    person gives, what there is to choose from, and what the table says of the row.
    """
    import pyarrow

    gold = "labels" if "labels" in names else "label"
    found: Dict[str, Any] = {"text": pyarrow.array([r.text for r in rows], "string")}
    found[gold] = pyarrow.nulls(len(rows), pyarrow.string())
    own = [name for name in names if name.startswith("candidate_")]
    for name in [*own, "probability", "known", "reason"]:
        kind = (
            "double" if name in ("known",) or name.endswith("probability") else "string"
        )
        found[name] = pyarrow.array([row.answer[name] for row in rows], kind)
    found["copies"] = pyarrow.array([row.copies for row in rows], "int64")
    found["row"] = pyarrow.array([row.number for row in rows], "int64")
    found["model_version"] = pyarrow.array(
        [row.answer["model_version"] for row in rows], "string"
    )
    for name in rows[0].others if rows else ():
        free = name
        while free in found or free in READ:
            free = TAKEN + free
        found[free] = pyarrow.array([row.others[name] for row in rows], "string")
    return pyarrow.RecordBatch.from_pydict(found)


def _to_mask(column: Any) -> numpy.ndarray:
    found: numpy.ndarray = column.to_numpy(zero_copy_only=False)
    return found
