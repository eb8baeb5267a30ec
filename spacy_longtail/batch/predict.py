"""A table in, the same table with labels out."""

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Sequence, Tuple, Union

from tqdm import tqdm

from .. import __version__
from ..errors import Errors, JobErrors
from ..files import follow_links, look_at, open_scratch, write_together
from ..loading import read_whole
from ..presentation import Remark, TextTable, count_noun, make_table
from ..tables import WRITERS
from ..tables.source import Source, open_source, save_stream
from ..tables.writer import Layout, Writer
from .columns import BatchOptions, make_option_error
from .pool import Pool, Serial
from .review_table import MOST, Review, Reviewed, write_review
from .shards import PIPELINE, Parts, digest_file, digest_folder, open_parts
from .stages import JobStages, choose_shard_size
from .target import (
    Outlet,
    Target,
    check_target,
    check_unchanged,
    choose_target,
)
from .work import MAX_MESSAGES, JobPlan, Worker, read_arrow

PathT = Union[str, Path]
COUNTS = ("rows", "labelled", "abstained", "failed")


@dataclass(frozen=True)
class Predicted:
    """What a run did.

    output (str): What was written.
    n_rows (int): Rows.
    n_labelled (int): Those with a label.
    n_abstained (int): Those without, because nothing was sure enough.
    n_failed (int): Those with an error.
    n_routed (Optional[int]): Those that the second stage had to see, None unless the
        phases were apart.
    n_before (int): Rows that an earlier run had done.
    failures (List[Tuple[int, str]]): The first rows with an error, from 1, and what it
        says.
    text (List[str]): Columns of the text.
    is_guessed (bool): Whether that wasn't said.
    as_text (List[str]): Columns that were written as text, because their values have
        different types or are lists or objects.
    notes (List[str]): What was remarkable while the tables were read.
    review (Optional[Reviewed]): What was written for a person.
    seconds (float): From the first row to the last.
    """

    output: str
    n_rows: int
    n_labelled: int
    n_abstained: int
    n_failed: int
    n_routed: Optional[int] = None
    n_before: int = 0
    failures: List[Tuple[int, str]] = field(default_factory=list)
    text: List[str] = field(default_factory=list)
    is_guessed: bool = False
    as_text: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    review: Optional[Reviewed] = None
    seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """RETURNS (float): Of the rows that this run has done."""
        return (self.n_rows - self.n_before) / max(self.seconds, 1e-9)

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return {**asdict(self), "rows_per_second": self.rows_per_second}

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): What was written."""
        routed = () if self.n_routed is None else (("Second stage", self.n_routed),)
        columns = [
            ("Written", self.output),
            ("Rows", self.n_rows),
            ("Labelled", self.n_labelled),
            ("Abstained", self.n_abstained),
            ("Failed", self.n_failed),
            *routed,
            ("Seconds", self.seconds),
            ("Rows/s", round(self.rows_per_second)),
        ]
        header, row = zip(*columns)
        return [make_table("", header, [row])]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What is worth a look, a sentence each."""
        remarks = [Remark("info", note) for note in self.notes]
        if self.is_guessed:
            (name,) = self.text
            sentence = f"The text is the column {name!r}. If not, name it with --text."
            remarks.append(Remark("info", sentence))
        if self.as_text:
            names = ", ".join(map(repr, self.as_text))
            sentence = f"Written as text, since no type fits all values: {names}."
            remarks.append(Remark("info", sentence))
        if self.n_before:
            done = count_noun(self.n_before, "row")
            remarks.append(Remark("info", f"An earlier run had done {done}."))
        if self.n_failed:
            failed = count_noun(self.n_failed, "row")
            rows: Dict[str, List[str]] = {}
            for row, text in self.failures:
                rows.setdefault(text, []).append(str(row))
            first = [f"Row {', '.join(own)}: {text}" for text, own in rows.items()]
            sentence = " ".join([f"{failed} failed, see 'error'.", *first])
            remarks.append(Remark("warn", sentence))
        return [*remarks, *(self.review.remarks() if self.review else ())]


def predict(
    pipeline: PathT,
    inputs: Union[PathT, BinaryIO, Sequence[PathT]],
    output: Union[PathT, BinaryIO],
    *,
    text: Sequence[str] = (),
    pipe: Optional[str] = None,
    top: int = 3,
    several: Optional[bool] = None,
    prefix: Optional[str] = None,
    two_phases: bool = False,
    format: Optional[str] = None,
    input_format: Optional[str] = None,
    shard_size: Optional[int] = None,
    n_process: int = 1,
    gpu_id: int = -1,
    review: Optional[PathT] = None,
    review_precision: Optional[float] = None,
    review_rows: int = MOST,
    force: bool = False,
    progress: bool = False,
    **dialect: Any,
) -> Predicted:
    """Label the rows of tables, and write them with all of their columns and ours.

    What is done is kept in a folder beside the output, "OUTPUT.parts", until all is.
    After an error, an interruption or a kill, the same call goes on with what is
    missing, and the result is what it would have been. It depends on neither the
    number of processes nor the size of a shard.

    pipeline (Union[str, Path]): Folder or package.
    inputs (Union[str, Path, BinaryIO, Sequence[Union[str, Path]]]): Files, folders of
        files, or patterns like "data/*.csv": tables with the same columns. Or a stream,
        which is read to its end first.
    output (Union[str, Path, BinaryIO]): A file, whose suffix tells the format, or a
        name without one: a folder of shards. Or a stream.
    text (Sequence[str]): Columns of the text, joined by a line break. By default
        "text", or the one that looks like it.
    pipe (Optional[str]): Name of the component, if there are several.
    top (int): How many candidates are written, from 0.
    several (Optional[bool]): Whether there is a column of all labels of a row, as a
        list. By default, there is if a document can have several.
    prefix (Optional[str]): Before the names of our columns. By default nothing, or
        "predicted_" if the table has one of these names.
    two_phases (bool): Let the first stage alone label all rows, and then both those
        that need the second, evenly spread. The result is the same, but for the
        roundings of a transformer.
    format (Optional[str]): Of shards, "parquet" by default, or of a stream.
    input_format (Optional[str]): Of a stream, by default what it looks like.
    shard_size (Optional[int]): Rows that are done, and written, at a time. At least 1.
        By default see choose_shard_size.
    n_process (int): How many processes load the pipeline, at least 1. With 1, it's
        this one.
    gpu_id (int): -1 for the CPU.
    review (Optional[Union[str, Path]]): A table to write for a person: the rows without
        a label, in an order that is worth the time, with an empty column for the label.
    review_precision (Optional[float]): Review also the rows with a label, as many as it
        takes until so many of the others are right, as expected by their probabilities.
    review_rows (int): Rows to review, at most. Near copies are there once.
    force (bool): Replace what is there, and what was begun with something else.
    progress (bool): Whether to show progress bars, on stderr.
    dialect (Any): What text files don't say themselves, see Dialect.
    RETURNS (Predicted): What was done. What is wrong with a row is in its column
        "error", and is no error of the run.
    RAISES (ValueError): L603, L604, L606 to L608, L610 to L616, L620, L621, L625, L627,
        L631 to L634, L639, L664, L665, L701 to L704 or L710 to L719, see there. Of a
        pipeline, L514, L518 or L601.
    """
    sizes = () if shard_size is None else (("shard_size", shard_size),)
    for name, value in (("n_process", n_process), *sizes):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(Errors.L665.format(name=name, least=1, value=value))
    if find_spec("pyarrow") is None:
        raise ValueError(JobErrors.L719.format(library="pyarrow"))
    with ExitStack() as stack:
        if not isinstance(inputs, (str, Path, Sequence)):
            folder = stack.enter_context(open_scratch())
            inputs = save_stream(inputs, folder, input_format)
        given = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
        words = [*map(str, given)]
        source = open_source(given, **dialect)
        target = choose_target(output, format, source.paths[0].suffix.lower())
        if target.path is not None:
            target = check_target(
                target, str(pipeline), words, source.paths, force=force
            )
        wanted = None
        if review is None and review_precision is not None:
            expected = "the table to write, if review_precision is given"
            raise make_option_error("review", expected, review)
        if review is not None:
            wanted = Review(Path(review), review_precision, review_rows).check(
                target,
                top=top,
                source=str(pipeline),
                given=words,
                inputs=source.paths,
                force=force,
            )
        names = tuple(text) or (source.guess_text(),)
        source.check_text(names)
        options = BatchOptions(names, pipe, top, several, prefix)
        make = partial(Worker, str(pipeline), gpu_id)
        workers = Serial(make) if n_process == 1 else Pool(make, n_process)
        stack.callback(workers.close)
        run = _Run(source, target, options, dialect, two_phases, shard_size, wanted)
        found = run.go(workers, output, force=force, progress=progress)
    return replace(found, text=list(names), is_guessed=not text and names != ("text",))


class _Run:
    """A run, from what is asked for to what is written."""

    def __init__(
        self,
        source: Source,
        target: Target,
        options: BatchOptions,
        dialect: Dict[str, Any],
        two_phases: bool,
        shard_size: Optional[int],
        review: Optional[Review],
    ) -> None:
        self.source, self.target, self.options = source, target, options
        self.dialect, self.two_phases = dialect, two_phases
        self.shard_size, self.review = shard_size, review
        self.seen = look_at(*source.paths)

    def go(
        self, workers: Serial, output: Any, *, force: bool, progress: bool
    ) -> Predicted:
        """Label, and write."""
        writer_class = WRITERS[self.target.suffix]
        types, as_text = self._find_types(writer_class.needs_types)
        schema, version, place = workers.tell("load", self.options, types)
        layout = Layout(tuple(self.source.columns), schema, types, tuple(as_text))
        writer = writer_class(layout)
        with ExitStack() as stack:
            digests = [digest_file(path) for path in self.source.paths]
            total = self._estimate_rows([n_lines for _, n_lines in digests])
            size = self.shard_size or choose_shard_size(total)
            manifest = self._make_manifest(version, layout, digests, size)
            manifest[PIPELINE] = digest_folder(place)
            folder = self._choose_folder(stack)
            parts = stack.enter_context(open_parts(folder, manifest, force=force))
            check_unchanged(self.target)
            is_whole = self.target.is_folder
            limit = None if self.review is None else self.review.limit
            plan = JobPlan(
                self.options, schema, version, parts.folder, writer, is_whole, limit
            )
            workers.tell("set_up", plan)
            stages = JobStages(workers, parts, self.source, plan, size)
            to_stream = self.target.path is None
            outlet = Outlet(output, writer, parts) if to_stream else None
            n_before = sum(entry["rows"] for entry in _get_entries(parts))
            start = time.monotonic()
            with read_whole(*self.source.paths, before=self.seen):
                self._do(stages, outlet, total, progress)
            found = self._summarize(parts, output, as_text)
            if self.two_phases:
                found = replace(found, n_routed=stages.n_routed)
            if self.review is not None:
                reviewed = self._write_review(self.review, workers, parts)
                found = replace(found, review=reviewed)
            self._finish(parts, writer, outlet, found)
        seconds = time.monotonic() - start
        return replace(found, n_before=n_before, seconds=seconds)

    def _find_types(self, is_needed: bool) -> Tuple[Any, List[str]]:
        """RETURNS (Tuple[pyarrow.Schema, List[str]]): See Source.infer_schema, or
        strings if nobody asks.
        """
        import pyarrow

        if is_needed or self.source.schema is not None:
            return self.source.infer_schema()
        names = self.source.columns
        return pyarrow.schema([(name, pyarrow.string()) for name in names]), []

    def _make_manifest(
        self,
        version: str,
        layout: Layout,
        digests: List[Tuple[str, int]],
        shard_size: int,
    ) -> Dict[str, Any]:
        inputs = []
        for path, (digest, _) in zip(self.source.paths, digests):
            found = path.stat()
            entry = {"path": str(path), "size": found.st_size, "mtime": found.st_mtime}
            inputs.append({**entry, "sha256": digest})
        return {
            "version": __version__,
            "model_version": version,
            "inputs": inputs,
            "dialect": self.dialect,
            "options": asdict(self.options),
            "format": self.target.suffix,
            "columns": layout.header,
            "shard_size": shard_size,
            "two_phases": self.two_phases,
            "review_below": None if self.review is None else self.review.limit,
        }

    def _choose_folder(self, stack: ExitStack) -> Path:
        if self.target.path is None:
            return stack.enter_context(open_scratch()) / "parts"
        return self.target.parts

    def _estimate_rows(self, n_lines: List[int]) -> int:
        """RETURNS (int): How many rows there are, more or less."""
        tables = self.source.tables
        found = [table.estimate_rows() for table in tables]
        return sum(n if own is None else own for own, n in zip(found, n_lines))

    def _do(
        self, stages: JobStages, outlet: Optional[Outlet], total: int, progress: bool
    ) -> None:
        steps: List[Tuple[str, Any, str, Optional[int]]]
        steps = [("Labelling", stages.run, "part", total)]
        if self.two_phases:
            steps = [
                ("First stage", stages.run_first, "first", total),
                ("Second stage", stages.run_second, "second", None),
                ("Writing", stages.merge, "part", total),
            ]
        for title, run, stage, n_rows in steps:
            n_rows = stages.n_routed if n_rows is None else n_rows
            done = sum(entry["rows"] for entry in _get_entries(stages.parts, stage))
            settings = {"initial": done, "unit": " rows", "leave": False}
            settings["disable"] = None if progress else True
            with tqdm(desc=title, total=n_rows, **settings) as bar:

                def update(n_done: int, bar: Any = bar) -> None:
                    bar.update(n_done)
                    if outlet is not None:
                        outlet.advance()

                run(update)

    def _summarize(self, parts: Parts, output: Any, as_text: List[str]) -> Predicted:
        entries = _get_entries(parts)
        counts: "Counter[str]" = Counter()
        for entry in entries:
            counts.update({name: entry[name] for name in COUNTS})
        failures = [(row, text) for entry in entries for row, text in entry["messages"]]
        return Predicted(
            output="-" if self.target.path is None else str(output),
            n_rows=counts["rows"],
            n_labelled=counts["labelled"],
            n_abstained=counts["abstained"],
            n_failed=counts["failed"],
            failures=failures[:MAX_MESSAGES],
            as_text=as_text,
            notes=self.source.describe_notes(),
        )

    def _write_review(self, review: Review, workers: Serial, parts: Parts) -> Reviewed:
        """Before the result has its name: a run that is killed in between goes on."""
        entries = _get_entries(parts)
        paths = (parts.folder / name for entry in entries for name in entry["beside"])
        names, counts = workers.tell("describe")
        return write_review(
            review,
            map(read_arrow, paths),
            (entry["confidence"] for entry in entries),
            counts=counts,
            names=names,
            note=partial(parts.note_result, target=review.path),
        )

    def _finish(
        self,
        parts: Parts,
        writer: Writer,
        outlet: Optional[Outlet],
        found: Predicted,
    ) -> None:
        path, before = self.target.path, self.target.before
        if outlet is not None:
            outlet.finish()
        elif path is not None and self.target.is_folder:
            names = ("n_rows", "n_labelled", "n_abstained", "n_failed", "n_routed")
            counts = {name: getattr(found, name) for name in names}
            parts.finish(path, stage="part", before=before or {}, **counts)
        elif path is not None:
            here = follow_links(path)
            with write_together(here.parent, shown=path, before=before) as new:
                with (new / here.name).open("wb") as file_:
                    writer.join(parts.find("part"), file_)
                parts.note_result(new / here.name, path)
            parts.drop()


def _get_entries(parts: Parts, stage: str = "part") -> List[Dict[str, Any]]:
    return [parts.done[path.name] for path in parts.find(stage)]
