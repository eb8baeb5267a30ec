"""Labels that are added to a loaded pipeline."""

import pytest
import spacy

NEW = "travel/cruise"
TEXT = "a cruise on a ship"
TEXTS = [TEXT, "block my card", "lend me money", "", "a room on the cruise ship"]


def get_answers(nlp):
    return [(dict(doc.cats), doc._.longtail) for doc in nlp.pipe(TEXTS)]


def test_added_label_is_found(nlp, fallback):
    before = [dict(doc.cats) for doc in nlp.pipe(TEXTS)]
    assert fallback.add_label(NEW) == 1
    docs = list(nlp.pipe(TEXTS))
    decision = docs[0]._.longtail
    assert decision.label == NEW
    assert decision.labels == (NEW,)
    assert decision.path == ("travel", NEW)
    assert decision.levels[0][1] >= decision.levels[1][1]
    assert decision.stage == "zero_shot_fallback"
    assert docs[1]._.longtail.label == "bank/card"
    assert docs[1]._.longtail.labels == ("bank/card",)
    for doc, old in zip(docs, before, strict=True):
        assert set(doc.cats) == {*old, NEW}


def test_description_and_examples_bring_a_label_closer(nlp, fallback):
    shares = []
    for settings in (
        {},
        {"description": "a journey by sea, sailing to islands"},
        {"examples": ["we sail for a week", "sailing to the islands"]},
    ):
        fallback.add_label(NEW, **settings)
        shares.append(nlp("we sail to the islands for two weeks").cats[NEW])
        fallback.remove_label(NEW)
    assert shares[0] < min(shares[1:])


def test_removed_label_leaves_nothing_behind(nlp, fallback):
    before = get_answers(nlp)
    fallback.add_label(NEW, examples=["ship"])
    assert get_answers(nlp) != before
    fallback.remove_label(NEW)
    assert get_answers(nlp) == before
    assert fallback.added_labels == ()


def test_labels_of_the_component(nlp, fallback, first):
    fallback.add_label(NEW)
    assert fallback.labels == (*first.labels, NEW)
    assert nlp.pipe_labels["zero_shot_fallback"] == list(fallback.labels)


def test_labels_from_a_file(nlp, fallback, tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text(
        '{"label": "travel/cruise", "description": "by ship"}\n\n'
        '{"label": "security", "examples": ["my password was leaked"]}\n',
        encoding="utf8",
    )
    assert fallback.add_labels_from_file(path) == 2
    assert fallback.added_labels == ("travel/cruise", "security")
    assert nlp("my password was leaked")._.longtail.label == "security"


def test_added_labels_are_saved_with_the_pipeline(nlp, fallback, tmp_path):
    fallback.add_label(NEW, description="a journey by ship", examples=["on board"])
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text in TEXTS:
        assert loaded(text).cats == pytest.approx(nlp(text).cats, abs=1e-6)
        assert loaded(text)._.longtail.labels == nlp(text)._.longtail.labels
    # And can be changed there, without training.
    loaded.get_pipe("zero_shot_fallback").add_label("security")
    assert loaded("security")._.longtail.label == "security"
    assert loaded(TEXT)._.longtail.label == NEW


def test_nothing_pooled_but_a_label_added(kind):
    nlp = kind.make_pair(min_count=0)
    with pytest.warns(UserWarning, match=r"\[LW401\]"):
        kind.train(nlp, n_updates=2)
        nlp("x")
    nlp.get_pipe("zero_shot_fallback").add_label(NEW)
    assert nlp(TEXT)._.longtail.label == NEW


def test_only_documents_that_could_have_a_new_label_are_ranked(kind):
    """With a gate, the ranker isn't asked about the others."""
    prototypes = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
    nlp = kind.load_pair(gate=prototypes, gate_slack=0.0, route_threshold=1.0)
    pipe = nlp.get_pipe("zero_shot_fallback")
    pipe.add_label(NEW)
    docs = list(nlp.pipe([TEXT, "block my card"]))
    assert docs[0]._.longtail.label == NEW
    assert docs[0]._.longtail.labels == (NEW,)
    assert docs[1].cats[NEW] == 0.0
    assert pipe.stats["routed"] == 1


def test_gate_that_cannot_tell_lets_all_through(kind):
    gate = {"@misc": "spacy-longtail.NoOpRanker.v1"}
    nlp = kind.load_pair(gate=gate, route_threshold=1.0)
    pipe = nlp.get_pipe("zero_shot_fallback")
    pipe.add_label(NEW)
    list(nlp.pipe([TEXT, "block my card"]))
    assert pipe.stats["routed"] == 2


def test_ranker_that_cannot_tell_finds_no_added_label(kind):
    nlp = kind.load_pair(ranker={"@misc": "spacy-longtail.NoOpRanker.v1"})
    nlp.get_pipe("zero_shot_fallback").add_label(NEW)
    # Shares of labels that exclude each other are never quite 0.0.
    most = {"exclusive": 1e-300, "multilabel": 0.0}[kind.name]
    assert max(doc.cats[NEW] for doc in nlp.pipe(TEXTS)) <= most


def test_added_labels_with_top_k(nlp, fallback, first):
    fallback.add_label(NEW)
    first.cats_top_k = 2
    docs = list(nlp.pipe([TEXT, "block my card"]))
    assert [len(doc.cats) for doc in docs] == [2, 2]
    assert NEW in docs[0].cats


def test_gold_of_an_added_label_is_scored(nlp, fallback, kind):
    fallback.add_label(NEW)
    data = [(TEXT, [NEW]), ("my card", ["bank/card"])]
    scores = nlp.evaluate(kind.make_examples(nlp, data))
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
def test_label_that_cannot_be_added(fallback, label, code, words):
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
