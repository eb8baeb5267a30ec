import unicodedata
from typing import Dict, List, Sequence, Tuple

MAX_CHARS = 100
CONTINUED = "##"


class WordPieces:
    """Look up words and, for unknown words, the longest pieces they consist of.

    The convention is WordPiece's, as in BERT: the first piece of a word stands
    for itself, a later one is written "##piece", accents are dropped, and
    punctuation and CJK characters are words of their own. Where BERT gives up a
    whole word if one character isn't covered, we leave out the character only
    and treat it as a break: "great🎉party" is "great", "party".

    words (Dict[str, int]): Row of each word.
    pieces (Dict[str, int]): Row of each continuing piece, without "##". If there
        are none, words are only looked up as a whole.
    """

    def __init__(self, words: Dict[str, int], pieces: Dict[str, int]) -> None:
        self.words = words
        self.pieces = pieces
        self._longest = max(map(len, [*words, *pieces]), default=0)

    def find(self, word: str) -> Tuple[int, ...]:
        """RETURNS (Tuple[int, ...]): Rows of a lower-cased word, from left to right, ()
        if nothing is known. Only the first 100 characters of an unknown one are looked
        at, so that its cost is bounded. "", NUL and lone surrogates are fine.
        """
        if word in self.words:
            return (self.words[word],)
        plain = strip_accents(word[:MAX_CHARS])
        if plain in self.words and len(word) <= MAX_CHARS:
            return (self.words[plain],)
        if not self.pieces:
            return ()
        parts = split_punctuation(plain)
        return tuple(row for part in parts for row in self._find_pieces(part))

    def _find_pieces(self, part: str) -> List[int]:
        rows, start, known = [], 0, self.words
        while start < len(part):
            for end in range(min(len(part), start + self._longest), start, -1):
                row = known.get(part[start:end])
                if row is not None:
                    rows.append(row)
                    start, known = end, self.pieces
                    break
            else:
                start, known = start + 1, self.words
        return rows


def index_words(words: Sequence[str]) -> WordPieces:
    """RETURNS (WordPieces): The lookup of the word or "##piece" of each row."""
    whole, pieces = {}, {}
    for row, word in enumerate(words):
        if word.startswith(CONTINUED) and len(word) > len(CONTINUED):
            pieces[word[len(CONTINUED) :]] = row
        else:
            whole[word] = row
    return WordPieces(whole, pieces)


def strip_accents(text: str) -> str:
    """RETURNS (str): The text in decomposed form (NFD), without combining marks: "é"
    becomes "e".
    """
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def split_punctuation(text: str) -> List[str]:
    """RETURNS (List[str]): The parts of a text, split as in BERT: white space and
    control characters are left out, punctuation and CJK characters are parts.
    """
    parts = [""]
    for char in text:
        if char.isspace():
            parts.append("")
        elif _is_alone(char):
            parts.extend((char, ""))
        elif char.isprintable():
            parts[-1] += char
    return [part for part in parts if part]


def _is_alone(char: str) -> bool:
    # BERT counts every ASCII symbol as punctuation, also "$" and "`".
    if char.isascii():
        return char.isprintable() and not char.isalnum()
    if unicodedata.category(char).startswith("P"):
        return True
    return "CJK" in unicodedata.name(char, "") and unicodedata.category(char) == "Lo"
