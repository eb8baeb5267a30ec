"""Labels that are added to a loaded pipeline."""

import numpy
import pytest
import spacy

NEW = "travel/cruise"
TEXT = "a cruise on a ship"


@pytest.fixture
def fallback(pair):
    return pair.get_pipe("zero_shot_fallback")


def test_added_label_is_found_and_old_ones_keep_their_order(pair, fallback):
    texts = [TEXT, "block my card", "lend me money", ""]
    before = [dict(doc.cats) for doc in pair.pipe(texts)]
    assert fallback.add_label(NEW) == 1
    docs = list(pair.pipe(texts))
    assert docs[0]._.longtail.label == NEW
    assert docs[0]._.longtail.path == ("travel", NEW)
    assert docs[0]._.longtail.stage == "zero_shot_fallback"
    assert docs[0]._.longtail.reason == "closest to a label that was added at run time"
    assert docs[1]._.longtail.label == "bank/card"
    for doc, old in zip(docs, before):
        assert sum(doc.cats.values()) == pytest.approx(1.0)
        assert set(doc.cats) == {*old, NEW}
        left = numpy.asarray([doc.cats[label] for label in old])
        numpy.testing.assert_allclose(left / left.sum(), list(old.values()), rtol=1e-4)


def test_description_and_examples_bring_a_label_closer(pair, fallback):
    text = "we sail to the islands for two weeks"
    shares = []
    for settings in (
        {},
        {"description": "a journey by sea, sailing to islands"},
        {"examples": ["we sail for a week", "sailing to the islands"]},
    ):
        fallback.add_label(NEW, **settings)
        shares.append(pair(text).cats[NEW])
        fallback.remove_label(NEW)
    assert shares[0] < min(shares[1:])


def test_removed_label_leaves_nothing_behind(pair, fallback):
    texts = [TEXT, "lend me money"]
    before = [doc.cats for doc in pair.pipe(texts)]
    fallback.add_label(NEW, examples=["ship"])
    list(pair.pipe(texts))
    fallback.remove_label(NEW)
    assert [doc.cats for doc in pair.pipe(texts)] == before
    assert fallback.added_labels == ()


def test_labels_of_the_component(pair, fallback):
    fallback.add_label(NEW)
    assert fallback.labels == (*pair.get_pipe("longtail_textcat").labels, NEW)
    assert pair.pipe_labels["zero_shot_fallback"] == list(fallback.labels)


def test_labels_from_a_file(pair, fallback, tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text(
        '{"label": "travel/cruise", "description": "by ship"}\n\n'
        '{"label": "security", "examples": ["my password was leaked"]}\n',
        encoding="utf8",
    )
    assert fallback.add_labels_from_file(path) == 2
    assert fallback.added_labels == ("travel/cruise", "security")
    assert pair("my password was leaked")._.longtail.label == "security"


def test_added_labels_are_saved_with_the_pipeline(pair, fallback, tmp_path):
    fallback.add_label(NEW, description="a journey by ship", examples=["on board"])
    pair.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text in (TEXT, "lend me money", ""):
        assert loaded(text).cats == pytest.approx(pair(text).cats, abs=1e-6)
    # And can be changed there, without training.
    loaded.get_pipe("zero_shot_fallback").add_label("security")
    assert loaded("security")._.longtail.label == "security"
    assert loaded(TEXT)._.longtail.label == NEW


def test_nothing_pooled_but_a_label_added(make_pair, train):
    nlp = make_pair(min_count=0)
    with pytest.warns(UserWarning, match=r"\[LW401\]"):
        train(nlp, n_updates=2)
        nlp("x")
    nlp.get_pipe("zero_shot_fallback").add_label(NEW)
    assert nlp(TEXT)._.longtail.label == NEW


def test_only_documents_that_a_new_label_could_win_are_ranked(make_pair, train):
    """With a gate, the ranker isn't asked about the others."""
    prototypes = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
    nlp = make_pair(gate=prototypes, gate_slack=0.0, route_threshold=1.0)
    train(nlp, n_updates=2)
    pipe = nlp.get_pipe("zero_shot_fallback")
    pipe.add_label(NEW)
    docs = list(nlp.pipe([TEXT, "block my card"]))
    assert docs[0]._.longtail.label == NEW
    assert docs[1].cats[NEW] == 0.0
    assert pipe.stats["routed"] == 1


def test_gate_that_cannot_tell_lets_all_through(make_pair, train):
    nlp = make_pair(gate={"@misc": "spacy-longtail.NoOpRanker.v1"}, route_threshold=1.0)
    train(nlp, n_updates=2)
    pipe = nlp.get_pipe("zero_shot_fallback")
    pipe.add_label(NEW)
    list(nlp.pipe([TEXT, "block my card"]))
    assert pipe.stats["routed"] == 2


def test_added_labels_with_top_k(pair, fallback):
    fallback.add_label(NEW)
    pair.get_pipe("longtail_textcat").cats_top_k = 2
    doc = pair(TEXT)
    assert len(doc.cats) == 2
    assert NEW in doc.cats


def test_gold_of_an_added_label_is_scored(pair, fallback, make_examples):
    fallback.add_label(NEW)
    scores = pair.evaluate(make_examples(pair, [(TEXT, NEW), ("my card", "bank/card")]))
    assert scores["longtail_f_per_label"][NEW]["r"] == 1.0
    assert scores["longtail_refined_fixed"] == 0.5


@pytest.mark.parametrize(
    "label, code, words",
    [
        ("bank/card", "L332", "bank/card"),
        ("bank", "L332", "bank"),
        ("travel/cruise", "L332", "there is one already"),
        ("sport/football", "L333", "'sport'"),
        ("bank/card/gold", "L333", "'bank/card'"),
        ("bank//gold", "L001", "bank//gold"),
        (3, "L335", "3"),
    ],
)
def test_label_that_cannot_be_added(pair, fallback, label, code, words):
    fallback.add_label(NEW)
    with pytest.raises(ValueError, match=rf"\[{code}\].*{words}"):
        fallback.add_label(label)
    assert fallback.added_labels == (NEW,)


@pytest.mark.parametrize(
    "settings",
    [{"description": 3}, {"examples": "one text"}, {"examples": [1]}, {"examples": 7}],
)
def test_label_with_a_bad_description_or_examples(fallback, settings):
    with pytest.raises(ValueError, match=r"\[L335\].*travel/cruise"):
        fallback.add_label(NEW, **settings)
    assert fallback.added_labels == ()


@pytest.mark.parametrize("label", ["bank/loan", "unheard of"])
def test_only_added_labels_can_be_removed(fallback, label):
    with pytest.raises(ValueError, match=r"\[L334\]"):
        fallback.remove_label(label)


@pytest.mark.parametrize(
    "line, words",
    [
        ("{", "line 2"),
        ("[]", "line 2.*'label'"),
        ('{"label": 3}', "line 2.*'label'"),
        ('{"label": "a", "text": "b"}', "line 2.*unknown keys.*text"),
        ('{"label": "bank/card"}', "line 2.*L332"),
        ('{"label": "travel/cruise"}', "line 2.*L332"),
        ('{"label": "sport/football"}', "line 2.*L333"),
        ('{"label": "security", "examples": "x"}', "line 2.*L335"),
    ],
)
def test_broken_file_adds_nothing(fallback, tmp_path, line, words):
    path = tmp_path / "new.jsonl"
    path.write_text(f'{{"label": "travel/cruise"}}\n{line}\n', encoding="utf8")
    with pytest.raises(ValueError, match=rf"\[L336\].*new.jsonl, {words}"):
        fallback.add_labels_from_file(path)
    assert fallback.added_labels == ()


def test_missing_file(fallback, tmp_path):
    with pytest.raises(ValueError, match=r"\[L336\].*no such file"):
        fallback.add_labels_from_file(tmp_path / "none.jsonl")
