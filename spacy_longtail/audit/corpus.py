"""Read the texts and labels of a corpus in chunks of arrays, without making Docs."""

from collections import Counter
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Tuple,
)
from unicodedata import category

import numpy
from spacy.strings import get_string_id  # type: ignore[attr-defined]  # Cython
from spacy.tokens import Doc, DocBin
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import NumpyOps

from ..convert.known import build_texts
from ..errors import Errors
from ..loading import SUFFIX, find_corpus
from ..similar import SPACE, WORDS, get_key
from ..tables import is_table, open_table
from ..tables.columns import Columns, RecordReader, describe_notes
from ..texts import hash_text

# Texts read at a time from a table, and documents made at a time.
CHUNK, BATCH_SIZE = 20_000, 1024
# From here on come scripts whose words are short, as a character is a syllable.
SYLLABLES = "\u0900"


class CorpusFiles(NamedTuple):
    """Where a corpus is read from, again and again.

    files (List[Path]): Its files, .spacy files or one table.
    columns (Columns): Where a table has its texts and labels.
    dialect (Dict[str, Any]): What it doesn't say itself, see Dialect.
    """

    files: List[Path]
    columns: Columns
    dialect: Dict[str, Any]


class Chunk(NamedTuple):
    """Some texts.

    keys (numpy.ndarray): uint64 hash of each token, in the order of the texts. Tokens
        that differ in case only have the same; white space is left out.
    lengths (numpy.ndarray): Tokens of each text.
    hashes (numpy.ndarray): uint64 hash of each text.
    labels (List[Tuple[str, ...]]): Labels of each text, sorted.
    words (Dict[str, int]): How often each word of more than three letters occurs, in
        lower case; of scripts like Devanagari or Chinese, each word.
    remarks (Sequence[str]): What was noticed in the file up to there.
    """

    keys: numpy.ndarray
    lengths: numpy.ndarray
    hashes: numpy.ndarray
    labels: List[Tuple[str, ...]]
    words: Mapping[str, int]
    remarks: Sequence[str] = ()


def find_files(path: Path) -> List[Path]:
    """Find a file itself, or the .spacy files of a folder like spaCy does.

    RAISES (ValueError): L640 if there are none.
    """
    files = [path] if path.is_file() and is_table(path) else find_corpus(path)
    if not files:
        raise ValueError(Errors.L640.format(path=path))
    return files


def find_training(corpus: Path) -> Path:
    """RETURNS (Path): What there is to train on: the train.spacy of a folder that
    'convert' has written, or the path itself.
    """
    training = corpus / "train.spacy"
    return training if training.exists() else corpus


def read_chunks(path: Path, columns: Columns, **dialect: Any) -> Iterator[Chunk]:
    """Read a file of a corpus. In a table, the words are found by a simple rule.

    path (Path): A .spacy file, or a table.
    columns (Columns): Where a table has its texts and labels.
    dialect (Any): What it doesn't say itself, see Dialect.
    RAISES (ValueError): L641 if a .spacy file can't be read, and those of a table.
    """
    if path.suffix.lower() == SUFFIX:
        yield read_docbin(path)
        return
    reader = RecordReader(open_table(path, **dialect), columns)
    records = iter(reader)
    while batch := list(islice(records, CHUNK)):
        tokens = [WORDS.findall(record.text) for record in batch]
        lengths = numpy.asarray([len(words) for words in tokens], dtype="int64")
        keys = [get_key(word) for words in tokens for word in words]
        labels = [tuple(sorted(record.labels or ())) for record in batch]
        hashes = _hash_texts(record.text for record in batch)
        remarks = describe_notes(reader.notes, reader.first)
        ids = numpy.asarray(keys, dtype="uint64")
        counts = count_long_words(Counter(word for words in tokens for word in words))
        yield Chunk(ids, lengths, hashes, labels, counts, remarks)


def read_docbin(path: Path) -> Chunk:
    """Read the arrays of a DocBin, and only what is needed of them."""
    with _open_docbin(path) as docs:
        return _read_arrays(docs)


def _read_arrays(docs: DocBin) -> Chunk:
    texts, hashes = _get_orths(docs), _hash_texts(build_texts(docs))
    # Not the hash: words like "X" and "mark" are named like one of spaCy's symbols, and
    # have its number.
    table = {get_string_id(string): get_key(string) for string in docs.strings}
    orths = NumpyOps().flatten(texts, dtype="uint64", ndim_if_empty=1)
    known, inverse = numpy.unique(orths, return_inverse=True)
    found = [table.get(orth, orth) for orth in known.tolist()]
    keys = numpy.asarray(found, dtype="uint64")[inverse]
    is_word = keys != SPACE
    doc_of_token = numpy.repeat(numpy.arange(len(docs)), list(map(len, texts)))
    lengths = numpy.bincount(doc_of_token[is_word], minlength=len(docs))
    # What is learned from, see get_gold_label.
    labels = [
        tuple(sorted([label for label, value in cats.items() if value == 1]))
        for cats in docs.cats
    ]
    strings = {get_string_id(string): string for string in docs.strings}
    n_found = numpy.bincount(inverse, minlength=len(known)).tolist()
    pairs = zip(known.tolist(), n_found)
    words = count_long_words({strings[i]: n for i, n in pairs if i in strings})
    odd = (x for cats in docs.cats for x in cats.items() if x[1] not in (0, 1))
    remarks = [
        f"Values of labels other than 1.0 and 0.0, like {value!r} of {label!r}, can't "
        "be learned from: correct them, or leave them out."
        for label, value in islice(odd, 1)
    ]
    return Chunk(keys[is_word], lengths, hashes, labels, words, remarks)


def read_documents(source: CorpusFiles, vocab: Vocab) -> Iterator[List[Doc]]:
    """Read a corpus that was read before as documents, in batches. Only a .spacy file
    of them is in memory at a time. Those of a table have the words of read_chunks.
    """
    for path in source.files:
        if path.suffix.lower() == SUFFIX:
            with _open_docbin(path) as stored:
                yield from minibatch(stored.get_docs(vocab), BATCH_SIZE)
        else:
            reader = RecordReader(open_table(path, **source.dialect), source.columns)
            words = (WORDS.findall(record.text) for record in reader)
            yield from minibatch(
                (Doc(vocab, words=found) for found in words), BATCH_SIZE
            )


def fetch_texts(source: CorpusFiles, rows: Iterable[int]) -> Dict[int, str]:
    """Read a few texts again.

    rows (Iterable[int]): Their numbers, over all files.
    RETURNS (Dict[int, str]): Text of each row.
    """
    wanted = sorted(set(rows))
    is_wanted = frozenset(wanted)
    texts: Dict[int, str] = {}
    start = 0
    for path in source.files:
        if not wanted or start > wanted[-1]:
            break
        if path.suffix.lower() == SUFFIX:
            with _open_docbin(path) as docs:
                for row, text in enumerate(build_texts(docs), start):
                    if row in is_wanted:
                        texts[row] = text.strip()
                start += len(docs)
        else:
            # A table is the only file.
            reader = RecordReader(open_table(path, **source.dialect), source.columns)
            records = islice(reader, wanted[-1] + 1)
            texts.update((i, r.text) for i, r in enumerate(records) if i in is_wanted)
    return texts


def count_long_words(counts: Mapping[str, int]) -> Dict[str, int]:
    found: Dict[str, int] = Counter()
    for word, n in counts.items():
        if _is_long(word):
            found[word.lower()] += n
    return found


def _is_long(word: str) -> bool:
    if word.isascii():
        return len(word) > 3 and word.isalpha()
    marks = [char for char in word if not char.isalpha()]
    is_word = all(category(char).startswith("M") for char in marks)
    n_letters = len(word) - len(marks)
    return is_word and n_letters > (0 if max(word) >= SYLLABLES else 3)


@contextmanager
def _open_docbin(path: Path) -> Iterator[DocBin]:
    try:
        yield DocBin().from_disk(path)
    except Exception as error:
        # A damaged file can fail anywhere in the library, and with anything.
        # Without spaCy's advice to convert what it can't unzip.
        cause = error.__context__ or error
        problem = f"{type(cause).__name__}: {cause}"
        message = Errors.L641.format(path=path, problem=problem)
        raise ValueError(message) from None


def _get_orths(docs: DocBin) -> List[numpy.ndarray]:
    """The id of each token's string, of shape (tokens,), text by text."""
    # A DocBin has this attribute first.
    return [tokens[:, 0] for tokens in docs.tokens]


def _hash_texts(texts: Iterable[str]) -> numpy.ndarray:
    return numpy.fromiter(map(hash_text, texts), dtype="uint64")
