from typing import Protocol, Tuple

from thinc.types import Floats2d, Ints1d


class StaticVectors(Protocol):
    """A fixed vector per word, the same wherever the word stands.

    An object that has these members can be the vectors of a static encoder. It
    never changes after it was built, and one object can serve many pipelines.

    name (str): What a saved pipeline remembers the vectors by.
    width (int): Length of each vector.
    words (Tuple[str, ...]): The word of each row. A word piece that continues a
        word is written with two leading number signs, "##ing".
    """

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int: ...

    @property
    def words(self) -> Tuple[str, ...]: ...

    def find(self, word: str) -> Tuple[int, ...]:
        """Look up the rows that make up a lower-cased word.

        word (str): Any string, in lower case.
        RETURNS (Tuple[int, ...]): The row of the word, or the rows of its pieces
            from left to right, or () if nothing in it is known.
        """
        ...

    def get(self, rows: Ints1d) -> Floats2d:
        """Copy rows out of the table.

        rows (Ints1d): Row numbers, in any order, repeats allowed.
        RETURNS (Floats2d): float32 array of shape (rows, width).
        """
        ...
