"""The pieces that a result is made of, in one go or in two phases."""

from itertools import accumulate
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

from ..errors import JobErrors
from ..tables.chunks import RowChunk
from ..tables.source import Source
from .columns import ROUTED
from .pool import Serial, TaskT
from .shards import Parts
from .work import TEXT, JobPlan, read_arrow

# Rows of a chunk: at most, at least, and so many chunks unless there are few rows.
SHARD_SIZE, MIN_SIZE, MIN_CHUNKS = 10_000, 250, 16
# Texts of a piece of the second stage: at most, and so many pieces at least.
MAX_TEXTS, MIN_PIECES = 1024, 16
# Shows that so many rows are done.
UpdateT = Callable[[int], Any]


def choose_shard_size(n_rows: int) -> int:
    """Find a size with which several processes have work in a small table, too.

    n_rows (int): Rows, more or less.
    RETURNS (int): 10,000, or the 16th part of a table below 160,000 rows. At least 250.
    """
    return min(SHARD_SIZE, max(MIN_SIZE, -(-n_rows // MIN_CHUNKS)))


class JobStages:
    """Makes the pieces that aren't there.

    workers (Serial): They are set up.
    parts (Parts): What is done.
    source (Source): The rows.
    plan (JobPlan): What the workers know.
    shard_size (int): Rows of a chunk.
    """

    def __init__(
        self,
        workers: Serial,
        parts: Parts,
        source: Source,
        plan: JobPlan,
        shard_size: int,
    ) -> None:
        self.workers, self.parts, self.source = workers, parts, source
        self.plan, self.shard_size = plan, shard_size

    def run(self, update: UpdateT) -> None:
        """Label all rows.

        RAISES (ValueError): L717 if there are too many for the format. Else see Worker.
        """
        self._do(self._list_chunks("part", "classify"), update)

    def run_first(self, update: UpdateT) -> None:
        """Let the first stage alone label all rows."""
        self._do(self._list_chunks("first", "begin"), update)

    def run_second(self, update: UpdateT) -> None:
        """Label the texts that need the second stage, in pieces of the same size."""
        self._do(self._list_texts(), update)

    def merge(self, update: UpdateT) -> None:
        """Put rows and the answers of both phases together."""
        self._do(self._list_merges(), update)

    @property
    def n_routed(self) -> int:
        return sum(entry["routed"] for entry in self._get_entries("first"))

    def _do(self, tasks: Iterable[TaskT], update: UpdateT) -> None:
        for entry in self.workers.run(tasks):
            self.parts.note(entry)
            update(entry["rows"])

    def _get_entries(self, stage: str) -> List[Dict[str, Any]]:
        return [self.parts.done[path.name] for path in self.parts.find(stage)]

    def _read(self) -> Iterator[Tuple[int, int, RowChunk]]:
        """YIELDS (Tuple[int, int, RowChunk]): Number, rows before it, and the chunk."""
        start, most = 0, self.plan.writer.max_rows
        for number, chunk in enumerate(self.source.chunks(self.shard_size)):
            if most is not None and start + len(chunk) > most:
                what = f"more than {most:,} rows below the header"
                raise ValueError(JobErrors.L717.format(what=what))
            yield number, start, chunk
            start += len(chunk)

    def _list_chunks(self, stage: str, method: str) -> Iterator[TaskT]:
        for number, start, chunk in self._read():
            if self.plan.name(stage, number) not in self.parts.done:
                yield method, (number, start, chunk)

    def _get_size(self) -> int:
        """RETURNS (int): Texts of a piece of the second stage."""
        return max(1, min(MAX_TEXTS, -(-self.n_routed // MIN_PIECES)))

    def _list_texts(self) -> Iterator[TaskT]:
        size, number = self._get_size(), 0
        waiting: List[str] = []
        for path in self.parts.find("first"):
            batch = read_arrow(path)
            waiting += batch.column(TEXT).filter(batch.column(ROUTED)).to_pylist()
            while len(waiting) >= size:
                yield from self._ask(number, waiting[:size])
                waiting, number = waiting[size:], number + 1
        if waiting:
            yield from self._ask(number, waiting)

    def _ask(self, number: int, texts: List[str]) -> Iterator[TaskT]:
        if self.plan.name("second", number) not in self.parts.done:
            yield "refine", (number, texts)

    def _list_merges(self) -> Iterator[TaskT]:
        size = self._get_size()
        counts = [entry["routed"] for entry in self._get_entries("first")]
        ends = list(accumulate(counts))
        for number, start, chunk in self._read():
            if self.plan.name("part", number) not in self.parts.done:
                first, last = ends[number] - counts[number], ends[number]
                pieces = range(first // size, -(-last // size)) if last > first else ()
                yield "merge", (number, start, chunk, list(pieces), first % size)
