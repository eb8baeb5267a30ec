import codecs
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, TextIO, Tuple

from ..errors import Errors

# Skips the byte order mark that some editors put first.
ENCODING = "utf-8-sig"
CHUNK = 1 << 16


def check_encoding(encoding: str) -> str:
    """RETURNS (str): The encoding by its usual name.

    RAISES (ValueError): L627 if there is none of that name.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(Errors.L627.format(encoding=encoding)) from None
    return ENCODING if name == "utf-8" else name


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a file of lines.

    RAISES (ValueError): L615 with line and byte if it's of another encoding.
    """
    try:
        with path.open(encoding=encoding, newline="") as file_:
            yield file_
    except UnicodeDecodeError:
        line, offset = find_undecodable(path, encoding)
        where = f"{path}, line {line}"
        message = Errors.L615.format(where=where, offset=offset, encoding=encoding)
        raise ValueError(message) from None


def find_undecodable(path: Path, encoding: str) -> Tuple[int, int]:
    """RETURNS (Tuple[int, int]): Line, from 1, and offset in bytes, from 0, of the
    first byte of a file that isn't of the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    line, start = 1, 0
    with path.open("rb") as file_:
        while True:
            chunk = file_.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                good = bytes(error.object[: error.start])
                return line + good.count(b"\n"), start - pending + error.start
            if not chunk:
                return line, start
            line += chunk.count(b"\n")
            start += len(chunk)
