"""The documents of a corpus that is there: what they are, and how to change their
labels and nothing else of them.
"""

from array import array
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import numpy
from spacy.strings import get_string_id  # type: ignore[attr-defined]  # Cython
from spacy.tokens import DocBin
from spacy.tokens._dict_proxies import SpanGroups

from ..errors import Errors, JobErrors
from ..languages import read_language
from ..loading import SUFFIX, find_corpus
from ..tables.columns import SPLITS
from ..texts import hash_text

# Of a file that has no spans.
NO_SPANS = (b"", SpanGroups._EMPTY_BYTES)


class StoredShard:
    """A .spacy file. Its documents are never made, so that whatever isn't changed stays
    as it is.

    path (Path): The file.
    RAISES (ValueError): L641 if it's damaged.
    """

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.lang = read_language(path)
        self.is_changed = False
        try:
            self.docs = DocBin().from_bytes(self.content)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise ValueError(Errors.L641.format(path=path, problem=problem)) from None
        # Else, it wouldn't be written again.
        self.docs.store_user_data = any(d is not None for d in self.docs.user_data)

    def __len__(self) -> int:
        return len(self.docs)

    def set_cats(self, index: int, cats: Dict[str, Any]) -> None:
        """Give a document other `doc.cats`."""
        if cats != self.docs.cats[index]:
            self.docs.cats[index] = cats
            self.is_changed = True

    def drop(self, is_dropped: numpy.ndarray) -> None:
        """Remove documents, and the words that no other one has.

        is_dropped (numpy.ndarray): For each document.
        """
        if not is_dropped.any():
            return
        kept, docs = numpy.flatnonzero(~is_dropped).tolist(), self.docs
        for name in ("tokens", "spaces", "cats", "span_groups", "user_data", "flags"):
            setattr(docs, name, [getattr(docs, name)[i] for i in kept])
        # Spans and other attributes can need any string.
        has_words_only = all(tokens.shape[1] == 1 for tokens in docs.tokens)
        if has_words_only and all(s in NO_SPANS for s in docs.span_groups):
            used = {orth for tokens in docs.tokens for orth in tokens.ravel().tolist()}
            docs.strings = {s for s in docs.strings if get_string_id(s) in used}
        self.is_changed = True


class KnownTexts:
    """What is remembered of each document: some 17 bytes.

    label_sets (Dict[Tuple[str, ...], int]): The number of each set of labels, to which
        those of the documents are added.
    """

    def __init__(self, label_sets: Dict[Tuple[str, ...], int]) -> None:
        self.hashes = array("Q")
        self.sets = array("l")
        self.splits = array("b")
        # Also those that documents only say they haven't.
        self.names: Set[str] = set()
        self._label_sets = label_sets

    def add(self, shard: StoredShard, split: int) -> None:
        """Remember the documents of a file."""
        sets = self._label_sets
        for text, cats in zip(build_texts(shard.docs), shard.docs.cats):
            labels = tuple(sorted(label for label, v in cats.items() if v == 1))
            self.hashes.append(hash_text(text))
            self.sets.append(sets.setdefault(labels, len(sets)))
            self.splits.append(split)
            self.names.update(cats)


def build_texts(docs: DocBin) -> Iterator[str]:
    """YIELDS (str): The text of each document."""
    words = {get_string_id(string): string for string in docs.strings}
    for tokens, spaces in zip(docs.tokens, docs.spaces):
        # A DocBin has the ids of the words first.
        pairs = zip(tokens[:, 0].tolist(), spaces.ravel().tolist())
        yield "".join([words[orth] + " " * space for orth, space in pairs])


def find_shards(corpus: Path) -> List[Tuple[int, Path]]:
    """Find the files of a corpus that `convert` has written, or is named like that.

    RETURNS (List[Tuple[int, Path]]): Each with the number of its split.
    RAISES (ValueError): L732 if there is no train split.
    """
    found = [
        (number, path)
        for number, split in enumerate(SPLITS)
        for path in find_corpus(corpus / (split + SUFFIX))
    ]
    if not any(split == 0 for split, _ in found):
        names = (
            sorted(path.name for path in corpus.iterdir()) if corpus.is_dir() else []
        )
        shown = ", ".join(names[:10]) or "nothing"
        raise ValueError(JobErrors.L732.format(path=corpus, found=shown))
    return found


def agree_on_language(paths: Sequence[Path], lang: Optional[str]) -> str:
    """RETURNS (str): The language of a corpus, by default English.
    RAISES (ValueError): L733 if it's another than the wanted one, or if there are two.
    """
    found = {path: noted for path in paths if (noted := read_language(path))}
    wanted = lang or next(iter(found.values()), "en")
    for path, noted in found.items():
        if noted != wanted:
            text = JobErrors.L733.format(path=path, found=noted, lang=wanted)
            raise ValueError(text)
    return wanted


def correct_cats(
    cats: Dict[str, Any], labels: Sequence[str], separator: str
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The cats of a document with these labels in place of
    its own. Where it says which labels it hasn't, it still does.
    """
    says_no = any(value == 0 for value in cats.values())
    corrected = dict.fromkeys(cats, 0.0) if says_no else {}
    for label in labels:
        corrected[label] = 1.0
        while separator in label:
            label = label.rpartition(separator)[0]
            if label in corrected:
                corrected[label] = 1.0
    return corrected
