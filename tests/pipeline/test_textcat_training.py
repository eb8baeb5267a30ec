import json

import numpy
import pytest
import spacy
import srsly
from numpy.testing import assert_allclose
from spacy.training import Example

from spacy_longtail.vectors.table import StaticTable

READER = "spacy.read_labels.v1"


def get_cats(nlp, text="I lost my card at the hotel"):
    return nlp(text).cats


def test_loss_falls_to_zero(make_nlp, make_examples, train):
    """Without a start at the prototypes, it begins at chance."""
    output = {"@layers": "spacy-longtail.PrototypeSoftmax.v1", "use_prototypes": False}
    nlp = make_nlp(model={"output": output}, loss={"tau": 0.0}, name_examples=0.0)
    first = train(nlp, n_updates=1)["longtail_textcat"]
    # 17 documents; those of "bank/fee" and "bank/loan" allow two leaves of seven.
    assert first == pytest.approx((14 * numpy.log(7) + 3 * numpy.log(3.5)) / 17)
    assert train(nlp, n_updates=40)["longtail_textcat"] < 0.05


@pytest.mark.parametrize("layer", ["PrototypeSoftmax", "SiblingSoftmax"])
@pytest.mark.parametrize("other", ["mixture", "single"])
def test_learns_the_training_data_by_heart(make_nlp, train, train_data, layer, other):
    output = {"@layers": f"spacy-longtail.{layer}.v1", "other": other}
    nlp = make_nlp(model={"output": output})
    assert train(nlp)["longtail_textcat"] < 0.1
    pooled = nlp.get_pipe("longtail_textcat").taxonomy.pooled
    for text, label in train_data:
        decision = nlp(text)._.longtail
        if other == "mixture" or label not in pooled:
            assert decision.label == label
        else:
            assert decision.label in pooled


def test_start_already_knows_the_prototypes(make_nlp, train, train_data):
    nlp = make_nlp()
    train(nlp, n_updates=0)
    right = [nlp(text)._.longtail.label == label for text, label in train_data]
    assert sum(right) >= 15


def test_update_leaves_the_documents_alone(make_nlp, make_examples, train):
    nlp = make_nlp()
    train(nlp, n_updates=1)
    examples = make_examples(nlp)
    nlp.update(examples, sgd=nlp.resume_training())
    for example in examples:
        assert not example.predicted.cats
        assert example.predicted._.longtail is None
        assert len(example.reference.cats) == 1


def test_no_sgd_changes_nothing(make_nlp, make_examples, train):
    nlp = make_nlp()
    train(nlp, n_updates=1)
    before = get_cats(nlp)
    pipe = nlp.get_pipe("longtail_textcat")
    losses = pipe.update(make_examples(nlp), losses={"longtail_textcat": 2.0})
    assert losses["longtail_textcat"] > 2.0
    assert get_cats(nlp) == before


def test_gradients_accumulate_until_finish_update(make_nlp, make_examples, train):
    nlp = make_nlp(name_examples=0.0)
    train(nlp, n_updates=0)
    pipe, before = nlp.get_pipe("longtail_textcat"), get_cats(nlp)
    examples, sgd = make_examples(nlp), nlp.resume_training()
    pipe.update(examples[:8])
    pipe.update(examples[8:])
    assert get_cats(nlp) == before
    pipe.finish_update(sgd)
    assert get_cats(nlp) != before


def test_accumulated_halves_equal_the_whole(make_nlp, make_examples, train):
    """Plain gradient descent on halves of equal size, with half the gradient each."""
    data, models = [("a card", "bank/card"), ("a room", "travel/hotel")], []
    for parts in ([data], [data[:1], data[1:]]):
        nlp = make_nlp(name_examples=0.0, loss={"tau": 0.0})
        train(nlp, n_updates=0)
        pipe = nlp.get_pipe("longtail_textcat")
        for part in parts:
            pipe.update(make_examples(nlp, part))
        sgd = nlp.resume_training()
        sgd.b1, sgd.learn_rate = 0.0, 0.01 / len(parts)
        sgd.b2, sgd.grad_clip, sgd.L2 = 0.0, 0.0, 0.0
        pipe.finish_update(sgd)
        models.append(get_cats(nlp))
    assert models[0] == pytest.approx(models[1], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("gold", [None, {}, {"bank/card": 0.0}, {"of another": 1.0}])
def test_document_without_a_label_has_no_gradient(make_examples, trained, gold):
    pipe = trained.get_pipe("longtail_textcat")
    examples = make_examples(trained, [("a room", gold), ("my card", "bank/card")])
    logits = numpy.zeros((2, 7), dtype="float32")
    loss, d_logits = pipe.get_loss(examples, logits)
    alone, _ = pipe.get_loss(examples[1:], logits[1:])
    assert not d_logits[0].any() and d_logits[1].any()
    assert loss == pytest.approx(alone)


def test_batch_without_any_label_changes_no_weight(make_nlp, make_examples, train):
    output = {"@layers": "spacy-longtail.PrototypeSoftmax.v1", "l2sp": 0.0}
    nlp = make_nlp(name_examples=0.0, model={"output": output})
    train(nlp, n_updates=0)
    before = get_cats(nlp)
    examples = make_examples(nlp, [("a room", None), ("a card", None)])
    losses = nlp.update(examples, sgd=nlp.resume_training())
    assert losses == {"longtail_textcat": 0.0}
    assert get_cats(nlp) == before


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_update_with_empty_documents(make_nlp, make_examples, train, texts):
    nlp = make_nlp()
    train(nlp, n_updates=0)
    examples = make_examples(nlp, [(text, "bank/card") for text in texts])
    losses = nlp.get_pipe("longtail_textcat").update(
        examples, sgd=nlp.resume_training()
    )
    assert numpy.isfinite(losses["longtail_textcat"])
    assert all(numpy.isfinite(value) for value in get_cats(nlp).values())


def test_corpus_with_empty_documents_first(make_nlp, train, train_data):
    nlp = make_nlp()
    train(nlp, [("", "bank/card")] * 12 + train_data, n_updates=3)
    assert nlp("my debit card")._.longtail.label == "bank/card"


def test_gold_at_an_inner_node_allows_all_leaves_below(make_examples, trained):
    pipe = trained.get_pipe("longtail_textcat")
    logits = numpy.random.RandomState(0).randn(1, 7).astype("float32")
    _, d_logits = pipe.get_loss(make_examples(trained, [("?", "bank")]), logits)
    # Nothing to learn about which of them: proportional to their own shares, under
    # the default loss, logit-adjusted with tau = 1.0.
    shares = numpy.exp(logits[0, :4] + numpy.log([4, 1.5, 1.5, 3]))
    assert_allclose(
        d_logits[0, :4] / d_logits[0, :4].sum(), shares / shares.sum(), 1e-3
    )
    assert (d_logits[0, :4] < 0).all() and (d_logits[0, 4:] > 0).all()


def test_inner_node_teaches_its_branch(make_nlp, train, train_data):
    texts = ["zork", "zork it", "that zork"]
    nlp = make_nlp()
    train(nlp, train_data + [(text, "travel") for text in texts])
    cats, decision = nlp("zork").cats, nlp("zork")._.longtail
    assert "travel" not in cats
    assert decision.path[0] == "travel"
    assert dict(decision.levels)["travel"] > 0.9


def test_inner_node_beside_its_leaf_is_part_of_the_path(make_nlp, train, train_data):
    nlp, dense = make_nlp(), make_nlp()
    train(nlp, n_updates=2)
    labels = {label for _, label in train_data}
    data = []
    for text, label in train_data:
        cats = {other: float(other == label) for other in labels}
        data.append((text, {**cats, "bank": float(label.startswith("bank/"))}))
    train(dense, data, n_updates=2)
    assert get_cats(dense) == get_cats(nlp)


def test_kept_label_is_not_pooled(make_nlp, train):
    nlp = make_nlp(keep=["bank/fee"])
    train(nlp, n_updates=1)
    assert nlp.get_pipe("longtail_textcat").taxonomy.pooled == set()
    nlp = make_nlp(min_count=4, keep=["travel"])
    train(nlp, n_updates=1)
    pooled = nlp.get_pipe("longtail_textcat").taxonomy.pooled
    assert pooled == {"bank/fee", "bank/loan", "bank/transfer"}


def test_label_called_other_does_not_collide(make_nlp, train, train_data):
    nlp = make_nlp()
    data = [("what is the weather", "bank/Other"), ("hello", "Other")] * 3
    train(nlp, train_data + data)
    assert nlp("hello")._.longtail.label == "Other"
    assert nlp("what is the weather")._.longtail.label == "bank/Other"
    assert len(nlp("hello").cats) == 9


def test_flat_labels_with_another_separator(make_nlp, train):
    nlp = make_nlp(separator=" > ", min_count=0)
    data = [("a card", "card/lost"), ("a room", "room"), ("a plane", "plane > seat")]
    train(nlp, data)
    decision = nlp("a plane")._.longtail
    assert decision.path == ("plane", "plane > seat")
    assert nlp("a card")._.longtail.path == ("card/lost",)


@pytest.mark.parametrize("kind", ["label data", "counts", "list"])
def test_labels_can_be_given(make_nlp, make_examples, train, kind):
    reference, nlp = make_nlp(), make_nlp()
    train(reference, n_updates=0)
    data = reference.get_pipe("longtail_textcat").label_data
    labels = {
        "label data": data,
        "counts": data["counts"],
        "list": list(data["counts"]),
    }
    examples = make_examples(nlp)
    pipe = nlp.get_pipe("longtail_textcat")
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels[kind])
    assert pipe.taxonomy == reference.get_pipe("longtail_textcat").taxonomy
    assert get_cats(nlp) == get_cats(reference)


def test_label_file_in_the_config(make_nlp, make_examples, train, tmp_path):
    reference, nlp = make_nlp(), make_nlp()
    train(reference, n_updates=0)
    srsly.write_json(
        tmp_path / "labels.json", reference.get_pipe("longtail_textcat").label_data
    )
    block = {"labels": {"@readers": READER, "path": str(tmp_path / "labels.json")}}
    nlp.config["initialize"]["components"]["longtail_textcat"] = block
    # As for a streamed corpus, of which only the first examples are seen.
    nlp.config["training"]["max_epochs"] = -1
    examples = make_examples(nlp)[:8]
    nlp.initialize(lambda: examples)
    taxonomy = reference.get_pipe("longtail_textcat").taxonomy
    assert nlp.get_pipe("longtail_textcat").taxonomy == taxonomy


def test_label_data_is_json_with_inner_nodes(make_nlp, train, train_data):
    nlp = make_nlp()
    train(nlp, [*train_data, ("money", "bank")], n_updates=0)
    label_data = nlp.get_pipe("longtail_textcat").label_data
    assert label_data == json.loads(json.dumps(label_data))
    assert label_data["counts"]["bank/card"] == 4
    assert label_data["counts"]["bank"] == 1


def test_declared_labels_are_all_there_are(make_nlp, make_examples):
    nlp = make_nlp(min_count=0)
    pipe = nlp.get_pipe("longtail_textcat")
    assert [pipe.add_label("bank/card"), pipe.add_label("travel/hotel")] == [1, 1]
    assert pipe.add_label("bank/card") == 0
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert pipe.labels == ("bank/card", "travel/hotel")


def test_label_without_documents_is_known_by_its_name(make_nlp, make_examples):
    nlp = make_nlp(min_count=0)
    examples = make_examples(nlp)
    counts = {"bank/card": 4, "travel/hotel": 3, "food/chocolate_cake": 0}
    pipe = nlp.get_pipe("longtail_textcat")
    pipe.initialize(lambda: examples, nlp=nlp, labels=counts)
    assert nlp("a cake of chocolate")._.longtail.label == "food/chocolate_cake"


def test_descriptions_say_what_labels_mean(make_nlp, make_examples):
    nlp = make_nlp(min_count=0)
    examples = make_examples(nlp)
    labels = {"bank/card": 4, "x/17": 0, "x/18": 0}
    descriptions = {"x/17": "bicycle repair", "x/18": "rainy weather"}
    pipe = nlp.get_pipe("longtail_textcat")
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels, descriptions=descriptions)
    assert nlp("my bicycle is broken")._.longtail.label == "x/17"
    assert nlp("rain and wind")._.longtail.label == "x/18"


def test_same_seed_gives_the_same_bytes(make_nlp, train):
    saved = []
    for seed in (1, 1, 2):
        nlp = make_nlp()
        train(nlp, n_updates=5, drop=0.3, seed=seed)
        saved.append(nlp.get_pipe("longtail_textcat").to_bytes())
    assert saved[0] == saved[1] != saved[2]


def test_initialize_again_starts_anew(make_nlp, train):
    nlp, fresh = make_nlp(), make_nlp()
    data = [("a card", "card"), ("a hat", "hat"), ("a plane", "plane")] * 3
    train(nlp, n_updates=5)
    for pipeline in (nlp, fresh):
        train(pipeline, data, n_updates=2)
    assert get_cats(nlp) == get_cats(fresh)
    assert set(get_cats(nlp)) == {"card", "hat", "plane"}


class CountingVectors(StaticTable):
    """Counts the times that vectors are asked for."""

    n_calls = 0

    def get(self, rows):
        CountingVectors.n_calls += 1
        return super().get(rows)


@spacy.registry.misc("test_counting_vectors")
def make_counting_vectors():
    words = "card room plane money seat rent".split()
    vectors = numpy.random.RandomState(0).randn(6, 8)
    return CountingVectors.from_arrays(words, vectors, name="counting")


def test_frozen_encoder_runs_once_per_text(make_nlp, make_examples):
    encoder = {
        "@architectures": "spacy-longtail.StaticBag.v1",
        "vectors": {"@misc": "test_counting_vectors"},
        "trainable": False,
    }
    nlp = make_nlp(model={"encoder": encoder})
    examples, later = make_examples(nlp), make_examples(nlp, [("a room", "bank/fee")])
    optimizer = nlp.initialize(lambda: examples)
    CountingVectors.n_calls = 0
    n_calls = []
    for batch in [examples, examples[::-1], examples[3:7], later, later]:
        nlp.get_pipe("longtail_textcat").update(batch, sgd=optimizer)
        n_calls.append(CountingVectors.n_calls)
    # The corpus was encoded for the prototypes. New are the names of the seven labels,
    # which are training documents too, and one later text.
    assert n_calls[2] <= 7
    assert n_calls[-1] <= 7 + 1


def test_evaluate_scores_the_original_labels(trained, make_examples):
    scores = trained.evaluate(make_examples(trained))
    assert scores["longtail_macro_f"] == 1.0
    assert scores["longtail_accuracy"] == 1.0
    assert scores["longtail_f_per_label"]["bank/fee"]["support"] == 1


def test_example_can_be_tokenized_differently(make_nlp, train):
    nlp = make_nlp()
    train(nlp, n_updates=0)
    reference = spacy.tokens.Doc(nlp.vocab, words=["I", "lost", "my card"])
    reference.cats = {"bank/card": 1.0}
    example = Example(nlp.make_doc("I lost my card"), reference)
    losses = nlp.update([example], sgd=nlp.resume_training())
    assert losses["longtail_textcat"] > 0.0
