"""Read the texts and labels of a corpus in chunks of arrays, without making Docs."""

import re
import zlib
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Tuple

import numpy
import srsly
from spacy.attrs import ORTH
from spacy.strings import get_string_id  # type: ignore[attr-defined]  # Cython

from ..convert.plan import hash_text
from ..errors import Errors
from ..tables import is_table, open_table
from ..tables.columns import Columns, RecordReader

SUFFIX = ".spacy"
# Texts read at a time from a table.
CHUNK = 20_000
WORDS = re.compile(r"\w+|[^\w\s]")
# The key of a token that is only white space, and is left out.
SPACE = 0
KEYS = ("attrs", "tokens", "spaces", "lengths", "cats", "strings")


class Chunk(NamedTuple):
    """Some texts.

    keys (numpy.ndarray): uint64 hash of each token, in the order of the texts. Tokens
        that differ in case only have the same; white space is left out.
    lengths (numpy.ndarray): Tokens of each text.
    labels (List[Tuple[str, ...]]): Labels of each text, sorted.
    """

    keys: numpy.ndarray
    lengths: numpy.ndarray
    labels: List[Tuple[str, ...]]


def find_files(path: Path) -> List[Path]:
    """RETURNS (List[Path]): The .spacy files of a folder like spaCy finds them, or a
    file itself.

    RAISES (ValueError): L640 if there are none.
    """
    if path.is_file() and (path.suffix.lower() == SUFFIX or is_table(path)):
        return [path]
    files = []
    if path.is_dir():
        for found in sorted(path.rglob(f"*{SUFFIX}")):
            parts = found.relative_to(path).parts
            if found.is_file() and not any(part.startswith(".") for part in parts):
                files.append(found)
    if not files:
        raise ValueError(Errors.L640.format(path=path))
    return files


def read_chunks(path: Path, columns: Columns) -> Iterator[Chunk]:
    """Read a file of a corpus.

    path (Path): A .spacy file, or a table.
    columns (Columns): Where a table has its texts and labels.
    RAISES (ValueError): L641 if a .spacy file can't be read, and those of a table.
    """
    if path.suffix.lower() == SUFFIX:
        yield read_docbin(path)
    else:
        yield from read_table(path, columns)


def read_docbin(path: Path) -> Chunk:
    """Read the arrays of a DocBin, and only what is needed of them."""
    data = _load_docbin(path)
    orths = _get_orths(data)
    lengths = numpy.frombuffer(data["lengths"], dtype="int32").astype("int64")
    keys = _translate(orths, data["strings"])
    is_word = keys != SPACE
    doc_of_token = numpy.repeat(numpy.arange(len(lengths)), lengths)
    lengths = numpy.bincount(doc_of_token[is_word], minlength=len(lengths))
    labels = [_get_positive(cats) for cats in data["cats"]]
    return Chunk(keys[is_word], lengths, labels)


def read_table(path: Path, columns: Columns) -> Iterator[Chunk]:
    """Read a table, its words found by a simple rule."""
    records = iter(RecordReader(open_table(path), columns))
    while True:
        batch = list(islice(records, CHUNK))
        if not batch:
            return
        tokens = [WORDS.findall(record.text) for record in batch]
        lengths = numpy.asarray([len(words) for words in tokens], dtype="int64")
        keys = [get_key(word) for words in tokens for word in words]
        labels = [tuple(sorted(record.labels or ())) for record in batch]
        yield Chunk(numpy.asarray(keys, dtype="uint64"), lengths, labels)


def fetch_texts(
    files: Iterable[Path], rows: Iterable[int], columns: Columns
) -> Dict[int, str]:
    """Read a few texts again.

    rows (Iterable[int]): Their numbers, over all files.
    RETURNS (Dict[int, str]): Text of each row.
    """
    wanted = set(rows)
    found: Dict[int, str] = {}
    start, last = 0, max(wanted, default=-1)
    for path in files:
        if start > last:
            break
        if path.suffix.lower() == SUFFIX:
            data = _load_docbin(path)
            end = start + len(data["cats"])
            own = sorted(row for row in wanted if start <= row < end)
            found.update(_get_texts(data, own, start))
            start = end
        else:
            # A table is the only file.
            records = islice(RecordReader(open_table(path), columns), last + 1)
            found.update({i: r.text for i, r in enumerate(records) if i in wanted})
    return found


@lru_cache(maxsize=1 << 18)
def get_key(word: str) -> int:
    """RETURNS (int): Hash of a word without its case, SPACE if it's white space."""
    return (hash_text(word) or 1) if word.strip() else SPACE


def _load_docbin(path: Path) -> Dict[str, Any]:
    try:
        data = srsly.msgpack_loads(zlib.decompress(path.read_bytes()))
        return {key: data[key] for key in KEYS}
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
        message = Errors.L641.format(path=path, problem=problem)
        raise ValueError(message) from None


def _get_orths(data: Dict[str, Any]) -> numpy.ndarray:
    tokens = numpy.frombuffer(data["tokens"], dtype="uint64")
    return tokens.reshape((-1, len(data["attrs"])))[:, data["attrs"].index(ORTH)]


def _translate(orths: numpy.ndarray, strings: Iterable[str]) -> numpy.ndarray:
    # Not the hash: words like "X" and "mark" are named like one of spaCy's symbols, and
    # have its number.
    table = {get_string_id(string): get_key(string) for string in strings}
    known, inverse = numpy.unique(orths, return_inverse=True)
    keys = [table.get(orth, orth) for orth in known.tolist()]
    return numpy.asarray(keys, dtype="uint64")[inverse.reshape(-1)]


def _get_positive(cats: Dict[str, float]) -> Tuple[str, ...]:
    return tuple(sorted([label for label, value in cats.items() if value > 0]))


def _get_texts(data: Dict[str, Any], rows: List[int], start: int) -> Dict[int, str]:
    words = {get_string_id(string): string for string in data["strings"]}
    orths, spaces = _get_orths(data), numpy.frombuffer(data["spaces"], dtype="bool")
    ends = numpy.frombuffer(data["lengths"], dtype="int32").cumsum(dtype="int64")
    texts = {}
    for row in rows:
        first = int(ends[row - start - 1]) if row > start else 0
        tokens = range(first, int(ends[row - start]))
        parts = [words[int(orths[i])] + " " * bool(spaces[i]) for i in tokens]
        texts[row] = "".join(parts).strip()
    return texts
