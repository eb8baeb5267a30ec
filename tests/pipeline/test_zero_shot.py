"""Labels without one example, known by their names and descriptions."""

import pytest
import spacy

from spacy_longtail.pipeline.initialization import N_FIRST

LABELS = ["bank/card", "travel/flight", "travel/hotel", "x/17"]
DESCRIPTIONS = {
    "bank/card": "debit and credit cards",
    "travel/flight": "planes and airports",
    "travel/hotel": "a room for the night",
    "x/17": "bicycle repair",
}
TEXTS = {
    "I lost my credit card": "bank/card",
    "when does the plane leave the airport": "travel/flight",
    "a hotel room": "travel/hotel",
    "repair the bicycle": "x/17",
}
# What can be said about the corpus, if there is nothing to say.
CORPORA = {
    "no corpus": None,
    "no documents": [],
    "documents without labels": [("hello", None), ("my card", None)],
}
corpora = pytest.mark.parametrize("data", CORPORA.values(), ids=list(CORPORA))


def find_labels(nlp):
    return {doc.text: doc._.longtail.label for doc in nlp.pipe(TEXTS)}


def initialize(kind, nlp, data):
    examples = None if data is None else kind.make_examples(nlp, data)
    nlp.initialize(None if examples is None else lambda: examples)


@corpora
@pytest.mark.parametrize("min_count", [0, 3])
def test_labels_that_were_added(kind, data, min_count):
    nlp = kind.make_nlp(min_count=min_count)
    for label in LABELS:
        nlp.get_pipe(kind.factory).add_label(label)
    config = {"descriptions": {"x/17": DESCRIPTIONS["x/17"]}}
    nlp.config["initialize"]["components"][kind.factory] = config
    initialize(kind, nlp, data)
    assert find_labels(nlp) == TEXTS
    again = kind.make_nlp(min_count=min_count).from_bytes(nlp.to_bytes())
    assert find_labels(again) == TEXTS


@pytest.mark.parametrize(
    "labels",
    [LABELS, dict.fromkeys(LABELS, 0), {"counts": dict.fromkeys(LABELS, 0)}, None],
    ids=["a list", "counts", "a label file", "only described"],
)
def test_labels_that_were_given(kind, labels):
    nlp = kind.make_nlp()
    config = {"labels": labels, "descriptions": DESCRIPTIONS}
    nlp.config["initialize"]["components"][kind.factory] = config
    nlp.initialize()
    assert find_labels(nlp) == TEXTS


def test_few_labels_are_given(kind):
    """Where labels don't exclude each other, nothing tells how frequent they are."""
    nlp = kind.make_nlp()
    for label in LABELS:
        nlp.get_pipe(kind.factory).add_label(label)
    nlp.initialize()
    given = [len(doc._.longtail.labels) for doc in nlp.pipe(TEXTS)]
    assert sum(given) <= 6


def test_fallback_ranks_by_names(kind):
    nlp = kind.make_pair()
    for label in LABELS:
        nlp.get_pipe(kind.factory).add_label(label)
    for name in nlp.pipe_names:
        config = {"descriptions": DESCRIPTIONS}
        nlp.config["initialize"]["components"][name] = config
    nlp.initialize()
    assert find_labels(nlp) == TEXTS


def test_other_encoders(kind):
    """One that is initialized with documents gets something."""
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 16, "depth": 1}
    tok2vec.update(embed_size=100, window_size=1, maxout_pieces=2)
    tok2vec.update(subword_features=True, pretrained_vectors=None)
    encoder = {
        "@architectures": "spacy-longtail.PooledTok2Vec.v1",
        "tok2vec": tok2vec,
    }
    nlp = kind.make_nlp(model={"encoder": encoder})
    examples, pipe = [], nlp.get_pipe(kind.factory)
    pipe.initialize(lambda: examples, nlp=nlp, labels=LABELS)
    assert nlp("a card").cats.keys() == set(LABELS)


def test_it_can_be_trained_then(kind):
    nlp = kind.make_nlp()
    labels = list(kind.labels)
    pipe = nlp.get_pipe(kind.factory)
    pipe.initialize(lambda: [], nlp=nlp, labels=labels)
    examples, sgd = kind.make_examples(nlp), nlp.create_optimizer()
    with pytest.warns(UserWarning, match=rf"\[LW304\].* {len(labels)} labels"):
        nlp.update(examples)
    pipe.warm_start(lambda: examples, nlp=nlp, labels=labels)
    losses = [nlp.update(examples, sgd=sgd)[kind.factory] for _ in range(10)]
    assert losses[-1] < losses[0]


def test_neither_labels_nor_documents(kind):
    with pytest.raises(ValueError, match=r"\[L002\] Found 0 label"):
        initialize(kind, kind.make_nlp(), [])
    with pytest.raises(ValueError, match=r"\[L002\] Found 0 label"):
        kind.make_nlp().initialize()


def test_mistyped_labels_are_refused(kind):
    nlp = kind.make_nlp()
    examples, pipe = kind.make_examples(nlp), nlp.get_pipe(kind.factory)
    message = r"\[L014\].*'bnak/card'.* 4 documents.*'bank/card' \(bnak/card\)"
    data = [("a card", ["bank/card"])] * 4
    examples = kind.make_examples(nlp, data)
    with pytest.raises(ValueError, match=message):
        pipe.initialize(lambda: examples, nlp=nlp, labels=["bnak/card", "travel/hotl"])


def test_one_mistyped_label_is_told(kind):
    nlp = kind.make_nlp()
    data = [("a card", ["bank/card"])] * 3 + [("a plane", ["travel/flight"])] * 2
    examples, pipe = kind.make_examples(nlp, data), nlp.get_pipe(kind.factory)
    message = r"\[LW302\] 2 documents.*'travel/flight' \(travle/flight\)"
    with pytest.warns(UserWarning, match=message):
        pipe.initialize(
            lambda: examples, nlp=nlp, labels=["bank/card", "travle/flight"]
        )


def test_labels_of_another_component_are_left_alone(kind):
    """Beside one of ours, that a label isn't declared is no mistake."""
    nlp = kind.make_nlp()
    data = [("a card", {"bank/card": 1.0, "POSITIVE": 1.0}), ("a hat", ["hat"])]
    examples, pipe = kind.make_examples(nlp, data), nlp.get_pipe(kind.factory)
    pipe.initialize(lambda: examples, nlp=nlp, labels=["bank/card", "hat"])
    nlp.update(examples)
    assert pipe.labels == ("bank/card", "hat")


@pytest.mark.parametrize(
    "label, code", [(5, "L310"), (None, "L310"), ("", "L001"), ("a//b", "L001")]
)
def test_what_is_no_label_is_not_added(kind, label, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        kind.make_nlp().get_pipe(kind.factory).add_label(label)


@pytest.mark.parametrize("given", [3, "bank/card", [None], {"bank/card": 3}])
def test_descriptions_of_another_type(kind, given):
    nlp = kind.make_nlp()
    pipe = nlp.get_pipe(kind.factory)
    with pytest.raises(ValueError, match=r"\[L020\]"):
        pipe.initialize(lambda: [], nlp=nlp, labels=LABELS, descriptions=given)


def test_get_examples_of_another_type(kind):
    pipe = kind.make_nlp().get_pipe(kind.factory)
    for given in (None, [], lambda: None, lambda: [1]):
        with pytest.raises(TypeError, match=r"\[E9(30|78)\]"):
            pipe.initialize(given, labels=LABELS)


def test_something_else_late_in_the_corpus(kind):
    nlp = kind.make_nlp()
    corpus = [*kind.make_examples(nlp), *kind.make_examples(nlp), 1]
    assert len(corpus) > N_FIRST
    with pytest.raises(TypeError, match=r"\[E978\]"):
        nlp.initialize(lambda: iter(corpus))


def test_corpus_is_read_once(kind):
    """A corpus of spaCy's is read from disk and tokenized each time."""
    nlp, n_read = kind.make_nlp(), 0
    examples = 2 * kind.make_examples(nlp)

    def get_examples():
        nonlocal n_read
        for eg in examples:
            n_read += 1
            yield eg

    nlp.get_pipe(kind.factory).initialize(get_examples, nlp=nlp)
    assert n_read <= len(examples) + N_FIRST


def test_blank_pipelines_stay_apart():
    """What is written to one config isn't in the next."""
    assert spacy.blank("xx").config["initialize"]["components"] == {}
