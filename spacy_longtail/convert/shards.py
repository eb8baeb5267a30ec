"""Write a corpus so that it's there completely or not at all."""

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from spacy.language import Language
from spacy.tokens import DocBin

from ..errors import Errors

PARTIAL = ".partial"
SUFFIX = ".spacy"
# A training text as it's written, and the labels that are 1.0.
ItemT = Tuple[str, Tuple[str, ...]]


class CorpusWriter:
    """Write the texts of some splits as sparse .spacy files.

    They go to the folder ".partial" of the output folder, which spaCy doesn't read,
    until commit() moves them to their names. A split of more than one shard becomes a
    folder of that name, which spaCy reads like a file.

    nlp (Language): Makes the tokens.
    folder (Path): The output folder.
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
        self.n_shards: Dict[str, int] = {}
        self._waiting: Dict[str, List[ItemT]] = {}
        self._chars: Dict[str, int] = {}

    def add(self, split: str, text: str, labels: Tuple[str, ...]) -> None:
        """Add a text, and write a shard if that fills one."""
        waiting = self._waiting.setdefault(split, [])
        waiting.append((text, labels))
        self._chars[split] = self._chars.get(split, 0) + len(text)
        if len(waiting) >= self.max_docs or self._chars[split] >= self.max_chars:
            self._flush(split)

    def commit(self) -> List[Path]:
        """Write what is left and give everything its final name.

        RETURNS (List[Path]): What has been written.
        """
        for split in self._waiting:
            if self._waiting[split]:
                self._flush(split)
        paths = []
        for split, n_shards in self.n_shards.items():
            source = self.folder / PARTIAL / (split + SUFFIX)
            target = self.folder / (split + SUFFIX)
            move(source / _get_name(0) if n_shards == 1 else source, target)
            paths.append(target)
        return paths

    def _flush(self, split: str) -> None:
        shard = make_shard(self.nlp, self._waiting[split])
        self._waiting[split] = []
        self._chars[split] = 0
        number = self.n_shards.get(split, 0)
        folder = self.folder / PARTIAL / (split + SUFFIX)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _get_name(number)).write_bytes(shard)
        self.n_shards[split] = number + 1


@contextmanager
def open_corpus(
    nlp: Language, folder: Path, *, max_docs: int, max_chars: int
) -> Iterator[CorpusWriter]:
    """Open a writer, and clean up after it whatever happens.

    RAISES (ValueError): L625 if a file can't be written, for example because the disk
        is full.
    """
    partial = folder / PARTIAL
    try:
        # A run that was killed may have left one.
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield CorpusWriter(nlp, folder, max_docs=max_docs, max_chars=max_chars)
    except OSError as error:
        problem = error.strerror or str(error)
        message = Errors.L625.format(folder=folder, problem=problem)
        raise ValueError(message) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def make_shard(nlp: Language, items: List[ItemT]) -> bytes:
    """RETURNS (bytes): The content of a .spacy file. The cats are sparse."""
    # The words and spaces are all there is, the other attributes would be zeros.
    docs = DocBin(attrs=["ORTH"])
    for text, labels in items:
        doc = nlp.make_doc(text)
        doc.cats = dict.fromkeys(labels, 1.0)
        docs.add(doc)
    return docs.to_bytes()


def move(source: Path, target: Path) -> None:
    """Give a file or folder its final name, in place of what has it now."""
    if target.is_dir() or (target.exists() and source.is_dir()):
        # Only a file replaces a file in one step.
        old = source.parent / f"old-{target.name}"
        target.replace(old)
    source.replace(target)


def _get_name(number: int) -> str:
    return f"{number:05d}{SUFFIX}"
