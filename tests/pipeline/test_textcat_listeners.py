import pickle

import pytest
import spacy
from numpy.testing import assert_array_equal
from thinc.api import Config, fix_random_seed

CONFIG = """
[nlp]
lang = "xx"
pipeline = ["tok2vec", "longtail_textcat"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 32
depth = 1
embed_size = 200
window_size = 1
maxout_pieces = 2
subword_features = true

[components.longtail_textcat]
factory = "longtail_textcat"

[components.longtail_textcat.model]
@architectures = "spacy-longtail.TaxonomyTextCat.v1"

[components.longtail_textcat.model.encoder]
@architectures = "spacy-longtail.PooledTok2Vec.v1"

[components.longtail_textcat.model.encoder.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = ${components.tok2vec.model.width}

[components.longtail_textcat.model.output]
@layers = "spacy-longtail.PrototypeSoftmax.v1"
learn_rate = 1.0
"""


@pytest.fixture
def nlp():
    fix_random_seed(0)
    return spacy.blank("xx", config=Config().from_str(CONFIG, interpolate=False))


def train(nlp, examples, n_updates):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    losses = []
    for _ in range(n_updates):
        losses.append(nlp.update(examples, sgd=optimizer)["longtail_textcat"])
    return losses


def get_vectors(nlp, text="the machine kept my card"):
    return nlp.get_pipe("tok2vec").predict([nlp.make_doc(text)])[0]


def test_listener_trains_the_shared_encoder(nlp, make_examples, train_data):
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    before = get_vectors(nlp)
    fix_random_seed(0)
    losses = train(nlp, examples, 30)
    assert losses[-1] < losses[0] / 5
    assert abs(get_vectors(nlp) - before).max() > 1e-3
    pooled = nlp.get_pipe("longtail_textcat").taxonomy.pooled
    for text, label in train_data:
        allowed = pooled if label in pooled else {label}
        assert nlp(text)._.longtail.label in allowed


def test_prototypes_come_from_what_the_listener_hears(nlp, make_examples, train_data):
    """Random vectors know the training texts already, so the start isn't zero."""
    train(nlp, make_examples(nlp), 0)
    right = [nlp(text)._.longtail.label == label for text, label in train_data]
    assert sum(right) > len(train_data) / 2


def test_initialize_leaves_the_examples_alone(nlp, make_examples):
    examples = make_examples(nlp)
    train(nlp, examples, 0)
    assert all(
        not eg.predicted.cats and not eg.predicted.tensor.size for eg in examples
    )


def test_predictions_do_not_depend_on_the_batch(nlp, make_examples):
    train(nlp, make_examples(nlp), 5)
    texts = ["I lost my card", "", "a room by the sea", " ", "🎉", "card " * 200]
    single = [nlp(text).cats for text in texts]
    for doc, cats in zip(nlp.pipe(texts, batch_size=4), single):
        assert doc.cats == pytest.approx(cats, abs=1e-5)


def test_empty_documents_in_the_batch(nlp, make_examples, train_data):
    data = [("", "bank/card"), *train_data, ("", None)]
    losses = train(nlp, make_examples(nlp, data), 30)
    assert losses[-1] < losses[0] / 2
    nlp.update(make_examples(nlp, [("", "bank/card")]), sgd=nlp.resume_training())


def test_saved_pipeline_predicts_the_same(nlp, make_examples, tmp_path):
    train(nlp, make_examples(nlp), 5)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text in ("I lost my card", "", "by the sea"):
        assert loaded(text).cats == nlp(text).cats
        assert loaded(text)._.longtail == nlp(text)._.longtail


def test_listener_can_be_replaced(nlp, make_examples, tmp_path):
    train(nlp, make_examples(nlp), 5)
    cats = nlp("I lost my card").cats
    nlp.replace_listeners("tok2vec", "longtail_textcat", ["model.encoder.tok2vec"])
    nlp.remove_pipe("tok2vec")
    assert nlp("I lost my card").cats == pytest.approx(cats, abs=1e-5)
    nlp.to_disk(tmp_path)
    for found in (spacy.load(tmp_path), pickle.loads(pickle.dumps(nlp))):
        assert found("I lost my card").cats == nlp("I lost my card").cats


def test_frozen_shared_encoder_stays_what_it_is(nlp, make_examples):
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    before = get_vectors(nlp)
    losses = []
    for _ in range(20):
        with nlp.select_pipes(enable="longtail_textcat"):
            for example in examples:
                nlp.get_pipe("tok2vec")(example.predicted)
            losses.append(
                nlp.get_pipe("longtail_textcat").update(examples, sgd=optimizer)
            )
    assert_array_equal(get_vectors(nlp), before)
