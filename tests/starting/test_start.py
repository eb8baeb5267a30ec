import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config

from spacy_longtail.init_config.choose import TEMPLATES
from spacy_longtail.starting import ListColumns, start_pipeline
from spacy_longtail.starting.texts import drop_common_words
from spacy_longtail.updating import update_pipeline

TEXTS = {
    "A/A1": "my puppy barked at the house",
    "A/A2": "the kitten was climbing a tree",
    "B/B1": "heavy freight on the road",
    "B/B2": "pedalling on two wheels",
}


def get_labels(nlp):
    return [doc._.longtail.label for doc in nlp.pipe(TEXTS.values())]


def test_pipeline_classifies_without_a_labelled_text(tree, tmp_path):
    started, nlp = start_pipeline(tree, tmp_path / "model")
    assert get_labels(nlp) == list(TEXTS)
    assert started.n_labels == 4 and started.depth == 2 and started.n_described == 4
    loaded = spacy.load(tmp_path / "model")
    before, after = nlp(TEXTS["A/A1"]), loaded(TEXTS["A/A1"])
    assert after.cats == pytest.approx(before.cats)
    # Nobody's texts are counted as documents.
    pipe = nlp.get_pipe("longtail_textcat")
    assert not any(pipe.taxonomy.counts) and not pipe.trained.fingerprint.n_texts
    assert not any(
        r["examples"] for r in nlp.get_pipe("zero_shot_fallback").store.known.values()
    )


@pytest.mark.parametrize(
    "text, labels",
    [("code,title\n", "none"), ("code,title,parent\nA,Pets,\nA1,Dogs,A\n", "'A/A1'")],
)
def test_list_without_a_choice(write, tmp_path, text, labels):
    with pytest.raises(ValueError, match=rf"\[L785\].*labels: {labels}\."):
        start_pipeline(write(text), tmp_path / "start")
    assert not (tmp_path / "start").exists()


def test_another_language(write):
    lines = ["Kode;Titel;Beschreibung;Parent"]
    lines += ["1;Bäckerei;Backwaren und Brötchen herstellen;"]
    lines += ["2;Fischerei;Netze, Fischfang und Aquakultur;"]
    path = write("\n".join(lines).replace("Kode", "Code"))
    columns = ListColumns(title="Titel", description="Beschreibung")
    started, nlp = start_pipeline(path, columns=columns, lang="de")
    assert nlp.lang == "de" and started.lang == "de"
    assert nlp("Brötchenbäcker")._.longtail.label == "1"
    assert nlp("Fischzucht und Netz")._.longtail.label == "2"
    remarks = " ".join(remark.text for remark in started.remarks())
    assert "spelling counts more" in remarks and "flat" in remarks


def test_documents_with_several_labels(tree):
    _, nlp = start_pipeline(tree, several=True)
    cats = nlp("a dog that barks beside a truck with freight").cats
    best = sorted(cats, key=cats.get, reverse=True)[:2]
    assert sorted(best) == ["A/A1", "B/B1"]


def test_words_of_most_descriptions_are_left_out():
    nlp = spacy.blank("en")
    names = [f"w{i}" for i in range(20)]
    records = [
        {"label": n, "title": n, "description": f"This comprises, mostly, {n}"}
        for n in names
    ]
    found = drop_common_words(records, nlp)
    assert [record["description"] for record in found] == names
    # Of a few, nothing can be told.
    assert drop_common_words(records[:5], nlp) == records[:5]


@pytest.mark.slow
def test_update_has_a_category_that_the_list_has_not(tree, tmp_path):
    start_pipeline(tree, tmp_path / "start")
    rows = {"A/A1": "barks", "B/B2": "pedals", "C/C1": "tulip"}
    (tmp_path / "corpus").mkdir()
    for split, words in {"train": ["red", "old", "big"], "dev": ["new"]}.items():
        docs = DocBin()
        for label, word in rows.items():
            for other in words:
                doc = spacy.blank("en")(f"a {other} {word}")
                doc.cats = {label: 1.0}
                docs.add(doc)
        docs.to_disk(tmp_path / "corpus" / f"{split}.spacy")
    paths = tmp_path / "corpus", tmp_path / "second"
    found = update_pipeline(str(tmp_path / "start"), *paths, steps=2, resamples=10)
    fates = {category.label: category.fate for category in found.categories}
    assert (fates["C/C1"], fates["A/A2"]) == ("new, pooled", "without texts")
    nlp = spacy.load(tmp_path / "second")
    assert nlp("a tulip")._.longtail.label == "C/C1"
    assert nlp("it purrs and climbs trees")._.longtail.label == "A/A2"


def test_training_goes_on_from_it(tree, tmp_path):
    start_pipeline(tree, tmp_path / "model")
    docs, blank = DocBin(), spacy.blank("en")
    # Nothing that the list says is in the texts.
    for word, label in zip(("zork", "blip", "quux", "frob"), TEXTS):
        for more in ("one", "two", "three", "four"):
            doc = blank.make_doc(f"{word} {more}")
            doc.cats = {label: 1.0}
            docs.add(doc)
    docs.to_disk(tmp_path / "train.spacy")
    path = str(tmp_path / "train.spacy")
    overrides = {"paths.train": path, "paths.dev": path, "training.max_steps": 20}
    config = load_config(TEMPLATES / "efficiency.cfg", overrides=overrides)
    names = ["longtail_textcat", "zero_shot_fallback"]
    config["components"] = {n: {"source": str(tmp_path / "model")} for n in names}
    config["initialize"]["components"] = {}
    trained, _ = train(init_nlp(config), None)
    found = [trained(f"{w} five")._.longtail.label for w in ("zork", "blip", "frob")]
    assert found == ["A/A1", "A/A2", "B/B2"]
    # What the list says is still known.
    assert get_labels(trained) == list(TEXTS)
