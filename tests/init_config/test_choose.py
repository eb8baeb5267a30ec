from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from spacy.cli.train import train
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_longtail.audit import audit_corpus
from spacy_longtail.init_config.choose import (
    TEMPLATES,
    Setting,
    choose_steps,
    choose_template,
    init_config,
    set_value,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def write(path, labels, separator="/", n=4):
    nlp = spacy.blank("en")
    docs = DocBin()
    for label in labels:
        for i in range(n):
            word = "".join(filter(str.isalnum, label))
            doc = nlp.make_doc(f"{word} question {i}")
            doc.cats = {label: 1.0}
            docs.add(doc)
    docs.to_disk(path)
    return path


@pytest.fixture
def facts(tmp_path):
    labels = ["bank/card", "bank/fee", "shop/return"]
    return audit_corpus(write(tmp_path / "train.spacy", labels))


def parse(text):
    return Config().from_str(text, interpolate=False)


def test_the_configs_of_the_repository_are_those_of_the_package():
    """A link, because only files of the package are installed."""
    assert (REPOSITORY / "configs").resolve() == TEMPLATES


def test_config_trains_as_it_is(facts, tmp_path):
    path = tmp_path / "config.cfg"
    path.write_text(init_config(facts), encoding="utf8")
    overrides = {"paths.train": facts.path, "paths.dev": facts.path}
    train(path, tmp_path / "out", overrides=overrides)
    nlp = spacy.load(tmp_path / "out" / "model-best")
    assert nlp("a bankfee question")._.longtail.label == "bank/fee"


def test_only_what_fits_the_corpus_differs_from_the_template(facts):
    template = Config().from_disk(TEMPLATES / "efficiency.cfg", interpolate=False)
    config = parse(init_config(facts))
    template["components"]["longtail_textcat"]["min_count"] = 3
    template["nlp"]["pipeline"] = ["longtail_textcat"]
    del template["components"]["zero_shot_fallback"]
    del template["initialize"]["components"]["zero_shot_fallback"]
    for key in ("gain", "fixed", "broken"):
        del template["training"]["score_weights"][f"longtail_refined_{key}"]
    encoder = template["components"]["longtail_textcat"]["model"]["encoder"]
    encoder["ngram_width"], encoder["word_weight"] = 512, 0.87
    terms = {"@architectures": "spacy-longtail.TermSVM.v1", "share": 0.2}
    template["components"]["longtail_textcat"]["model"]["terms"] = terms
    template["training"]["max_steps"] = 100
    template["training"]["optimizer"]["learn_rate"]["total_steps"] = 100
    template["training"]["eval_frequency"] = 25
    assert config == template


@pytest.mark.parametrize("n_docs, steps", [(2_000, 200), (4_000, 320), (9_000, 600)])
def test_words_of_small_corpora_learn_for_ten_passes(facts, n_docs, steps):
    training = parse(init_config(replace(facts, n_docs=n_docs)))["training"]
    assert training["max_steps"] == steps
    assert training["optimizer"]["learn_rate"]["total_steps"] == steps


def test_reasons_are_comments(facts):
    text = " ".join(init_config(facts).replace("\n# ", " ").split())
    assert "12 documents, 3 labels, 2 levels, one label a document" in text
    assert "100 batches of 128 are 1,066.7 passes over 12 documents." in text
    assert "pools none of 3 labels" in text
    assert "1 times" not in text
    assert "No label is pooled" in text
    assert "The word vectors know 50% of the words of more than three" in text


def choose_encoder(facts, **more):
    components = parse(init_config(replace(facts, **more)))["components"]
    return next(iter(components.values()))["model"]["encoder"]


@pytest.mark.parametrize(
    "known_share, n_docs, max_labels, width",
    [
        (0.95, 4999, 1, 0),
        (0.95, 4999, 2, 512),
        (0.95, 5000, 1, 512),
        (0.85, 12, 1, 512),
        (None, 12, 1, 0),
    ],
)
def test_ngrams_are_taken_where_they_are_needed_or_can_be_learned(
    facts, known_share, n_docs, max_labels, width
):
    texts = replace(facts.texts, known_share=known_share)
    more = {"texts": texts, "n_docs": n_docs, "max_labels": max_labels}
    assert choose_encoder(facts, **more)["ngram_width"] == width


@pytest.mark.parametrize(
    "known_share, n_docs, weight",
    [
        (0.95, 5000, 0.74),
        (0.85, 12, 0.87),
        (0.5, 150, 0.74),
        (0.49, 150, 0.7),
        (0.05, 150, 0.7),
        (0.04, 150, 0.5),
    ],
)
def test_words_weigh_what_they_know(facts, known_share, n_docs, weight):
    texts = replace(facts.texts, known_share=known_share)
    counts = dict.fromkeys(facts.counts, n_docs // len(facts.counts))
    encoder = choose_encoder(facts, texts=texts, n_docs=n_docs, counts=counts)
    assert encoder["word_weight"] == weight


def test_fallback_stays_where_labels_are_pooled(tmp_path):
    path = write(tmp_path / "train.spacy", ["a", "b", "c", "d"])
    several = write(tmp_path / "rare.spacy", ["e", "f"], n=1)
    docs = [*DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)]
    docs += DocBin().from_disk(several).get_docs(spacy.blank("en").vocab)
    DocBin(docs=docs).to_disk(path)
    config = parse(init_config(audit_corpus(path)))
    assert config["nlp"]["pipeline"] == ["longtail_textcat", "zero_shot_fallback"]
    assert config["components"]["zero_shot_fallback"]["source"] == "longtail_textcat"


def test_what_is_missing_is_said(facts):
    several = replace(facts, max_labels=2, n_unlabelled=5)
    text = init_config(several)
    assert "5 of 12 documents have no gold label" in " ".join(text.split())
    assert parse(text)["components"]["longtail_textcat_multilabel"]["missing"] == "auto"


def test_flat_labels_and_another_separator(tmp_path):
    path = write(tmp_path / "train.spacy", ["a/b", "a|c", "d"])
    flat = parse(init_config(audit_corpus(path, separator=">")))
    assert flat["components"]["longtail_textcat"]["separator"] == ">"
    assert flat["training"]["score_weights"]["longtail_coarse_accuracy"] is None


def test_min_count_of_many_rare_labels(tmp_path):
    path = write(tmp_path / "train.spacy", "abcdef", n=2)
    text = init_config(audit_corpus(path))
    pipe = parse(text)["components"]["longtail_textcat"]
    assert pipe["min_count"] == 2
    assert "3 would pool more than half" in " ".join(text.replace("#", "").split())


@pytest.mark.parametrize(
    "n_docs, size, steps",
    [(10, 128, 100), (300, 128, 300), (13_000, 128, 600), (1_000_000, 256, 11_721)],
)
def test_steps(n_docs, size, steps):
    assert choose_steps(n_docs, size, 600) == steps


def test_large_corpus_gets_larger_batches(facts):
    training = parse(init_config(replace(facts, n_docs=1_000_000)))["training"]
    assert training["batcher"]["size"] == 256
    assert training["max_steps"] == 11_721
    assert training["eval_frequency"] == 1466


def test_several_labels_have_their_own_config(facts):
    several = replace(facts, max_labels=2)
    assert choose_template(several.max_labels, "efficiency") == "multilabel"
    assert choose_template(several.max_labels, "accuracy") == "multilabel_accuracy"
    with pytest.raises(ValueError, match=r"\[L651\].*'cascade'.*--optimize accuracy"):
        choose_template(several.max_labels, "cascade")


@pytest.mark.parametrize("known_share, share", [(0.95, 0.5), (0.1, 0.7), (None, 0.5)])
def test_terms_stand_beside_vectors_where_there_are_several_labels(
    facts, known_share, share
):
    """They know rare labels one by one, so that none is pooled."""
    texts = replace(facts.texts, known_share=known_share)
    several = replace(facts, max_labels=2, texts=texts)
    config = parse(init_config(several))
    pipe = config["components"]["longtail_textcat_multilabel"]
    assert pipe["model"]["terms"] == {
        "@architectures": "spacy-longtail.TermRidge.v1",
        "share": pytest.approx(share),
        "max_docs": 8000,
    }
    assert pipe["model"]["encoder"]["@architectures"] == "spacy-longtail.StaticBag.v1"
    assert pipe["min_count"] == 0
    assert config["nlp"]["pipeline"] == ["longtail_textcat_multilabel"]


def test_terms_are_left_out_where_documents_are_many(facts):
    large = parse(init_config(replace(facts, max_labels=2, n_docs=8001)))
    model = large["components"]["longtail_textcat_multilabel"]["model"]
    assert model["terms"] is None


@pytest.mark.parametrize(
    "known_share, n_docs, is_svm",
    [(0.5, 300, True), (0.95, 300, False), (0.95, 5000, False), (0.5, 60_000, False)],
)
def test_one_label_has_other_terms_where_vectors_know_few_words(
    facts, known_share, n_docs, is_svm
):
    """Its rare labels are pooled all the same."""
    texts = replace(facts.texts, known_share=known_share)
    one = parse(init_config(replace(facts, n_docs=n_docs, texts=texts)))
    terms = one["components"]["longtail_textcat"]["model"]["terms"]
    svm = {"@architectures": "spacy-longtail.TermSVM.v1", "share": 0.2}
    assert terms == (svm if is_svm else None)
    assert one["components"]["longtail_textcat"]["min_count"] == 3


@pytest.mark.parametrize("n_labels, n_docs", [(1000, 20_000), (1000, 3999)])
def test_terms_of_one_label_are_left_out_where_labels_are_many(facts, n_labels, n_docs):
    """They are too many to solve, or have too few documents each to learn from."""
    texts = replace(facts.texts, known_share=0.5)
    counts = {f"label {i}": n_docs // n_labels for i in range(n_labels)}
    many = replace(facts, n_docs=n_docs, counts=counts, texts=texts)
    model = parse(init_config(many))["components"]["longtail_textcat"]["model"]
    assert model["terms"] is None


@pytest.mark.parametrize("max_labels", [2, 1])
def test_fine_tuning_takes_more_passes(facts, max_labels):
    large = replace(facts, n_docs=32_000, max_labels=max_labels)
    training = parse(init_config(large, optimize="accuracy"))["training"]
    assert training["max_steps"] == 6_000
    assert training["optimizer"]["learn_rate"]["total_steps"] == 6_000
    assert training["optimizer"]["learn_rate"]["warmup_steps"] == 600
    larger = replace(large, n_docs=256_000)
    assert (
        parse(init_config(larger, optimize="accuracy"))["training"]["max_steps"]
        == 3_000
    )


def test_unknown_config(facts, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"\[L650\].*'speed'.*efficiency, cascade"):
        init_config(facts, optimize="speed")
    monkeypatch.setattr("spacy_longtail.init_config.choose.TEMPLATES", tmp_path)
    with pytest.raises(ValueError, match=r"\[L650\].*'efficiency'"):
        init_config(facts)


def test_set_value_only_in_its_section():
    text = "[a]\nsize = 1\n\n[b]\n# Old\nsize = 1\n"
    found = set_value(text, Setting("b", "size", 2, "New."))
    assert found == "[a]\nsize = 1\n\n[b]\n# Old\n# New.\nsize = 2\n"


def test_titles_of_codes_are_asked_for(tmp_path):
    codes = audit_corpus(write(tmp_path / "codes.spacy", ["D/15/08", "D/15/03"]))
    names = audit_corpus(write(tmp_path / "names.spacy", ["bank/card", "bank/fee"]))
    text = " ".join(init_config(codes).replace("\n# ", " ").split())
    assert "2 of 2 labels are codes, whose words help nothing." in text
    assert "with the columns code and title. descriptions = null" in text
    assert "codes.csv" not in init_config(names)


@pytest.mark.parametrize("max_labels, top_k", [(1, 20), (3, 100)])
def test_of_many_labels_not_all_are_written(facts, max_labels, top_k):
    few = init_config(replace(facts, max_labels=max_labels))
    assert "cats_top_k = null" in few
    counts = {f"label {i}": 5 for i in range(6000)}
    many = replace(facts, max_labels=max_labels, counts=counts)
    text = init_config(many)
    assert f"document.\ncats_top_k = {top_k}\n" in text
