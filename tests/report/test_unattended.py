import numpy
import pytest

from spacy_longtail.report.unattended import WISHES, find_unattended
from spacy_longtail.scoring.predictions import ABSTAINED, pair_columns, pair_scores


def make(confidence, is_right, given=None):
    """Documents of one label each, some of which have got none."""
    n = len(confidence)
    gold = numpy.where(is_right, 0, 1)
    columns = numpy.zeros(n, dtype=int)
    if given is not None:
        columns[~numpy.asarray(given)] = ABSTAINED
    return pair_columns(gold, columns, numpy.asarray(confidence, "f8"), "ab")


def find_share_slowly(confidence, is_right, weights, wish):
    """Try every threshold, the lowest last."""
    share = 0.0
    for threshold in sorted(set(confidence), reverse=True):
        taken = confidence >= threshold
        n = weights[taken].sum()
        if n and (weights * is_right)[taken].sum() >= wish * n - 1e-9:
            share = n / weights.sum()
    return share


def test_the_lowest_threshold_that_is_right_often_enough():
    confidence = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]
    is_right = [True, True, True, True, False, True, True, True, True, False]
    rows = {row["wish"]: row for row in find_unattended(make(confidence, is_right))}
    assert (rows[0.8]["threshold"], rows[0.8]["share"]["value"]) == (0.05, 1.0)
    assert (rows[0.9]["threshold"], rows[0.9]["share"]["value"]) == (0.6, 0.4)
    assert rows[0.9]["people"]["value"] == pytest.approx(0.6)
    assert rows[0.99]["threshold"] == 0.6


def test_what_is_equally_sure_stays_together():
    rows = find_unattended(make([0.9, 0.9, 0.5], [True, False, True]))
    assert [row["threshold"] for row in rows] == [None] * len(WISHES)
    assert rows[0]["share"]["value"] == 0.0


def test_documents_without_a_label_are_for_people():
    given = [True, True, False, False]
    found = find_unattended(make([0.9, 0.8, 0.0, 0.0], [True] * 4, given))
    assert [row["share"]["value"] for row in found] == [0.5] * len(WISHES)
    assert [row["threshold"] for row in found] == [0.8] * len(WISHES)


def test_intervals_choose_the_threshold_anew_in_each_half():
    rng = numpy.random.default_rng(3)
    # Weights are of the documents in this order.
    confidence = numpy.sort(rng.random(80).round(1))[::-1]
    is_right = rng.random(80) < confidence
    found = find_unattended(make(confidence, is_right), resamples=300, seed=5)
    for row in found:
        drawn = numpy.random.default_rng(5).integers(0, 2, (300, 80), dtype="int8")
        wish = row["wish"]
        shares = [find_share_slowly(confidence, is_right, 2.0 * w, wish) for w in drawn]
        value = find_share_slowly(confidence, is_right, numpy.ones(80), wish)
        assert row["share"]["value"] == pytest.approx(value)
        shift = value - numpy.mean(shares)
        if abs(shift) <= 3 * numpy.std(shares) / 300**0.5:
            shift = 0.0
        # The first and last share of the middle 95 %.
        ordered = sorted(numpy.add(shares, shift))
        low, high = ordered[int(0.025 * 299)], ordered[int(0.975 * 299) + 1]
        assert row["share"]["low"] == pytest.approx(max(low, 0))
        assert row["share"]["high"] == pytest.approx(min(high, 1))
        assert row["people"]["low"] == pytest.approx(1 - row["share"]["high"])


def test_cross_fitted_share_keeps_what_was_wished():
    """Where the probabilities are exact, and there are enough documents."""
    rng = numpy.random.default_rng(0)
    confidence = rng.random(20_000)
    is_right = rng.random(20_000) < confidence
    for row in find_unattended(make(confidence, is_right), resamples=50):
        assert row["right"]["low"] <= row["wish"] <= row["right"]["high"] + 0.01
        # From a threshold t on, (1 + t) / 2 of the labels are right.
        expected = max(2 * row["wish"] - 1, 0)
        assert row["threshold"] == pytest.approx(expected, abs=0.05)


def test_choosing_is_no_cheating_where_probabilities_say_nothing():
    """A threshold that was lucky where it was chosen is found out."""
    shares = []
    for seed in range(60):
        rng = numpy.random.default_rng(seed)
        documents = make(rng.random(40), rng.random(40) < 0.6)
        (row, *_) = find_unattended(documents, resamples=1, seed=seed)
        shares += [row["right"]["value"]] if row["right"] else []
    assert len(shares) > 30
    assert numpy.mean(shares) < 0.65


def test_all_labels_of_several_have_to_be_sure_and_right():
    truths = numpy.asarray([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1.0]])
    P = numpy.asarray([[0.9, 0.8, 0], [0.95, 0, 0], [0.9, 0.6, 0], [0, 0.7, 0.1]])
    found = find_unattended(pair_scores(truths, P, P >= 0.5, "abc"))
    # The third has a false label, and is the least sure; the fourth lacks one.
    assert found[2]["threshold"] == 0.7
    assert found[2]["share"]["value"] == 0.75
    assert found[2]["whole"] <= found[2]["right"]["value"]


def test_report_has_it_for_both_kinds(report):
    wishes = [row["wish"] for row in report["unattended"]]
    assert wishes == list(WISHES)
    shares = [row["share"]["value"] for row in report["unattended"]]
    assert shares == sorted(shares, reverse=True) and shares[0] > 0
    for row in report["unattended"]:
        assert row["share"]["low"] <= row["share"]["value"] <= row["share"]["high"]
