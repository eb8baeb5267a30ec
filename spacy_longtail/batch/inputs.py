"""Texts of tables or of a corpus, some of them at a time."""

from itertools import islice
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Union

from ..languages import make_blank
from ..loading import find_corpus, find_language, read_corpus
from ..tables.source import Source, open_source
from .work import get_texts

N_ROWS = 2048


class TextInput:
    """Where texts come from: a .spacy file or a folder of them, or tables.

    inputs (Sequence[Union[str, Path]]): A corpus, or files, folders and patterns.
    text (Sequence[str]): Columns of the text in tables, joined by a line break. By
        default "text", or the one that looks like it.
    dialect (Any): What text files don't say themselves, see Dialect.
    RAISES (ValueError): See open_source and Source.
    """

    def __init__(
        self,
        inputs: Sequence[Union[str, Path]],
        text: Sequence[str] = (),
        **dialect: Any,
    ) -> None:
        first = Path(inputs[0])
        self.corpus = first if len(inputs) == 1 and find_corpus(first) else None
        self.source: Optional[Source] = None
        self.text = tuple(text)
        if self.corpus is None:
            self.source = open_source(inputs, **dialect)

    @property
    def paths(self) -> List[Path]:
        """RETURNS (List[Path]): The files of tables, which are to stay as they are."""
        return [] if self.source is None else self.source.paths

    def chunks(self) -> Iterator[List[Optional[str]]]:
        """YIELDS (List[Optional[str]]): Texts, None where there is none."""
        if self.source is None:
            yield from self._read_corpus()
            return
        names = self.find_text()
        for chunk in self.source.chunks(N_ROWS):
            yield list(get_texts(chunk, names)[0])

    def find_text(self) -> Sequence[str]:
        """RETURNS (Sequence[str]): The columns of the text in the tables."""
        if self.source is None:
            return ()
        self.text = self.text or (self.source.guess_text(),)
        self.source.check_text(self.text)
        return self.text

    def _read_corpus(self) -> Iterator[List[Optional[str]]]:
        path = Path(self.corpus or "")
        # Its words are none of the pipeline's.
        nlp = make_blank(find_language(path) or "xx")
        examples = read_corpus(nlp, path)
        while batch := list(islice(examples, N_ROWS)):
            yield [example.reference.text or None for example in batch]
