import hashlib
import io
import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, Mapping, Optional, Sequence, Tuple

import numpy

from ..errors import Errors
from ..files import StateT, finish_interrupted, write_folder
from ..saved import check_finite_array
from .word_pieces import WordPieces, index_words

FORMAT = 1
META = "meta.json"
WORDS, ROWS, SCALES = "words.txt", "rows.npy", "scales.npy"


@dataclass(frozen=True)
class TableData:
    """What a static table consists of.

    words (Tuple[str, ...]): The word or "##piece" of each row.
    rows (ndarray): Array of shape (words, width), int8 or float32.
    scales (ndarray): float32 array of shape (words,), multiplied with the rows.
    lookup (WordPieces): Finds the rows of a word.
    """

    words: Tuple[str, ...]
    rows: numpy.ndarray
    scales: numpy.ndarray
    lookup: WordPieces

    @classmethod
    def from_arrays(
        cls, name: str, words: Sequence[str], rows: numpy.ndarray, scales: numpy.ndarray
    ) -> "TableData":
        """RAISES (ValueError): L254, with the name of the table, if there isn't one
        distinct word and one scale for each row.
        """
        n, distinct, shape = len(words), len(set(words)), rows.shape
        fits = len(shape) == 2 and scales.shape == shape[:1]
        if not fits or not shape[0] == n == distinct:
            text = Errors.L254.format(
                name=name, words=n, distinct=distinct, rows=shape, scales=scales.shape
            )
            raise ValueError(text)
        return cls(tuple(words), rows, scales, index_words(words))


def read_meta(path: Path) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The content of meta.json in the folder of a table.

    RAISES (ValueError): L251 if it is missing, L253 if it isn't JSON, lacks an
        entry that is needed, or is of a newer format, L220 if the rows have another
        width.
    """
    text = _read(path / META)
    needed = {"format": int, "name": str, "width": int, "files": dict}
    try:
        meta = json.loads(text)
        wrong = [key for key, kind in needed.items() if type(meta[key]) is not kind]
        problem = f"no value of the right type for {', '.join(wrong)}" if wrong else ""
        if not wrong and not all(type(v) is str for v in meta["files"].values()):
            problem = "the checksums of its files aren't strings"
        if not wrong and meta["format"] > FORMAT:
            problem = f"format {meta['format']}, this version reads up to {FORMAT}"
    except (ValueError, TypeError, KeyError, RecursionError) as err:
        problem = repr(err)
    if problem:
        raise ValueError(Errors.L253.format(path=path / META, problem=problem))
    # It is believed before the rows are read.
    if (path / ROWS).is_file():
        with _explain(path / ROWS), (path / ROWS).open("rb") as file:
            shape = _read_header(file, (path / ROWS).stat().st_size)[0]
            if len(shape) != 2 or shape[1] != meta["width"]:
                raise ValueError(f"{META} has the width {meta['width']}, not {shape}")
    return meta


def read_data(path: Path, meta: Mapping[str, Any]) -> TableData:
    """RETURNS (TableData): What stands beside a meta.json; its arrays are read-only.

    RAISES (ValueError): L251 if a file is missing, L252 or L220 if one is damaged,
        L254 if they don't fit together.
    """
    files = {}
    for name in (WORDS, ROWS, SCALES):
        files[name] = _read(path / name)
        found = hashlib.sha256(files[name]).hexdigest()
        expected = meta["files"].get(name)
        if found != expected:
            place = path / name
            text = Errors.L252.format(path=place, expected=expected, found=found)
            raise ValueError(text)
    with _explain(path / WORDS):
        words = files[WORDS].decode("utf8").split("\n")[:-1]
    with _explain(path / ROWS):
        rows = _to_array(files[ROWS], ("int8", "float32"))
    with _explain(path / SCALES):
        scales = _to_array(files[SCALES], ("float32",))
    return TableData.from_arrays(meta["name"], words, rows, scales)


def write_table(
    path: Path,
    data: TableData,
    meta: Mapping[str, Any],
    *,
    before: Optional[StateT] = None,
) -> None:
    """Write a table to a folder. The same table always gives the same bytes.

    meta (Mapping[str, Any]): JSON values, among them the name. The format, the
        width and the checksums of the files are filled in.
    before (Optional[StateT]): See write_folder.
    """
    files = {
        WORDS: "".join(f"{word}\n" for word in data.words).encode("utf8"),
        ROWS: _to_bytes(data.rows),
        SCALES: _to_bytes(data.scales),
    }
    checksums = {name: hashlib.sha256(b).hexdigest() for name, b in files.items()}
    width = int(data.rows.shape[1])
    full = {**meta, "format": FORMAT, "width": width, "files": checksums}
    text = json.dumps(full, indent=2, sort_keys=True, ensure_ascii=False)
    with write_folder(path, before=before) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        (folder / META).write_bytes(f"{text}\n".encode("utf8"))


def _read(path: Path) -> bytes:
    if not path.is_file():
        finish_interrupted(path.parent)
    if not path.is_file():
        raise ValueError(Errors.L251.format(path=path))
    return path.read_bytes()


def _to_array(content: bytes, dtypes: Sequence[str]) -> numpy.ndarray:
    shape, dtype, start = _read_header(io.BytesIO(content), len(content))
    if dtype.name not in dtypes:
        raise ValueError(f"its numbers are {dtype}, not {' or '.join(dtypes)}")
    array = numpy.frombuffer(content, dtype=dtype, offset=start).reshape(shape)
    return check_finite_array(array, "it")


def _read_header(file: BinaryIO, size: int) -> Tuple[Tuple[int, ...], Any, int]:
    """RETURNS (Tuple[Tuple[int, ...], Any, int]): The shape and type of the numbers in
    a file of some size, and where they start.
    RAISES (ValueError): If there are more or fewer numbers in it.
    """
    if numpy.lib.format.read_magic(file) != (1, 0):
        raise ValueError("it is of another version")
    shape, is_fortran, dtype = numpy.lib.format.read_array_header_1_0(file)
    start = file.tell()
    if is_fortran or start + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"it hasn't the numbers of {shape}")
    return shape, dtype, start


@contextmanager
def _explain(path: Path) -> Iterator[None]:
    """RAISES (ValueError): L220 for whatever goes wrong while a file is read."""
    try:
        yield
    except Exception as error:
        problem = getattr(error, "problem", str(error))
        raise ValueError(Errors.L220.format(path=path, problem=problem)) from error


def _to_bytes(array: numpy.ndarray) -> bytes:
    buffer = io.BytesIO()
    numpy.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
