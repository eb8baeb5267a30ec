import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.encoders.contract import get_linear, get_similarity, set_start
from spacy_longtail.ops import unit_rows
from spacy_longtail.outputs import half
from spacy_longtail.outputs.prototype_softmax import PrototypeSoftmax
from spacy_longtail.outputs.sibling_softmax import SiblingSoftmax
from spacy_longtail.taxonomy import Taxonomy

TAXONOMY = Taxonomy(tuple(f"{i // 10}/{i % 10}" for i in range(50)), (3,) * 50)


def make_model(make_layer):
    """A layer that was trained."""
    rng = numpy.random.RandomState(0)
    model = make_layer()
    set_start(model, TAXONOMY, unit_rows(rng.randn(50, 16)).astype("float32"))
    D = rng.randn(*model.get_param("D").shape).astype("float32")
    model.set_param("D", 0.02 * D)
    return model, unit_rows(rng.randn(7, 16)).astype("float32")


@pytest.fixture(params=[PrototypeSoftmax, SiblingSoftmax])
def make_layer(request):
    return request.param


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(half, "MANY", 1)


def test_sixteen_bits_are_enough(make_layer, monkeypatch):
    exact, X = make_model(make_layer)
    monkeypatch.setattr(half, "MANY", 1)
    rounded, _ = make_model(make_layer)
    assert (rounded.predict(X) != exact.predict(X)).any()
    assert_allclose(rounded.predict(X), exact.predict(X), atol=0.01)
    found, expected = get_similarity(rounded, X), get_similarity(exact, X)
    assert_allclose(found, expected, atol=0.0005)


def test_few_rows_are_saved_as_they_are(make_layer):
    model, _ = make_model(make_layer)
    params = {name: model.get_param(name) for name in model.param_names}
    assert half.shrink(model, params) is params


def test_saved_rows_take_a_quarter(make_layer, many):
    model, X = make_model(make_layer)
    params = {name: model.get_param(name) for name in model.param_names}
    saved = half.shrink(model, params)
    assert saved["D"] is None
    assert 4 * saved["start"].nbytes == params["start"].nbytes + params["D"].nbytes
    expected = model.predict(X)
    for name in ("start", "D"):
        model.set_param(name, saved[name])
    half.expand(model)
    assert model.get_param("start").dtype == "float32"
    assert_array_equal(model.predict(X), expected)


def test_rows_that_sixteen_bits_cannot_have_keep_all(make_layer, many):
    model, X = make_model(make_layer)
    model.set_param("D", model.get_param("D") * 1e6)
    params = {name: model.get_param(name) for name in model.param_names}
    saved = half.shrink(model, params)["start"]
    assert saved.dtype == "float32" and numpy.isfinite(model.predict(X)).all()


def test_what_predicts_can_be_explained(many):
    model, X = make_model(PrototypeSoftmax)
    W, b = get_linear(model)
    assert_allclose(X @ W.T + b, model.predict(X), atol=1e-5)


def test_training_is_exact(make_layer, monkeypatch):
    """What is learned in small steps isn't rounded away."""
    exact, X = make_model(make_layer)
    monkeypatch.setattr(half, "MANY", 1)
    rounded, _ = make_model(make_layer)
    found = []
    for model in (exact, rounded):
        Y, backprop = model.begin_update(X)
        dX = backprop(numpy.ones_like(Y) / 100)
        found.append((Y, dX, model.get_grad("D")))
    for one, other in zip(*found):
        assert_array_equal(one, other)
