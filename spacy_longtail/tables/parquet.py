from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Iterable, Iterator, List, Optional, Sequence

from ..errors import Errors
from .chunks import ArrowChunk, RowChunk
from .table import RowT, Table
from .writer import Layout, Writer

BATCH_SIZE = 4096
# A group of rows ends after so many slices or bytes, whatever pieces they come from.
SLICE = 1024
MAX_SLICES = 64
MAX_BYTES = 1 << 26


class ParquetTable(Table):
    """Parquet, with the extra "files"."""

    unit = "row"

    def read_columns(self) -> Optional[List[str]]:
        with self._open() as file_:
            return list(file_.schema_arrow.names)

    def rows(self, names: Sequence[str]) -> Iterator[RowT]:
        with self._open() as file_:
            number = 0
            batches = file_.iter_batches(batch_size=BATCH_SIZE, columns=list(names))
            for batch in batches:
                columns = [batch.column(name).to_pylist() for name in names]
                for values in zip(*columns):
                    number += 1
                    yield number, values

    def chunks(self, n_rows: int) -> Iterator[ArrowChunk]:
        with self._open() as file_:
            for batch in file_.iter_batches(batch_size=n_rows):
                # Its strings may be none: nobody else looks at their bytes.
                batch.validate(full=True)
                yield ArrowChunk(batch)

    def get_schema(self) -> Any:
        with self._open() as file_:
            return file_.schema_arrow

    def estimate_rows(self) -> Optional[int]:
        with self._open() as file_:
            return int(file_.metadata.num_rows)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            from pyarrow.parquet import ParquetFile
        except ImportError:
            message = Errors.L620.format(path=self.path, library="pyarrow")
            raise ValueError(message) from None
        try:
            with ParquetFile(self.path) as file_:
                yield file_
        except Exception as error:
            # A damaged file can fail anywhere in the library, and with anything.
            raise self.make_error(error) from None


class ParquetWriter(Writer):
    """Parquet, with the types and the metadata that the input has."""

    suffix = ".parquet"
    needs_types = True

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.input_schema = layout.input_schema
        fields = [*layout.input_schema, *layout.schema]  # type: ignore[misc]
        import pyarrow

        metadata = self.input_schema.metadata  # type: ignore[union-attr]
        self.schema = pyarrow.schema(fields, metadata=metadata)

    def write_piece(
        self,
        file_: BinaryIO,
        chunk: RowChunk,
        answers: Any,
        *,
        is_whole: bool = False,
    ) -> None:
        import pyarrow
        from pyarrow import parquet

        rows = chunk.to_arrow(self.input_schema, self.layout.as_text)
        columns = [*rows.columns, *answers.columns]
        table = pyarrow.Table.from_arrays(columns, schema=self.schema)
        parquet.write_table(table, file_)

    def join(self, pieces: Iterable[Path], file_: BinaryIO) -> None:
        import pyarrow
        from pyarrow import parquet

        with parquet.ParquetWriter(file_, self.schema) as writer:
            for batches in _group(_read_slices(pieces)):
                table = pyarrow.Table.from_batches(batches, schema=self.schema)
                table = table.unify_dictionaries().combine_chunks()
                writer.write_table(table, row_group_size=max(1, table.num_rows))


def _read_slices(pieces: Iterable[Path]) -> Iterator[List[Any]]:
    """YIELDS (List[pyarrow.RecordBatch]): Together SLICE rows, but for the last."""
    from pyarrow.parquet import ParquetFile

    found: List[Any] = []
    n_found = 0
    for path in pieces:
        with ParquetFile(path) as file_:
            for batch in file_.iter_batches(batch_size=SLICE):
                while n_found + batch.num_rows >= SLICE:
                    yield [*found, batch.slice(0, SLICE - n_found)]
                    batch = batch.slice(SLICE - n_found)
                    found, n_found = [], 0
                if batch.num_rows:
                    found.append(batch)
                    n_found += batch.num_rows
    if found:
        yield found


def _group(slices: Iterable[List[Any]]) -> Iterator[List[Any]]:
    """YIELDS (List[pyarrow.RecordBatch]): Those of a group of rows."""
    group: List[Any] = []
    n_slices = size = 0
    for batches in slices:
        group += batches
        n_slices += 1
        size += sum(batch.nbytes for batch in batches)
        if n_slices >= MAX_SLICES or size >= MAX_BYTES:
            yield group
            group, n_slices, size = [], 0, 0
    if group:
        yield group
