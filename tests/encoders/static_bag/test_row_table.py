import numpy
import pytest
import srsly
from numpy.testing import assert_allclose, assert_array_equal
from thinc.api import Adam

from spacy_longtail.encoders.static_bag import row_table
from spacy_longtail.encoders.static_bag.row_table import RowTable

WIDTH = 4


def make_table(n_rows=6, rate=1.0, seed=0):
    table = RowTable(WIDTH, "test-vectors")
    keys = numpy.arange(100, 100 + n_rows, dtype="uint64")
    vectors = numpy.random.RandomState(seed).randn(n_rows, WIDTH).astype("float32")
    table.add(keys, vectors, numpy.full(n_rows, rate, dtype="float32"))
    return table


def make_grads(n_rows=6, seed=1):
    return numpy.random.RandomState(seed).randn(n_rows, WIDTH).astype("float32")


def make_optimizer(learn_rate=0.1, **settings):
    return Adam(learn_rate, L2=0.0, use_averages=False, grad_clip=0.0, **settings)


def get_all(table):
    return table.get(numpy.arange(len(table)))


def get_rounding(rows):
    """Half a step of the 8-bit rows is the most that they can be off."""
    return numpy.abs(rows).max() / 127 / 2 + 1e-6


def test_row_starts_at_its_vector():
    table = make_table()
    vectors = numpy.random.RandomState(0).randn(6, WIDTH)
    assert_allclose(get_all(table), vectors, atol=get_rounding(vectors))


@pytest.mark.parametrize("keep", [0.0, 0.25, 1.0])
def test_restarted_rows_keep_a_share_of_what_they_learned(keep):
    table, start = make_table(rate=5.0), get_all(make_table())
    table.inc_grad(numpy.arange(6), make_grads())
    table.finish_update(make_optimizer())
    learned = get_all(table)
    table.restart(keep)
    assert len(table) == 0
    keys = numpy.asarray([103, 999], dtype="uint64")
    vectors = numpy.stack([start[3], start[0]])
    table.add(keys, vectors, numpy.ones(2, dtype="float32"))
    expected = start[3] + keep * (learned[3] - start[3])
    assert_allclose(table.get_exact(numpy.arange(2)), [expected, start[0]], atol=1e-6)
    assert abs(learned[3] - start[3]).max() > 0.1


def test_find_gives_rows_and_minus_one():
    table = make_table(3)
    keys = numpy.asarray([102, 7, 100], dtype="uint64")
    assert_array_equal(table.find(keys), [2, -1, 0])


def test_largest_possible_key_is_found():
    table = RowTable(WIDTH, "test-vectors")
    keys = numpy.asarray([2**64 - 1, 0], dtype="uint64")
    table.add(keys, make_grads(2), numpy.ones(2, dtype="float32"))
    loaded = RowTable(WIDTH, "test-vectors").from_bytes(table.to_bytes())
    assert_array_equal(loaded.find(keys), [0, 1])


def test_growing_keeps_the_rows():
    table = make_table(5)
    before = get_all(table)
    keys = numpy.arange(10_000, 15_000, dtype="uint64")
    rows = table.add(keys, make_grads(5000), numpy.ones(5000, dtype="float32"))
    assert len(table) == 5005
    assert_array_equal(table.find(keys), rows)
    assert_array_equal(table.get(numpy.arange(5)), before)
    assert_allclose(table.get(rows), make_grads(5000), atol=0.05)


@pytest.mark.parametrize("n_updates", [1, 20])
def test_equals_adam_of_thinc_if_all_rows_are_touched(n_updates):
    table, optimizer, oracle = make_table(), make_optimizer(), make_optimizer()
    W = numpy.random.RandomState(0).randn(6, WIDTH).astype("float32")
    rows = numpy.arange(6)
    for step in range(n_updates):
        grads = make_grads(seed=step)
        table.inc_grad(rows, grads.copy())
        table.finish_update(optimizer)
        W, _ = oracle((0, "W"), W, grads.copy())
    assert_allclose(get_all(table), W, atol=get_rounding(W) + 1e-4)


def test_clips_gradients_like_thinc():
    table, optimizer = make_table(), Adam(1.0, L2=0.0, grad_clip=0.5, beta1=0.0)
    W = numpy.random.RandomState(0).randn(6, WIDTH).astype("float32")
    table.inc_grad(numpy.arange(6), make_grads())
    table.finish_update(optimizer)
    grads = make_grads()
    slow = W - 0.5 * grads / numpy.linalg.norm(grads)
    assert_allclose(get_all(table), slow, atol=get_rounding(slow) + 1e-4)


def test_update_leaves_other_rows_alone():
    table = make_table()
    before = get_all(table)
    for _ in range(3):
        table.inc_grad(numpy.asarray([1, 4]), make_grads(2))
        table.finish_update(make_optimizer())
    changed = (get_all(table) != before).any(axis=1)
    assert_array_equal(changed, [False, True, False, False, True, False])


def test_rate_multiplies_the_learning_rate():
    steps = []
    for rate in (0.5, 2.0):
        table = make_table(rate=rate)
        before = get_all(table)
        table.inc_grad(numpy.arange(6), make_grads())
        table.finish_update(make_optimizer(1.0))
        steps.append(get_all(table) - before)
    assert_allclose(steps[1], 4.0 * steps[0], atol=0.1)


def test_shared_rate_is_how_far_all_rows_move_in_the_first_step():
    """Equals AdaGrad-Norm by the definition: each step is the gradient, in units of
    each row's own rate, over the root of the sum of squares of all so far.
    """
    table = RowTable(WIDTH, "test-vectors", shared_rate=0.5)
    W = numpy.random.RandomState(0).randn(6, WIDTH).astype("float32")
    rates = numpy.asarray([1, 1, 2, 1, 3, 1], dtype="float32")
    table.add(numpy.arange(6, dtype="uint64"), W, rates)
    slow, total = W.astype("d"), 0.0
    for step in range(5):
        rows, before = numpy.arange(step, 6), slow.copy()
        grads = make_grads(6, seed=step)[rows]
        scaled = grads * rates[rows, None]
        total += (scaled.astype("d") ** 2).sum()
        slow[rows] -= 0.5 * rates[rows, None] * scaled / total**0.5
        table.inc_grad(rows, grads.copy())
        table.finish_update(make_optimizer(0.001))
        moved = numpy.linalg.norm((slow - before) / rates[:, None])
        assert step or moved == pytest.approx(0.5)
    assert_allclose(table.get_exact(numpy.arange(6)), slow, atol=1e-4)


def test_training_sees_what_it_did_in_full_precision():
    table = make_table()
    before = table.get_exact(numpy.arange(6))
    assert_array_equal(before, numpy.random.RandomState(0).randn(6, WIDTH).astype("f"))
    for _ in range(2):
        table.inc_grad(numpy.asarray([2]), make_grads(1))
        table.finish_update(make_optimizer(1e-6))
    # Less than 8 bits can tell.
    assert (table.get_exact(numpy.arange(6))[2] != before[2]).all()
    loaded = RowTable(WIDTH, "test-vectors").from_bytes(table.to_bytes())
    assert_array_equal(get_all(loaded), get_all(table))


def test_gain_turns_a_whole_row_up_or_down():
    """The row is exp(gain) * direction. At a rate of 0 its direction can't change."""
    table = RowTable(WIDTH, "test-vectors", 0.5)
    before = numpy.random.RandomState(0).randn(6, WIDTH).astype("float32")
    table.add(numpy.arange(6, dtype="uint64"), before, numpy.zeros(6, "float32"))
    descent = Adam(1.0, L2=0.0, grad_clip=0.0, use_averages=False, beta1=0.0)
    table.inc_grad(numpy.arange(6), make_grads())
    table.finish_update(descent)
    gains = -0.5 * (make_grads() * before).sum(axis=1, keepdims=True)
    slow = numpy.exp(gains) * before
    assert_allclose(get_all(table), slow, atol=get_rounding(slow) + 1e-4)


def test_gradients_accumulate_until_the_update():
    """Twice the same and overlapping rows count like one gradient, their sum."""
    parts, whole = make_table(), make_table()
    grads = make_grads()
    parts.inc_grad(numpy.asarray([0, 1, 2]), grads[:3])
    parts.inc_grad(numpy.asarray([2, 1]), grads[3:5])
    total = numpy.stack([grads[0], grads[1] + grads[4], grads[2] + grads[3]])
    whole.inc_grad(numpy.asarray([0, 1, 2]), total)
    for table in (parts, whole):
        table.finish_update(make_optimizer())
    assert_allclose(get_all(parts), get_all(whole), atol=1e-6)


def test_update_uses_a_gradient_once():
    table, optimizer = make_table(), make_optimizer()
    table.inc_grad(numpy.arange(6), make_grads())
    table.finish_update(optimizer)
    before = get_all(table)
    table.finish_update(optimizer)
    assert_array_equal(get_all(table), before)


def test_saved_rows_are_those_that_were_predicted_with():
    table = make_table()
    for step in range(5):
        table.inc_grad(numpy.arange(6), make_grads(seed=step))
        table.finish_update(make_optimizer())
    loaded = RowTable(WIDTH, "test-vectors").from_bytes(table.to_bytes())
    assert_array_equal(get_all(loaded), get_all(table))
    assert loaded.to_bytes() == table.to_bytes()


def test_loaded_table_learns_and_grows():
    loaded = RowTable(WIDTH, "test-vectors").from_bytes(make_table().to_bytes())
    before = get_all(loaded)
    keys = numpy.asarray([7], dtype="uint64")
    loaded.add(keys, make_grads(1), numpy.ones(1, dtype="float32"))
    loaded.inc_grad(numpy.arange(7), make_grads(7))
    loaded.finish_update(make_optimizer())
    assert len(loaded) == 7
    step = get_all(loaded)[:6] - before
    assert_allclose(step, -0.1 * numpy.sign(make_grads(7)[:6]), atol=0.05)


def test_loading_replaces_what_was_there():
    table = make_table(9, seed=5)
    table.from_bytes(make_table(2).to_bytes())
    assert len(table) == 2
    assert_array_equal(table.find(numpy.asarray([105], dtype="uint64")), [-1])


def test_row_of_zeros_stays_zero():
    table = RowTable(WIDTH, "test-vectors")
    zeros = numpy.zeros((1, WIDTH), dtype="float32")
    table.add(numpy.ones(1, dtype="uint64"), zeros, numpy.ones(1, dtype="float32"))
    assert_array_equal(get_all(table), zeros)


def test_empty_table_round_trips():
    table = RowTable(WIDTH, "test-vectors")
    assert len(RowTable(WIDTH, "test-vectors").from_bytes(table.to_bytes())) == 0


def test_rejects_rows_of_other_vectors():
    with pytest.raises(ValueError, match=r"\[L203\].*'test-vectors'.*'other-vectors'"):
        RowTable(WIDTH, "other-vectors").from_bytes(make_table().to_bytes())


def test_rejects_newer_format():
    data = srsly.msgpack_loads(make_table().to_bytes())
    data["format"] += 1
    with pytest.raises(ValueError, match=r"\[L204\].*pip install -U"):
        RowTable(WIDTH, "test-vectors").from_bytes(srsly.msgpack_dumps(data))


@pytest.mark.parametrize(
    "change",
    [
        {"keys": b"\x00" * 48},
        {"keys": b"\x00" * 47},
        {"codes": b""},
        {"scales": b"\xff" * 24},
        {"rates": b""},
        {"features": None},
        {"format": "2"},
        {"more": 1},
    ],
    ids=str,
)
def test_rejects_what_it_did_not_write(change):
    data = {**srsly.msgpack_loads(make_table(6).to_bytes()), **change}
    with pytest.raises(ValueError, match=r"\[L361\]"):
        RowTable(WIDTH, "test-vectors").from_bytes(srsly.msgpack_dumps(data))


def test_width_that_is_not_there_costs_no_memory():
    with pytest.raises(ValueError, match=r"\[L361\].*'codes'"):
        RowTable(10**12, "test-vectors").from_bytes(make_table(4).to_bytes())


def test_rejects_rows_of_other_features():
    data = RowTable(WIDTH, "test-vectors", get_features=lambda: "a").to_bytes()
    RowTable(WIDTH, "test-vectors", get_features=lambda: "a").from_bytes(data)
    with pytest.raises(ValueError, match=r"\[L361\].*features"):
        RowTable(WIDTH, "test-vectors", get_features=lambda: "b").from_bytes(data)


def test_reads_what_older_versions_wrote():
    data = srsly.msgpack_loads(make_table(6).to_bytes())
    del data["features"]
    old = srsly.msgpack_dumps({**data, "format": 1})
    assert len(RowTable(WIDTH, "test-vectors").from_bytes(old)) == 6


@pytest.mark.parametrize("shared_rate", [None, 0.5])
def test_many_rows_move_as_each_of_them_alone(shared_rate, monkeypatch):
    tables = []
    for at_once in (4, 1000):
        monkeypatch.setattr(row_table, "AT_ONCE", at_once)
        table = RowTable(WIDTH, "test-vectors", 0.5, shared_rate=shared_rate)
        rates = numpy.linspace(0.5, 2.0, 10).astype("float32")
        table.add(numpy.arange(10, dtype="uint64"), make_grads(10), rates)
        for step in range(3):
            table.inc_grad(numpy.arange(9), make_grads(9, seed=step))
            table.finish_update(make_optimizer())
        tables.append(table.get_exact(numpy.arange(10)))
    assert_array_equal(*tables)
