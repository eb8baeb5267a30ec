"""Tables, read and written row by row in bounded memory. A format is a module here and
a line in FORMATS and in WRITERS.
"""

from pathlib import Path
from typing import Any, Dict, Type

from ..errors import Errors
from .delimited import DelimitedTable, DelimitedWriter, TabWriter
from .excel import ExcelTable, ExcelWriter
from .json_array import JsonArrayTable, JsonArrayWriter
from .jsonl import JsonlTable, JsonlWriter
from .parquet import ParquetTable, ParquetWriter
from .table import Dialect, Table
from .writer import Writer

__all__ = ["FORMATS", "WRITERS", "Dialect", "Table", "is_table", "open_table"]

FORMATS: Dict[str, Type[Table]] = {
    ".csv": DelimitedTable,
    ".tsv": DelimitedTable,
    ".tab": DelimitedTable,
    ".jsonl": JsonlTable,
    ".ndjson": JsonlTable,
    ".json": JsonArrayTable,
    ".parquet": ParquetTable,
    ".xlsx": ExcelTable,
    ".xlsm": ExcelTable,
}
WRITERS: Dict[str, Type[Writer]] = {
    ".csv": DelimitedWriter,
    ".tsv": TabWriter,
    ".tab": TabWriter,
    ".jsonl": JsonlWriter,
    ".ndjson": JsonlWriter,
    ".json": JsonArrayWriter,
    ".parquet": ParquetWriter,
    ".xlsx": ExcelWriter,
}
# What to do with the most usual others.
UNPACK = "Unpack it first."
EXPORT = "Save it as .xlsx or .csv where it was made."
ADVICE = {
    **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), EXPORT),
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar"), UNPACK),
    **dict.fromkeys((".feather", ".arrow", ".orc", ".avro"), "Write it as .parquet."),
    **dict.fromkeys((".pkl", ".pickle", ".h5", ".db"), "Write it as .parquet or .csv."),
    ".xml": "Write an object for each record as .jsonl.",
    ".txt": "If it has columns, name it .tsv or .csv.",
    ".spacy": "It's a corpus already.",
}


def is_table(path: Path) -> bool:
    """RETURNS (bool): Whether the suffix is that of a format."""
    return path.suffix.lower() in FORMATS


def open_table(path: Path, **dialect: Any) -> Table:
    """Open a file of rows.

    path (Path): The suffix tells the format, see FORMATS.
    dialect (Any): The fields of a Dialect.
    RAISES (ValueError): L610 if it isn't there, L611 if it's another format, L612,
        L616, L620, L621, L627, L631, L633, L634 or L664 if it can't be read.
    """
    read_as = Dialect(**dialect)
    if not path.is_file():
        raise ValueError(Errors.L610.format(path=path))
    suffix = path.suffix.lower()
    if not is_table(path):
        advice = ADVICE.get(suffix, "Write it as one of these.")
        known = ", ".join(FORMATS)
        message = Errors.L611.format(path=path, known=known, advice=advice)
        raise ValueError(message)
    try:
        return FORMATS[suffix](path, read_as)
    except OSError as error:
        problem = error.strerror or str(error)
        message = Errors.L631.format(path=path, problem=problem)
        raise ValueError(message) from None
