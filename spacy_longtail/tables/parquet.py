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
