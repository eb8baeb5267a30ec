import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.fitting.thresholds import (
    fit_abstention_threshold,
    fit_ancestor_threshold,
    fit_coverage_threshold,
    fit_label_thresholds,
    fit_precision_threshold,
    fit_thresholds,
)
from spacy_longtail.taxonomy import build_taxonomy


def get_f1(scores, truths, threshold):
    guess, is_yes = scores >= threshold, truths == 1.0
    return 2 * (guess & is_yes).sum() / max(guess.sum() + is_yes.sum(), 1)


@pytest.fixture
def data():
    """Scores and truths of three labels with 80, 30 and 10 of 200 documents."""
    random = numpy.random.RandomState(0)
    truths = numpy.zeros((200, 3))
    for column, n in enumerate([80, 30, 10]):
        truths[random.permutation(200)[:n], column] = 1.0
    logits = random.randn(200, 3) + 2.0 * truths - [0.5, 1.5, 3.0]
    return 1.0 / (1.0 + numpy.exp(-logits)), truths


def test_no_threshold_has_a_better_f1(data):
    scores, truths = data
    found = fit_thresholds(scores, truths, smoothing=0.0)
    for column, threshold in enumerate(found):
        s, y = scores[:, column], truths[:, column]
        best = max(get_f1(s, y, t) for t in [*s, 1.0])
        assert get_f1(s, y, threshold) == pytest.approx(best)


def test_threshold_is_between_the_scores_that_it_separates():
    scores = numpy.asarray([[0.9], [0.6], [0.2], [0.1]])
    truths = numpy.asarray([[1.0], [1.0], [0.0], [0.0]])
    (found,) = fit_thresholds(scores, truths, smoothing=0.0)
    assert 0.2 < found < 0.6


def test_equal_scores_are_not_separated():
    scores = numpy.asarray([[0.5], [0.5], [0.5], [0.1]])
    truths = numpy.asarray([[1.0], [0.0], [1.0], [0.0]])
    (found,) = fit_thresholds(scores, truths, smoothing=0.0)
    assert 0.1 < found < 0.5


@pytest.mark.parametrize("precision", [0.6, 0.8, 0.95])
def test_wished_precision_is_reached_with_the_most_recall(data, precision):
    scores, truths = data
    found = fit_thresholds(scores, truths, precision=precision, smoothing=0.0)
    for column, threshold in enumerate(found):
        s, y = scores[:, column], truths[:, column] == 1.0
        guess = s >= threshold
        assert y[guess].mean() >= precision
        reached = [y[s >= t].sum() for t in s if y[s >= t].mean() >= precision]
        assert y[guess].sum() == max(reached)


def test_precision_that_is_not_reached_gives_the_best_one():
    scores = numpy.asarray([[0.9], [0.8], [0.7], [0.1]])
    truths = numpy.asarray([[0.0], [1.0], [1.0], [0.0]])
    (found,) = fit_thresholds(scores, truths, precision=0.9, smoothing=0.0)
    assert 0.1 < found < 0.7


def test_label_without_documents_gets_the_common_threshold(data):
    scores, truths = data
    scores, truths = numpy.tile(scores[:, :1], 2), numpy.tile(truths[:, :1], 2)
    truths[:, 1] = 0.0
    found = fit_thresholds(scores, truths, smoothing=0.0)
    # The grid of the common threshold is less fine.
    best = get_f1(scores[:, 0], truths[:, 0], found[0])
    assert get_f1(scores[:, 0], truths[:, 0], found[1]) == pytest.approx(best, abs=0.01)


def test_few_documents_are_drawn_to_the_common_threshold(data):
    scores, truths = data
    own = fit_thresholds(scores, truths, smoothing=0.0)
    common = fit_thresholds(scores, truths, smoothing=1e9)
    found = fit_thresholds(scores, truths, smoothing=30.0)
    assert_allclose(common, common[0])
    share = (found - common) / (own - common)
    assert ((share > 0.0) & (share < 1.0)).all()
    odds = numpy.log(numpy.asarray([own, common, found]))
    odds -= numpy.log1p(-numpy.asarray([own, common, found]))
    expected = numpy.asarray([80, 30, 10]) / numpy.asarray([110, 60, 40])
    assert_allclose((odds[2] - odds[1]) / (odds[0] - odds[1]), expected)


def test_what_is_not_known_is_left_out(data):
    scores, truths = data
    more = numpy.full((50, 3), 0.99), numpy.full((50, 3), numpy.nan)
    found = fit_thresholds(
        numpy.concatenate([scores, more[0]]), numpy.concatenate([truths, more[1]])
    )
    assert_allclose(found, fit_thresholds(scores, truths))


def test_label_that_is_only_known_to_be_there(data):
    """Nothing says that unlike documents have it, so it isn't given to all of them."""
    scores, truths = data
    only = numpy.linspace(0.6, 0.9, 200)[:, None]
    gold = numpy.where(numpy.arange(200) % 2 == 0, 1.0, numpy.nan)[:, None]
    scores, truths = numpy.hstack([scores, only]), numpy.hstack([truths, gold])
    found = fit_thresholds(scores, truths)
    assert found[3] > found[:3].min() / 2
    masked = [[1.0], [numpy.nan], [0.0], [1.0]]
    (found,) = fit_thresholds([[0.9], [0.8], [0.7], [0.6]], masked, smoothing=0.0)
    assert 0.1 < found <= 0.6


@pytest.mark.parametrize("n_docs", [0, 5])
def test_without_any_positive_document_it_is_a_half(n_docs):
    found = fit_thresholds(numpy.full((n_docs, 2), 0.3), numpy.zeros((n_docs, 2)))
    assert_allclose(found, 0.5)


def test_thresholds_are_inside_the_interval():
    """Also where documents are certain."""
    scores, truths = numpy.asarray([[0.0, 1.0]] * 3), numpy.ones((3, 2))
    found = fit_thresholds(scores, truths, smoothing=0.0)
    assert ((found > 0.0) & (found < 1.0)).all()


def test_shapes_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"\[L326\].*\(2, 3\) and \(2, 4\)"):
        fit_thresholds(numpy.zeros((2, 3)), numpy.zeros((2, 4)))


@pytest.mark.parametrize(
    "settings",
    [
        *({"precision": value} for value in (0.0, 1.1, "0.9", True)),
        *({"smoothing": value} for value in (-1.0, "30", float("nan"))),
    ],
)
def test_setting_out_of_range_is_an_error(settings):
    with pytest.raises(ValueError, match=rf"\[L327\] '{list(settings)[0]}' has to be"):
        fit_thresholds(numpy.zeros((2, 3)), numpy.zeros((2, 3)), **settings)


def array(*values):
    return numpy.asarray(values)


@pytest.mark.parametrize(
    "confidence,is_right,precision,expected",
    [
        (array(0.9, 0.8, 0.7, 0.6), array(1, 1, 0, 0), 1.0, 0.75),
        (array(0.9, 0.8, 0.7, 0.6), array(1, 1, 0, 1), 0.75, 0.0),
        (array(0.9, 0.8, 0.7, 0.6), array(0, 1, 1, 0), 0.9, 1.0),
        # Equal probabilities can't be told apart.
        (array(0.9, 0.7, 0.7, 0.6), array(1, 1, 0, 0), 1.0, 0.8),
    ],
)
def test_precision_threshold(confidence, is_right, precision, expected):
    found = fit_precision_threshold(confidence, is_right.astype(bool), precision)
    assert found == pytest.approx(expected)


def test_precision_is_reached_with_the_most_documents():
    rng = numpy.random.default_rng(0)
    confidence = rng.random(500)
    is_right = rng.random(500) < confidence
    threshold = fit_precision_threshold(confidence, is_right, 0.8)
    assert is_right[confidence >= threshold].mean() >= 0.8
    lower = [t for t in numpy.sort(confidence) if t < threshold]
    assert all(is_right[confidence >= t].mean() < 0.8 for t in lower)


def test_coverage_threshold():
    confidence = array(0.1, 0.2, 0.3, 0.4, 0.5)
    threshold = fit_coverage_threshold(confidence, 0.6)
    assert (confidence >= threshold).mean() == 0.6
    assert fit_coverage_threshold(confidence, 1.0) == 0.0


@pytest.mark.parametrize(
    "n, coverage, n_kept", [(5, 0.5, 3), (5, 0.6, 3), (100, 0.07, 7), (5, 0.01, 1)]
)
def test_coverage_is_at_least_the_wished_share(n, coverage, n_kept):
    confidence = numpy.linspace(0.1, 0.9, n)
    threshold = fit_coverage_threshold(confidence, coverage)
    assert (confidence >= threshold).sum() == n_kept


def test_rounding_keeps_what_the_threshold_has_to_keep():
    confidence = array(0.1, 0.123456785, 0.1234567851)
    for coverage in (0.3, 0.6):
        kept = confidence >= fit_coverage_threshold(confidence, coverage)
        assert kept.mean() >= coverage


def test_rare_labels_have_the_threshold_of_their_parent():
    tree = build_taxonomy({"a/x": 1, "a/y": 1, "b/x": 1, "b/y": 1})
    guess = numpy.repeat([0, 1, 2, 3], [4, 2, 1, 1])
    confidence = array(0.9, 0.8, 0.7, 0.6, 0.9, 0.5, 0.9, 0.4)
    is_right = array(1, 1, 0, 0, 1, 1, 0, 1).astype(bool)
    found = fit_label_thresholds(tree, guess, confidence, is_right, 1.0, min_support=4)
    assert found == pytest.approx({"": 1.0, "a": 0.75, "a/x": 0.75})


def test_ancestor_threshold():
    probability, is_right = array(0.9, 0.8, 0.7), array(True, True, False)
    assert fit_ancestor_threshold(probability, is_right, None) == 0.5
    assert fit_ancestor_threshold(probability, is_right, 0.9) == 0.9
    found = fit_ancestor_threshold(probability, is_right, 0.9, min_support=3)
    assert found == pytest.approx(0.75)


def test_documents_of_the_same_confidence_stay_together():
    confidence = array(0.9, 0.5, 0.5, 0.5, 0.1)
    kept = confidence >= fit_coverage_threshold(confidence, 0.4)
    assert kept.tolist() == [True, True, True, True, False]


KNOWN = array(0.9, 0.8, 0.7, 0.6, 0.6, 0.2)
ONE_RIGHT, ONE_GIVEN = array(1, 0, 1, 1, 0, 0), array(1, 1, 1, 1, 1, 1)
SOME_RIGHT, SOME_GIVEN = array(2, 1, 0, 1, 0, 0), array(2, 2, 0, 3, 1, 9)


@pytest.mark.parametrize(
    "right, given, precision, expected",
    [
        (ONE_RIGHT, ONE_GIVEN, 1.0, 0.9),
        (ONE_RIGHT, ONE_GIVEN, 0.66, 0.7),
        (ONE_RIGHT, ONE_GIVEN, 0.6, 0.6),
        (1 - ONE_RIGHT, ONE_GIVEN, 1.0, None),
        (SOME_RIGHT, SOME_GIVEN, 1.0, 0.9),
        (SOME_RIGHT, SOME_GIVEN, 0.75, 0.7),
        (SOME_RIGHT, SOME_GIVEN, 0.5, 0.6),
        (SOME_RIGHT * 0, SOME_GIVEN, 0.5, None),
    ],
)
def test_abstention_counts_the_labels_of_documents(right, given, precision, expected):
    found = fit_abstention_threshold(KNOWN, right, given, precision=precision)
    assert found == expected


def test_without_documents_there_is_no_threshold_of_abstention():
    nothing = KNOWN[:0]
    assert fit_abstention_threshold(nothing, nothing, nothing, coverage=0.5) is None


@pytest.mark.parametrize("n, coverage, n_kept", [(5, 0.5, 3), (4, 0.5, 2)])
def test_coverage_of_abstention_is_that_of_thresholds(n, coverage, n_kept):
    known = numpy.linspace(0.1, 0.9, n)
    ones = numpy.ones(n, dtype="int64")
    found = fit_abstention_threshold(known, ones, ones, coverage=coverage)
    assert found == fit_coverage_threshold(known, coverage)
    assert (known >= found).sum() == n_kept
