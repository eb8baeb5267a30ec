import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.encoders.contract import get_similarity, set_start
from spacy_longtail.ops import softmax, unit_rows
from spacy_longtail.outputs.sibling_softmax import SiblingSoftmax
from spacy_longtail.taxonomy import Other, Taxonomy

# Ragged: "gift" is at the top, "bank/card/*" one level deeper than "bank/fee".
LEAVES = (
    *("bank/card/lost", "bank/card/stolen", "bank/fee", "bank/loan", "bank/transfer"),
    *("gift", "rail/pass", "travel/hotel", "travel/visa"),
)
# "rail" has one child only, and "travel/visa" was moved up to the Other of the root.
OTHERS = (Other("", (5, 8)), Other("bank", (2, 3)))
TAXONOMY = Taxonomy(leaves=LEAVES, counts=(9, 8, 2, 1, 7, 1, 9, 9, 1), others=OTHERS)
PLAIN = Taxonomy(leaves=LEAVES, counts=(9,) * len(LEAVES))
WIDTH = 4


def make_prototypes():
    random = numpy.random.RandomState(0)
    return unit_rows(random.randn(len(LEAVES), WIDTH)).astype("float32")


def make_model(taxonomy=TAXONOMY, **settings):
    model = SiblingSoftmax(**settings)
    set_start(model, taxonomy, make_prototypes())
    return model


def move(model):
    random = numpy.random.RandomState(1)
    for name in ("D", "b"):
        value = random.randn(*model.get_param(name).shape) * 0.2
        model.set_param(name, value.astype("float32"))


def make_inputs(n_docs=4):
    return numpy.random.RandomState(2).randn(n_docs, WIDTH).astype("float32")


def get_node_probability(node, x, scale, members):
    """Walk down a plain tree: a softmax over the children of each ancestor.

    members: The leaves of each node.
    """
    prototypes, probability = make_prototypes().astype("float64"), 1.0
    path = TAXONOMY.path(node)
    for depth, step in enumerate(path):
        parent = path[depth - 1] if depth else ""
        siblings = [n for n in members if n.rpartition("/")[0] == parent]
        exps = {}
        for sibling in siblings:
            total = sum(prototypes[leaf] for leaf in members[sibling])
            exps[sibling] = numpy.exp(scale * x @ total / numpy.linalg.norm(total))
        probability *= exps[step] / sum(exps.values())
    return probability


def get_members(taxonomy):
    return {node: range(*taxonomy.ranges[node]) for node in taxonomy.nodes}


def test_equals_a_loop_over_sibling_groups():
    X = make_inputs()
    log_P = make_model(PLAIN, scale=3.0).predict(X)
    members = get_members(PLAIN)
    for x, row in zip(X.astype("float64"), log_P):
        slow = [get_node_probability(leaf, x, 3.0, members) for leaf in LEAVES]
        assert_allclose(numpy.exp(row), slow, rtol=1e-4)


def test_inner_nodes_are_exact_sums_of_leaves():
    X = make_inputs()
    P = numpy.exp(make_model(PLAIN, scale=3.0).predict(X))
    members = get_members(PLAIN)
    for node in ("bank", "bank/card", "rail", "travel"):
        first, end = PLAIN.ranges[node]
        for x, row in zip(X.astype("float64"), P):
            slow = get_node_probability(node, x, 3.0, members)
            assert row[first:end].sum() == pytest.approx(slow, rel=1e-4)


def test_pooled_leaf_stands_beside_the_children_of_its_others_parent():
    """ "travel/visa" is pooled at the root, so it's a sibling of "bank"."""
    X = make_inputs()
    P = numpy.exp(make_model(scale=3.0).predict(X))
    prototypes = make_prototypes().astype("float64")
    groups = {"bank": range(5), "gift": [5], "rail": [6], "travel": [7], "visa": [8]}
    for x, row in zip(X.astype("float64"), P):
        starts = [prototypes[list(group)].sum(0) for group in groups.values()]
        logits = [3.0 * x @ start / numpy.linalg.norm(start) for start in starts]
        slow = softmax(numpy.asarray([logits]))[0]
        found = [row[list(group)].sum() for group in groups.values()]
        assert_allclose(found, slow, rtol=1e-4)


@pytest.mark.parametrize("other", ["mixture", "single"])
@pytest.mark.parametrize("scale", [3.0, 1e4])
def test_leaf_probabilities_sum_to_one(other, scale):
    model = make_model(other=other, scale=scale)
    move(model)
    log_P = model.predict(make_inputs())
    assert numpy.isfinite(log_P).all()
    assert_allclose(numpy.exp(log_P).sum(axis=1), 1.0, rtol=1e-4)


def test_single_shares_an_other_equally_and_counts_it_as_its_leaves():
    model = make_model(other="single", use_prototypes=False)
    P = numpy.exp(model.predict(make_inputs(1)))
    assert P[0, 2] == P[0, 3]
    # At zero, "bank" has card, fee, loan and transfer: each of them has a quarter.
    assert_allclose(P[0, 2:5] / P[0, :5].sum(), 0.25, rtol=1e-5)


def test_gradient_of_each_sibling_group_sums_to_zero():
    model = make_model(PLAIN)
    move(model)
    G = numpy.random.RandomState(3).randn(4, len(LEAVES)).astype("float32")
    model.begin_update(make_inputs())[1](G)
    d_b = model.get_grad("b")
    # Sibling groups: the top, "bank", "bank/card", "rail" and "travel".
    assert d_b.shape == (4 + 4 + 2 + 1 + 2,)
    assert float(d_b.sum()) == pytest.approx(0.0, abs=1e-3)
    assert numpy.abs(d_b).max() > 1.0


def test_flat_labels_are_one_softmax():
    flat = Taxonomy(leaves=("a", "b", "c"), counts=(3, 3, 3))
    model, X = SiblingSoftmax(scale=3.0), make_inputs()
    prototypes = make_prototypes()[:3]
    set_start(model, flat, prototypes)
    slow = softmax(3.0 * X @ prototypes.T)
    assert_allclose(numpy.exp(model.predict(X)), slow, rtol=1e-4)


def test_similarity_is_the_cosine_to_the_prototypes_at_the_start():
    X = make_inputs()
    X[1] = 0.0
    model = make_model()
    cosines = get_similarity(model, X)
    assert_allclose(cosines, unit_rows(X) @ make_prototypes().T, rtol=1e-4, atol=1e-5)
    assert not cosines[1].any()
