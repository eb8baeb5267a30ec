import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss
from thinc.api import Config, registry
from thinc.loss import Loss

from spacy_longtail.losses.core import TaxonomyCrossEntropy, get_log_prior
from spacy_longtail.ops import softmax
from spacy_longtail.taxonomy import build_taxonomy

WEIGHTS = numpy.asarray([0.5, 2.0, 1.0, 4.0, 0.1])
SHIFTS = numpy.asarray([-0.1, -3.0, -1.0, 2.0, 0.0])
COUNTS = numpy.asarray([8.0, 1.0, 3.0, 1.0, 20.0])
TRUTHS = {
    "leaf": [0, 0, 0, 1, 0],
    "Other": [0, 1, 0, 1, 0],
    "inner node": [1, 1, 1, 0, 0],
    "root": [1, 1, 1, 1, 1],
    "no label": [0, 0, 0, 0, 0],
}
# Every registered loss, with settings that aren't neutral.
LOSSES = {
    "WeightedCrossEntropy": {"power": 0.5, "cap": 3.0, "normalize": True},
    "ClassBalanced": {"beta": 0.9},
    "LogitAdjusted": {"tau": 0.5},
    "GeneralizedCrossEntropy": {"q": 0.3, "tau": 0.5},
    "Focal": {"gamma": 1.5},
    "LDAM": {"max_margin": 0.25, "scale": 10.0},
}
# What makes each of them the plain loss.
NEUTRAL = {
    "WeightedCrossEntropy": {"power": 0.0},
    "ClassBalanced": {"beta": 0.0},
    "LogitAdjusted": {"tau": 0.0},
    "GeneralizedCrossEntropy": {"q": 0.0, "tau": 0.0},
    "Focal": {"gamma": 0.0},
    "LDAM": {"max_margin": 1e-12},
}
OUT_OF_RANGE = {
    "WeightedCrossEntropy": ("power = -1", "L102"),
    "ClassBalanced": ("beta = 1.0", "L104"),
    "LogitAdjusted": ("tau = -0.5", "L105"),
    "GeneralizedCrossEntropy": ("q = 1.5", "L109"),
    "Focal": ("gamma = -2", "L106"),
    "LDAM": ("scale = 0.0", "L107"),
}


def make_plain(n_leaves=5, **kwargs):
    return TaxonomyCrossEntropy(numpy.zeros(n_leaves), **kwargs)


def make_registered(name, **kwargs):
    return registry.losses.get(f"spacy-longtail.{name}.v1")(**kwargs)


def get_config(name, *lines):
    header = ["[loss]", f'@losses = "spacy-longtail.{name}.v1"']
    return Config().from_str("\n".join([*header, *lines]))


@pytest.fixture(params=LOSSES)
def loss(request, taxonomy):
    return make_registered(request.param, **LOSSES[request.param])(taxonomy)


@pytest.mark.parametrize("case", TRUTHS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weights"])
@pytest.mark.parametrize("shifts", [None, SHIFTS], ids=["plain", "shifts"])
def test_gradient_is_derivative_of_loss(get_numeric_gradient, case, weights, shifts):
    loss = make_plain(weights=weights, shifts=shifts, counts=COUNTS)
    logits = numpy.random.RandomState(0).randn(3, 5)
    truths = numpy.asarray([TRUTHS[case], TRUTHS["leaf"], TRUTHS["Other"]], "float64")
    numeric = get_numeric_gradient(loss, logits, truths)
    assert_allclose(loss.get_grad(logits, truths), numeric, atol=1e-8)


@pytest.mark.parametrize("counts", [None, COUNTS], ids=["plain", "counts"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weights"])
@pytest.mark.parametrize("shifts", [None, SHIFTS], ids=["plain", "shifts"])
def test_loss_equals_slow_loop(get_slow_loss, counts, weights, shifts):
    settings = {"weights": weights, "shifts": shifts, "counts": counts}
    logits = numpy.random.RandomState(1).randn(len(TRUTHS), 5)
    truths = numpy.asarray(list(TRUTHS.values()), "float64")
    expected = get_slow_loss(logits, truths, **settings)
    assert make_plain(**settings).get_loss(logits, truths) == pytest.approx(expected)


def test_loss_without_settings_is_plain_cross_entropy():
    logits = numpy.random.RandomState(2).randn(4, 5)
    truths = numpy.eye(5)[[0, 3, 3, 4]]
    d_logits, loss = make_plain()(logits, truths)
    P = softmax(logits)
    assert loss == pytest.approx(log_loss([0, 3, 3, 4], P, labels=range(5)))
    assert_allclose(d_logits, (P - truths) / 4)


def test_set_of_leaves_by_hand():
    """p of the set is 0.5; its members share the pull by their own odds."""
    logits = numpy.log([[0.5, 0.4, 0.1]])
    d_logits, loss = make_plain(3)(logits, numpy.asarray([[0.0, 1.0, 1.0]]))
    assert loss == pytest.approx(numpy.log(2))
    assert_allclose(d_logits, [[0.5, -0.4, -0.1]])


def test_weights_and_documents_by_hand():
    """(2 * log(2) + 0.5 * log(4)) / 2 documents."""
    loss = make_plain(3, weights=numpy.asarray([2.0, 0.5, 1.0]))
    logits = numpy.log([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]])
    truths = numpy.asarray([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    d_logits, value = loss(logits, truths)
    assert value == pytest.approx(1.5 * numpy.log(2))
    assert_allclose(d_logits, [[-0.5, 0.25, 0.25], [0.125, -0.1875, 0.0625]])


def test_weight_of_a_set_is_the_mean_over_its_documents():
    weights, counts = numpy.asarray([1.0, 2.0, 4.0]), numpy.asarray([9.0, 1.0, 3.0])
    logits, truths = numpy.zeros((1, 3)), numpy.asarray([[0.0, 1.0, 1.0]])
    loss = make_plain(3, weights=weights, counts=counts)
    expected = (1 * 2.0 + 3 * 4.0) / 4 * -numpy.log(2 / 3)
    assert loss.get_loss(logits, truths) == pytest.approx(expected)


def test_all_leaves_allowed_is_no_loss():
    logits = numpy.random.RandomState(3).randn(20, 500).astype("float32") * 10
    d_logits, loss = make_plain(500)(logits, numpy.ones_like(logits))
    assert loss == pytest.approx(0.0, abs=1e-6)
    assert_allclose(d_logits, 0.0, atol=1e-6)


@pytest.mark.parametrize("name", NEUTRAL)
def test_neutral_settings_equal_the_plain_loss(name, taxonomy, logits, truths):
    d_logits, loss = make_registered(name, **NEUTRAL[name])(taxonomy)(logits, truths)
    d_expected, expected = make_plain(6)(logits, truths)
    assert loss == pytest.approx(expected)
    assert_allclose(d_logits, d_expected, atol=1e-9)


def test_every_gradient_is_derivative_of_its_loss(
    loss, logits, truths, get_numeric_gradient
):
    numeric = get_numeric_gradient(loss, logits, truths)
    assert_allclose(loss.get_grad(logits, truths), numeric, atol=1e-7)


def test_gradient_rows_sum_to_zero(loss, logits, truths):
    d_logits = loss.get_grad(logits, truths)
    assert_allclose(d_logits.sum(axis=1), 0.0, atol=1e-12)
    assert abs(d_logits[:4]).max() > 0.01


def test_gradient_and_loss_can_be_had_apart(loss, logits, truths):
    d_logits, value = loss(logits, truths)
    assert_array_equal(loss.get_grad(logits, truths), d_logits)
    assert loss.get_loss(logits, truths) == value
    assert isinstance(value, float)


def test_inputs_are_not_changed(loss, logits, truths):
    before = logits.copy(), truths.copy()
    loss(logits, truths)
    assert_array_equal(logits, before[0])
    assert_array_equal(truths, before[1])


def test_documents_without_label_are_ignored(loss, logits, truths):
    """They have no gradient, and the mean over the others stays what it was."""
    d_logits, value = loss(logits, truths)
    d_expected, expected = loss(logits[:4], truths[:4])
    assert value == pytest.approx(expected)
    assert_allclose(d_logits[:4], d_expected)
    assert_array_equal(d_logits[4], 0.0)


@pytest.mark.parametrize("n_docs", [0, 3])
def test_batch_without_any_label_is_no_loss(loss, n_docs):
    d_logits, value = loss(numpy.ones((n_docs, 6)), numpy.zeros((n_docs, 6)))
    assert value == 0.0
    assert_array_equal(d_logits, numpy.zeros((n_docs, 6)))


def test_loss_is_a_mean_over_documents(loss, logits, truths):
    twice = loss.get_loss(numpy.tile(logits, (2, 1)), numpy.tile(truths, (2, 1)))
    assert twice == pytest.approx(loss.get_loss(logits, truths))


def test_constant_added_to_the_logits_changes_nothing(loss, logits, truths):
    d_logits, value = loss(logits, truths)
    d_moved, moved = loss(logits + 1000.0, truths)
    assert moved == pytest.approx(value)
    assert_allclose(d_moved, d_logits, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_has_the_type_of_the_logits(loss, logits, truths, dtype):
    d_logits, value = loss(logits.astype(dtype), truths.astype("float32"))
    assert d_logits.dtype == dtype
    assert_allclose(d_logits, loss.get_grad(logits, truths), atol=1e-6)
    assert value == pytest.approx(loss.get_loss(logits, truths), rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [40.0, 1e4])
@pytest.mark.parametrize("column", range(6))
def test_extreme_logits_stay_finite(loss, truths, dtype, size, column):
    """The gold label has a probability of 0, of 1, or shares it."""
    logits = numpy.full(truths.shape, -size, dtype=dtype)
    logits[:, column] = size
    d_logits, value = loss(logits, truths.astype(dtype))
    assert numpy.isfinite(value) and value >= 0.0
    assert numpy.isfinite(d_logits).all()


def test_impossible_gold_label_costs_its_distance():
    """The logarithm isn't cut off, so there is always a way back."""
    logits = numpy.asarray([[1e4, -1e4, -1e4]], "float32")
    d_logits, loss = make_plain(3)(logits, numpy.asarray([[0, 0, 1]], "float32"))
    assert loss == 2e4
    assert_array_equal(d_logits, [[1.0, 0.0, -1.0]])


def test_certain_gold_label_costs_nothing():
    logits = numpy.asarray([[1e4, -1e4, -1e4]], "float32")
    d_logits, loss = make_plain(3)(logits, numpy.asarray([[1, 0, 0]], "float32"))
    assert loss == 0.0
    assert_array_equal(d_logits, [[0.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    "guesses,truths", [((2, 5), (3, 5)), ((2, 5), (2, 4)), ((2, 4), (2, 4))]
)
def test_shapes_that_do_not_fit_are_an_error(guesses, truths):
    with pytest.raises(ValueError, match=r"\[L101\].*Expected 5 leaves"):
        make_plain()(numpy.zeros(guesses), numpy.zeros(truths))


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_built_through_the_registry(name, taxonomy):
    loss = make_registered(name)(taxonomy)
    assert isinstance(loss, Loss)
    assert loss.n_leaves == 6


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_built_from_a_config(name, taxonomy, logits, truths):
    config = get_config(name)
    config["loss"].update(LOSSES[name])
    config = Config().from_str(config.to_str())
    loss = registry.resolve(config)["loss"](taxonomy)
    expected = make_registered(name, **LOSSES[name])(taxonomy)
    assert loss.get_loss(logits, truths) == expected.get_loss(logits, truths)


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_config_out_of_range_is_an_error_before_training(name):
    line, code = OUT_OF_RANGE[name]
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        registry.resolve(get_config(name, line))


@pytest.mark.parametrize("name", ["WeightedCrossEntropy", "ClassBalanced"])
def test_inner_node_weighs_with_its_documents(
    name, taxonomy, logits, truths, get_slow_loss
):
    """Not with the mean weight of the labels below, most of which are rare."""
    loss = make_registered(name)(taxonomy)
    settings = {"weights": loss.weights, "counts": taxonomy.class_counts}
    expected = get_slow_loss(logits, truths, **settings)
    assert loss.get_loss(logits, truths) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("counts", [[0] * 6, [0, 0, 0, 0, 0, 10**6]])
def test_labels_without_documents_give_finite_losses(name, counts, logits, truths):
    """They come from a list of labels, or from a label file."""
    taxonomy = build_taxonomy(dict(zip("abcdef", counts)))
    loss = make_registered(name, **LOSSES[name])(taxonomy)
    d_logits, value = loss(logits, truths)
    assert numpy.isfinite(value) and numpy.isfinite(d_logits).all()
    assert numpy.isfinite(loss.log_prior).all()


@pytest.mark.parametrize(
    "name,settings",
    [
        ("WeightedCrossEntropy", {"power": 0.0}),
        ("WeightedCrossEntropy", {"power": 0.5}),
        ("WeightedCrossEntropy", {"power": 1.0}),
        ("WeightedCrossEntropy", {"cap": 2.0}),
        ("WeightedCrossEntropy", {"cap": 2.0, "normalize": True}),
        ("ClassBalanced", {"beta": 0.0}),
        ("ClassBalanced", {"beta": 0.9}),
        ("ClassBalanced", {"beta": 0.9999}),
        ("LogitAdjusted", {"tau": 0.0}),
        ("LogitAdjusted", {"tau": 0.5}),
        ("LogitAdjusted", {"tau": 1.0}),
        ("GeneralizedCrossEntropy", {"q": 0.0, "tau": 0.5}),
        ("Focal", {"gamma": 0.0}),
    ],
)
def test_logits_without_log_prior_are_free_of_the_prior(
    name, settings, taxonomy, corpus
):
    """A model that knows nothing but the prior ends where the gradient of the whole
    corpus is 0. That is log_prior, so nothing is left when it's taken out.
    """
    loss = make_registered(name, **settings)(taxonomy)
    logits = numpy.tile(loss.log_prior.astype("float64"), (len(corpus), 1))
    assert_allclose(loss.get_grad(logits, corpus).sum(axis=0), 0.0, atol=1e-7)


def test_log_prior_is_the_log_share_of_the_documents():
    log_prior = get_log_prior(numpy.asarray([6.0, 3.0, 1.0]))
    assert_allclose(numpy.exp(log_prior), [0.6, 0.3, 0.1])
