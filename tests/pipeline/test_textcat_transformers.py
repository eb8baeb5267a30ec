import subprocess
import sys

import pytest
import spacy
from thinc.api import Config, fix_random_seed

pytest.importorskip("spacy_transformers")

OWN = """
[nlp]
lang = "xx"
pipeline = ["longtail_textcat"]

[components]

[components.longtail_textcat]
factory = "longtail_textcat"

[components.longtail_textcat.model]
@architectures = "spacy-longtail.TaxonomyTextCat.v1"

[components.longtail_textcat.model.encoder]
@architectures = "spacy-longtail.PooledTransformer.v1"
trainable_layers = null

[components.longtail_textcat.model.encoder.transformer]
@architectures = "spacy-transformers.TransformerModel.v3"
name = "tiny"

[components.longtail_textcat.model.encoder.transformer.get_spans]
@span_getters = "spacy-transformers.doc_spans.v1"

[components.longtail_textcat.model.output]
@layers = "spacy-longtail.PrototypeSoftmax.v1"
learn_rate = 10.0
"""
SHARED = {
    "components": {
        "transformer": {
            "factory": "transformer",
            "model": {
                "@architectures": "spacy-transformers.TransformerModel.v3",
                "name": "tiny",
                "get_spans": {
                    "@span_getters": "spacy-transformers.strided_spans.v1",
                    "window": 8,
                    "stride": 8,
                },
            },
        }
    }
}
LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "pooling": {"@layers": "reduce_mean.v1"},
}
TRANSFORMER = "components.longtail_textcat.model.encoder.transformer"


@pytest.fixture
def make_nlp(tiny_bert):
    def make(*, shared=False, trainable_layers=None):
        fix_random_seed(0)
        config = Config().from_str(OWN, interpolate=False)
        encoder = config["components"]["longtail_textcat"]["model"]["encoder"]
        encoder["trainable_layers"] = trainable_layers
        encoder["transformer"]["name"] = str(tiny_bert)
        if shared:
            config = config.merge(SHARED)
            config["nlp"]["pipeline"] = ["transformer", "longtail_textcat"]
            config["components"]["transformer"]["model"]["name"] = str(tiny_bert)
            encoder = config["components"]["longtail_textcat"]["model"]["encoder"]
            encoder["transformer"] = LISTENER
        return spacy.blank("xx", config=config)

    return make


def train(nlp, examples, n_updates, learn_rate=0.003):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = learn_rate
    losses = []
    for _ in range(n_updates):
        losses.append(nlp.update(examples, sgd=optimizer)["longtail_textcat"])
    return losses


def get_encoder(nlp):
    return nlp.get_pipe("longtail_textcat").model.get_ref("encoder")


def count_texts(nlp, monkeypatch):
    """Count the windows that the transformer reads, by their word pieces."""
    seen = []
    wrapper = next(n for n in get_encoder(nlp).walk() if n.name == "hf-pytorch")
    forward = wrapper._func

    def count(model, pieces, is_train):
        rows = zip(pieces.input_ids, pieces.attention_mask)
        seen.extend(tuple(ids[mask > 0].tolist()) for ids, mask in rows)
        return forward(model, pieces, is_train)

    monkeypatch.setattr(wrapper, "_func", count)
    return seen


def test_frozen_transformer_reads_each_text_once(make_nlp, make_examples, monkeypatch):
    nlp = make_nlp(trainable_layers=0)
    examples = make_examples(nlp)
    seen = count_texts(nlp, monkeypatch)
    losses = train(nlp, examples, 20)
    for _ in range(3):
        nlp.evaluate(make_examples(nlp))
    assert losses[-1] < losses[0]
    # spacy-transformers tries out each new transformer on two texts of its own.
    seen = seen[2:]
    names = len(nlp.get_pipe("longtail_textcat").labels)
    assert len(seen) == len(set(seen)) == len(examples) + names


def test_frozen_transformer_stays_what_it_is(make_nlp, make_examples):
    nlp = make_nlp(trainable_layers=0)
    train(nlp, make_examples(nlp), 0)
    optimizer = nlp.resume_training()
    for _ in range(3):
        nlp.update(make_examples(nlp), sgd=optimizer)
    vectors = get_encoder(nlp).predict([nlp.make_doc("I lost my card")])
    fresh = make_nlp(trainable_layers=0)
    train(fresh, make_examples(fresh), 0)
    assert (
        get_encoder(fresh).predict([fresh.make_doc("I lost my card")]) == vectors
    ).all()


@pytest.mark.parametrize("shared", [False, True])
def test_learns_and_predicts_the_same_after_loading(
    make_nlp, make_examples, train_data, tmp_path, shared
):
    nlp = make_nlp(shared=shared)
    # spaCy updates a shared component with the gradient of the batch before.
    losses = train(nlp, make_examples(nlp), 80 if shared else 40)
    assert losses[-1] < 0.1
    pooled = nlp.get_pipe("longtail_textcat").taxonomy.pooled
    for text, label in train_data:
        assert nlp(text)._.longtail.label in (pooled if label in pooled else [label])
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text in ("I lost my card", "", "by the sea " * 40):
        assert loaded(text).cats == pytest.approx(nlp(text).cats, abs=1e-6)


@pytest.mark.parametrize("shared", [False, True])
def test_predictions_do_not_depend_on_the_batch(make_nlp, make_examples, shared):
    nlp = make_nlp(shared=shared)
    train(nlp, make_examples(nlp), 3)
    texts = ["I lost my card", "", "a room by the sea", " ", "🎉", "card " * 100]
    single = [nlp(text).cats for text in texts]
    for doc, cats in zip(nlp.pipe(texts, batch_size=4), single):
        assert doc.cats == pytest.approx(cats, abs=1e-5)


@pytest.mark.parametrize("shared", [False, True])
def test_empty_documents_in_the_batch(make_nlp, make_examples, train_data, shared):
    nlp = make_nlp(shared=shared)
    data = [("", "bank/card"), *train_data, (" ", "bank/card"), ("", None)]
    losses = train(nlp, make_examples(nlp, data), 20)
    assert losses[-1] < losses[0]


def test_shared_transformer_learns(make_nlp, make_examples):
    nlp = make_nlp(shared=True)
    examples = make_examples(nlp)
    train(nlp, examples, 0)
    doc = nlp.make_doc("I lost my card")
    before = nlp.get_pipe("transformer").predict([doc]).tensors[0].clone()
    train(nlp, examples, 3)
    after = nlp.get_pipe("transformer").predict([doc]).tensors[0]
    assert float((after - before).abs().max()) > 1e-3


def test_listener_gives_the_vectors_of_an_own_transformer(make_nlp, make_examples):
    """Where its spans are the windows."""
    texts = ["I lost my card", "a b c d e f g h", "", " "]
    vectors = []
    for shared in (False, True):
        nlp = make_nlp(shared=shared)
        train(nlp, make_examples(nlp), 0)
        docs = [nlp.make_doc(text) for text in texts]
        if shared:
            docs = list(nlp.get_pipe("transformer").pipe(docs))
        vectors.append(get_encoder(nlp).predict(docs))
    assert vectors[1] == pytest.approx(vectors[0], abs=1e-5)


def test_shared_frozen_transformer_reads_each_text_once(
    make_nlp, make_examples, monkeypatch
):
    nlp = make_nlp(shared=True, trainable_layers=0)
    examples = make_examples(nlp)
    nlp.get_pipe("transformer").initialize(lambda: examples, nlp=nlp)
    seen = []
    predict = nlp.get_pipe("transformer").predict
    monkeypatch.setattr(
        nlp.get_pipe("transformer"),
        "predict",
        lambda docs: seen.extend(doc.text for doc in docs) or predict(docs),
    )
    # What 'spacy train' does for a component in [training.frozen_components].
    with nlp.select_pipes(disable=["transformer"]):
        losses = train(nlp, examples, 20, learn_rate=0.01)
    assert losses[-1] < losses[0]
    assert len(seen) == len(set(seen)) > len(examples)


def test_cut_span_is_warned_about(make_nlp, make_examples):
    """The vocabulary has letters only, so that these are 34 word pieces."""
    nlp = make_nlp(shared=True)
    train(nlp, make_examples(nlp), 0)
    with pytest.warns(UserWarning, match=r"\[LW201\].*abcdefgh"):
        nlp("abcdefgh abcdefgh abcdefgh abcdefgh card")


@pytest.mark.slow
def test_processes(make_nlp, make_examples, tmp_path):
    """They are forked after torch has used several threads."""
    nlp = make_nlp()
    train(nlp, make_examples(nlp), 3)
    nlp.to_disk(tmp_path)
    code = f"""
import spacy, torch
torch.set_num_threads(2)
if __name__ == "__main__":
    nlp = spacy.load({str(tmp_path)!r})
    texts = ["I lost my card", "", "by the sea"] * 3
    alone = [nlp(text).cats for text in texts]
    for doc, cats in zip(nlp.pipe(texts, n_process=2, batch_size=2), alone):
        assert all(abs(doc.cats[label] - p) < 1e-5 for label, p in cats.items())
    print("same")
"""
    (tmp_path / "script.py").write_text(code)
    command = [sys.executable, str(tmp_path / "script.py")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.stdout.strip().endswith("same"), run.stderr[-2000:]
