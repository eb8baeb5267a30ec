import json

import numpy
import pytest
import spacy
import srsly
from spacy.training import Example

from spacy_longtail.vectors.table import StaticTable

READER = "spacy.read_labels.v1"


@pytest.fixture
def trained(shared_nlp):
    return shared_nlp


def get_cats(nlp, text="I lost my card at the hotel"):
    return nlp(text).cats


def test_update_leaves_the_documents_alone(kind):
    nlp = kind.make_nlp()
    kind.train(nlp, n_updates=1)
    examples = kind.make_examples(nlp)
    nlp.update(examples, sgd=nlp.resume_training())
    for example, fresh in zip(examples, kind.make_examples(nlp), strict=True):
        assert not example.predicted.cats
        assert example.predicted._.longtail is None
        assert example.reference.cats == fresh.reference.cats


def test_no_sgd_changes_nothing(kind):
    nlp = kind.make_nlp()
    kind.train(nlp, n_updates=1)
    before = get_cats(nlp)
    pipe = nlp.get_pipe(kind.factory)
    losses = pipe.update(kind.make_examples(nlp), losses={kind.factory: 2.0})
    assert losses[kind.factory] > 2.0
    assert get_cats(nlp) == before


def test_gradients_accumulate_until_finish_update(kind):
    nlp = kind.make_nlp(name_examples=0.0)
    kind.train(nlp, n_updates=0)
    pipe, before = nlp.get_pipe(kind.factory), get_cats(nlp)
    examples, sgd = kind.make_examples(nlp), nlp.resume_training()
    pipe.update(examples[:8])
    pipe.update(examples[8:])
    assert get_cats(nlp) == before
    pipe.finish_update(sgd)
    assert get_cats(nlp) != before


def test_accumulated_halves_equal_the_whole(kind):
    """Plain gradient descent on halves of equal size, with half the gradient each."""
    data, models = [("a card", "bank/card"), ("a room", "travel/hotel")], []
    for parts in ([data], [data[:1], data[1:]]):
        nlp = kind.make_nlp(name_examples=0.0, loss={"tau": 0.0})
        kind.train(nlp, n_updates=0)
        pipe = nlp.get_pipe(kind.factory)
        for part in parts:
            pipe.update(kind.make_examples(nlp, part))
        sgd = nlp.resume_training()
        sgd.b1, sgd.learn_rate = 0.0, 0.01 / len(parts)
        sgd.b2, sgd.grad_clip, sgd.L2 = 0.0, 0.0, 0.0
        pipe.finish_update(sgd)
        models.append(get_cats(nlp))
    assert models[0] == pytest.approx(models[1], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_update_with_empty_documents(kind, texts):
    nlp = kind.make_nlp()
    kind.train(nlp, n_updates=0)
    examples = kind.make_examples(nlp, [(text, "bank/card") for text in texts])
    losses = nlp.get_pipe(kind.factory).update(examples, sgd=nlp.resume_training())
    assert numpy.isfinite(losses[kind.factory])
    assert all(numpy.isfinite(value) for value in get_cats(nlp).values())


def test_corpus_with_empty_documents_first(kind):
    nlp = kind.make_nlp()
    kind.train(nlp, [("", "bank/card")] * 12 + kind.data, n_updates=3)
    assert nlp("my debit card")._.longtail.label == "bank/card"


def test_label_called_other_does_not_collide(kind):
    nlp = kind.make_nlp()
    data = [("what is the weather", "bank/Other"), ("hello", "Other")] * 3
    kind.train(nlp, kind.data + data)
    assert nlp("hello")._.longtail.label == "Other"
    assert nlp("what is the weather")._.longtail.label == "bank/Other"
    assert len(nlp("hello").cats) == 9


def test_flat_labels_with_another_separator(kind):
    nlp = kind.make_nlp(separator=" > ", min_count=0)
    data = [("a card", "card/lost"), ("a room", "room"), ("a plane", "plane > seat")]
    kind.train(nlp, data)
    decision = nlp("a plane")._.longtail
    assert decision.path == ("plane", "plane > seat")
    assert nlp("a card")._.longtail.path == ("card/lost",)


@pytest.mark.parametrize("form", ["label data", "counts", "list"])
def test_labels_can_be_given(kind, form):
    reference, nlp = kind.make_nlp(), kind.make_nlp()
    kind.train(reference, n_updates=0)
    data = reference.get_pipe(kind.factory).label_data
    labels = {
        "label data": data,
        "counts": data["counts"],
        "list": list(data["counts"]),
    }
    examples = kind.make_examples(nlp)
    pipe = nlp.get_pipe(kind.factory)
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels[form])
    assert pipe.taxonomy == reference.get_pipe(kind.factory).taxonomy
    assert get_cats(nlp) == get_cats(reference)


def test_label_file_in_the_config(kind, tmp_path):
    reference, nlp = kind.make_nlp(), kind.make_nlp()
    kind.train(reference, n_updates=0)
    srsly.write_json(
        tmp_path / "labels.json", reference.get_pipe(kind.factory).label_data
    )
    block = {"labels": {"@readers": READER, "path": str(tmp_path / "labels.json")}}
    nlp.config["initialize"]["components"][kind.factory] = block
    # As for a streamed corpus, of which only the first examples are seen.
    nlp.config["training"]["max_epochs"] = -1
    examples = kind.make_examples(nlp)[:8]
    nlp.initialize(lambda: examples)
    taxonomy = reference.get_pipe(kind.factory).taxonomy
    assert nlp.get_pipe(kind.factory).taxonomy == taxonomy


def test_label_data_is_json_with_inner_nodes(kind):
    nlp = kind.make_nlp()
    kind.train(nlp, [*kind.data, ("money", "bank")], n_updates=0)
    label_data = nlp.get_pipe(kind.factory).label_data
    assert label_data == json.loads(json.dumps(label_data))
    assert label_data["counts"]["bank/card"] == 4
    assert label_data["counts"]["bank"] == 1


def test_declared_labels_are_all_there_are(kind):
    nlp = kind.make_nlp(min_count=0)
    pipe = nlp.get_pipe(kind.factory)
    assert [pipe.add_label("bank/card"), pipe.add_label("travel/hotel")] == [1, 1]
    assert pipe.add_label("bank/card") == 0
    examples = kind.make_examples(nlp)
    with pytest.warns(UserWarning, match=r"\[LW302\].* others.*'travel/flight'"):
        nlp.initialize(lambda: examples)
    assert pipe.labels == ("bank/card", "travel/hotel")
    # Others are another component's, in updates, too.
    nlp.update(examples)


def test_label_without_documents_is_known_by_its_name(kind):
    nlp = kind.make_nlp(min_count=0)
    examples = kind.make_examples(nlp)
    counts = {"bank/card": 4, "travel/hotel": 3, "food/chocolate_cake": 0}
    pipe = nlp.get_pipe(kind.factory)
    with pytest.warns(UserWarning, match=r"\[LW302\]"):
        pipe.initialize(lambda: examples, nlp=nlp, labels=counts)
    assert nlp("a cake of chocolate")._.longtail.label == "food/chocolate_cake"


def test_descriptions_say_what_labels_mean(kind):
    nlp = kind.make_nlp(min_count=0)
    examples = kind.make_examples(nlp, [("I lost my card", ["bank/card"])] * 4)
    labels = {"bank/card": 4, "x/17": 0, "x/18": 0}
    descriptions = {"x/17": "bicycle repair", "x/18": "rainy weather"}
    pipe = nlp.get_pipe(kind.factory)
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels, descriptions=descriptions)
    assert nlp("my bicycle is broken")._.longtail.label == "x/17"
    assert nlp("rain and wind")._.longtail.label == "x/18"


def test_same_seed_gives_the_same_bytes(kind):
    saved = []
    for seed in (1, 1, 2):
        nlp = kind.make_nlp()
        kind.train(nlp, n_updates=5, drop=0.3, seed=seed)
        saved.append(nlp.get_pipe(kind.factory).to_bytes())
    assert saved[0] == saved[1] != saved[2]


def test_initialize_again_starts_anew(kind):
    nlp, fresh = kind.make_nlp(), kind.make_nlp()
    data = [("a card", "card"), ("a hat", "hat"), ("a plane", "plane")] * 3
    kind.train(nlp, n_updates=5)
    for pipeline in (nlp, fresh):
        kind.train(pipeline, data, n_updates=2)
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


def test_frozen_encoder_runs_once_per_text(kind):
    encoder = {
        "@architectures": "spacy-longtail.StaticBag.v1",
        "vectors": {"@misc": "test_counting_vectors"},
        "trainable": False,
    }
    nlp = kind.make_nlp(model={"encoder": encoder})
    examples = kind.make_examples(nlp)
    later = kind.make_examples(nlp, [("a room", "bank/fee")])
    optimizer = nlp.initialize(lambda: examples)
    CountingVectors.n_calls = 0
    n_calls = []
    for batch in [examples, examples[::-1], examples[3:7], later, later]:
        nlp.get_pipe(kind.factory).update(batch, sgd=optimizer)
        n_calls.append(CountingVectors.n_calls)
    # The corpus was encoded for the prototypes. New are the names of the seven labels,
    # which are training documents too, and one later text.
    assert n_calls[2] <= 7
    assert n_calls[-1] <= 7 + 1


def test_example_can_be_tokenized_differently(kind):
    nlp = kind.make_nlp()
    kind.train(nlp, n_updates=0)
    reference = spacy.tokens.Doc(nlp.vocab, words=["I", "lost", "my card"])
    reference.cats = {"bank/card": 1.0}
    example = Example(nlp.make_doc("I lost my card"), reference)
    losses = nlp.update([example], sgd=nlp.resume_training())
    assert losses[kind.factory] > 0.0
