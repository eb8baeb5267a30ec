import time
from functools import partial

import numpy
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)

from spacy_longtail.scoring.bootstrap import bootstrap, compare, measure
from spacy_longtail.scoring.metrics import (
    METRICS,
    Metric,
    find_metrics,
    get_expected_macro_f,
    get_macro_f,
)
from spacy_longtail.scoring.predictions import (
    ABSTAINED,
    count,
    pair_columns,
    pair_scores,
)

N_DOCS, N_LABELS = 60, 7
LABELS = ("a/b", "a/c", "d/e", "d/f", "g", "h/i", "h/j")
COUNTS = numpy.asarray([90, 60, 50, 20, 10, 9, 2])
TRUTHS = (numpy.random.default_rng(0).random((N_DOCS, N_LABELS)) < 0.3).astype(float)
TRUTHS[:, 6] = 0.0
P = numpy.random.default_rng(1).random((N_DOCS, N_LABELS))
THRESHOLDS = numpy.linspace(0.3, 0.9, N_LABELS)
UNKNOWN = numpy.random.default_rng(2).random(TRUTHS.shape) < 0.2


def make_one():
    """One label a document, some abstained, a gold label of no document."""
    rng = numpy.random.default_rng(0)
    gold = rng.integers(0, 6, N_DOCS)
    given = numpy.where(rng.random(N_DOCS) < 0.6, gold, rng.integers(0, 7, N_DOCS))
    given[rng.random(N_DOCS) < 0.1] = ABSTAINED
    confidence, changes = rng.random(N_DOCS), rng.integers(0, 2, (2, N_DOCS))
    calibrated = rng.dirichlet(numpy.ones(N_LABELS), N_DOCS)
    return pair_columns(
        gold,
        given,
        confidence,
        LABELS,
        counts=COUNTS,
        changes=changes.T.astype("f8"),
        calibrated=calibrated,
    )


def make_several(truths=TRUTHS, P=P, thresholds=THRESHOLDS):
    changes = numpy.random.default_rng(3).integers(0, 3, (2, len(truths)))
    return pair_scores(
        truths,
        P,
        P >= thresholds,
        LABELS[: truths.shape[1]],
        counts=COUNTS[: truths.shape[1]],
        n_training=150,
        changes=changes.T.astype("f8"),
    )


KINDS = {
    False: make_one,
    True: lambda: make_several(numpy.where(UNKNOWN, numpy.nan, TRUTHS)),
}


@pytest.fixture(params=KINDS, ids=["one", "several"])
def predictions(request):
    return KINDS[request.param]()


def find_all(predictions):
    rooms = ("scorer", "tune", "report")
    several = predictions.allows_several
    return {
        key: metric
        for room in rooms
        for key, metric in find_metrics(room, several).items()
    }


def get_values(predictions, W):
    metrics = find_all(predictions)
    return {key: m.function(predictions, W) for key, m in metrics.items()}


def test_metrics_of_one_label_are_those_of_scikit_learn():
    found = make_one()
    gold, given = found.gold_columns, found.given_columns
    some = sorted(set(gold.tolist()))
    pair = {"y_true": gold, "y_pred": given, "zero_division": 0.0}
    is_given = given != ABSTAINED
    expected = {
        "macro_f": f1_score(**pair, labels=some, average="macro"),
        "accuracy": accuracy_score(gold, given),
        "coverage": is_given.mean(),
        "precision": accuracy_score(gold[is_given], given[is_given]),
        "head_f": f1_score(**pair, labels=[0, 1, 2], average="macro"),
        "tail_f": f1_score(**pair, labels=[5], average="macro"),
    }
    metrics = find_all(found)
    for key, value in expected.items():
        assert measure(metrics[key], found) == pytest.approx(value), key


def test_metrics_of_several_labels_are_those_of_scikit_learn():
    found = make_several()
    pair = (TRUTHS, P >= THRESHOLDS)
    some = TRUTHS.any(axis=0)
    each = f1_score(*pair, average=None, zero_division=0.0)
    expected = {
        "macro_f": each[some].mean(),
        "micro_f": f1_score(*pair, average="micro"),
        "micro_p": precision_score(*pair, average="micro"),
        "micro_r": recall_score(*pair, average="micro"),
        "macro_p": precision_score(*pair, average="macro"),
        "head_f": each[:3].mean(),
        "mid_f": each[3:5].mean(),
        "tail_f": each[5],
        "n_labels": pair[1].sum() / N_DOCS,
        "log_loss": sum(
            log_loss(TRUTHS[:, i], P[:, i], labels=[0, 1]) for i in range(N_LABELS)
        ),
    }
    metrics = find_all(found)
    for key, value in expected.items():
        assert measure(metrics[key], found) == pytest.approx(value), key


def test_weight_of_two_is_a_document_twice(predictions):
    W = numpy.ones((2, N_DOCS))
    W[1, :10] = 2.0
    twice = predictions.select(numpy.r_[:N_DOCS, :10])
    found = get_values(predictions, W)
    for expected, row in ((predictions, 0), (twice, 1)):
        for key, value in get_values(expected, expected.ones).items():
            assert found[key][row] == pytest.approx(value[0], nan_ok=True), key


def test_values_are_within_their_bounds(predictions):
    W = numpy.random.default_rng(4).random((5, N_DOCS))
    values = get_values(predictions, W)
    for key, metric in find_all(predictions).items():
        low, high = metric.bounds
        outside = (values[key] < low) | (values[key] > high)
        assert not outside.any(), key


def test_counting_needs_no_array_of_documents_and_labels():
    """50,000 labels times 20,000 documents would be 8 GB."""
    rng = numpy.random.default_rng(0)
    n_docs, n_labels = 20_000, 50_000
    gold, given = rng.integers(0, n_labels, (2, n_docs))
    given[: n_docs // 2] = gold[: n_docs // 2]
    labels = tuple(map(str, range(n_labels)))
    found = pair_columns(gold, given, numpy.ones(n_docs), labels)
    right, guessed, support = count(found)
    assert right.shape == (1, n_labels)
    assert (guessed.sum(), support.sum()) == (n_docs, n_docs)
    accuracy = find_metrics("report", False)["accuracy"]
    assert measure(accuracy, found) == pytest.approx(0.5, abs=0.001)


def test_every_metric_is_for_some_room_and_has_a_key_of_its_own():
    for several in (False, True):
        for room in ("scorer", "tune", "report"):
            keys = [m.key for m in METRICS if m.several in (None, several)]
            keys = [m for m in keys if m in find_metrics(room, several)]
            assert len(keys) == len(set(keys)) and keys


@pytest.mark.parametrize("n, group", [(50, 0), (49, 1), (10, 1), (9, 2), (0, 2)])
def test_bounds_of_groups(n, group):
    one = numpy.asarray([0])
    found = pair_columns(one, one, numpy.ones(1), ("a",), counts=numpy.asarray([n]))
    assert found.groups.tolist() == [group]
    sizes = [1 if place == group else 0 for place in range(3)]
    assert list(found.group_sizes.values()) == sizes


def test_unknown_counts_are_in_no_group():
    found = pair_columns(numpy.asarray([0]), numpy.asarray([0]), numpy.ones(1), ("a",))
    assert found.groups.tolist() == [-1]


def test_macro_f_of_some_labels():
    among = numpy.asarray([True, False, True, False, False, False, True])
    each = f1_score(TRUTHS, P >= THRESHOLDS, average=None, zero_division=0.0)
    found = get_macro_f(make_several(), numpy.ones((1, N_DOCS)), among)[0]
    # The last label has no gold document.
    assert found == pytest.approx((each[0] + each[2]) / 2)


def test_expected_macro_f_is_that_of_sure_probabilities():
    """If each gold label is certain, there is nothing to expect."""
    rng = numpy.random.default_rng(0)
    gold, given = rng.integers(0, 4, (2, 60))
    sure = numpy.eye(4)[gold]
    found = pair_columns(gold, given, numpy.ones(60), "abcd", calibrated=sure)
    W = rng.random((3, 60))
    numpy.testing.assert_allclose(get_expected_macro_f(found, W), get_macro_f(found, W))


def test_expected_macro_f_counts_labels_without_documents():
    P = numpy.asarray([[0.5, 0.5, 0.0], [0.5, 0.25, 0.25]])
    given = numpy.asarray([0, 2])
    found = pair_columns(given, given, P[:, 0], "abc", calibrated=P)
    value = get_expected_macro_f(found, numpy.ones((1, 2)))[0]
    assert value == pytest.approx((1.0 / 2 + 0.0 + 0.5 / 1.25) / 3)


def test_calibration_error_of_pairs_by_hand():
    """Bins are 1/15 wide: 0.01 and 0.05 share one, 0.9 and 0.92 another one."""
    P = numpy.asarray([[0.01, 0.9], [0.05, 0.92], [0.5, 0.5]])
    truths = numpy.asarray([[0.0, 1.0], [1.0, 1.0], [numpy.nan, 0.0]])
    found = make_several(truths, P, numpy.asarray([0.5, 0.5]))
    gaps = abs(0.06 - 1.0) + abs(1.82 - 2.0) + 0.5
    assert measure(find_all(found)["ece"], found) == pytest.approx(gaps / 5)


def test_where_nothing_is_given_the_precision_is_one():
    nothing = pair_columns(
        numpy.zeros(3, int), numpy.full(3, ABSTAINED), numpy.zeros(3), ("a",)
    )
    metrics = find_all(nothing)
    assert measure(metrics["precision"], nothing) == 1.0
    assert measure(metrics["ece"], nothing) == 0.0
    nothing = make_several(numpy.full(P.shape, numpy.nan))
    assert not len(nothing.given.rows)
    metrics = find_all(nothing)
    assert measure(metrics["micro_p"], nothing) == 1.0
    assert measure(metrics["macro_p"], nothing) == 1.0
    assert measure(metrics["macro_f"], nothing) == 0.0


def test_half_without_anything_to_measure_has_no_value():
    truths = numpy.asarray([[1.0, 0.0], [numpy.nan, 0.0]])
    found = make_several(truths, numpy.ones((2, 2)), numpy.asarray([0.5, 2.0]))
    W = numpy.asarray([[1.0, 1.0], [0.0, 1.0]])
    for key in ("macro_f", "micro_f", "micro_p", "micro_r", "macro_p"):
        values = find_all(found)[key].function(found, W)
        assert values[0] == 1.0 and numpy.isnan(values[1]), key


@pytest.mark.slow
def test_bootstrap_of_many_labels_is_fast():
    rng = numpy.random.default_rng(0)
    truths = (rng.random((5000, 1000)) < 0.002).astype(float)
    P = 0.9 * truths * (rng.random(truths.shape) < 0.7)
    labels = tuple(map(str, range(1000)))
    found = pair_scores(truths, P, P >= 0.5, labels)
    start = time.perf_counter()
    metrics = find_metrics("tune", True)
    bootstrap([found, found], metrics, resamples=1000)
    assert time.perf_counter() - start < 60


def make_pair_of_equals(n_labels, n_docs, *, seed):
    """Make two systems that are equally good: each finds half of the documents."""
    gold = numpy.repeat(numpy.arange(n_labels), n_docs)
    rng = numpy.random.default_rng(seed)
    labels = tuple(map(str, range(n_labels)))
    systems = []
    for _ in range(2):
        given = numpy.where(rng.random(len(gold)) < 0.5, gold, ABSTAINED)
        systems.append(pair_columns(gold, given, numpy.ones(len(gold)), labels))
    return systems


def make_several_equals(n_labels, n_docs, *, seed):
    """The same of labels with one document each, any number a document."""
    rng = numpy.random.default_rng(seed)
    truths = numpy.zeros((150, n_labels))
    truths[rng.choice(150, n_labels, replace=False), numpy.arange(n_labels)] = 1.0
    labels = tuple(map(str, range(n_labels)))
    systems = []
    for _ in range(2):
        P = truths * (rng.random(n_labels) < 0.5)
        systems.append(pair_scores(truths, P, P >= 0.5, labels))
    return systems


MACRO_F = {"macro_f": find_metrics("tune", False)["macro_f"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "simulate, n_labels, n_docs",
    [
        (make_pair_of_equals, 30, 1),
        (make_pair_of_equals, 15, 2),
        (make_pair_of_equals, 8, 20),
        (make_several_equals, 30, 1),
    ],
)
def test_interval_of_macro_f_covers_what_it_says(simulate, n_labels, n_docs):
    """A label with one document has an F1 of 0 or 1, whatever its weight."""
    metric = MACRO_F["macro_f"]
    systems = (simulate(n_labels, n_docs, seed=1000 + i)[0] for i in range(1000))
    expected = numpy.mean([measure(metric, system) for system in systems])
    found = []
    for seed in range(5000, 5300):
        before, after = simulate(n_labels, n_docs, seed=seed)
        scores = compare(before, after, MACRO_F, resamples=300)["macro_f"]
        is_inside = scores.after.low <= expected <= scores.after.high
        found.append((scores.is_noise, is_inside))
    shares = numpy.mean(found, axis=0)
    assert (shares > 0.91).all() and (shares <= 0.995).all(), shares


@pytest.mark.parametrize("n_changed, is_noise", [(1, True), (4, True), (8, False)])
def test_a_few_documents_are_noise(n_changed, is_noise):
    """As with a sign test: it takes six changes to the same side."""
    before, _ = make_pair_of_equals(30, 1, seed=0)
    given = before.given_columns.copy()
    changed = numpy.flatnonzero(given == ABSTAINED)[:n_changed]
    given[changed] = before.gold_columns[changed]
    after = pair_columns(
        before.gold_columns, given, numpy.ones(len(given)), before.labels
    )
    for seed in range(20):
        scores = compare(before, after, MACRO_F, resamples=300, seed=seed)
        assert scores["macro_f"].is_noise == is_noise


def test_single_label_with_a_single_document_says_nothing():
    gold = numpy.asarray([0, 1, 1, 1, 1, 1, 1, 1])
    before, after = (
        pair_columns(gold, given, gold / 1, ("a", "b"))
        for given in (gold * 0 + 1, gold)
    )
    among = partial(get_macro_f, among=numpy.asarray([True, False]))
    rare = {"tail_f": Metric("tail_f", "tail", "", among)}
    scores = compare(before, after, rare)["tail_f"]
    assert scores.after == (1.0, 0.0, 1.0)
    assert scores.change == (1.0, -1.0, 1.0)
    assert scores.is_noise


def test_what_is_missed_and_what_is_false(predictions):
    def list_pairs(pairs):
        return set(zip(pairs.rows.tolist(), pairs.columns.tolist()))

    gold, given = list_pairs(predictions.gold), list_pairs(predictions.given)
    assert gold & given and gold - given and given - gold
    assert list_pairs(predictions.right) == gold & given
    assert list_pairs(predictions.missed) == gold - given
    assert list_pairs(predictions.false) == given - gold


def test_metrics_at_a_rank_stand_together():
    keys = list(find_metrics("report", True, ks=(1, 3)))
    start = keys.index("p_at_1")
    found = ["p_at_1", "ndcg_at_1", "psp_at_1", "p_at_3", "ndcg_at_3", "psp_at_3"]
    assert keys[start : start + 6] == found
    assert not [key for key in find_metrics("report", False) if "_at_" in key]
