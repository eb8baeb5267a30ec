import numpy
import pytest
from numpy.testing import assert_array_equal

from spacy_longtail.encoders.static_bag.key_index import KeyIndex
from spacy_longtail.ops import ODD

# Keys that are looked for at the same place: all of them end there.
INVERSE = pow(ODD, -1, 2**64)
CROWD = [(number * INVERSE) % 2**64 for number in range(500)]
RANDOM = numpy.random.RandomState(0).randint(0, 2**63, 5000).tolist()


def as_keys(keys):
    return numpy.asarray(keys, dtype="uint64")


@pytest.mark.parametrize(
    "keys",
    [[], [0], [2**64 - 1, 0, 1], list(range(3000)), CROWD, RANDOM],
    ids=["none", "zero", "ends", "small", "crowd", "random"],
)
@pytest.mark.parametrize("n_parts", [1, 3])
def test_equals_a_dict(keys, n_parts):
    index = KeyIndex(as_keys([]))
    for part in numpy.array_split(as_keys(keys), n_parts):
        before = len(index)
        assert_array_equal(index.add(part), before + numpy.arange(len(part)))
    slow = {key: number for number, key in enumerate(keys)}
    asked = [*keys, *keys[::-1], *CROWD, *range(50), 2**63]
    assert index.find(as_keys(asked)).tolist() == [slow.get(key, -1) for key in asked]
    assert index.get_keys().tolist() == keys
    assert len(index) == len(keys)


def test_starts_with_keys():
    index = KeyIndex(as_keys([7, 5]))
    assert index.find(as_keys([5, 6, 7])).tolist() == [1, -1, 0]


def test_key_that_was_not_added_is_not_found_where_nothing_is():
    """A place that is free looks as if it had the key 0."""
    index = KeyIndex(as_keys([1]))
    assert index.find(as_keys([0, 1])).tolist() == [-1, 0]


def test_finds_nothing_for_no_keys():
    assert KeyIndex(as_keys([3])).find(as_keys([])).shape == (0,)
