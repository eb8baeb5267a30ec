import pytest
from numpy.testing import assert_allclose
from spacy.tokens import Doc, DocBin

from spacy_longtail.pipeline import textcat

# Arabic and Hebrew, an emoji of several code points, NUL, a word of many pieces.
HARD_TEXTS = [
    "",
    " ",
    "\n\t \u3000",
    "🎉👩‍👩‍👧‍👦",
    "بطاقتي مفقودة שלום",
    "card\0 lost \0",
    "x" * 3000,
    "unquestionablycardlike",
    "\ufffe\uffff \U0010ffff",
]


@pytest.fixture(scope="session")
def trained(shared_nlp):
    return shared_nlp


@pytest.fixture
def pipe(trained, kind):
    return trained.get_pipe(kind.factory)


def test_every_label_is_in_the_cats_pooled_ones_too(trained, kind, pipe):
    pooled = {
        "exclusive": {"bank/fee", "bank/loan"},
        "multilabel": {"bank/fee", "bank/loan", "travel/train", "travel/visa"},
    }
    assert pipe.taxonomy.pooled == pooled[kind.name]
    assert tuple(trained("I lost my card").cats) == kind.labels == pipe.labels


def test_cats_are_probabilities_as_python_floats(trained):
    for doc in trained.pipe(["I lost my card", "", "a hotel", "lend me 10"]):
        assert all(type(value) is float for value in doc.cats.values())
        assert 0.0 <= min(doc.cats.values()) <= max(doc.cats.values()) <= 1.0


def test_learned_labels_are_predicted(trained, kind):
    for text, gold in kind.data:
        cats = trained(text).cats
        labels = [gold] if isinstance(gold, str) else gold
        best = sorted(cats, key=cats.get, reverse=True)[: len(labels)]
        assert sorted(best) == sorted(labels)


@pytest.mark.parametrize("text", HARD_TEXTS, ids=range(len(HARD_TEXTS)))
def test_hard_text_gets_a_decision(trained, kind, text):
    doc = trained(text)
    assert doc.text == text
    assert all(0.0 <= value <= 1.0 for value in doc.cats.values())
    assert doc._.longtail.label in kind.labels


def test_predictions_do_not_depend_on_the_batch(trained, kind):
    texts = [*HARD_TEXTS, *[text for text, _ in kind.data], "card " * 300, ""]
    single = [list(trained(text).cats.values()) for text in texts]
    for batch_size in (2, 3, 100):
        docs = trained.pipe(texts, batch_size=batch_size)
        batched = [list(doc.cats.values()) for doc in docs]
        assert_allclose(batched, single, atol=1e-6)
    assert single[len(HARD_TEXTS)] != single[0]


def test_batches_are_smaller_if_there_are_many_labels(trained, pipe, monkeypatch):
    texts = [*HARD_TEXTS, "I lost my card"]
    expected = [doc.cats for doc in trained.pipe(texts)]
    sizes, predict = [], pipe.predict

    def count(docs):
        sizes.append(len(docs))
        return predict(docs)

    monkeypatch.setattr(pipe, "predict", count)
    monkeypatch.setattr(textcat, "MOST_SCORES", 4 * len(pipe.labels))
    monkeypatch.setattr(textcat, "LEAST_DOCS", 2)
    assert [doc.cats for doc in trained.pipe(texts, batch_size=100)] == expected
    monkeypatch.setattr(textcat, "LEAST_DOCS", 10)
    list(trained.pipe(texts, batch_size=5))
    assert sizes == [4, 4, 2, 5, 5]


def test_batch_of_empty_documents_only(trained):
    docs = list(trained.pipe(["", " ", ""]))
    assert docs[0].cats == docs[1].cats == docs[2].cats == trained("").cats


@pytest.mark.slow
def test_document_of_100_000_tokens(trained):
    doc = trained.make_doc("I lost my debit card " * 20_000)
    assert len(doc) == 100_000
    short = trained("a hotel")
    long, beside = trained.pipe([doc, trained.make_doc("a hotel")])
    assert long._.longtail.label == "bank/card"
    assert beside.cats == pytest.approx(short.cats, abs=1e-6)


def test_lone_surrogates_never_reach_a_pipe(trained):
    """spaCy's strings are UTF-8: no Doc can hold one, with or without this pipe."""
    with pytest.raises(UnicodeEncodeError):
        trained.make_doc("card \ud800")
    with pytest.raises(UnicodeEncodeError):
        Doc(trained.vocab, words=["\udfff"])
    text = "card \ud800".encode("utf-8", "replace").decode("utf-8")
    assert trained(text)._.longtail.label == "bank/card"


def test_no_documents(trained, pipe):
    assert list(trained.pipe([])) == []
    pipe.set_annotations([], pipe.predict([]))


def test_decision_agrees_with_the_cats(trained, kind):
    doc = trained("lend me something")
    decision = doc._.longtail
    assert decision.label == max(doc.cats, key=doc.cats.get)
    assert decision.probability == doc.cats[decision.label]
    assert decision.candidates[0] == (decision.label, decision.probability)
    ranked = sorted(doc.cats.values(), reverse=True)
    assert [share for _, share in decision.candidates] == ranked[:5]
    assert decision.stage == kind.factory


def test_no_level_is_above_its_parent_or_1(trained, kind):
    for doc in trained.pipe([text for text, _ in kind.data]):
        shares = [1.0] + [probability for _, probability in doc._.longtail.levels]
        assert shares == sorted(shares, reverse=True)


def test_other_is_the_mass_of_the_pooled_labels(trained):
    doc = trained("what does it cost to borrow")
    parent, mass = doc._.longtail.other
    assert parent == "bank"
    assert mass == pytest.approx(doc.cats["bank/fee"] + doc.cats["bank/loan"])


def test_known_is_lower_for_text_that_fits_nothing(trained):
    known = trained("I lost my card")._.longtail.known
    assert 0.0 <= trained("zzzz")._.longtail.known < known <= 1.0
    assert trained("")._.longtail.known == 0.0


def test_unseen_document_has_no_decision(trained):
    assert trained.make_doc("I lost my card")._.longtail is None


def test_decision_survives_a_doc_bin(trained):
    docs = list(trained.pipe(["I lost my card", ""]))
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    for doc, loaded in zip(docs, DocBin().from_bytes(data).get_docs(trained.vocab)):
        assert loaded.cats == pytest.approx(doc.cats)
        assert loaded._.longtail == doc._.longtail


def test_decision_survives_the_bytes_of_a_doc(trained):
    doc = trained("I lost my card")
    loaded = Doc(trained.vocab).from_bytes(doc.to_bytes())
    assert loaded._.longtail == doc._.longtail
    assert loaded.cats == doc.cats


def test_predicting_twice_changes_nothing(trained, pipe):
    doc = trained("I lost my card")
    cats, decision = dict(doc.cats), doc._.longtail
    pipe(doc)
    assert (doc.cats, doc._.longtail) == (cats, decision)


@pytest.mark.parametrize("k, n_written", [(1, 1), (3, 3), (7, 7), (100, 7)])
def test_cats_top_k_writes_the_most_probable_labels(kind, k, n_written):
    """The decision stays."""
    nlp = kind.load_nlp()
    before = nlp("lend me a card")
    nlp.get_pipe(kind.factory).cats_top_k = k
    doc, every = nlp("lend me a card"), before.cats
    best = sorted(every, key=every.get, reverse=True)[:n_written]
    assert doc.cats == {label: every[label] for label in best}
    assert doc._.longtail == before._.longtail


def test_cats_top_k_replaces_an_earlier_prediction(kind):
    nlp = kind.load_nlp()
    pipe = nlp.get_pipe(kind.factory)
    doc = nlp("lend me a card")
    doc.cats["of another pipe"] = 0.5
    pipe.cats_top_k = 2
    doc = pipe(doc)
    assert len(doc.cats) == 3
    assert doc.cats["of another pipe"] == 0.5


def test_predict_leaves_the_documents_alone(trained, pipe):
    docs = [trained.make_doc("I lost my card"), trained.make_doc("")]
    prediction = pipe.predict(docs)
    assert prediction.probabilities.shape == (2, 7)
    assert all(not doc.cats and doc._.longtail is None for doc in docs)
