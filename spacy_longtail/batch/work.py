"""What is done with rows where the pipeline is: in this process or in others."""

import gc
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from thinc.api import require_gpu

from ..errors import Errors
from ..tables.cells import is_missing, to_text
from ..tables.chunks import ArrowChunk, RowChunk
from ..tables.writer import Writer
from .classifier import BatchClassifier, load_classifier
from .columns import ROUTED, BatchOptions, collect_texts, replace_rows
from .review_table import keep_rows, measure_confidence
from .shards import name_piece, write_piece

# Messages of a piece that are kept.
MAX_MESSAGES = 5
TEXT = "text"
REVIEW = "review"
ARROW = ".arrow"


@dataclass(frozen=True)
class JobPlan:
    """What a worker has to know besides its rows.

    options (BatchOptions): With the phase "both".
    schema (pyarrow.Schema): Of the answers, with their names in the result.
    version (str): Of the pipeline.
    folder (Path): Where the pieces are written.
    writer (Writer): Writes those of the result.
    is_whole (bool): Whether these are tables by themselves.
    review_below (Optional[float]): Rows without a label, or with a less probable one,
        are kept for a person. None keeps none.
    """

    options: BatchOptions
    schema: Any
    version: str
    folder: Path
    writer: Writer
    is_whole: bool
    review_below: Optional[float] = None

    def name(self, stage: str, number: int) -> str:
        """RETURNS (str): Name of a piece: of the result ("part"), or of the answers of
        the "first" or the "second" stage alone.
        """
        suffix = self.writer.suffix if stage == "part" else ARROW
        return name_piece(stage, number, suffix)


class Worker:
    """Labels chunks of rows, and writes each as a piece.

    pipeline (str): Folder or package.
    gpu_id (int): -1 for the CPU.
    RAISES (ValueError): See load_pipeline.
    """

    def __init__(self, pipeline: str, gpu_id: int = -1) -> None:
        self.pipeline = pipeline
        if gpu_id >= 0:
            require_gpu(gpu_id)

    def load(self, options: BatchOptions, schema: Any) -> Tuple[Any, str, Path]:
        """Load the pipeline, and find out what answers look like.

        schema (pyarrow.Schema): Of the table.
        RETURNS (Tuple[pyarrow.Schema, str, Path]): Of the answers with their names, and
            the version and the folder of the pipeline.
        RAISES (ValueError): See load_classifier and BatchClassifier.make_schema.
        """
        import pyarrow

        self.classifier = load_classifier(self.pipeline, options)
        fields = list(self.classifier.make_schema(schema))[len(schema) :]
        found = self.classifier
        return pyarrow.schema(fields), found.version, Path(str(found.nlp.path))

    def set_up(self, plan: JobPlan) -> None:
        """Get ready for pieces.

        RAISES (ValueError): L607 if the pipeline is another one by now.
        """
        self.plan = plan
        if self.classifier.version != plan.version:
            raise ValueError(Errors.L607.format(path=self.pipeline))
        self.first: Optional[BatchClassifier] = None
        # What is there now stays until the end. To look at all of it again and again,
        # for what isn't in use anymore, would take a tenth of the time.
        gc.freeze()

    def close(self) -> None:
        """Leave the process as it was."""
        gc.unfreeze()

    def classify(self, number: int, start: int, chunk: RowChunk) -> Dict[str, Any]:
        """Label rows and write them.

        number (int): Of the chunk.
        start (int): Rows before it.
        RETURNS (Dict[str, Any]): The entry of the journal.
        """
        return self._write(number, start, chunk, _label(self.classifier, chunk))

    def begin(self, number: int, start: int, chunk: RowChunk) -> Dict[str, Any]:
        """Write the answers of the first stage, and the texts for the second."""
        import pyarrow

        if self.first is None:
            options = replace(self.plan.options, phase="first")
            nlp = self.classifier.nlp
            self.first = BatchClassifier(nlp, options, self.plan.version)
        answers = _label(self.first, chunk)
        texts = get_texts(chunk, self.plan.options.text)[0]
        is_routed = answers.column(ROUTED)
        routed = pyarrow.array(
            [text if own else None for text, own in zip(texts, is_routed.to_pylist())],
            pyarrow.string(),
        )
        columns = [*answers.columns, routed]
        fields = [*answers.schema, pyarrow.field(TEXT, pyarrow.string())]
        batch = pyarrow.RecordBatch.from_arrays(columns, schema=pyarrow.schema(fields))
        n_routed = len(routed) - routed.null_count
        entry = {"rows": len(chunk), "routed": n_routed}
        return self._write_arrow(self.plan.name("first", number), batch, entry)

    def refine(self, number: int, texts: List[str]) -> Dict[str, Any]:
        """Write the answers of both stages to texts that need the second."""
        answers = self.classifier.classify(texts)
        entry = {"rows": len(texts)}
        return self._write_arrow(self.plan.name("second", number), answers, entry)

    def merge(
        self,
        number: int,
        start: int,
        chunk: RowChunk,
        pieces: Sequence[int],
        skip: int,
    ) -> Dict[str, Any]:
        """Write rows with the answers that are there.

        pieces (Sequence[int]): Those of the second stage that have some of its rows.
        skip (int): Rows of the first of these that are others'.
        """
        folder = self.plan.folder
        found = read_arrow(folder / self.plan.name("first", number))
        *old, is_routed, _ = found.columns
        later = [
            read_arrow(folder / self.plan.name("second", piece)) for piece in pieces
        ]
        answers = _replace(old, is_routed, [batch.columns for batch in later], skip)
        return self._write(number, start, chunk, answers)

    def _write(
        self, number: int, start: int, chunk: RowChunk, answers: Any
    ) -> Dict[str, Any]:
        import pyarrow

        plan, name = self.plan, self.plan.name("part", number)
        columns = dict(zip(self.classifier.results.names, answers.columns))
        entry = {"name": name, "rows": len(chunk), **_count(columns, start)}
        if plan.review_below is not None:
            entry.update(self._keep(number, start, chunk, columns))
        answers = pyarrow.RecordBatch.from_arrays(
            list(columns.values()), schema=plan.schema
        )
        out = BytesIO()
        plan.writer.write_piece(out, chunk, answers, is_whole=plan.is_whole)
        return {**entry, "crc32": write_piece(plan.folder / name, out.getvalue())}

    def _keep(
        self, number: int, start: int, chunk: RowChunk, columns: Dict[str, Any]
    ) -> Dict[str, Any]:
        """Write what the review could need.

        RETURNS (Dict[str, Any]): More for the journal.
        """
        import pyarrow

        plan, names = self.plan, self.plan.options.text
        answers = pyarrow.RecordBatch.from_pydict(columns)
        texts = get_texts(chunk, names)[0]
        pairs = zip(chunk.names, chunk.strings())
        others = {name: column for name, column in pairs if name not in names}
        batch = keep_rows(start, texts, answers, others, plan.review_below or 0.0)
        found = self._write_arrow(plan.name(REVIEW, number), batch, {})
        more = measure_confidence(answers) if plan.review_below else []
        return {"beside": {found["name"]: found["crc32"]}, "confidence": more}

    def describe(self) -> Tuple[List[str], Dict[str, int]]:
        """RETURNS (Tuple[List[str], Dict[str, int]]): Our columns, without a prefix,
        and the training texts of each label.
        """
        tree = self.classifier.taxonomy
        counts = dict(zip(tree.leaves, map(int, tree.counts)))
        return self.classifier.results.names, counts

    def _write_arrow(
        self, name: str, batch: Any, entry: Dict[str, Any]
    ) -> Dict[str, Any]:
        from pyarrow import ipc

        out = BytesIO()
        with ipc.new_file(out, batch.schema) as writer:
            writer.write_batch(batch)
        checksum = write_piece(self.plan.folder / name, out.getvalue())
        return {"name": name, **entry, "crc32": checksum}


def read_arrow(path: Path) -> Any:
    """RETURNS (pyarrow.RecordBatch): What a piece of answers has."""
    from pyarrow import ipc

    with ipc.open_file(path.read_bytes()) as reader:
        return reader.get_batch(0)


def get_texts(
    chunk: RowChunk, names: Sequence[str]
) -> Tuple[Sequence[Optional[str]], Dict[int, str]]:
    """Read the texts of rows.

    RETURNS (Tuple[Sequence[Optional[str]], Dict[int, str]]): None where there is none,
        and why a row has none though it has a value, by its index.
    """
    if isinstance(chunk, ArrowChunk):
        return collect_texts(chunk.batch, names), {}
    columns = [chunk.column(name) for name in names]
    if len(columns) == 1 and set(map(type, columns[0])) == {str}:
        if all(map(str.isascii, columns[0])):
            return columns[0], {}
    texts: List[Optional[str]] = []
    problems: Dict[int, str] = {}
    for row, values in enumerate(zip(*columns)):
        try:
            parts = [
                to_text(value, "this row", _ignore)
                for value in values
                if not is_missing(value)
            ]
            texts.append("\n".join(parts) or None)
        except ValueError as error:
            problems[row] = str(error)
            texts.append(None)
    return texts, problems


def _label(classifier: BatchClassifier, chunk: RowChunk) -> Any:
    """RETURNS (pyarrow.RecordBatch): The answers to rows."""
    texts, problems = get_texts(chunk, classifier.options.text)
    answers = classifier.classify(texts)
    if not problems:
        return answers
    import pyarrow

    place = answers.schema.get_field_index("error")
    errors = answers.column(place).to_pylist()
    for row, problem in problems.items():
        errors[row] = problem
    return answers.set_column(place, "error", pyarrow.array(errors, pyarrow.string()))


def _replace(
    old: List[Any], is_routed: Any, later: Iterable[Sequence[Any]], skip: int
) -> Any:
    """RETURNS (pyarrow.RecordBatch): Answers, those of the second stage where it was
    needed.
    """
    import pyarrow

    n_routed = is_routed.true_count
    if n_routed:
        joined = map(pyarrow.concat_arrays, zip(*later))
        new = [column.slice(skip, n_routed) for column in joined]
        old = replace_rows(old, new, is_routed)
    names = list(map(str, range(len(old))))
    return pyarrow.RecordBatch.from_arrays(old, names=names)


def _count(columns: Dict[str, Any], start: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What the journal says of answers."""
    errors, n_rows = columns["error"], len(columns["error"])
    n_failed = n_rows - errors.null_count
    n_labelled = n_rows - columns["label"].null_count
    messages = []
    if n_failed:
        rows = numpy.flatnonzero(errors.is_valid().to_numpy(zero_copy_only=False))
        first = rows[:MAX_MESSAGES].tolist()
        messages = [(start + row + 1, errors[row].as_py()) for row in first]
    return {
        "labelled": n_labelled,
        "abstained": n_rows - n_labelled - n_failed,
        "failed": n_failed,
        "messages": messages,
    }


def _ignore(note: str) -> None:
    """Nobody asks for what is remarkable about texts here."""
