import json
import warnings

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus

from spacy_longtail.evaluation.pipes import find_pipe
from spacy_longtail.updating import update_pipeline

NEW = {
    "home/cake": "cake cherry cream sugar",
    "home/soup": "soup spoon bowl carrot",
    "home/tea": "tea cup leaf water",
}
OLD = {"money/card": "card debit pin chip", "travel/visa": "visa passport embassy"}


def make_docs(nlp, label, words, n, start=0):
    words = words.split()
    for i in range(start, start + n):
        # Each one is another text.
        picked = [words[i % len(words)], words[(i + 1) % len(words)]]
        doc = nlp.make_doc(f"my {' '.join(picked)} number {i}")
        doc.cats = {label: 1.0}
        yield doc


@pytest.fixture
def corpus(tmp_path):
    """Two categories that are known and three that aren't, and a dev split of them."""
    nlp = spacy.blank("xx")
    parts = {
        "train": ({"home/soup": 2, "home/tea": 2, "travel/visa": 6}, 12, 0),
        "dev": ({}, 6, 50),
    }
    (tmp_path / "corpus").mkdir()
    for name, (special, usual, start) in parts.items():
        docs = DocBin()
        for label, words in {**OLD, **NEW}.items():
            n = special.get(label, usual)
            for doc in make_docs(nlp, label, words, n, start):
                docs.add(doc)
        docs.to_disk(tmp_path / "corpus" / f"{name}.spacy")
    return tmp_path / "corpus"


def save(nlp, folder):
    folder.mkdir()
    nlp.to_disk(folder / "model")


def update(kind_dir, corpus, output, **options):
    options = {"steps": 40, "resamples": 50, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return update_pipeline(str(kind_dir / "model"), corpus, output, **options)


def test_what_was_learned_stays_and_new_categories_are_learned(
    kind_dir, corpus, tmp_path
):
    """Both kinds of labels, from training to training, to disk and back."""
    result = update(kind_dir, corpus, tmp_path / "new")
    nlp = spacy.load(tmp_path / "new")
    pipe = nlp.get_pipe(find_pipe(nlp))
    texts = {"my cherry cream cake": "home/cake", "my debit card": "money/card"}
    texts["a flight, a seat in the plane"] = "travel/flight"
    for text, label in texts.items():
        cats = nlp(text).cats
        assert max(cats, key=cats.get) == label
    fates = {found.label: found.fate for found in result.categories}
    assert fates["home/cake"] == "new"
    assert fates["home/garden"] == "without texts"
    assert "money/card" not in fates
    assert result.n_docs == 34 and result.n_new == 34 and result.n_dev == 30
    assert result.scores["new_macro_f"].before.value == 0.0
    assert result.scores["new_macro_f"].after.value > 0.6
    assert {label.label for label in result.labels} == {*OLD, *NEW}
    # What is scored later knows of these texts.
    assert pipe.trained.count([nlp.make_doc("my card debit number 0")]) == 1
    json.dumps(result.to_dict())


def test_dev_texts_that_were_trained_on_are_said(tickets_dir, corpus, tmp_path):
    """Such as those of a corpus that was divided anew."""
    first = update(tickets_dir, corpus, tmp_path / "first", steps=3)
    assert first.n_trained == 0
    (corpus / "train.spacy").rename(corpus / "other.spacy")
    (corpus / "dev.spacy").rename(corpus / "train.spacy")
    (corpus / "other.spacy").rename(corpus / "dev.spacy")
    (tmp_path / "old").mkdir()
    (tmp_path / "first").rename(tmp_path / "old" / "model")
    again = update(tmp_path / "old", corpus, tmp_path / "second", steps=3)
    assert again.n_trained == again.n_dev == 34
    text = "trained on 34 of these 34 texts, so that the scores are too good"
    assert any(text in r.text and r.level == "warn" for r in again.remarks())


def test_promote(kind_dir, corpus, tmp_path):
    """Categories with few texts are pooled, and get a column when they have enough.
    Those that have one keep it.
    """
    first = update(kind_dir, corpus, tmp_path / "first", promote=5)
    fates = {found.label: found.fate for found in first.categories}
    assert first.min_count == 5
    assert fates["home/cake"] == "new"
    assert fates.get("travel/visa") in (None, "promoted")
    nlp = spacy.load(tmp_path / "first")
    pipe = nlp.get_pipe(find_pipe(nlp))
    assert pipe.settings.min_count == 5
    assert "money/card" not in pipe.taxonomy.pooled


def test_the_config_still_says_how_to_train_from_scratch(kind_dir, corpus, tmp_path):
    before = spacy.load(kind_dir / "model").config
    update(kind_dir, corpus, tmp_path / "new", steps=3)
    after = spacy.load(tmp_path / "new").config
    for key in ("training", "corpora"):
        assert after[key] == before[key]


def test_settings_stay_but_thresholds_are_dropped(kind_dir, corpus, tmp_path):
    nlp = spacy.load(kind_dir / "model")
    pipe = nlp.get_pipe(find_pipe(nlp))
    pipe.prior, pipe.temperature, pipe.thresholds = 0.5, 2.0, {"money/card": 0.7}
    save(nlp, tmp_path / "old")
    result = update(tmp_path / "old", corpus, tmp_path / "new", steps=3)
    nlp = spacy.load(tmp_path / "new")
    pipe = nlp.get_pipe(find_pipe(nlp))
    assert (pipe.prior, pipe.temperature) == (0.5, 2.0)
    assert pipe.settings.thresholds == {}
    assert "tune' again" in result.remarks()[-1].text


def test_what_was_held_back_by_thresholds_is_no_gain(tickets_dir, corpus, tmp_path):
    """Those of the fallback are dropped, too, and both are compared without."""
    nlp = spacy.load(tickets_dir / "model")
    fallback = nlp.add_pipe("zero_shot_fallback")
    fallback.initialize(lambda: [], nlp=nlp)
    save(nlp, tmp_path / "plain")
    fallback.settings.abstain_threshold = 1.0
    save(nlp, tmp_path / "strict")
    plain, strict = (
        update(tmp_path / name, corpus, tmp_path / f"{name} 2", steps=3)
        for name in ("plain", "strict")
    )
    assert (plain.had_thresholds, strict.had_thresholds) == (False, True)
    assert plain.scores["accuracy"].before.value > 0.2
    assert plain.scores == strict.scores
    found = spacy.load(tmp_path / "strict 2").get_pipe("zero_shot_fallback")
    assert found.settings.abstain_threshold == 0.0


def test_labels_that_were_added_at_run_time_are_trained(tickets_dir, corpus, tmp_path):
    nlp = spacy.load(tickets_dir / "model")
    fallback = nlp.add_pipe("zero_shot_fallback")
    fallback.initialize(lambda: [], nlp=nlp)
    for label in ("home/cake", "home/soup", "home/song"):
        fallback.add_label(label)
    save(nlp, tmp_path / "old")
    result = update(tmp_path / "old", corpus, tmp_path / "new", promote=5)
    fates = {found.label: found.fate for found in result.categories}
    assert fates["home/cake"] == "trained"
    assert fates["home/soup"] == "trained, pooled"
    assert fates["home/song"] == "at run time"
    nlp = spacy.load(tmp_path / "new")
    assert nlp.get_pipe("zero_shot_fallback").added_labels == ("home/song",)
    update(tmp_path / "old", corpus, tmp_path / "newer", forget=["home/song"])
    newer = spacy.load(tmp_path / "newer").get_pipe("zero_shot_fallback")
    assert newer.added_labels == ()
    assert "home/soup" in nlp.get_pipe("longtail_textcat").taxonomy.pooled


def rename_docs(corpus, names):
    """Other labels for the documents of both splits."""
    for path in corpus.iterdir():
        docs = DocBin().from_disk(path)
        docs.cats = [{names.get(label, label): 1.0 for label in c} for c in docs.cats]
        docs.to_disk(path)


def test_old_names_are_forgotten(kind_dir, corpus, tmp_path):
    """Else they are predicted beside the new ones."""
    rename_docs(corpus, {"money/card": "finance/card"})
    forget = ["money/card", "travel"]
    result = update(kind_dir, corpus, tmp_path / "new", forget=forget)
    nlp = spacy.load(tmp_path / "new")
    cats = nlp("my debit card").cats
    assert "money/card" not in cats and max(cats, key=cats.get) == "finance/card"
    fates = {found.label: found.fate for found in result.categories}
    assert fates["money/card"] == fates["travel/flight"] == "forgotten"
    # It has texts.
    assert "travel/visa" in cats and "travel/visa" not in fates
    assert fates["home/garden"] == "without texts"
    assert any("--forget" in remark.text for remark in result.remarks())
    with pytest.raises(ValueError, match=r"\[L754\].*'money/crad'.*money/card"):
        update(kind_dir, corpus, tmp_path / "never", forget=["money/crad"])


def test_a_category_is_split_into_some_below_it(kind_dir, corpus, tmp_path):
    rename_docs(corpus, {"money/card": "money/card/debit"})
    with pytest.raises(ValueError, match=r"\[L342\].*--forget money/card"):
        update(kind_dir, corpus, tmp_path / "new")
    update(kind_dir, corpus, tmp_path / "new", forget=["money/card"])
    cats = spacy.load(tmp_path / "new")("my debit card").cats
    assert "money/card" not in cats and max(cats, key=cats.get) == "money/card/debit"


@pytest.fixture
def listening(corpus):
    """A pipeline whose component listens to an encoder, and a tagger that can, too."""
    nlp = spacy.blank("xx")
    sizes = {"width": 8, "depth": 1, "embed_size": 50, "window_size": 1}
    more = {"maxout_pieces": 2, "subword_features": False, "pretrained_vectors": None}
    table = {"@architectures": "spacy.HashEmbedCNN.v2", **sizes, **more}
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 8}
    pooled = {"@architectures": "spacy-longtail.PooledTok2Vec.v1", "tok2vec": listener}
    nlp.add_pipe("tok2vec", config={"model": table})
    nlp.add_pipe("longtail_textcat", config={"model": {"encoder": pooled}})
    tagger = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    nlp.add_pipe("tagger", config={"model": tagger})
    examples = list(Corpus(corpus / "train.spacy")(nlp))
    for eg in examples:
        for token in eg.reference:
            token.tag_ = token.text[0]
    nlp.initialize(lambda: examples)
    return nlp


@pytest.mark.parametrize(
    "case, stays", [("own", False), ("frozen", True), ("shared", True)]
)
def test_an_encoder_that_others_need_stays(listening, corpus, tmp_path, case, stays):
    if case != "shared":
        listening.remove_pipe("tagger")
    if case == "frozen":
        listening.config["training"]["frozen_components"] = ["tok2vec"]
    save(listening, tmp_path / "old")
    update(tmp_path / "old", corpus, tmp_path / "new", steps=2)
    before = spacy.load(tmp_path / "old" / "model")
    after = spacy.load(tmp_path / "new")
    for name in after.pipe_names:
        old, new = (nlp.get_pipe(name).model.to_bytes() for nlp in (before, after))
        is_same = stays if name == "tok2vec" else name != "longtail_textcat"
        assert (old == new) is is_same
    for key in ("frozen_components", "annotating_components"):
        assert after.config["training"][key] == before.config["training"][key]


@pytest.mark.parametrize("name", ["train", "dev"])
def test_a_corpus_without_a_split(tickets_dir, corpus, tmp_path, name):
    (corpus / f"{name}.spacy").unlink()
    with pytest.raises(ValueError, match=rf"\[L750\].*{name}\.spacy"):
        update(tickets_dir, corpus, tmp_path / "new")


@pytest.mark.parametrize("n", [0, 2])
def test_a_corpus_without_gold_labels(tickets_dir, corpus, tmp_path, n):
    docs = DocBin(docs=map(spacy.blank("xx"), ["my card", "my visa"][:n]))
    docs.to_disk(corpus / "train.spacy")
    with pytest.raises(ValueError, match=rf"\[L753\] None of the {n} documents"):
        update(tickets_dir, corpus, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_how_long_to_train_has_to_be_known(tickets_dir, corpus, tmp_path):
    nlp = spacy.load(tickets_dir / "model")
    nlp.config["training"]["max_steps"] = 0
    save(nlp, tmp_path / "old")
    with pytest.raises(ValueError, match=r"\[L751\].*--steps"):
        update(tmp_path / "old", corpus, tmp_path / "new", steps=None)
    with pytest.raises(ValueError, match=r"\[L665\].*'steps'"):
        update(tmp_path / "old", corpus, tmp_path / "new", steps=0)


def test_the_pipeline_stays_as_it_is(tickets_dir, corpus, tmp_path):
    with pytest.raises(ValueError, match=r"\[L603\]"):
        update(tickets_dir, corpus, tickets_dir / "model", force=True)
    (tmp_path / "new").mkdir()
    with pytest.raises(ValueError, match=r"\[L604\]"):
        update(tickets_dir, corpus, tmp_path / "new")
