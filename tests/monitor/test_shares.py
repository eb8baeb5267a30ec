import numpy
import pytest

from spacy_longtail.monitor.shares import (
    compare_shares,
    find_below,
    find_shift,
    get_distance,
    make_groups,
)

RATE = 0.05


def make_labels(n_labels):
    """Each kind of text is a label. Pairs of labels are below a category."""
    labels = [[(i, 1.0)] for i in range(n_labels)]
    pairs = [[(i, 1.0), (i + 1, 1.0)] for i in range(0, n_labels, 2)]
    return make_groups(labels + pairs), make_groups(labels)


def draw(rng, shares, n_before=3000, n_now=1000):
    return numpy.stack([rng.multinomial(n, shares) for n in (n_before, n_now)])


def count_alarms(n_labels, n_runs, n_draws=199, **sizes):
    """How many of the comparisons of equal periods have an alarm, and a distance that
    chance doesn't explain. A long tail: most labels are rare.
    """
    rng = numpy.random.default_rng(0)
    shares = 1.0 / numpy.arange(1, n_labels + 1)
    groups, parts = make_labels(n_labels)
    found = [
        compare_shares(
            draw(rng, shares / shares.sum(), **sizes), groups, parts, n_draws=n_draws
        )
        for _ in range(n_runs)
    ]
    alarms = sum(bool((one.p_values <= RATE).any()) for one in found)
    return alarms, sum(one.p_value <= RATE for one in found), found


@pytest.mark.parametrize("n_labels", [4, 40])
def test_false_alarms_come_at_the_rate_that_is_stated(n_labels):
    alarms, far, found = count_alarms(n_labels, 60, 99)
    # Of 60 runs, 10 or more have one in 1 of 1,000 cases if the rate is 0.05.
    assert alarms < 10
    assert far < 10
    # Without the adjustment, nearly every run would have an alarm.
    value = numpy.mean([one.distance - one.noise for one in found])
    assert abs(value) < 0.003


def test_of_few_texts_chance_takes_all_at_most():
    """What a normal variable would take is more than all of ten texts."""
    _, _, found = count_alarms(150, 20, 9, n_before=2000, n_now=10)
    assert all(0.5 < one.noise <= 1.0 for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [{}, {"n_before": 500, "n_now": 500}])
def test_false_alarms_of_many_runs(sizes):
    n_runs = 200
    alarms, far, _ = count_alarms(80, n_runs, 99, **sizes)
    # Three standard errors above the rate, and not far below it: it isn't just careful.
    most = (RATE + 3 * (RATE * 0.95 / n_runs) ** 0.5) * n_runs
    assert 0.02 * n_runs <= alarms <= most
    assert 0.02 * n_runs <= far <= most


def test_labels_that_double_vanish_and_appear_are_found_and_no_others():
    rng = numpy.random.default_rng(0)
    shares = numpy.full(100, 0.01)
    now = shares.copy()
    now[3] *= 2
    now[50] = 0.0
    shares[80], now[81] = 0.0, 0.0
    shares[81], now[80] = 0.01, 0.01
    groups, parts = make_labels(100)
    counts = numpy.stack(
        [
            rng.multinomial(20000, shares / shares.sum()),
            rng.multinomial(10000, now / now.sum()),
        ]
    )
    found = compare_shares(counts, groups, parts)
    alarms = set(numpy.flatnonzero(found.p_values[:100] <= RATE).tolist())
    assert alarms == {3, 50, 80, 81}
    true = get_distance(shares / shares.sum(), now / now.sum())
    assert abs(found.distance - found.noise - true) < 3 * found.spread
    assert found.p_value < 0.01


@pytest.mark.parametrize("step", [0.02, 0.005])
def test_the_value_is_the_true_distance_or_less(step):
    """A small change of all labels can't be told from chance, label by label."""
    rng = numpy.random.default_rng(0)
    shares, now = numpy.full(20, 0.05), numpy.full(20, 0.05)
    now[:10] += step
    now[10:] -= step
    groups, parts = make_labels(20)
    hits, values = 0, []
    for _ in range(40):
        counts = numpy.stack([rng.multinomial(4000, own) for own in (shares, now)])
        found = compare_shares(counts, groups, parts, n_draws=200)
        values.append(found.distance - found.noise)
        hits += abs(values[-1] - 10 * step) <= 1.96 * found.spread
    low = {0.02: 0.19, 0.005: 0.005}[step]
    assert low < numpy.mean(values) < 10 * step + 0.005
    assert hits >= 34 or step < 0.02


def test_labels_of_one_text_are_dealt_out_together():
    """Ten labels that always occur together are one piece of evidence."""
    counts = numpy.asarray([[100, 900], [60, 440]])
    together = make_groups([[(0, 1.0)]] * 10 + [[(1, 1.0)]])
    alone = make_groups([[(0, 1.0)], [(1, 1.0)]])
    found = [
        compare_shares(counts, own, alone).p_values[0] for own in (together, alone)
    ]
    assert found[0] == found[1]


def test_p_value_is_that_of_the_exact_test():
    stats = pytest.importorskip("scipy.stats")
    groups, parts = make_labels(2)
    counts = numpy.asarray([[12, 88], [24, 76]])
    exact = stats.fisher_exact(counts).pvalue
    found = compare_shares(counts, groups, parts, n_draws=4000)
    assert found.p_values[0] == pytest.approx(exact, abs=0.02)


def make_change(n_labels, **factors):
    """A long tail, and the same with some shares multiplied."""
    shares = 1.0 / numpy.arange(1, n_labels + 1)
    now = shares.copy()
    for label, factor in factors.items():
        now[int(label[1:])] *= factor
    return shares / shares.sum(), now / now.sum()


@pytest.mark.slow
def test_as_many_changed_labels_are_found_as_by_the_exact_test_of_each():
    """With the correction of Holm, by SciPy."""
    stats = pytest.importorskip("scipy.stats")
    rng = numpy.random.default_rng(0)
    groups, parts = make_labels(80)
    periods = make_change(80, x10=3.0, x40=4.0)
    hits, peers = 0, 0
    for _ in range(30):
        counts = numpy.stack([rng.multinomial(1000, own) for own in periods])
        found = compare_shares(counts, groups, parts, n_draws=399).p_values
        p_values = numpy.asarray(
            [
                stats.fisher_exact([counts[:, i], 1000 - counts[:, i]]).pvalue
                for i in range(80)
            ]
        )
        order = numpy.argsort(p_values)
        holm = numpy.maximum.accumulate(p_values[order] * numpy.arange(80, 0, -1))
        sure = set(order[holm <= RATE].tolist())
        hits += sum(found[i] <= RATE for i in (10, 40))
        peers += sum(i in sure for i in (10, 40))
    assert hits >= peers > 10


@pytest.mark.parametrize("factors", [{"x0": 1.3}, {"x10": 3.0}])
def test_change_of_the_whole_is_found_where_chi_squared_misses_it(factors):
    """By SciPy, of labels of which most are too rare for it."""
    stats = pytest.importorskip("scipy.stats")
    rng = numpy.random.default_rng(0)
    groups, parts = make_labels(160)
    hits, peers = 0, 0
    for _ in range(30):
        periods = zip((3000, 1000), make_change(160, **factors))
        counts = numpy.stack([rng.multinomial(n, own) for n, own in periods])
        found = compare_shares(counts, groups, parts, n_draws=99)
        hits += found.p_value <= RATE
        used = counts[:, counts.sum(axis=0) > 0]
        peers += stats.chi2_contingency(used).pvalue <= RATE
    assert hits >= peers + 3


def test_intervals_of_shares():
    # Newcombe (1998), table II, case (a): 56 of 70 and 48 of 80.
    low, high = find_shift(80, 48, 70, 56)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_discoveries_by_their_rate():
    # Benjamini and Hochberg (1995), section 3.2: four of these at 0.05.
    p_values = [0.0459, 0.0001, 0.3240, 0.0004, 0.0201, 0.0019, 0.0095, 0.0278]
    p_values += [0.0298, 0.0344, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert find_below(p_values, 0.05) == [1, 3, 5, 6]
    assert find_below([], 0.05) == []
