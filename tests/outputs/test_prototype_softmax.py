import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.encoders.contract import get_similarity, set_bias, set_start
from spacy_longtail.ops import softmax, unit_rows
from spacy_longtail.outputs.prototype_softmax import PrototypeSoftmax, count_levels
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
    set_start(model, TAXONOMY, make_prototypes())
    return model


def move(model, seed=1):
    """Leave the start, where the gradient of the pull is zero."""
    random = numpy.random.RandomState(seed)
    for name in ("D", "b"):
        value = random.randn(*model.get_param(name).shape) * 0.3
        model.set_param(name, value.astype("float32"))


def make_inputs(n_docs=5, seed=2):
    return numpy.random.RandomState(seed).randn(n_docs, WIDTH).astype("float32")


def test_first_logits_are_scaled_cosines():
    X, prototypes = make_inputs(), make_prototypes()
    logits = make_model(scale=7.0).predict(X)
    for x, row in zip(X, logits):
        for prototype, logit in zip(prototypes, row):
            assert logit == pytest.approx(7.0 * float(x @ prototype), abs=1e-5)


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
    found = get_similarity(model, X)
    assert_allclose(found, cosines, rtol=1e-4, atol=1e-5)
    assert not found[2].any()


def test_leaves_that_share_a_row_share_the_mean_of_the_bias():
    X, bias = make_inputs(), numpy.arange(6.0)
    model = make_model(other="single")
    before = model.predict(X)
    set_bias(model, bias)
    added = [0.0, 1.5, 1.5, 4.0, 4.0, 4.0]
    added[3] = added[5] = (3.0 + 5.0) / 2
    assert_allclose(model.predict(X), before + added, atol=1e-5)


def get_gradient(**settings):
    model = make_model(learn_rate=1.0, l2sp=0.0, **settings)
    move(model)
    d_logits = numpy.random.RandomState(3).randn(5, len(LEAVES)).astype("float32")
    model.begin_update(make_inputs())[1](d_logits)
    return model.get_grad("D"), model.get_grad("b")


def test_leaves_learn_from_those_below_the_same_node():
    alone, bias = get_gradient(sharing=0.0)
    found, shared_bias = get_gradient(sharing=0.5)
    expected = alone.copy()
    for node in ("bank", "gift", "travel"):
        columns = [i for i, leaf in enumerate(LEAVES) if leaf.startswith(node)]
        expected[columns] += 0.5 * alone[columns].sum(axis=0)
    assert_allclose(found, expected, atol=1e-5)
    assert_array_equal(shared_bias, bias)


def test_leaves_learn_from_each_node_above():
    leaves = ("a", "b/c/x", "b/c/y", "b/d", "e/f/g", "e/h")
    taxonomy = Taxonomy(leaves=leaves, counts=(1,) * 6)
    assert count_levels(taxonomy) == [[1, 3, 2], [1, 2, 1, 1, 1]]


def test_leaves_learn_alone_where_labels_are_flat_or_share_rows():
    assert count_levels(Taxonomy(leaves=("a", "b"), counts=(1, 1))) == []
    alone, _ = get_gradient(sharing=0.0, other="single")
    shared, _ = get_gradient(sharing=0.5, other="single")
    assert_array_equal(shared, alone)


def test_rejects_sharing_below_zero():
    with pytest.raises(ValueError, match=r"\[L201\].*'sharing'"):
        PrototypeSoftmax(sharing=-0.1)
