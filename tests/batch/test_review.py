import numpy
import pytest

from spacy_longtail.batch import review
from spacy_longtail.batch.review import Confidence, ReviewQueue, ReviewRow

COUNTS = {"rare": 1, "mid": 9, "head": 99}


def make_row(number, text, *candidates):
    return ReviewRow(number, text, candidates)


def rank(rows, most=100, counts=COUNTS):
    queue = ReviewQueue(counts, most)
    queue.add(rows)
    return queue.rank()


def test_rare_labels_come_first():
    rows = [
        make_row(1, "one", ("head", 0.9), ("mid", 0.1)),
        make_row(2, "two", ("rare", 0.3), ("head", 0.3)),
        make_row(3, "three", ("mid", 0.9)),
        make_row(4, "four", ("rare", 0.6), ("head", 0.3)),
        make_row(5, "five", ("new", 0.5)),
    ]
    assert [row.number for row in rank(rows)] == [5, 4, 2, 3, 1]
    assert [row.number for row in rank(rows, most=2)] == [5, 4]


def test_a_label_that_has_rows_makes_way_for_others():
    """Ten texts of the rarest label, and one of a label with ten times its texts."""
    rows = [make_row(i, f"word{i}", ("rare", 0.8)) for i in range(20)]
    rows.append(make_row(20, "other", ("mid", 1.0)))
    place = [row.number for row in rank(rows)].index(20)
    # 0.8 / (2 + 0.8 n) falls below 1 / 10 after 7.5 of them.
    assert place == 8


def test_rows_that_are_nearly_the_same_are_there_once():
    rows = [
        make_row(1, "my order 1234 of last week has not arrived yet", ("rare", 0.5)),
        make_row(2, "where is it", ("rare", 0.9)),
        make_row(3, "My order 99 of last week has not arrived yet!", ("rare", 0.9)),
        make_row(4, "Where is it?", ("rare", 0.9)),
    ]
    assert [(row.number, row.copies) for row in rank(rows)] == [(2, 2), (1, 2)]


def test_many_rows_are_kept_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(review, "LEAST", 10)
    queue = ReviewQueue(COUNTS, most=2)
    labels = ["head"] * 500 + ["rare", "mid"] + ["head"] * 500
    queue.add(make_row(i, f"w{i}", (own, 1.0)) for i, own in enumerate(labels))
    assert queue.n_rows == len(labels)
    assert len(queue._rows) < 50
    assert [row.number for row in queue.rank()] == [500, 501]


@pytest.mark.parametrize("precision", [0.5, 0.8, 0.9, 0.99])
def test_threshold_keeps_as_many_as_are_right_enough(precision):
    probabilities = numpy.random.RandomState(0).beta(2, 1, size=5000)
    confidence = Confidence()
    for part in numpy.array_split(probabilities, 7):
        confidence.add(part)
    threshold = confidence.find_threshold(precision)
    kept = probabilities[probabilities >= threshold]
    assert kept.mean() >= precision
    more = probabilities[probabilities >= threshold - 2 / review.N_BINS]
    assert more.mean() < precision or len(kept) == len(probabilities)
    # A row that is sure enough by itself is never looked at.
    assert threshold <= precision


def test_nothing_is_sure_enough():
    confidence = Confidence()
    assert confidence.find_threshold(0.5) > 1.0
    confidence.add(numpy.asarray([0.2, 0.3]))
    assert confidence.find_threshold(0.5) > 1.0
    confidence.add(numpy.asarray([1.0]))
    assert 0.3 < confidence.find_threshold(1.0) <= 1.0
