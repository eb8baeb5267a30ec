from pathlib import Path
from typing import List, Tuple

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
    """

    def __init__(self, nlp: Language, path: Path) -> None:
        self.nlp = nlp
        self.path = path
        self._waiting: List[ItemT] = []
        self._n_chars = 0
        self._n_shards = 0
        # The last shard, kept until it's known whether it is the only one.
        self._shard = b""

    def add(self, text: str, labels: Tuple[str, ...]) -> None:
        """Add a text, and write a shard if that fills one."""
        self._waiting.append((text, labels))
        self._n_chars += len(text)
        if len(self._waiting) >= MAX_DOCS or self._n_chars >= MAX_CHARS:
            self._flush()

    def finish(self) -> None:
        """Write what is left."""
        if self._waiting:
            self._flush()
        if self._n_shards > 1:
            self._write()
        elif self._n_shards:
            self.path.write_bytes(self._shard)

    def _flush(self) -> None:
        if self._n_shards:
            self.path.mkdir(exist_ok=True)
            self._write()
        self._shard = make_shard(self.nlp, self._waiting)
        self._waiting, self._n_chars = [], 0
        self._n_shards += 1

    def _write(self) -> None:
        name = f"{self._n_shards - 1:05d}{SUFFIX}"
        (self.path / name).write_bytes(self._shard)


def make_shard(nlp: Language, items: List[ItemT]) -> bytes:
    """RETURNS (bytes): The content of a .spacy file. The cats are sparse."""
    # The words and spaces are all there is, the other attributes would be zeros.
    docs = DocBin(attrs=["ORTH"])
    for text, labels in items:
        doc = nlp.make_doc(text)
        doc.cats = dict.fromkeys(labels, 1.0)
        docs.add(doc)
    return mark_language(docs.to_bytes(), nlp.lang)


def is_conversion(path: Path) -> bool:
    """RETURNS (bool): Whether a .spacy file, or the first one of a folder, looks like
    one of ours: most tools write more attributes.
    """
    for found in find_corpus(path)[:1]:
        return BEGIN in read_start(found)
    return path.is_dir()
