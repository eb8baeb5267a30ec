from pathlib import Path
from typing import Dict, List, Tuple

from spacy.language import Language
from spacy.tokens import DocBin

SUFFIX = ".spacy"
# A training text as it's written, and the labels that are 1.0.
ItemT = Tuple[str, Tuple[str, ...]]


class CorpusWriter:
    """Write the texts of some splits as sparse .spacy files. A split of more than one
    shard becomes a folder of that name, which spaCy reads like a file.

    nlp (Language): Makes the tokens.
    folder (Path): Where to write.
    max_docs (int): Most documents of a shard.
    max_chars (int): Characters from which a shard is full.
    """

    def __init__(
        self, nlp: Language, folder: Path, *, max_docs: int, max_chars: int
    ) -> None:
        self.nlp = nlp
        self.folder = folder
        self.max_docs = max_docs
        self.max_chars = max_chars
        self._n_shards: Dict[str, int] = {}
        self._waiting: Dict[str, List[ItemT]] = {}
        self._chars: Dict[str, int] = {}
        # The first shard is kept until it's known whether there is a second.
        self._first: Dict[str, bytes] = {}

    def add(self, split: str, text: str, labels: Tuple[str, ...]) -> None:
        """Add a text, and write a shard if that fills one."""
        waiting = self._waiting.setdefault(split, [])
        waiting.append((text, labels))
        self._chars[split] = self._chars.get(split, 0) + len(text)
        if len(waiting) >= self.max_docs or self._chars[split] >= self.max_chars:
            self._flush(split)

    def finish(self) -> List[str]:
        """Write what is left.

        RETURNS (List[str]): Names of what has been written.
        """
        for split, waiting in self._waiting.items():
            if waiting:
                self._flush(split)
        for split, shard in self._first.items():
            (self.folder / (split + SUFFIX)).write_bytes(shard)
        return [split + SUFFIX for split in self._n_shards]

    def _flush(self, split: str) -> None:
        shard = make_shard(self.nlp, self._waiting[split])
        self._waiting[split] = []
        self._chars[split] = 0
        number = self._n_shards.get(split, 0)
        self._n_shards[split] = number + 1
        if number == 0:
            self._first[split] = shard
            return
        folder = self.folder / (split + SUFFIX)
        if number == 1:
            folder.mkdir()
            (folder / f"{0:05d}{SUFFIX}").write_bytes(self._first.pop(split))
        (folder / f"{number:05d}{SUFFIX}").write_bytes(shard)


def make_shard(nlp: Language, items: List[ItemT]) -> bytes:
    """RETURNS (bytes): The content of a .spacy file. The cats are sparse."""
    # The words and spaces are all there is, the other attributes would be zeros.
    docs = DocBin(attrs=["ORTH"])
    for text, labels in items:
        doc = nlp.make_doc(text)
        doc.cats = dict.fromkeys(labels, 1.0)
        docs.add(doc)
    return docs.to_bytes()
