import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.fitting.shrinkage import fit_shrunk_thresholds
from spacy_longtail.fitting.thresholds import fit_thresholds
from spacy_longtail.ops import get_log_odds

N_DOCS, N_LABELS = 400, 120


@pytest.fixture(scope="module")
def rare():
    """Log odds and truths of many labels, of which few documents each have one, and the
    log odds of the prior. The odds of all labels are right but for one common factor.
    """
    random = numpy.random.RandomState(0)
    prior = numpy.geomspace(0.002, 0.1, N_LABELS)
    truths = (random.rand(2 * N_DOCS, N_LABELS) < prior).astype(float)
    log_odds = numpy.log(prior / (1.0 - prior))
    odds = 2.0 * random.randn(2 * N_DOCS, N_LABELS) + 4.0 * truths - 2.0 + log_odds
    return odds, truths, log_odds


def measure(odds, truths, needed):
    """RETURNS: Macro-F1, micro-F1, and labels given for each gold label."""
    given, is_yes = odds >= needed, truths == 1.0
    right, total = (given & is_yes).sum(axis=0), given.sum(axis=0) + is_yes.sum(axis=0)
    f = 2.0 * right / numpy.maximum(total, 1)
    micro = 2.0 * right.sum() / total.sum()
    return f[is_yes.any(axis=0)].mean(), micro, given.sum() / is_yes.sum()


def test_other_documents_get_about_as_many_labels_as_they_have(rare):
    odds, truths, log_odds = rare
    needed = fit_shrunk_thresholds(odds[:N_DOCS], truths[:N_DOCS], log_odds)
    *_, n_times = measure(odds[N_DOCS:], truths[N_DOCS:], needed)
    assert 0.8 < n_times < 1.2


def test_other_documents_are_no_worse_than_with_one_threshold(rare):
    odds, truths, log_odds = rare
    needed = fit_shrunk_thresholds(odds[:N_DOCS], truths[:N_DOCS], log_odds)
    found = measure(odds[N_DOCS:], truths[N_DOCS:], needed)
    best = max(
        (measure(odds[:N_DOCS], truths[:N_DOCS], t) + (t,) for t in range(-8, 3)),
        key=lambda rated: rated[0] if 0.8 < rated[2] < 1.2 else 0.0,
    )
    common = measure(odds[N_DOCS:], truths[N_DOCS:], best[-1])
    assert found[0] > common[0]
    assert found[1] > common[1] - 0.02


def test_prior_is_part_of_the_thresholds_if_that_is_better(rare):
    """These labels are as hard to tell as each other, so that what is left after their
    prior is nearly the same for all.
    """
    odds, truths, log_odds = rare
    needed = fit_shrunk_thresholds(odds, truths, log_odds)
    assert numpy.corrcoef(needed, log_odds)[0, 1] > 0.3
    P = 1 / (1 + numpy.exp(-odds))
    found = fit_thresholds(P, truths, smoothing=None, log_odds=log_odds)
    assert_allclose(found, 1 / (1 + numpy.exp(-needed)), atol=1e-6)


def test_frequent_labels_have_thresholds_of_their_own():
    """The odds of the second label are wrong, which many documents show."""
    random = numpy.random.RandomState(0)
    truths = (random.rand(600, 2) < 0.4).astype(float)
    odds = random.randn(600, 2) + 4.0 * truths - 2.0 + [0.0, 3.0]
    first, second = fit_shrunk_thresholds(odds, truths, numpy.zeros(2))
    assert second - first == pytest.approx(3.0, abs=0.6)


def test_what_is_not_known_counts_neither_way(rare):
    odds, truths, log_odds = rare
    odds, truths = odds[:N_DOCS], truths[:N_DOCS].copy()
    gone = numpy.random.RandomState(1).rand(*truths.shape) < 0.3
    truths[gone] = numpy.nan
    expected = fit_shrunk_thresholds(odds, truths, log_odds)
    found = fit_shrunk_thresholds(numpy.where(gone, 9.0, odds), truths, log_odds)
    assert_allclose(found, expected)


@pytest.mark.parametrize("n_docs", [1, 2, 3])
def test_few_documents(n_docs):
    odds, truths = numpy.asarray([[2.0, -3.0]] * n_docs), numpy.zeros((n_docs, 2))
    truths[0, 0] = 1.0
    found = fit_shrunk_thresholds(odds, truths, numpy.zeros(2))
    assert numpy.isfinite(found).all()
    assert (found > -3.0).all() and found[0] <= 2.0


def test_documents_that_can_be_given_none_do_not_lower_thresholds(rare):
    """Those that a fallback abstains from, whose probabilities are all 0.0."""
    odds, truths, log_odds = rare
    lost = numpy.full((300, N_LABELS), get_log_odds(0.0))
    more = numpy.concatenate([odds[:N_DOCS], lost])
    both = numpy.concatenate([truths[:N_DOCS], truths[:300]])
    needed = fit_shrunk_thresholds(more, both, log_odds)
    *_, n_times = measure(odds[N_DOCS:], truths[N_DOCS:], needed)
    assert 0.8 < n_times < 1.2
