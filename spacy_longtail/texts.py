"""When two texts are the same, and a fingerprint of many. It's one notion for what
convert splits, what audit finds and what a pipeline knows of its training.
"""

import hashlib
import re
import unicodedata
from array import array
from base64 import b64decode, b64encode
from typing import Any, Dict, Iterable, Mapping, Optional

import numpy

from .errors import Errors

# Characters that nobody sees: Default_Ignorable_Code_Point of Unicode, without fillers
# of Hangul.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]+"
)
# Spaces between words and other characters, as tokenizers and typists add them.
BESIDE_MARKS = re.compile(r" (?:(?=\W)|(?<=\W ))")
# A fingerprint keeps so many bits of a hash, and so many hashes.
N_BITS = 30
MAX_TEXTS = 1 << 20


def hash_text(text: str) -> int:
    """RETURNS (int): 64-bit hash, equal for texts that differ in case, in white space
    between words or any beside punctuation, in characters that nobody sees or in how
    Unicode writes them.
    """
    if text.isascii():
        plain = text.lower()
    else:
        plain = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold()
        plain = unicodedata.normalize("NFKC", plain)
    plain = BESIDE_MARKS.sub("", " ".join(plain.split()))
    # Python's own hash() differs from process to process.
    digest = hashlib.blake2b(plain.encode("utf8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


class Fingerprint:
    """Knows texts again, by 12 bits of each of a million, or 16 of each of 50,000. It
    takes one in 1,000 others for one of the million, one in 20,000 for one of the
    50,000. Of more than MAX_TEXTS it keeps MAX_TEXTS, any of them, and needs 1.6 MB.
    """

    def __init__(self) -> None:
        # What was added last isn't sorted yet.
        self._values = numpy.zeros(0, dtype="uint32")
        self._new = array("I")
        # Hashes from here on weren't kept.
        self._limit = 1 << N_BITS
        self._data: Optional[Dict[str, Any]] = None

    @property
    def n_texts(self) -> int:
        """RETURNS (int): Texts that it knows."""
        return len(self._sort())

    def add(self, texts: Iterable[str]) -> None:
        """Add texts. One that was there before changes nothing."""
        self._new.extend(_shorten(hash_text(text)) for text in texts)
        self._data = None
        if len(self._new) >= MAX_TEXTS:
            self._sort()

    def count(self, texts: Iterable[str]) -> int:
        """RETURNS (int): How many of the texts it knows, estimated if it doesn't keep
        all. 0 if it could have taken that many others for them.
        """
        hashes = numpy.asarray([_shorten(hash_text(t)) for t in texts], "uint32")
        values = self._sort()
        starts, ends = (
            numpy.searchsorted(values, hashes, s) for s in ("left", "right")
        )
        n_found = int((starts < ends).sum())
        # Of texts that it doesn't know, it would find so many.
        n_expected = len(hashes) * len(values) / (1 << N_BITS)
        if n_found <= n_expected + 3 * n_expected**0.5:
            return 0
        return min(round(n_found * (1 << N_BITS) / self._limit), len(hashes))

    def _sort(self) -> numpy.ndarray:
        if self._new:
            new = numpy.asarray(self._new, dtype="uint32")
            self._new = array("I")
            values = numpy.unique(numpy.concatenate([self._values, new]))
            values = values[values < self._limit]
            if len(values) > MAX_TEXTS:
                self._limit = int(values[MAX_TEXTS])
                values = values[:MAX_TEXTS]
            self._values = values
        return self._values

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values, for from_dict.

        The low bits of the sorted hashes stand there as they are; the high bits as how
        many zeros are between the ones.

        Source: Elias (1974), "Efficient Storage and Retrieval by Content and Address of
            Static Files". https://doi.org/10.1145/321812.321820
        """
        values = self._sort()
        if self._data is None:
            n_low = _count_low_bits(len(values))
            shifts = numpy.arange(n_low, dtype="uint32")
            low = (values[:, None] >> shifts).astype("uint8") & 1
            high = numpy.zeros(len(values) + (1 << (N_BITS - n_low)), dtype="uint8")
            high[(values >> n_low) + numpy.arange(len(values))] = 1
            bits = numpy.packbits(numpy.concatenate([low.ravel(), high]))
            data = b64encode(bits.tobytes()).decode("ascii")
            self._data = {"n": len(values), "limit": self._limit, "data": data}
        return self._data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], name: str) -> "Fingerprint":
        """Read what to_dict has made.

        name (str): What it belongs to, for messages.
        RAISES (ValueError): L652 if it's damaged.
        """
        made = cls()
        try:
            n, made._limit = int(data["n"]), int(data["limit"])
            bits = numpy.frombuffer(b64decode(data["data"], validate=True), "uint8")
            made._values = _unpack(numpy.unpackbits(bits), n)
            made._check()
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError(Errors.L652.format(name=name)) from None
        return made

    def _check(self) -> None:
        """RAISES (ValueError): Without a code, if this can't be."""
        values = self._values
        if not 0 < self._limit <= 1 << N_BITS:
            raise ValueError
        if len(values) and not (values[:-1] < values[1:]).all():
            raise ValueError
        if len(values) and values[-1] >= self._limit:
            raise ValueError


def _shorten(number: int) -> int:
    return number >> (64 - N_BITS)


def _count_low_bits(n: int) -> int:
    """As many as make the whole the shortest."""
    return max(N_BITS - max(n, 1).bit_length(), 0)


def _unpack(bits: numpy.ndarray, n: int) -> numpy.ndarray:
    """RAISES (ValueError): Without a code, if there are more or fewer bits."""
    n_low = _count_low_bits(n)
    n_bits = n * n_low + n + (1 << (N_BITS - n_low))
    if not 0 <= n <= MAX_TEXTS or len(bits) != -(-n_bits // 8) * 8:
        raise ValueError
    low = bits[: n * n_low].reshape((n, n_low)).astype("uint32")
    high = numpy.flatnonzero(bits[n * n_low : n_bits])
    if len(high) != n:
        raise ValueError
    shifts = numpy.arange(n_low, dtype="uint32")
    values = ((high - numpy.arange(n)) << n_low) + (low << shifts).sum(axis=1)
    return values.astype("uint32")
