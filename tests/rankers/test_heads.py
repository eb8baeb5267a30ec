import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.ops import unit_rows
from spacy_longtail.rankers.heads import (
    SCALE,
    HeadSettings,
    Kept,
    fit_head_temperature,
    fit_margin,
    train_heads,
)

SETTINGS = HeadSettings(kappa=1.0, epochs=30, learn_rate=0.005, l2sp=1e-5)


@pytest.fixture
def kept():
    """Four labels around their names, with 12, 6, 12 and 1 documents."""
    random = numpy.random.RandomState(0)
    names = unit_rows(random.randn(4, 8)).astype("float32")
    owners = numpy.repeat(numpy.arange(4), [12, 6, 12, 1])
    X = unit_rows(names[owners] + 0.25 * random.randn(len(owners), 8))
    return Kept(X.astype("float32"), owners, names)


def test_prototype_is_mean_shrunk_towards_the_name(kept):
    found = kept.get_prototypes(2.0)
    X = kept.X[kept.owners == 1]
    expected = len(X) * X.mean(axis=0) + 2.0 * kept.names[1]
    expected /= len(X) + 2.0
    assert_allclose(found[1], expected / numpy.linalg.norm(expected), rtol=1e-5)


def test_without_updates_heads_are_the_prototypes(kept):
    groups = [numpy.asarray([0, 1])]
    W, b = train_heads(kept, groups, SETTINGS._replace(epochs=0))
    assert_allclose(W, SCALE * kept.get_prototypes(1.0), rtol=1e-6)
    assert not b.any()


def test_updates_separate_the_labels_of_a_group_and_leave_others(kept):
    groups = [numpy.asarray([0, 1])]
    W, b = train_heads(kept, groups, SETTINGS)
    start = SCALE * kept.get_prototypes(1.0)
    assert_allclose(W[2:], start[2:])
    part = kept.select(kept.owners < 2)

    def get_loss(W, b):
        logits = part.X @ W[:2].T + b[:2] + numpy.log([12, 6])
        logits -= logits.max(axis=1, keepdims=True)
        P = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
        return -numpy.log(P[numpy.arange(len(P)), part.owners]).mean()

    assert get_loss(W, b) < get_loss(start, numpy.zeros(4))


def test_heads_are_the_same_every_time(kept):
    groups = [numpy.asarray([0, 1, 2])]
    first, second = (train_heads(kept, groups, SETTINGS) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second))


def test_strong_pull_keeps_the_prototypes(kept):
    groups = [numpy.asarray([0, 1])]
    free, _ = train_heads(kept, groups, SETTINGS._replace(l2sp=0.0))
    held, _ = train_heads(kept, groups, SETTINGS._replace(l2sp=10.0))
    start = SCALE * kept.get_prototypes(1.0)
    assert numpy.abs(held - start).sum() < numpy.abs(free - start).sum()


def test_temperature_is_high_where_labels_mean_nothing(kept):
    groups = [numpy.asarray([0, 1, 2])]
    clear = fit_head_temperature(kept, groups, SETTINGS)
    random = numpy.random.RandomState(1)
    mixed = Kept(random.permutation(kept.X), kept.owners, kept.names)
    assert fit_head_temperature(mixed, groups, SETTINGS) > clear


@pytest.mark.parametrize("groups", [[], [[3]], [[1, 3]]])
def test_temperature_of_too_few_documents(kept, groups):
    groups = [numpy.asarray(members) for members in groups]
    assert fit_head_temperature(kept, groups, SETTINGS) == 1.0


def test_margin_is_best_for_labels_from_training_known_by_name():
    """Names are farther from documents than prototypes are. Without a margin, documents
    go to another label; with a large one, names take those of others.
    """
    axes = numpy.eye(3, dtype="float32")
    names = unit_rows(axes + 0.9)
    X = unit_rows(numpy.repeat(axes, 4, axis=0) + 0.2)
    kept = Kept(X, numpy.arange(3).repeat(4), names)
    margin = fit_margin(kept, 0.0)
    own, other = X[0] @ names[0], X[0] @ names[1]
    rival = X[0] @ X[4]
    # Any margin is as good that takes its own documents and leaves those of others.
    assert rival - own < margin < 1.0 - other
    middle = (max(rival - own, 0.0) + min(1.0 - other, 0.5)) / 2
    assert margin == pytest.approx(middle, abs=0.011)
    # A label with a single document says nothing.
    assert fit_margin(kept.select(numpy.isin(numpy.arange(12), [0, 4])), 1.0) == 0.0
