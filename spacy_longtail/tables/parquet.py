from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Sequence

from ..errors import Errors
from .table import RowT, Table

BATCH_SIZE = 4096


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

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            import pyarrow
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise ValueError(Errors.L620.format(path=self.path)) from None
        try:
            with ParquetFile(self.path) as file_:
                yield file_
        except pyarrow.ArrowException as error:
            problem = str(error).splitlines()[0]
            message = Errors.L621.format(where=self.path, problem=problem)
            raise ValueError(message) from None
