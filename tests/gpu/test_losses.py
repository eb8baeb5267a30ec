import numpy
import pytest
from numpy.testing import assert_allclose
from spacy import registry
from thinc.api import get_current_ops

from spacy_longtail.taxonomy import build_taxonomy

COUNTS = {"a/x": 50, "a/y": 1, "a/z": 3, "b/v": 9, "b/w/u": 4, "c": 33}
LOSSES = ["WeightedCrossEntropy", "ClassBalanced", "LogitAdjusted", "Focal", "LDAM"]
BINARY = [
    "BinaryLogitAdjusted",
    "WeightedBinaryCrossEntropy",
    "Asymmetric",
    "DistributionBalanced",
]

pytestmark = pytest.mark.gpu


def calculate(name, truths):
    """The gradient and the loss, on the device of the moment."""
    taxonomy = build_taxonomy(COUNTS, min_count=4, n_docs=100)
    loss = registry.get("losses", f"spacy-longtail.{name}.v1")()(taxonomy)
    ops = get_current_ops()
    logits = numpy.random.RandomState(0).randn(*truths.shape) * 3
    found = loss(ops.asarray2f(logits), ops.asarray2f(truths))
    assert isinstance(found[0], ops.xp.ndarray)
    return ops.to_numpy(found[0]), found[1]


@pytest.mark.parametrize("name", [*LOSSES, *BINARY])
def test_loss_is_the_same(on_gpu, name):
    truths = numpy.eye(6, dtype="float32")
    if name in BINARY:
        truths[4, 1:3] = numpy.nan
    else:
        # A label that isn't a leaf, and a document without a label.
        truths[3, 4], truths[5] = 1.0, 0.0
    gradient, value = calculate(name, truths)
    with on_gpu():
        there = calculate(name, truths)
    assert_allclose(there[0], gradient, atol=1e-5)
    assert there[1] == pytest.approx(value, rel=1e-4)
