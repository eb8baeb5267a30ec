from pathlib import Path
from typing import List, Tuple

from spacy.language import Language
from spacy.tokens import DocBin

SUFFIX = ".spacy"
# A shard is full with so many documents or characters.
MAX_DOCS = 20_000
MAX_CHARS = 10_000_000
# A training text as it's written, and the labels that are 1.0.
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
        # Kept until it's known whether there is a second.
        self._first = b""

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
        if self._n_shards == 1:
            self.path.write_bytes(self._first)

    def _flush(self) -> None:
        shard = make_shard(self.nlp, self._waiting)
        self._waiting, self._n_chars = [], 0
        if self._n_shards == 0:
            self._first = shard
        elif self._n_shards == 1:
            self.path.mkdir()
            self._write(0, self._first)
            self._first = b""
        if self._n_shards:
            self._write(self._n_shards, shard)
        self._n_shards += 1

    def _write(self, number: int, shard: bytes) -> None:
        (self.path / f"{number:05d}{SUFFIX}").write_bytes(shard)


def make_shard(nlp: Language, items: List[ItemT]) -> bytes:
    """RETURNS (bytes): The content of a .spacy file. The cats are sparse."""
    # The words and spaces are all there is, the other attributes would be zeros.
    docs = DocBin(attrs=["ORTH"])
    for text, labels in items:
        doc = nlp.make_doc(text)
        doc.cats = dict.fromkeys(labels, 1.0)
        docs.add(doc)
    return docs.to_bytes()
