import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal
from spacy.training import Example

from spacy_longtail.encoders import contract
from spacy_longtail.encoders.terms import layer
from spacy_longtail.encoders.terms.layer import build_term_ridge, build_term_svm
from spacy_longtail.explain import explain

TERMS = {"@architectures": "spacy-longtail.TermRidge.v1"}
SVM = {"@architectures": "spacy-longtail.TermSVM.v1", "share": 0.6}
DATA = [
    ("xolq the zeb", ["a"]),
    ("zeb of xolq", ["a"]),
    ("brum and zeb", ["a", "b"]),
    ("brum in the mur", ["b"]),
    ("no brum", ["b"]),
    ("the vint", ["c"]),
    ("of vint and mur", ["c"]),
    ("nothing", []),
] * 2
NAMES = {"exclusive": "longtail_textcat", "multilabel": "longtail_textcat_multilabel"}


def make_nlp(kind="multilabel", data=DATA, **terms):
    nlp = spacy.blank("xx")
    config = {"min_count": 0, "model": {"terms": {**TERMS, **terms}}}
    nlp.add_pipe(NAMES[kind], config=config)
    examples = []
    for text, labels in data:
        if kind == "exclusive":
            cats = dict.fromkeys(labels[:1], 1.0)
        else:
            cats = {**dict.fromkeys("abc", 0.0), **dict.fromkeys(labels, 1.0)}
        examples.append(Example.from_dict(nlp.make_doc(text), {"cats": cats}))
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    return nlp


CASES = {
    "ridge, one label": ("exclusive", {}),
    "ridge, several": ("multilabel", {}),
    "svm": ("exclusive", SVM),
}


@pytest.fixture(scope="module", params=CASES)
def nlp(request):
    kind, terms = CASES[request.param]
    return make_nlp(kind, **terms)


def test_words_that_no_vector_knows_are_learned_at_once(nlp):
    for text, label in (("a xolq", "a"), ("the brum", "b"), ("vint", "c")):
        cats = nlp(text).cats
        assert max(cats, key=cats.get) == label


def test_it_is_mixed_with_the_trained_part_by_its_share(nlp):
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    docs = [nlp.make_doc("zeb and vint")]
    terms, trained = pipe.model.get_ref("terms"), pipe.model.layers[0].predict(docs)
    found = pipe.get_raw_scores(docs).logits
    expected = 0.4 * trained + 0.6 * terms.predict(docs)
    assert_allclose(found, expected, atol=1e-5)
    assert_allclose(pipe.model.predict(docs), expected, atol=1e-5)
    # Only the other part is trained.
    # In full precision, and not in 8 bits.
    assert_allclose(pipe.model(docs, True)[0], trained, atol=0.05)


def test_saved_pipeline_predicts_the_same(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    texts = ["zeb and vint", "", "brum xolq"]
    copy = spacy.load(tmp_path)
    for doc, other in zip(nlp.pipe(texts), copy.pipe(texts)):
        assert doc.cats == other.cats


def test_batch_does_not_matter(nlp):
    texts = [text for text, _ in DATA[:8]] + [""]
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    whole = pipe.get_raw_scores([nlp.make_doc(text) for text in texts]).logits
    for row, text in enumerate(texts):
        alone = pipe.get_raw_scores([nlp.make_doc(text)]).logits
        assert_array_equal(alone[0], whole[row])


def test_explanation_leaves_out_words_one_by_one(nlp):
    found = explain(nlp, "the zeb and the vint")
    assert found.method == "occlusion"


def test_label_without_documents_is_left_to_the_trained_part():
    nlp = make_nlp(data=DATA)
    pipe = nlp.get_pipe(NAMES["multilabel"])
    pipe.initialize(
        lambda: [eg for eg in make_examples(nlp) if not eg.reference.cats.get("c")],
        nlp=nlp,
        labels=["a", "b", "c"],
    )
    docs = [nlp.make_doc("zeb and vint")]
    trained = pipe.model.layers[0].predict(docs)[0]
    found = pipe.get_raw_scores(docs).logits[0]
    assert found[2] == trained[2] and found[0] != trained[0]


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_label_without_documents_gains_nothing_by_being_unknown(share):
    """Most labels have a low score for most documents."""
    words = [f"word{i}" for i in range(8)]
    data = [(f"{word} {i}", [word]) for word in words for i in "pqrs"]
    nlp = spacy.blank("xx")
    config = {"min_count": 0, "model": {"terms": {**SVM, "share": share}}}
    pipe = nlp.add_pipe(NAMES["exclusive"], config=config)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {label: 1.0}})
        for text, (label,) in data
    ]
    optimizer = nlp.initialize(lambda: examples)
    pipe.initialize(lambda: examples, nlp=nlp, labels=[*words, "other thing"])
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    docs = [*nlp.pipe(text for text, _ in data)]
    assert [doc._.longtail.label for doc in docs] == [label for _, (label,) in data]
    own = contract.run_terms(pipe.model, docs)
    column = pipe.labels.index("other thing")
    others = numpy.delete(own, column, axis=1)
    assert_allclose(own[:, column], others.mean(axis=1), rtol=1e-5)


def make_examples(nlp):
    for text, labels in DATA:
        cats = {**dict.fromkeys("abc", 0.0), **dict.fromkeys(labels, 1.0)}
        yield Example.from_dict(nlp.make_doc(text), {"cats": cats})


def test_what_is_not_known_is_not_learned():
    """The second half of the documents says nothing about the label "b"."""
    nlp = make_nlp()
    pipe = nlp.get_pipe(NAMES["multilabel"])
    examples = list(make_examples(nlp))
    for eg in examples:
        if "brum" in eg.reference.text and "zeb" not in eg.reference.text:
            eg.reference.cats = {"a": 0.0, "c": 0.0}
    pipe.initialize(lambda: examples, nlp=nlp)
    assert numpy.isfinite(pipe.get_raw_scores([nlp.make_doc("brum")]).logits).all()
    assert nlp("brum").cats["b"] > nlp("vint").cats["b"]


def test_too_many_documents_are_an_error():
    with pytest.raises(ValueError, match=r"\[L372\].*more than the 15 documents"):
        make_nlp(max_docs=15)
    make_nlp(max_docs=16)


@pytest.mark.parametrize("data", [[], [("", ["a"]), ("", ["b"])]])
def test_corpus_without_words(data):
    nlp = spacy.blank("xx")
    config = {"min_count": 0, "model": {"terms": TERMS}}
    pipe = nlp.add_pipe(NAMES["multilabel"], config=config)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": dict.fromkeys(labels, 1.0)})
        for text, labels in data
    ]
    pipe.initialize(lambda: examples, nlp=nlp, labels=["a", "b"])
    assert set(nlp("zeb").cats) == {"a", "b"}


def test_many_weights_are_multiplied_one_by_one(nlp, monkeypatch):
    """Scores are the same but for rounding."""
    terms = nlp.get_pipe(nlp.pipe_names[0]).model.get_ref("terms")
    docs, table = [nlp.make_doc("zeb and vint")], terms.shims[0]
    found = terms.predict(docs)
    monkeypatch.setattr(layer, "MAX_CELLS", 0)
    table.set(table.arrays)
    assert_allclose(terms.predict(docs), found, rtol=1e-5, atol=1e-5)
    monkeypatch.undo()
    table.set(table.arrays)
    assert_array_equal(terms.predict(docs), found)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_other_share_is_foreseen(nlp, share):
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    docs = [nlp.make_doc(text) for text in ("zeb and vint", "", "brum xolq")]
    own, before = contract.run_terms(pipe.model, docs), pipe.get_raw_scores(docs).logits
    found = contract.remix_terms(pipe.model, own, before, share)
    now = contract.get_share(pipe.model)
    contract.set_share(pipe.model, share)
    try:
        assert_allclose(pipe.get_raw_scores(docs).logits, found, atol=1e-5)
    finally:
        contract.set_share(pipe.model, now)
    assert_array_equal(pipe.get_raw_scores(docs).logits, before)


def test_terms_for_one_label_are_refused_where_there_are_several():
    with pytest.raises(ValueError, match=r"\[L373\].*TermRidge"):
        make_nlp("multilabel", **SVM)


def test_document_without_gold_label_says_nothing_about_one_label():
    """As documents of no label they would take the word from the first one."""
    nlp, words = spacy.blank("xx"), [f"word{i}" for i in range(10)]
    texts, gold = [f"{word} {i}" for word in words for i in "abc"], numpy.eye(10)
    truths = gold.repeat(3, axis=0)
    found = []
    for more in ([], ["word0 x", "word0 y", "word0 z"]):
        model = build_term_svm(min_count=1)
        docs = [nlp.make_doc(text) for text in [*texts, *more]]
        known = numpy.vstack([truths, numpy.zeros((len(more), 10))])
        model.attrs["fit"](model, docs, known, numpy.zeros(10))
        found.append(model.predict([nlp.make_doc("word0")])[0])
    assert_array_equal([scores.argmax() for scores in found], 0)
    assert_allclose(found[0][0], found[1][0], rtol=0.1)


def test_each_label_keeps_its_largest_weights():
    nlp = make_nlp("exclusive", **SVM, max_weights=6)
    table = nlp.get_pipe(NAMES["exclusive"]).model.get_ref("terms").shims[0]
    assert numpy.bincount(table.arrays["columns"]).max() <= 2
    assert nlp("vint").cats["c"] > 0.5


@pytest.mark.parametrize(
    "name, value",
    [
        ("share", 1.0),
        ("cost", 0.0),
        ("scale", 0.0),
        ("min_count", 0),
        ("max_weights", 0),
        ("max_docs", 1),
    ],
)
def test_setting_of_svm_out_of_range_is_an_error(name, value):
    with pytest.raises(ValueError, match=rf"\[L201\] TermSVM.*'?{name}"):
        build_term_svm(**{name: value})


@pytest.mark.parametrize(
    "name, value",
    [
        ("share", 1.0),
        ("penalty", 0.0),
        ("min_count", 0),
        ("max_weights", 0),
        ("max_docs", 1),
    ],
)
def test_setting_out_of_range_is_an_error(name, value):
    with pytest.raises(ValueError, match=rf"\[L201\].*'?{name}"):
        build_term_ridge(**{name: value})


@pytest.mark.parametrize("name", ["keys", "columns", "sizes", "codes"])
def test_damaged_weights_are_refused(nlp, name):
    table = nlp.get_pipe(nlp.pipe_names[0]).model.get_ref("terms").shims[0]
    arrays = dict(table.arrays)
    arrays[name] = arrays[name][::-1] if name == "keys" else arrays[name] - 99
    damaged = type(table)()
    damaged.arrays = arrays if name != "codes" else {**arrays, name: arrays[name][1:]}
    with pytest.raises(ValueError, match=r"\[L361\]"):
        type(table)().from_bytes(damaged.to_bytes())
