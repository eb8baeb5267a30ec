"""Every encoder and every output layer that is registered keeps its contract."""

import pickle
from importlib.metadata import distribution

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal
from spacy import registry
from thinc.api import Adam, fix_random_seed

from spacy_longtail.encoders import contract
from spacy_longtail.ops import softmax, unit_rows
from spacy_longtail.taxonomy import Other, Taxonomy
from spacy_longtail.vectors.table import StaticTable

ENTRY_POINTS = distribution("spacy-longtail").entry_points
NLP = spacy.blank("en")
TEXTS = ["a lost card", "", "Send money to my mother!", " ", "card " * 40, "hello"]

WORDS = ["card", "lost", "money", "un", "##kind", "##ly", "mother"]
VECTORS = numpy.random.RandomState(0).randn(len(WORDS), 16).astype("float32")
TABLE = StaticTable.from_arrays(WORDS, VECTORS, name="test")
CURATED = "spacy-curated-transformers"
CURATED_SIZES = {
    "vocab_size": 59,
    "hidden_width": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_width": 32,
    "max_position_embeddings": 32,
    "model_max_length": 32,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
}


def make_static_bag(request, **settings):
    return {"vectors": TABLE, "min_bigram_count": 1, **settings}


def make_tok2vec(request, **settings):
    tok2vec = registry.architectures.get("spacy.HashEmbedCNN.v2")(
        width=8,
        depth=1,
        embed_size=100,
        window_size=1,
        maxout_pieces=2,
        subword_features=True,
        pretrained_vectors=None,
    )
    return {"tok2vec": tok2vec, **settings}


def make_transformer(request, **settings):
    pytest.importorskip("torch")
    pytest.importorskip("spacy_transformers")
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    transformer = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(request.getfixturevalue("tiny_bert")),
        "tokenizer_config": {"use_fast": True},
        "transformer_config": no_dropout,
        "get_spans": {"@span_getters": "spacy-transformers.doc_spans.v1"},
    }
    return {**registry.resolve({"transformer": transformer}), **settings}


def make_curated(request, **settings):
    pytest.importorskip("torch")
    pytest.importorskip("spacy_curated_transformers")
    name = str(request.getfixturevalue("tiny_bert"))
    pieces = {"@architectures": f"{CURATED}.BertWordpieceEncoder.v1"}
    spans = {"@architectures": f"{CURATED}.WithStridedSpans.v1"}
    config = {
        "transformer": {
            "@architectures": f"{CURATED}.BertTransformer.v1",
            "piece_encoder": pieces,
            "with_spans": spans,
            **CURATED_SIZES,
        },
        "encoder_loader": {
            "@model_loaders": f"{CURATED}.HFTransformerEncoderLoader.v1",
            "name": name,
        },
        "piecer_loader": {
            "@model_loaders": f"{CURATED}.HFPieceEncoderLoader.v1",
            "name": name,
        },
    }
    return {**registry.resolve(config), "window": 32, **settings}


# The encoders by name, each with what makes its arguments, further settings, and how
# far a vector may be off in another batch: what others run isn't the same to the bit.
ENCODERS = [
    ("StaticBag", make_static_bag, {}, 0.0),
    ("StaticBag", make_static_bag, {"bigram_buckets": 0}, 0.0),
    ("StaticBag", make_static_bag, {"trainable": False}, 0.0),
    (
        "StaticBag",
        make_static_bag,
        {"ngram_width": 64, "min_ngram_count": 1, "ngram_dropout": 0.0},
        0.0,
    ),
    ("PooledTok2Vec", make_tok2vec, {}, 1e-5),
    ("PooledTok2Vec", make_tok2vec, {"pooling": "max"}, 1e-5),
    ("PooledTransformer", make_transformer, {}, 1e-6),
    ("PooledTransformer", make_transformer, {"trainable_layers": 0}, 1e-6),
    ("PooledTransformer", make_curated, {"trainable_layers": 1}, 1e-6),
]
# What is made of an encoder and an output layer.
NO_ENCODERS = {"TaxonomyTextCat", "TermRidge", "TermSVM"}


@pytest.fixture(params=ENCODERS, ids=lambda p: f"{p[0]}-{p[1].__name__}-{p[2]}")
def make_encoder(request):
    name, make_arguments, settings, _ = request.param

    def make():
        build = registry.architectures.get(f"spacy-longtail.{name}.v1")
        fix_random_seed(0)
        encoder = build(**make_arguments(request, **settings))
        encoder.initialize(X=make_docs("", *TEXTS))
        for docs in (None, make_docs(*TEXTS)):
            contract.observe(encoder, docs)
        return encoder

    make.tolerance = request.param[-1]
    return make


def make_docs(*texts):
    return [NLP.make_doc(text) for text in texts]


def train(encoder, docs, n_updates=10):
    """As a component does, which doesn't update what is frozen."""
    if contract.is_frozen(encoder):
        return
    targets = numpy.eye(len(docs), encoder.get_dim("nO"), dtype="float32")
    optimizer = Adam(0.01, L2=0.0, use_averages=False)
    n_views = max(len(contract.get_views(encoder)), 1)
    for _ in range(n_updates):
        Y, backprop = encoder.begin_update(docs)
        backprop(Y - numpy.tile(targets, (n_views, 1)))
        encoder.finish_update(optimizer)


def join_views(encoder, Y):
    """Vectors as predicted, of rows for each view."""
    views = contract.get_views(encoder)
    if not views:
        return Y
    parts = zip(views, numpy.split(Y, len(views)))
    return unit_rows(sum(part * view.weight**2 for view, part in parts))


def get_json_attrs(model):
    return [
        {key: value for key, value in node.attrs.items() if is_json(value)}
        for node in model.walk()
    ]


def is_json(value):
    if isinstance(value, (list, tuple)):
        return all(map(is_json, value))
    return isinstance(value, (str, int, float, bool, type(None)))


def test_every_encoder_is_tested():
    found = ENTRY_POINTS.select(group="spacy_architectures")
    names = {entry_point.name.split(".")[1] for entry_point in found}
    assert names - NO_ENCODERS == {name for name, *_ in ENCODERS}


def test_rows_have_unit_length_or_are_zeros(make_encoder):
    encoder = make_encoder()
    X = encoder.predict(make_docs(*TEXTS))
    assert X.shape == (len(TEXTS), encoder.get_dim("nO"))
    lengths = numpy.linalg.norm(X, axis=1)
    assert_allclose(lengths[[0, 2, 4]], 1.0, rtol=1e-4)
    assert not X[1].any()
    assert ((abs(lengths - 1.0) < 1e-4) | (lengths == 0.0)).all()


@pytest.mark.parametrize("texts", [(), ("",), ("", "")])
def test_nothing_to_encode_is_zeros_in_training_too(make_encoder, texts):
    encoder = make_encoder()
    zeros = numpy.zeros((len(texts), encoder.get_dim("nO")))
    assert_array_equal(encoder.predict(make_docs(*texts)), zeros)
    Y, backprop = encoder.begin_update(make_docs(*texts))
    n_views = max(len(contract.get_views(encoder)), 1)
    assert_array_equal(Y, numpy.tile(zeros, (n_views, 1)))
    backprop(Y)


def test_vector_does_not_depend_on_the_batch(make_encoder):
    encoder, docs = make_encoder(), make_docs(*TEXTS)
    train(encoder, docs[:1], n_updates=2)
    alone = numpy.concatenate([encoder.predict([doc]) for doc in docs])
    assert abs(encoder.predict(docs) - alone).max() <= make_encoder.tolerance
    assert abs(encoder.predict(docs[::-1])[::-1] - alone).max() <= (
        make_encoder.tolerance
    )


def test_training_and_prediction_agree(make_encoder):
    encoder, docs = make_encoder(), make_docs(*TEXTS)
    predicted = encoder.predict(docs)
    found = join_views(encoder, encoder.begin_update(docs)[0])
    assert_allclose(found, predicted, atol=1e-5)


def test_views_share_a_vector_by_the_squares_of_their_weights(make_encoder):
    encoder = make_encoder()
    views, width = contract.get_views(encoder), encoder.get_dim("nO")
    if not views:
        return
    places = numpy.concatenate([numpy.arange(width)[v.columns] for v in views])
    assert_array_equal(places, numpy.arange(width))
    assert sum(view.weight**2 for view in views) == pytest.approx(1.0)
    Y, _ = encoder.begin_update(make_docs(*TEXTS))
    for view, rows in zip(views, numpy.split(Y, len(views))):
        lengths = numpy.linalg.norm(rows, axis=1)
        is_empty = lengths == 0.0
        assert_allclose(lengths[~is_empty], 1.0 / view.weight, rtol=1e-4)
        rows[:, view.columns] = 0.0
        assert not rows.any()


def test_balanced_rows_have_of_each_view_what_it_weighs(make_encoder):
    encoder = make_encoder()
    views = contract.get_views(encoder)
    shape = 3, encoder.get_dim("nO")
    rows = numpy.random.RandomState(0).randn(*shape).astype("float32")
    rows[0] = 0.0
    found = contract.balance(encoder, rows)
    assert not found[0].any()
    if not views:
        assert_array_equal(found, rows)
    for columns, weight in views:
        expected = unit_rows(rows[1:, columns]) * weight
        assert_allclose(found[1:, columns], expected, rtol=1e-5)


def test_learns_unless_it_is_frozen(make_encoder):
    encoder, docs = make_encoder(), make_docs(*TEXTS)
    before = encoder.predict(docs)
    train(encoder, docs)
    is_same = numpy.allclose(encoder.predict(docs), before, atol=1e-6)
    assert contract.is_frozen(encoder) is is_same


def test_bytes_round_trip_with_attributes(make_encoder):
    encoder, docs = make_encoder(), make_docs(*TEXTS, "an unkindly man", "mark")
    train(encoder, docs[:3])
    loaded = make_encoder().from_bytes(encoder.to_bytes())
    assert_array_equal(loaded.predict(docs), encoder.predict(docs))
    assert get_json_attrs(loaded) == get_json_attrs(encoder)


def test_other_process_encodes_new_words_alike(make_encoder, request):
    if "make_curated" in request.node.name:
        pytest.skip("its loaders can't be pickled")
    encoder = make_encoder()
    train(encoder, make_docs("a lost card"), n_updates=2)
    unseen = make_docs("money, unkindly")
    there = pickle.loads(pickle.dumps(encoder))
    assert_array_equal(there.predict(unseen), encoder.predict(unseen))
    assert there.predict(unseen).any()


def test_splits_into_parts_that_sum_to_the_vector(make_encoder):
    encoder, docs = make_encoder(), make_docs(*TEXTS)
    if contract.split(encoder, docs[0]) is None:
        pytest.skip("it can't split")
    train(encoder, docs[:3])
    for doc, x in zip(docs, encoder.predict(docs)):
        parts = contract.split(encoder, doc)
        assert {part.shape for part in parts.values()} == {(len(doc), len(x))}
        assert_allclose(sum(part.sum(axis=0) for part in parts.values()), x, atol=1e-6)


def test_new_corpus_makes_it_forget_what_it_observed(make_encoder):
    encoder, docs = make_encoder(), make_docs(*TEXTS)
    contract.observe(encoder, None)
    before = encoder.predict(docs)
    for batch in (docs[:2], [], docs[2:]):
        contract.observe(encoder, batch)
    is_same = numpy.array_equal(encoder.predict(docs), before)
    assert contract.counts_first(encoder) is not is_same
    contract.observe(encoder, None)
    assert_array_equal(encoder.predict(docs), before)


def test_encoder_on_its_own_is_not_listening(make_encoder):
    assert not contract.is_listening(make_encoder())


# Ragged: "gift" is at the top, "bank/card/*" one level deeper than "bank/fee"; "rail"
# has one child only, and "travel/visa" was moved up to the Other of the root.
LEAVES = (
    *("bank/card/lost", "bank/card/stolen", "bank/fee", "bank/loan", "bank/transfer"),
    *("gift", "rail/pass", "travel/hotel", "travel/visa"),
)
OTHERS = (Other("", (5, 8)), Other("bank", (2, 3)))
TAXONOMY = Taxonomy(leaves=LEAVES, counts=(9, 8, 2, 1, 7, 1, 9, 9, 1), others=OTHERS)
FLAT = Taxonomy(leaves=("a", "b", "c"), counts=(3, 3, 3))
WIDTH = 4
OUTPUTS = [
    pytest.param((ep, other), id=f"{ep.name}-{other}")
    for ep in ENTRY_POINTS.select(group="thinc_layers")
    for other in ("mixture", "single")
]


def make_prototypes(n=len(LEAVES)):
    return unit_rows(numpy.random.RandomState(0).randn(n, WIDTH)).astype("float32")


def make_inputs(n_docs=5):
    X = numpy.random.RandomState(2).randn(n_docs, WIDTH).astype("float32")
    X[1] = 0.0
    return X


@pytest.fixture(params=OUTPUTS)
def make_output(request):
    """Make a layer that has its start, and has left it if it `moved`."""
    entry_point, other = request.param

    def make(taxonomy=TAXONOMY, *, moved=False, **settings):
        output = entry_point.load()(other=other, **settings)
        if taxonomy is not None:
            prototypes = make_prototypes(len(taxonomy.leaves))
            contract.set_start(output, taxonomy, prototypes)
        if moved:
            random = numpy.random.RandomState(1)
            for name in ("D", "b"):
                value = random.randn(*output.get_param(name).shape) * 0.2
                output.set_param(name, value.astype("float32"))
        return output

    return make


def differentiate(function, array, step=0.01):
    numeric = numpy.zeros(array.shape)
    for index in numpy.ndindex(*array.shape):
        ends = []
        for sign in (1, -1):
            moved = array.copy()
            moved[index] += sign * step
            ends.append(function(moved))
        numeric[index] = (ends[0] - ends[1]) / (2 * step)
    return numeric


def test_first_logits_are_scaled_cosines_or_their_log_probabilities(make_output):
    X = make_inputs()
    logits = make_output(FLAT, scale=7.0).predict(X)
    assert_allclose(softmax(logits), softmax(7.0 * X @ make_prototypes(3).T), rtol=1e-4)


def test_without_prototypes_flat_labels_are_equally_probable(make_output):
    P = softmax(make_output(FLAT, use_prototypes=False).predict(make_inputs()))
    assert_allclose(P, 1 / 3, rtol=1e-6)


def test_similarity_is_a_cosine(make_output):
    X, output = make_inputs(), make_output(FLAT)
    start = unit_rows(X) @ make_prototypes(3).T
    assert_allclose(contract.get_similarity(output, X), start, rtol=1e-4, atol=1e-5)
    cosines = contract.get_similarity(make_output(moved=True), 100.0 * X)
    assert cosines.shape == (len(X), len(LEAVES))
    assert abs(cosines).max() <= 1.0 + 1e-6
    assert not cosines[1].any()


def test_similarity_follows_the_weights(make_output):
    X = make_inputs()
    start, moved = make_output(), make_output(moved=True)
    change = contract.get_similarity(moved, X) - contract.get_similarity(start, X)
    assert abs(change).max() > 0.1


def test_scores_do_not_depend_on_the_batch(make_output):
    output, X = make_output(moved=True), make_inputs(70)
    logits, closest = contract.get_scores(output, X)
    for i in range(len(X)):
        alone = contract.get_scores(output, X[i : i + 1])
        assert_array_equal(alone[0][0], logits[i])
        assert alone[1][0] == closest[i]


def test_scores_are_the_logits_and_the_highest_similarity(make_output):
    output, X = make_output(moved=True), make_inputs()
    logits, closest = contract.get_scores(output, X)
    assert_array_equal(logits, output.predict(X))
    cosines = contract.get_similarity(output, X)
    assert_allclose(closest, cosines.max(axis=1), rtol=1e-6)


def test_scores_of_a_layer_with_what_is_needed_only(make_output):
    output, X = make_output(moved=True), make_inputs()
    expected = contract.get_scores(output, X)
    del output.attrs["get_scores"]
    for found, wanted in zip(contract.get_scores(output, X), expected):
        assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("l2sp", [0.0, 0.3])
@pytest.mark.parametrize("name", ["D", "b"])
def test_gradient_is_derivative_by_the_parameters(make_output, l2sp, name):
    rate = 2.0
    output = make_output(moved=True, scale=2.0, learn_rate=rate, l2sp=l2sp)
    # What leaves learn from others isn't part of it.
    output.attrs["sharing"] = 0.0
    X = make_inputs(4)
    G = numpy.random.RandomState(3).randn(4, len(LEAVES)).astype("float32")

    def minimized_at(value):
        output.set_param(name, value)
        pull = l2sp * float(((rate * output.get_param("D")) ** 2).sum())
        return float((output.predict(X).astype("float64") * G).sum()) + pull

    before = output.get_param(name).copy()
    numeric = differentiate(minimized_at, before)
    output.set_param(name, before)
    output.begin_update(X)[1](G)
    assert_allclose(output.get_grad(name), numeric, rtol=5e-3, atol=5e-3)


def test_gradient_is_derivative_by_the_input(make_output):
    output = make_output(moved=True, scale=2.0, learn_rate=2.0, l2sp=0.3)
    X = make_inputs(4)
    G = numpy.random.RandomState(3).randn(4, len(LEAVES)).astype("float32")

    def sum_at(X):
        return float((output.predict(X).astype("float64") * G).sum())

    dX = output.begin_update(X)[1](G)
    assert dX.shape == X.shape
    assert_allclose(dX, differentiate(sum_at, X), rtol=5e-3, atol=5e-3)


def test_gradients_of_two_batches_add_up(make_output):
    output, X = make_output(moved=True, l2sp=0.0), make_inputs()
    G = numpy.random.RandomState(3).randn(5, len(LEAVES)).astype("float32")
    output.begin_update(X)[1](G)
    whole = output.get_grad("D").copy()
    output.set_grad("D", numpy.zeros_like(whole))
    for rows in (slice(0, 2), slice(2, 5)):
        output.begin_update(X[rows])[1](G[rows])
    assert_allclose(output.get_grad("D"), whole, rtol=1e-3, atol=1e-3)


def test_start_can_be_set_again(make_output):
    output = make_output(moved=True)
    output.begin_update(make_inputs())[1](numpy.ones((5, len(LEAVES)), "float32"))
    contract.set_start(output, FLAT, make_prototypes(3))
    X = make_inputs()
    assert_array_equal(output.predict(X), make_output(FLAT).predict(X))
    assert not output.get_grad("D").any()


def test_output_bytes_round_trip_with_attributes(make_output):
    output, X = make_output(moved=True, scale=7.0), make_inputs()
    loaded = make_output(None).from_bytes(output.to_bytes())
    assert_array_equal(loaded.predict(X), output.predict(X))
    assert get_json_attrs(loaded) == get_json_attrs(output)
    assert (loaded.get_dim("nO"), loaded.get_dim("nI")) == (len(LEAVES), WIDTH)


def test_bias_is_added_to_the_logits_where_that_is_possible(make_output):
    X, output = make_inputs(), make_output(moved=True)
    if not contract.can_set_bias(output):
        pytest.skip("it has no bias by leaf")
    bias = numpy.linspace(-3.0, 2.0, len(LEAVES))
    if output.attrs["other"] == "single":
        for other in OTHERS:
            bias[list(other.members)] = bias[list(other.members)].mean()
    contract.set_bias(output, numpy.zeros(len(LEAVES)))
    before = output.predict(X)
    contract.set_bias(output, bias)
    assert_allclose(output.predict(X), before + bias, atol=1e-4)


def test_linear_weights_give_the_logits_where_that_is_possible(make_output):
    X, output = make_inputs(), make_output(moved=True)
    linear = contract.get_linear(output)
    if linear is None:
        pytest.skip("its logits aren't linear")
    W, b = linear
    assert_allclose(X @ W.T + b, output.predict(X), atol=1e-4)


@pytest.mark.parametrize("value", [-1.0, float("nan")])
@pytest.mark.parametrize("name", ["scale", "learn_rate", "l2sp"])
def test_output_rejects_setting_out_of_range(make_output, name, value):
    with pytest.raises(ValueError, match=rf"\[L201\] \w+Softmax.*'{name}'"):
        make_output(None, **{name: value})


def test_output_needs_its_leaves_to_run(make_output):
    with pytest.raises(ValueError, match=r"\[L202\] \w+Softmax"):
        make_output(None).predict(make_inputs())
