import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.products import multiply_matrices, multiply_rows, pack_rows

TRAIN_AND_PREDICT = """
import os, sys
from pathlib import Path
import spacy
from spacy.training import Example

def read_ticks():
    # CPU time of each thread but the main one: fields 14 and 15, see proc(5).
    found = {}
    for path in Path("/proc/self/task").iterdir():
        fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
        found[path.name] = int(fields[11]) + int(fields[12])
    del found[str(os.getpid())]
    return found

nlp = spacy.blank("en")
loss = {"@losses": "spacy-longtail.WeightedCrossEntropy.v1"}
nlp.add_pipe("longtail_textcat", config={"min_count": 2, "loss": loss})
nlp.add_pipe("zero_shot_fallback")
labels = [f"{i % 4}/ticket {i}" for i in range(int(sys.argv[1]))]
texts = [f"please look at ticket {i}, it is urgent" for i in range(len(labels))]
pairs = list(zip(texts, labels)) + [("a frequent one", labels[-1])] * 3
examples = [Example.from_dict(nlp.make_doc(t), {"cats": {l: 1.0}}) for t, l in pairs]
before = read_ticks()
optimizer = nlp.initialize(lambda: examples)
for _ in range(2):
    for start in range(0, 512, 128):
        nlp.update(examples[-128 - start:][:128], sgd=optimizer)
list(nlp.pipe((texts * 10)[:1000], batch_size=256))
nlp("please look")
print({name: n - before.get(name, 0) for name, n in read_ticks().items()})
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="only on Linux")
@pytest.mark.parametrize("n_labels", [150, 2000])
def test_no_thread_but_the_main_one_works(n_labels):
    """Neither in training nor in prediction, in the environment that users have."""
    env = {key: value for key, value in os.environ.items() if "_THREADS" not in key}
    code = [sys.executable, "-W", "ignore", "-c", TRAIN_AND_PREDICT, str(n_labels)]
    done = subprocess.run(code, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ticks = eval(done.stdout)
    # Starting threads costs a tick or so, but nothing more must come of it.
    assert sum(ticks.values()) <= 2, ticks


@pytest.fixture(params=["float32", "float64"])
def draw(request):
    rng = numpy.random.RandomState(0)
    return lambda *shape: rng.randn(*shape).astype(request.param)


@pytest.mark.parametrize("n_rows", [0, 1, 31, 32, 33, 200])
@pytest.mark.parametrize("n_columns, width", [(150, 256), (1, 4), (70, 300)])
def test_product_of_a_row_does_not_depend_on_the_others(draw, n_rows, n_columns, width):
    X, W = draw(n_rows, width), draw(n_columns, width)
    packed = pack_rows(W)
    Y = multiply_rows(X, packed)
    assert Y.dtype == X.dtype
    assert_allclose(Y, X @ W.T, rtol=1e-4, atol=1e-4)
    assert_array_equal(multiply_rows(X, W), Y)
    for row in range(n_rows):
        assert_array_equal(multiply_rows(X[row : row + 1], packed)[0], Y[row])


# OpenBLAS has kernels for each kind of processor, and can be told which to take.
@pytest.mark.slow
def test_product_does_not_depend_on_the_batch_with_kernels_for_avx2():
    tests = [f"{__file__}::test_product_of_a_row_does_not_depend_on_the_others"]
    tests.append(str(Path(__file__).parent / "outputs" / "test_scores.py"))
    code = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "OPENBLAS_CORETYPE": "Haswell"}
    done = subprocess.run(code, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (33, 7, 5), (70, 300, 200), (40, 1030, 256), (0, 4, 5)]
)
def test_product_of_matrices_in_any_order_of_memory(draw, shape):
    n_rows, depth, n_columns = shape
    A, B = draw(n_rows, depth), draw(depth, n_columns)
    for X in (A, numpy.asfortranarray(A)):
        for Y in (B, numpy.asfortranarray(B)):
            found = multiply_matrices(X, Y)
            assert found.dtype == A.dtype
            assert_allclose(found, A @ B, rtol=1e-3, atol=1e-3)
