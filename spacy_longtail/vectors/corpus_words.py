from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Sequence

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..errors import Errors
from ..languages import make_blank
from ..settings import check_count
from ..tables import is_table, open_table
from ..tables.columns import read_texts


def count_words(
    paths: Iterable[Path],
    *,
    lang: str = "en",
    min_freq: int = 2,
    text: Sequence[str] = ("text",),
    **dialect: Any,
) -> List[str]:
    """Collect the lower-cased words of a corpus.

    paths (Iterable[Path]): Files: .spacy, tables, or .txt.
    lang (str): Language whose tokenizer splits the texts of the latter two.
    min_freq (int): How often a word has to occur.
    text (Sequence[str]): Columns of the text in tables.
    dialect (Any): What a table doesn't say itself, see Dialect.
    RETURNS (List[str]): The words, the most frequent first.
    RAISES (ValueError): L262 if a file can't be read, L663 without such a language.
    """
    check_count("min_freq", min_freq, 1)
    counts: Counter = Counter()
    nlp = make_blank(lang)
    for path in paths:
        try:
            for doc in read_docs(path, nlp, text, dialect):
                words = (token.lower_ for token in doc if not token.is_space)
                counts.update(words)
        except Exception as err:
            # A damaged file can fail anywhere.
            raise ValueError(Errors.L262.format(path=path, error=err)) from err
    return [word for word, count in counts.most_common() if count >= min_freq]


def read_words(path: Path) -> List[str]:
    """RETURNS (List[str]): The lines of a file, each a word.

    RAISES (ValueError): L262 if it can't be read.
    """
    try:
        lines = path.read_text(encoding="utf8").splitlines()
    except (OSError, ValueError) as err:
        raise ValueError(Errors.L262.format(path=path, error=err)) from err
    return [line.strip() for line in lines if line.strip()]


def read_docs(
    path: Path, nlp: Language, text: Sequence[str], dialect: Dict[str, Any]
) -> Iterator[Doc]:
    if path.suffix == ".spacy":
        yield from DocBin().from_disk(path).get_docs(nlp.vocab)
    elif is_table(path):
        yield from map(nlp.make_doc, read_texts(open_table(path, **dialect), text))
    else:
        with path.open(encoding="utf8") as lines:
            yield from (nlp.make_doc(line.rstrip("\n")) for line in lines)
