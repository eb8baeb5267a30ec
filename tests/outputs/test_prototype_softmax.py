import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.ops import softmax, unit_rows
from spacy_longtail.outputs.prototype_softmax import PrototypeSoftmax
from spacy_longtail.taxonomy import Other, Taxonomy

LEAVES = ("bank/card", "bank/fee", "bank/loan", "gift", "travel/hotel", "travel/visa")
# Pooled below "bank": columns 1 and 2, and below the root: columns 3 and 5.
TAXONOMY = Taxonomy(
    leaves=LEAVES,
    counts=(9, 2, 1, 1, 8, 1),
    others=(Other("", (3, 5)), Other("bank", (1, 2))),
)
WIDTH = 4


def make_prototypes(seed=0):
    random = numpy.random.RandomState(seed)
    return unit_rows(random.randn(len(LEAVES), WIDTH)).astype("float32")


def make_model(**settings):
    model = PrototypeSoftmax(**settings)
    model.attrs["set_start"](model, TAXONOMY, make_prototypes())
    return model


def move(model, seed=1):
    """Leave the start, where the gradient of the pull is zero."""
    random = numpy.random.RandomState(seed)
    for name in ("D", "b"):
        value = random.randn(*model.get_param(name).shape) * 0.3
        model.set_param(name, value.astype("float32"))


def make_inputs(n_docs=5, seed=2):
    return numpy.random.RandomState(seed).randn(n_docs, WIDTH).astype("float32")


def differentiate(function, array, step):
    """Central differences, exact for a function of second order."""
    numeric = numpy.zeros(array.shape)
    for index in numpy.ndindex(*array.shape):
        ends = []
        for sign in (1, -1):
            moved = array.copy()
            moved[index] += sign * step
            ends.append(function(moved))
        numeric[index] = (ends[0] - ends[1]) / (2 * step)
    return numeric


def test_first_logits_are_scaled_cosines():
    X, prototypes = make_inputs(), make_prototypes()
    logits = make_model(scale=7.0).predict(X)
    for x, row in zip(X, logits):
        for prototype, logit in zip(prototypes, row):
            assert logit == pytest.approx(7.0 * float(x @ prototype), abs=1e-5)


def test_zero_start_has_no_preference():
    logits = make_model(use_prototypes=False).predict(make_inputs())
    assert_array_equal(logits, numpy.zeros((5, len(LEAVES))))


@pytest.mark.parametrize("other", ["mixture", "single"])
@pytest.mark.parametrize("l2sp", [0.0, 0.3])
@pytest.mark.parametrize("name", ["D", "b"])
def test_gradient_is_derivative_by_the_parameters(other, l2sp, name):
    rate = 3.0
    model = make_model(scale=2.0, learn_rate=rate, l2sp=l2sp, other=other)
    move(model)
    X = make_inputs()
    G = numpy.random.RandomState(3).randn(5, len(LEAVES)).astype("float32")

    def minimized_at(value):
        model.set_param(name, value)
        pull = l2sp * float(((rate * model.get_param("D")) ** 2).sum())
        return float((model.predict(X) * G).sum()) + pull

    before = model.get_param(name).copy()
    numeric = differentiate(minimized_at, before, 0.1)
    model.set_param(name, before)
    model.begin_update(X)[1](G)
    assert_allclose(model.get_grad(name), numeric, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("other", ["mixture", "single"])
def test_gradient_is_derivative_by_the_input(other):
    model = make_model(scale=2.0, learn_rate=3.0, l2sp=0.3, other=other)
    move(model)
    X = make_inputs()
    G = numpy.random.RandomState(3).randn(5, len(LEAVES)).astype("float32")
    numeric = differentiate(lambda X: float((model.predict(X) * G).sum()), X, 0.1)
    assert_allclose(model.begin_update(X)[1](G), numeric, rtol=1e-3, atol=1e-3)


def test_gradients_of_two_batches_add_up():
    model, X = make_model(l2sp=0.0), make_inputs()
    G = numpy.random.RandomState(3).randn(5, len(LEAVES)).astype("float32")
    model.begin_update(X)[1](G)
    whole = model.get_grad("D").copy()
    model.set_grad("D", numpy.zeros_like(whole))
    for rows in (slice(0, 2), slice(2, 5)):
        model.begin_update(X[rows])[1](G[rows])
    assert_allclose(model.get_grad("D"), whole, rtol=1e-4, atol=1e-4)


def test_single_gives_the_leaves_of_an_other_the_same_share():
    model = make_model(other="single")
    move(model)
    logits = model.predict(make_inputs())
    assert_array_equal(logits[:, 1], logits[:, 2])
    assert_array_equal(logits[:, 3], logits[:, 5])
    assert not numpy.allclose(logits[:, 0], logits[:, 1])


def test_mixture_tells_the_leaves_of_an_other_apart():
    logits = make_model(other="mixture").predict(make_inputs())
    assert not numpy.allclose(logits[:, 1], logits[:, 2])


def test_leaf_probabilities_sum_to_one_with_large_logits():
    model = make_model(scale=1e4)
    P = softmax(model.predict(make_inputs()))
    assert numpy.isfinite(P).all()
    assert_allclose(P.sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("other", ["mixture", "single"])
def test_similarity_is_the_cosine_to_the_present_weights(other):
    model = make_model(other=other, learn_rate=2.0)
    move(model)
    model.set_param("b", numpy.zeros_like(model.get_param("b")))
    X = make_inputs()
    X[2] = 0.0
    # Without a bias, logits of unit vectors are cosines times the weights' lengths.
    basis = numpy.eye(WIDTH, dtype="float32")
    weights = model.predict(basis).T
    cosines = unit_rows(X) @ unit_rows(weights).T
    found = model.attrs["get_similarity"](model, X)
    assert_allclose(found, cosines, rtol=1e-4, atol=1e-5)
    assert not found[2].any()


@pytest.mark.parametrize("other", ["mixture", "single"])
def test_bytes_round_trip_with_attributes(other):
    model = make_model(scale=7.0, other=other)
    move(model)
    loaded = PrototypeSoftmax().from_bytes(model.to_bytes())
    X = make_inputs()
    assert_array_equal(loaded.predict(X), model.predict(X))
    saved = {k: v for k, v in model.attrs.items() if not callable(v)}
    assert saved == {k: v for k, v in loaded.attrs.items() if not callable(v)}
    assert (loaded.get_dim("nO"), loaded.get_dim("nI")) == (len(LEAVES), WIDTH)


def test_prediction_does_not_depend_on_the_batch():
    model, X = make_model(other="single"), make_inputs()
    move(model)
    single = numpy.concatenate([model.predict(X[i : i + 1]) for i in range(len(X))])
    assert_allclose(model.predict(X), single, rtol=1e-5, atol=1e-5)


def test_start_can_be_set_again():
    model = make_model(other="single")
    move(model)
    flat = Taxonomy(leaves=("a", "b"), counts=(3, 3))
    model.attrs["set_start"](model, flat, numpy.eye(2, 3, dtype="float32"))
    logits = model.predict(numpy.eye(3, dtype="float32"))
    assert_allclose(logits, 20.0 * numpy.eye(3, 2), atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"scale": 0.0}, {"learn_rate": -1.0}, {"l2sp": -1e-9}]
)
def test_rejects_setting_out_of_range(settings):
    with pytest.raises(ValueError, match=r"\[L201\] PrototypeSoftmax"):
        PrototypeSoftmax(**settings)


@pytest.mark.parametrize("name", ["scale", "learn_rate", "l2sp"])
def test_rejects_nan(name):
    with pytest.raises(ValueError, match=r"\[L201\]"):
        PrototypeSoftmax(**{name: float("nan")})


def test_needs_a_taxonomy_to_run():
    with pytest.raises(ValueError, match=r"\[L202\] PrototypeSoftmax"):
        PrototypeSoftmax().predict(make_inputs())


def test_bias_is_added_to_the_logits():
    X, bias = make_inputs(), numpy.linspace(-3.0, 2.0, len(LEAVES))
    model = make_model()
    before = model.predict(X)
    model.attrs["set_bias"](model, bias)
    assert_allclose(model.predict(X), before + bias, atol=1e-5)


def test_leaves_that_share_a_row_share_the_mean_of_the_bias():
    X, bias = make_inputs(), numpy.arange(6.0)
    model = make_model(other="single")
    before = model.predict(X)
    model.attrs["set_bias"](model, bias)
    added = [0.0, 1.5, 1.5, 4.0, 4.0, 4.0]
    added[3] = added[5] = (3.0 + 5.0) / 2
    assert_allclose(model.predict(X), before + added, atol=1e-5)
