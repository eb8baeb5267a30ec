"""Which language a corpus is in, and what spaCy needs to split its texts."""

import re
import zlib
from pathlib import Path
from typing import Optional

import srsly
from spacy import blank
from spacy.language import Language

from .errors import Errors

# What to install, by the language that needs it.
TOKENIZERS = {
    "ja": "pip install sudachipy sudachidict_core",
    "ko": "pip install natto-py, and the library mecab-ko with mecab-ko-dic of your "
    "operating system",
    "th": "pip install pythainlp",
    "vi": "pip install pyvi",
}
# The bytes at the start of a .spacy file that are read, and unpacked.
N_READ, N_START = 256, 64
LANG = re.compile(rb"^.\xa4lang[\xa1-\xbf]([\x21-\x7e]{1,31}?)\xa7version", re.DOTALL)


def make_blank(lang: str) -> Language:
    """Make an empty pipeline, for its tokenizer.

    RAISES (ValueError): L663 if spaCy has no such language, L671 if its tokenizer needs
        a library.
    """
    try:
        return blank(lang)
    except Exception as error:
        # MeCab has errors of its own.
        is_missing = isinstance(error, ImportError) or "MeCab" in type(error).__name__
        if is_missing and lang in TOKENIZERS:
            text = Errors.L671.format(lang=lang, install=TOKENIZERS[lang])
            raise ValueError(text) from None
        # A name like "en.lex_attrs" is found, but is no language.
        problem = str(error).rstrip(".")
        raise ValueError(Errors.L663.format(lang=lang, error=problem)) from None


def mark_language(content: bytes, lang: Optional[str]) -> bytes:
    """Add the language of the tokenizer to the content of a .spacy file. Readers that
    don't know of it leave it alone.
    """
    unpacked = zlib.decompress(content)
    # A map of fewer than 15 keys starts with their number.
    key, value = srsly.msgpack_dumps("lang"), srsly.msgpack_dumps(lang)
    marked = bytes([unpacked[0] + 1]) + key + value + unpacked[1:]
    return zlib.compress(marked)


def read_start(path: Path) -> bytes:
    """RETURNS (bytes): The unpacked start of a .spacy file, nothing if it is none."""
    try:
        with path.open("rb") as file_:
            return zlib.decompressobj().decompress(file_.read(N_READ), N_START)
    except (OSError, zlib.error):
        return b""


def read_language(path: Path) -> Optional[str]:
    """RETURNS (Optional[str]): The language that `convert` has noted in a .spacy file,
    None for the files of others.
    """
    found = LANG.match(read_start(path))
    return found[1].decode("ascii") if found else None
