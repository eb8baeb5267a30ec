"""Tables of texts, read row by row in bounded memory. A format is a module here and a
line in FORMATS.
"""

import codecs
from pathlib import Path
from typing import Dict, Optional, Type

from ..errors import Errors
from .delimited import DelimitedTable
from .jsonl import JsonlTable
from .parquet import ParquetTable
from .table import ENCODING, Table

__all__ = ["FORMATS", "Table", "is_table", "open_table"]

FORMATS: Dict[str, Type[Table]] = {
    ".csv": DelimitedTable,
    ".tsv": DelimitedTable,
    ".tab": DelimitedTable,
    ".jsonl": JsonlTable,
    ".ndjson": JsonlTable,
    ".parquet": ParquetTable,
}


def is_table(path: Path) -> bool:
    """RETURNS (bool): Whether the suffix is that of a format."""
    return path.suffix.lower() in FORMATS


def open_table(
    path: Path, *, encoding: str = ENCODING, delimiter: Optional[str] = None
) -> Table:
    """Open a file of rows.

    path (Path): The suffix tells the format, see FORMATS.
    encoding (str): Of text files. A byte order mark at the start is skipped.
    delimiter (Optional[str]): Between the cells of CSV. By default, a comma, and a
        tab for TSV.
    RAISES (ValueError): L610 if it isn't there, L611 if it's another format, L612,
        L620, L621 or L627 if it can't be read.
    """
    if not path.is_file():
        raise ValueError(Errors.L610.format(path=path))
    if not is_table(path):
        raise ValueError(Errors.L611.format(path=path, known=", ".join(FORMATS)))
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(Errors.L627.format(encoding=encoding)) from None
    encoding = ENCODING if name == "utf-8" else name
    return FORMATS[path.suffix.lower()](path, encoding=encoding, delimiter=delimiter)
