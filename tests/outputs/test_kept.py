"""Prediction keeps weights that it has prepared, and must notice whatever changes them.
What it gives is compared with a copy of the layer, which has kept nothing.
"""

import copy
import pickle
from threading import Thread

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from thinc.api import SGD, Adam, Optimizer, RAdam

from spacy_longtail.encoders import contract
from spacy_longtail.ops import unit_rows
from spacy_longtail.outputs.prototype_softmax import PrototypeSoftmax
from spacy_longtail.outputs.sibling_softmax import SiblingSoftmax
from spacy_longtail.taxonomy import Other, Taxonomy

TAXONOMY = Taxonomy(
    leaves=("bank/card", "bank/fee", "bank/loan", "gift", "travel/hotel"),
    counts=(9, 1, 1, 7, 8),
    others=(Other("bank", (1, 2)),),
)
WIDTH = 6
RNG = numpy.random.RandomState(0)
X = RNG.randn(5, WIDTH).astype("float32")
G = RNG.randn(5, len(TAXONOMY.leaves)).astype("float32")
PROTOTYPES = unit_rows(RNG.randn(len(TAXONOMY.leaves), WIDTH)).astype("float32")
OPTIMIZERS = {
    "Adam": lambda: Adam(0.01),
    "RAdam": lambda: RAdam(0.01),
    # Changes the array that it is given, and returns it.
    "in place": lambda: Optimizer(0.01, beta1=0.0, beta2=0.0, grad_clip=0.0),
    "without averages": lambda: SGD(0.01, use_averages=False),
}


@pytest.fixture(params=[PrototypeSoftmax, SiblingSoftmax])
def layer(request):
    layer = request.param(other="single")
    contract.set_start(layer, TAXONOMY, PROTOTYPES)
    # What it has kept is there before anything changes.
    contract.get_scores(layer, X)
    return layer


def check(layer):
    """Return the logits, once they are known to be those of the present weights."""
    logits, closest = contract.get_scores(layer, X)
    predicted = layer.predict(X)
    fresh = layer.copy()
    assert_array_equal(logits, fresh.predict(X))
    assert_array_equal(closest, contract.get_scores(fresh, X)[1])
    assert_array_equal(predicted, logits)
    # To copy it is to read its weights, which it notices, too.
    contract.get_scores(layer, X)
    return logits


def train(layer, optimizer):
    layer.begin_update(X)[1](G)
    layer.finish_update(optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_step_of_an_optimizer_is_noticed(layer, name):
    optimizer, before = OPTIMIZERS[name](), check(layer)
    for _ in range(3):
        train(layer, optimizer)
        after = check(layer)
        assert abs(after - before).max() > 1e-4
        before = after


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_step_after_others_have_predicted_is_noticed(layer, name):
    """Gradients can be there for a while before they are used."""
    optimizer = OPTIMIZERS[name]()
    layer.begin_update(X)[1](G)
    before = check(layer)
    layer.finish_update(optimizer)
    middle = check(layer)
    # The gradient is 0.0 now, but not the momentum of an optimizer that has one.
    layer.finish_update(optimizer)
    check(layer)
    assert abs(middle - before).max() > 1e-4


def set_biases(layer):
    layer.set_param("b", RNG.randn(layer.get_dim("nR")).astype("float32"))


def load_others(layer):
    other = layer.copy()
    train(other, Adam(0.1))
    layer.from_bytes(other.to_bytes())


def extend(layer):
    leaves = (*TAXONOMY.leaves[:4], "new", "travel/hotel")
    taxonomy = Taxonomy(leaves=leaves, counts=(9, 1, 1, 7, 3, 8))
    prototypes = numpy.roll(PROTOTYPES, 1, axis=0)[[0, 1, 2, 3, 4, 4]]
    contract.extend_start(layer, TAXONOMY, taxonomy, prototypes)


def write(layer):
    layer.get_param("D")[0] = 0.5


def scale_rate(layer):
    train(layer, Adam(0.1))
    check(layer)
    layer.attrs["learn_rate"] = 1.0


CHANGES = {
    "set_param": set_biases,
    "set_start": lambda layer: contract.set_start(layer, TAXONOMY, PROTOTYPES[::-1]),
    "extend_start": extend,
    "from_bytes": load_others,
    "written": write,
    "learn_rate": scale_rate,
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_is_noticed(layer, change):
    before = check(layer)
    CHANGES[change](layer)
    after = check(layer)
    assert after.shape != before.shape or abs(after - before).max() > 1e-3


def test_bias_is_noticed():
    layer = PrototypeSoftmax()
    contract.set_start(layer, TAXONOMY, PROTOTYPES)
    before = check(layer)
    contract.set_bias(layer, numpy.arange(5.0))
    assert_allclose(check(layer), before + numpy.arange(5.0), atol=1e-5)


def test_averages_are_used_as_they_are(layer):
    """They change in place, between two evaluations."""
    optimizer, seen = Adam(0.05), []
    for _ in range(3):
        train(layer, optimizer)
        now = check(layer)
        with layer.use_params(optimizer.averages):
            seen.append(check(layer))
        assert_array_equal(check(layer), now)
    assert abs(seen[1] - seen[0]).max() > 1e-4 < abs(seen[2] - seen[1]).max()


@pytest.mark.parametrize("make_copy", [lambda layer: layer.copy(), copy.deepcopy])
def test_copy_and_original_keep_their_own(layer, make_copy):
    before = check(layer)
    copied = make_copy(layer)
    train(copied, Adam(0.1))
    assert abs(check(copied) - before).max() > 1e-3
    assert_array_equal(check(layer), before)


def test_what_is_kept_is_not_saved(layer):
    used, fresh = layer, layer.copy()
    assert used.to_bytes() == fresh.to_bytes()
    size = len(pickle.dumps(fresh))
    check(used)
    assert len(pickle.dumps(used)) < size + 200
    assert_array_equal(pickle.loads(pickle.dumps(used)).predict(X), used.predict(X))


def test_nothing_is_made_again_while_nothing_changes(layer):
    kept = layer._params.kept
    contract.get_scores(layer, X)
    layer.predict(X)
    contract.get_similarity(layer, X)
    assert layer._params.kept is kept


def test_threads_that_predict_meanwhile_leave_nothing_stale(layer):
    optimizer, done = OPTIMIZERS["in place"](), []

    def predict():
        while not done:
            contract.get_scores(layer, X)

    threads = [Thread(target=predict) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        train(layer, optimizer)
    done.append(True)
    for thread in threads:
        thread.join()
    check(layer)
