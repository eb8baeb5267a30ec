import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from thinc.api import Adam

from spacy_longtail.encoders.static_bag.bag import StaticBag
from spacy_longtail.encoders.static_bag.features import (
    BagFeatures,
    FeatureRows,
)
from spacy_longtail.encoders.static_bag.row_table import RowTable
from spacy_longtail.encoders.static_bag.words import Strings, Words

# Whole numbers up to 127 are the same in 8 bits. Feature 4 starts at zero, like a
# bigram, and feature 5 never learns.
VECTORS = {
    1: [127, 20, -30],
    2: [-50, 127, 10],
    3: [5, -127, 90],
    4: [0, 0, 0],
    5: [127, 127, 127],
}
RATES = {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0, 5: 0.0}
# A document with a repeated feature, an empty one, and two more.
DOCS = [[1, 2, 1], [], [3, 4], [2, 5]]


def make_features(docs=DOCS):
    keys = [key for doc in docs for key in doc]
    keys = numpy.asarray(keys, dtype="uint64")
    lengths = numpy.asarray([len(doc) for doc in docs], dtype="int64")
    words = Words(keys, lengths, numpy.zeros(len(keys), "?"), Strings([]))
    return BagFeatures(keys, lengths[None], words)


def make_model(vectors=VECTORS, table=None, **settings):
    def get_start(keys, strings):
        rows = [vectors[key] for key in keys.tolist()]
        rates = [RATES[key] for key in keys.tolist()]
        found = [row for row, vector in enumerate(rows) if any(vector)]
        return FeatureRows(
            numpy.asarray(found, dtype="int64"),
            numpy.asarray([rows[i] for i in found], dtype="float32").reshape((-1, 3)),
            numpy.asarray(rates, dtype="float32"),
        )

    table = RowTable(3, "test") if table is None else table
    return StaticBag(table, get_start, **settings)


class RecordingTable(RowTable):
    """Keeps the sum of the gradients by key."""

    grads = None

    def inc_grad(self, rows, d_rows):
        keys = self.index.get_keys()[rows]
        self.grads = dict(zip(keys.tolist(), d_rows))


def test_equals_a_loop_over_features():
    features = make_features()
    Y = make_model().predict(features)
    for doc, y in zip(DOCS, Y):
        total = numpy.zeros(3)
        for key in doc:
            total += numpy.asarray(VECTORS[key]) / len(doc)
        norm = numpy.linalg.norm(total)
        assert_allclose(y, total / norm if norm else total, rtol=1e-5, atol=1e-6)


def test_document_without_features_is_a_row_of_zeros():
    assert_array_equal(
        make_model().predict(make_features([[], []])), numpy.zeros((2, 3))
    )


def test_no_documents_give_no_rows():
    assert make_model().predict(make_features([])).shape == (0, 3)


def test_training_and_prediction_agree_without_dropout():
    model, features = make_model(), make_features()
    predicted = model.predict(features)
    assert_allclose(model.begin_update(features)[0], predicted, atol=1e-6)
    assert_allclose(model.predict(features), predicted, atol=1e-6)


def test_gradient_is_derivative_by_the_rows():
    """Differentiate by the start vectors, which aren't rounded to 8 bits."""
    table, features = RecordingTable(3, "test"), make_features()
    G = numpy.random.RandomState(0).randn(4, 3).astype("float32")
    make_model(table=table).begin_update(features)[1](G)

    def sum_at(key, column, step):
        vectors = {k: list(v) for k, v in VECTORS.items()}
        vectors[key][column] += step
        Y = make_model(vectors).predict(features)
        return float((Y.astype("float64") * G).sum())

    assert set(table.grads) == {1, 2, 3, 4}
    for key, grads in table.grads.items():
        numeric = [(sum_at(key, c, 1) - sum_at(key, c, -1)) / 2 for c in range(3)]
        assert_allclose(grads, numeric, rtol=1e-2, atol=1e-5)


def test_feature_of_rate_zero_gets_no_row():
    table = RowTable(3, "test")
    model = make_model(table=table)
    model.begin_update(make_features())[1](numpy.ones((4, 3), dtype="float32"))
    found = table.find(numpy.asarray([1, 2, 3, 4, 5], dtype="uint64"))
    assert_array_equal(found >= 0, [True, True, True, True, False])


def test_prediction_adds_no_rows():
    table = RowTable(3, "test")
    make_model(table=table).predict(make_features())
    assert len(table) == 0


def test_learns_what_it_is_pulled_to():
    model, features = make_model(), make_features([[1, 4], [2]])
    target = numpy.asarray([[0, 0, 1], [0, 0, -1]], dtype="float32")
    optimizer = Adam(5.0, L2=0.0, use_averages=False)
    for _ in range(100):
        Y, backprop = model.begin_update(features)
        backprop(Y - target)
        model.finish_update(optimizer)
    assert_allclose(model.predict(features), target, atol=0.1)


def test_a_document_does_not_depend_on_its_neighbours():
    model = make_model()
    batched = model.predict(make_features())
    docs = [doc for doc in DOCS if doc]
    for row, doc in zip(batched[[0, 2, 3]], docs):
        assert_array_equal(model.predict(make_features([doc]))[0], row)


def test_dropout_leaves_out_features_in_training_only():
    model = make_model(dropout=0.5)
    features = make_features([[1, 2, 3, 5]] * 200)
    Y, _ = model.begin_update(features)
    assert len(numpy.unique(Y.round(3), axis=0)) > 4
    assert len(numpy.unique(model.predict(features), axis=0)) == 1


@pytest.mark.parametrize("dropout", [-0.1, 1.0, float("nan")])
def test_rejects_dropout(dropout):
    with pytest.raises(ValueError, match=r"\[L201\] StaticBag.*below 1"):
        make_model(dropout=dropout)


def test_bytes_round_trip():
    model, features = make_model(), make_features()
    for _ in range(3):
        Y, backprop = model.begin_update(features)
        backprop(numpy.ones_like(Y))
        model.finish_update(Adam(1.0, L2=0.0, use_averages=False))
    loaded = make_model().from_bytes(model.to_bytes())
    assert_array_equal(loaded.predict(features), model.predict(features))
