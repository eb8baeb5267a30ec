import copy
import pickle
import sys
from threading import Thread

import numpy
import pytest
from numpy.testing import assert_array_equal

from spacy_longtail.encoders.static_bag.run_cache import RunCache


def find(keys):
    """Of each odd key so many rows as its last digit says, all of them the key."""
    keys = numpy.unique(keys)
    keys = keys[keys % 2 == 1]
    lengths = (keys % 10).astype("int64")
    rows = keys.repeat(lengths)[:, None].repeat(2, axis=1)
    return keys, lengths, rows.astype("float32")


def make_cache(max_keys=1000, max_numbers=10_000):
    return RunCache((2,), "float32", max_keys=max_keys, max_numbers=max_numbers)


def as_keys(*keys):
    return numpy.asarray(keys, dtype="uint64")


def test_finds_runs_of_keys_and_none_for_others():
    runs = make_cache().look_up(as_keys(3, 2, 1, 3), find)
    assert runs.lengths.tolist() == [3, 0, 1, 3]
    assert_array_equal(runs.get(), [[3, 3]] * 3 + [[1, 1]] + [[3, 3]] * 3)
    assert runs.starts[1] == 0
    assert_array_equal(runs.rows[0], [0, 0])


def test_nothing_is_found_twice():
    cache, asked = make_cache(), []

    def count(keys):
        asked.extend(keys.tolist())
        return find(keys)

    for keys in ((1, 3, 2), (3, 5), (5, 1, 3)):
        cache.look_up(as_keys(*keys), count)
    assert asked == [1, 3, 2, 5]


def test_without_keys_there_are_no_runs():
    assert make_cache().look_up(as_keys(), find).get().shape == (0, 2)


@pytest.mark.parametrize("sizes", [{"max_keys": 20}, {"max_numbers": 100}])
def test_memory_is_bounded_and_what_is_found_stays_the_same(sizes):
    cache = make_cache(**sizes)
    for first in range(1, 4001, 20):
        keys = numpy.arange(first, first + 20, dtype="uint64")
        expected = find(keys)[2]
        assert_array_equal(cache.look_up(keys, find).get(), expected)
        assert_array_equal(cache.look_up(keys[::-1], find).get(), expected[::-1])
        assert len(cache) <= 30
        assert cache._rows.size <= 400


def test_forgets_all_when_the_state_changes():
    cache, old = make_cache(), (1, "a")
    cache.look_up(as_keys(1), find, old)
    cache.look_up(as_keys(3), find, (1, "a"))
    assert len(cache) == 2
    doubled = cache.look_up(
        as_keys(1), lambda keys: (*find(keys)[:2], 2 * find(keys)[2]), (2, "a")
    )
    assert_array_equal(doubled.get(), [[2, 2]])
    assert len(cache) == 1


def test_rows_that_were_found_stay_when_more_are_added_and_forgotten():
    cache = make_cache(max_keys=50)
    runs = cache.look_up(as_keys(7, 9), find)
    before = runs.get().copy()
    for first in range(11, 2000, 2):
        cache.look_up(as_keys(first), find)
    assert_array_equal(runs.get(), before)


@pytest.mark.parametrize(
    "copy_it", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_start_empty(copy_it):
    cache = make_cache(max_keys=7)
    cache.look_up(as_keys(1, 3), find)
    copied = copy_it(cache)
    assert (len(copied), copied.max_keys) == (0, 7)
    assert_array_equal(copied.look_up(as_keys(1), find).get(), [[1, 1]])


def test_an_error_leaves_what_was_found():
    cache = make_cache()
    cache.look_up(as_keys(1), find)
    with pytest.raises(ZeroDivisionError):
        cache.look_up(as_keys(1, 3), lambda keys: 1 // 0)
    assert_array_equal(
        cache.look_up(as_keys(3, 1), find).get(), [[3, 3]] * 3 + [[1, 1]]
    )


def test_threads_find_the_same_while_it_grows_and_forgets():
    cache, failures = make_cache(max_keys=200), []

    def look_up(seed):
        random = numpy.random.RandomState(seed)
        for _ in range(100):
            keys = random.randint(0, 1000, 30).astype("uint64")
            runs = cache.look_up(keys, find)
            for key, start, n in zip(keys, runs.starts, runs.lengths):
                expected = key % 10 if key % 2 else 0
                if n != expected or (runs.rows[start : start + n] != key).any():
                    failures.append(key)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [Thread(target=look_up, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    assert failures == []
