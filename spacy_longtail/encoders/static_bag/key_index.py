import numpy

from ...ops import ODD

MIN_BITS = 10
# Of the table, at most. Then most keys are where they are looked for first.
LOAD = 1 / 4


class KeyIndex:
    """Numbers different keys in the order in which they come: 0, 1, 2, … All of an
    array are looked up at once, several times as fast as one by one in a dict.

    Source: open addressing, Knuth (1998), "The Art of Computer Programming", volume 3,
        section 6.4; the product as hash, Dietzfelbinger et al. (1997), "A Reliable
        Randomized Algorithm for the Closest-Pair Problem", section 2.

    keys (numpy.ndarray): The first ones, any numbers of 64 bits, uint64 array without
        repeats.
    """

    def __init__(self, keys: numpy.ndarray) -> None:
        self._n_keys = 0
        self._allocate(MIN_BITS)
        self.add(keys)

    def __len__(self) -> int:
        return self._n_keys

    def get_keys(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): All keys, uint64, in the order of their numbers."""
        used = numpy.flatnonzero(self._numbers >= 0)
        keys = numpy.empty(len(used), dtype="uint64")
        keys[self._numbers[used]] = self._keys[used]
        return keys

    def find(self, keys: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Number of each key or -1, int64, (keys,)."""
        places = self._hash(keys)
        found = self._numbers.take(places)
        # The key of a free place can be any. Nothing is there, whatever it is.
        is_other = (self._keys.take(places) != keys) & (found >= 0)
        left, step = is_other.nonzero()[0], 0
        keys, places = keys[left], places[left]
        while len(left):
            step += 1
            places = (places + step) & self._mask
            numbers = self._numbers.take(places)
            is_other = (self._keys.take(places) != keys) & (numbers >= 0)
            found[left[~is_other]] = numbers[~is_other]
            left, keys, places = left[is_other], keys[is_other], places[is_other]
        return found.astype("int64")

    def add(self, keys: numpy.ndarray) -> numpy.ndarray:
        """Number keys that have no number yet, uint64 without repeats.

        RETURNS (numpy.ndarray): Their numbers, int64, (keys,).
        """
        before, total = len(self), len(self) + len(keys)
        if total > LOAD * len(self._keys):
            old = self.get_keys()
            # So that it grows seldom.
            self._allocate(int(2 * total / LOAD - 1).bit_length())
            self._insert(old, numpy.arange(before))
        added = numpy.arange(before, total)
        self._insert(keys, added)
        self._n_keys = total
        return added

    def _insert(self, keys: numpy.ndarray, numbers: numpy.ndarray) -> None:
        places, step = self._hash(keys), 0
        while len(keys):
            is_free = self._numbers[places] < 0
            self._numbers[places[is_free]] = numbers[is_free]
            # Of several that want a place, one has it, the others go on.
            is_in = self._numbers[places] == numbers
            self._keys[places[is_in]] = keys[is_in]
            step += 1
            keys, numbers, places = keys[~is_in], numbers[~is_in], places[~is_in]
            # Steps of 1, 2, 3, … come to each place of a table of 2 ** bits.
            places = (places + step) & self._mask

    def _hash(self, keys: numpy.ndarray) -> numpy.ndarray:
        return ((keys * numpy.uint64(ODD)) >> self._shift).view("int64")

    def _allocate(self, bits: int) -> None:
        self._shift, self._mask = numpy.uint64(64 - bits), 2**bits - 1
        self._keys = numpy.zeros(2**bits, dtype="uint64")
        self._numbers = numpy.full(2**bits, -1, dtype="int32")
