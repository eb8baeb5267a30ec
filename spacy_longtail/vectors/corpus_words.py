from collections import Counter
from pathlib import Path
from typing import Iterable, Iterator, List

from spacy.tokens import Doc, DocBin
from spacy.util import get_lang_class

from ..errors import Errors
from ..tables import is_table, open_table

# Column of a table.
TEXT = "text"


def count_words(
    paths: Iterable[Path], *, lang: str = "en", min_freq: int = 2
) -> List[str]:
    """Collect the lower-cased words of a corpus.

    paths (Iterable[Path]): Files: .spacy, tables with a column "text", or .txt.
    lang (str): Language whose tokenizer splits the texts of the latter two.
    min_freq (int): How often a word has to occur.
    RETURNS (List[str]): The words, the most frequent first.
    RAISES (ValueError): L262 if a file can't be read.
    """
    counts: Counter = Counter()
    for path in paths:
        try:
            for doc in _read_docs(path, lang):
                words = (token.lower_ for token in doc if not token.is_space)
                counts.update(words)
        except (OSError, ValueError, KeyError, TypeError) as err:
            raise ValueError(Errors.L262.format(path=path, error=repr(err))) from err
    return [word for word, count in counts.most_common() if count >= min_freq]


def read_words(path: Path) -> List[str]:
    """RETURNS (List[str]): The lines of a file, each a word.

    RAISES (ValueError): L262 if it can't be read.
    """
    try:
        lines = path.read_text(encoding="utf8").splitlines()
    except (OSError, ValueError) as err:
        raise ValueError(Errors.L262.format(path=path, error=repr(err))) from err
    return [line.strip() for line in lines if line.strip()]


def _read_docs(path: Path, lang: str) -> Iterator[Doc]:
    nlp = get_lang_class(lang)()
    if path.suffix == ".spacy":
        yield from DocBin().from_disk(path).get_docs(nlp.vocab)
    elif is_table(path):
        table = open_table(path)
        if TEXT not in table.columns:
            raise KeyError(TEXT)
        yield from (nlp.make_doc(text) for _, (text,) in table.rows([TEXT]))
    else:
        with path.open(encoding="utf8") as lines:
            yield from (nlp.make_doc(line.rstrip("\n")) for line in lines)
