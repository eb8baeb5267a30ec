from pathlib import Path
from typing import List, Optional, Tuple

from spacy.language import Language
from spacy.tokens import DocBin

from ..languages import mark_language, read_start
from ..loading import SUFFIX, find_corpus

# A shard is full with so many documents or characters.
MAX_DOCS = 20_000
MAX_CHARS = 10_000_000
# A training text as it's written, and the labels that are 1.0.
# How a file begins that has nothing but the words.
BEGIN = b"\xa5attrs\x91A"
ItemT = Tuple[str, Tuple[str, ...]]


class ShardWriter:
    """Write texts as a sparse .spacy file. If one isn't enough, the path becomes a
    folder of them, which spaCy reads like a file.

    nlp (Language): Makes the tokens.
    path (Path): What to write.
    lang (Optional[str]): The language that is noted, None for none.
    """

    def __init__(self, nlp: Language, path: Path, lang: Optional[str]) -> None:
        self.nlp = nlp
        self.path = path
        self.lang = lang
        # What the next shard begins with.
        self._start: Optional[DocBin] = None
        self._waiting: List[ItemT] = []
        self._n_chars = 0
        self._n_shards = 0
        # The last shard, kept until it's known whether it is the only one.
        self._shard = b""

    def add(self, text: str, labels: Tuple[str, ...]) -> None:
        """Add a text, and write a shard if that fills one."""
        self._waiting.append((text, labels))
        self._n_chars += len(text)
        n_docs = len(self._waiting) + len(self._start or ())
        if n_docs >= MAX_DOCS or self._n_chars >= MAX_CHARS:
            self._flush()

    def add_shard(self, content: bytes) -> None:
        """Add a shard that is complete, before any text."""
        self._end_shard(content)

    def continue_shard(self, docs: DocBin) -> None:
        """Add a shard that the next texts belong to, before any text."""
        self._start = docs

    def finish(self) -> None:
        """Write what is left."""
        if self._waiting or self._start is not None:
            self._flush()
        if self._n_shards > 1:
            self._write()
        elif self._n_shards:
            self.path.write_bytes(self._shard)

    def _flush(self) -> None:
        docs = DocBin(attrs=["ORTH"]) if self._start is None else self._start
        content = make_shard(self.nlp, self._waiting, docs, self.lang)
        self._waiting, self._n_chars, self._start = [], 0, None
        self._end_shard(content)

    def _end_shard(self, content: bytes) -> None:
        if self._n_shards:
            self.path.mkdir(exist_ok=True)
            self._write()
        self._shard = content
        self._n_shards += 1

    def _write(self) -> None:
        name = f"{self._n_shards - 1:05d}{SUFFIX}"
        (self.path / name).write_bytes(self._shard)


def make_shard(
    nlp: Language, items: List[ItemT], docs: DocBin, lang: Optional[str]
) -> bytes:
    """Add texts to a shard. Their cats are sparse.

    docs (DocBin): What it has already. Words and spaces are enough, other attributes
        of a new text would be zeros.
    RETURNS (bytes): The content of a .spacy file.
    """
    for text, labels in items:
        doc = nlp.make_doc(text)
        doc.cats = dict.fromkeys(labels, 1.0)
        docs.add(doc)
    return pack_shard(docs, lang)


def pack_shard(docs: DocBin, lang: Optional[str]) -> bytes:
    """RETURNS (bytes): The content of a .spacy file, which names its language."""
    content = docs.to_bytes()
    return content if lang is None else mark_language(content, lang)


def is_conversion(path: Path) -> bool:
    """RETURNS (bool): Whether a .spacy file, or the first one of a folder, looks like
    one of ours: most tools write more attributes.
    """
    for found in find_corpus(path)[:1]:
        return BEGIN in read_start(found)
    return path.is_dir()
