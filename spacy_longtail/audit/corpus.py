"""Read the texts and labels of a corpus in chunks of arrays, without making Docs."""

import re
import zlib
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Tuple

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


class DocArrays(NamedTuple):
    """What is needed of a DocBin."""

    # Of each token: the id of its string, and whether a space follows.
    orths: numpy.ndarray
    spaces: numpy.ndarray
    # Of each text: its tokens, and its cats.
    lengths: numpy.ndarray
    cats: List[Dict[str, float]]
    strings: List[str]


def find_files(path: Path) -> List[Path]:
    """RETURNS (List[Path]): The .spacy files of a folder like spaCy finds them, or a
    file itself.

    RAISES (ValueError): L640 if there are none.
    """
    if path.is_file() and (path.suffix.lower() == SUFFIX or is_table(path)):
        return [path]
    files = [
        found
        for found in sorted(path.rglob(f"*{SUFFIX}"))
        if found.is_file() and "/." not in f"/{found.relative_to(path).as_posix()}"
    ]
    if not files:
        raise ValueError(Errors.L640.format(path=path))
    return files


def read_chunks(path: Path, columns: Columns) -> Iterator[Chunk]:
    """Read a file of a corpus. In a table, the words are found by a simple rule.

    path (Path): A .spacy file, or a table.
    columns (Columns): Where a table has its texts and labels.
    RAISES (ValueError): L641 if a .spacy file can't be read, and those of a table.
    """
    if path.suffix.lower() == SUFFIX:
        yield read_docbin(path)
        return
    records = iter(RecordReader(open_table(path), columns))
    while batch := list(islice(records, CHUNK)):
        tokens = [WORDS.findall(record.text) for record in batch]
        lengths = numpy.asarray([len(words) for words in tokens], dtype="int64")
        keys = [get_key(word) for words in tokens for word in words]
        labels = [tuple(sorted(record.labels or ())) for record in batch]
        yield Chunk(numpy.asarray(keys, dtype="uint64"), lengths, labels)


def read_docbin(path: Path) -> Chunk:
    """Read the arrays of a DocBin, and only what is needed of them."""
    data = _load_docbin(path)
    # Not the hash: words like "X" and "mark" are named like one of spaCy's symbols, and
    # have its number.
    table = {get_string_id(string): get_key(string) for string in data.strings}
    known, inverse = numpy.unique(data.orths, return_inverse=True)
    found = [table.get(orth, orth) for orth in known.tolist()]
    keys = numpy.asarray(found, dtype="uint64")[inverse]
    is_word = keys != SPACE
    n_docs = len(data.lengths)
    doc_of_token = numpy.repeat(numpy.arange(n_docs), data.lengths)
    lengths = numpy.bincount(doc_of_token[is_word], minlength=n_docs)
    labels = [
        tuple(sorted([label for label, value in cats.items() if value > 0]))
        for cats in data.cats
    ]
    return Chunk(keys[is_word], lengths, labels)


def fetch_texts(
    files: Iterable[Path], rows: Iterable[int], columns: Columns
) -> Dict[int, str]:
    """Read a few texts again.

    rows (Iterable[int]): Their numbers, over all files.
    RETURNS (Dict[int, str]): Text of each row.
    """
    wanted = sorted(set(rows))
    texts: Dict[int, str] = {}
    start = 0
    for path in files:
        if not wanted or start > wanted[-1]:
            break
        if path.suffix.lower() == SUFFIX:
            data = _load_docbin(path)
            end = start + len(data.lengths)
            own = [row for row in wanted if start <= row < end]
            found = _get_texts(data, [row - start for row in own])
            texts.update(zip(own, found))
            start = end
        else:
            # A table is the only file.
            records = islice(RecordReader(open_table(path), columns), wanted[-1] + 1)
            texts.update((i, r.text) for i, r in enumerate(records) if i in wanted)
    return texts


@lru_cache(maxsize=1 << 18)
def get_key(word: str) -> int:
    """RETURNS (int): Hash of a word without its case, SPACE if it's white space."""
    return (hash_text(word) or 1) if word.strip() else SPACE


def _load_docbin(path: Path) -> DocArrays:
    try:
        data = srsly.msgpack_loads(zlib.decompress(path.read_bytes()))
        tokens = numpy.frombuffer(data["tokens"], dtype="uint64")
        return DocArrays(
            tokens.reshape((-1, len(data["attrs"])))[:, data["attrs"].index(ORTH)],
            numpy.frombuffer(data["spaces"], dtype="bool"),
            numpy.frombuffer(data["lengths"], dtype="int32").astype("int64"),
            data["cats"],
            data["strings"],
        )
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
        message = Errors.L641.format(path=path, problem=problem)
        raise ValueError(message) from None


def _get_texts(data: DocArrays, rows: Iterable[int]) -> Iterator[str]:
    words = {get_string_id(string): string for string in data.strings}
    ends = data.lengths.cumsum()
    for row in rows:
        tokens = range(ends[row] - data.lengths[row], ends[row])
        parts = [words[int(data.orths[i])] + " " * bool(data.spaces[i]) for i in tokens]
        yield "".join(parts).strip()
