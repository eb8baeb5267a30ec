import json
from pathlib import Path

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_longtail.audit import audit_corpus
from spacy_longtail.audit.advice import choose_pooling
from spacy_longtail.convert import convert_corpus
from spacy_longtail.scoring.exclusive import longtail_score
from spacy_longtail.scoring.predictions import HEAD, MID


def test_counts(pairs, write):
    facts = audit_corpus(write(pairs))
    assert (facts.n_docs, facts.n_unlabelled, facts.n_labels) == (80, 0, 6)
    assert list(facts.counts.items())[:2] == [("bank/card", 60), ("bank/fee", 12)]
    assert (facts.depth, facts.imbalance_ratio) == (2, 60.0)
    assert facts.top_10_share == 1.0
    assert facts.count_rarer(4) == 3
    assert facts.max_labels == 1
    assert [tuple(vars(level).values()) for level in facts.levels] == [
        (1, 2, 80, 4, 40.0, 76),
        (2, 6, 80, 1, 3.0, 60),
    ]
    assert [(b.name, b.n_labels, b.n_docs) for b in facts.buckets] == [
        ("head", 1, 60),
        ("mid", 1, 12),
        ("tail", 4, 8),
    ]
    json.dumps(facts.to_dict())


def test_buckets_are_those_of_the_scorer():
    assert longtail_score.__kwdefaults__["head"] == HEAD
    assert longtail_score.__kwdefaults__["mid"] == MID


def test_pooling(pairs, write):
    rows = {row.min_count: row for row in audit_corpus(write(pairs)).pooling}
    assert (rows[2].n_labels, rows[2].n_docs, rows[2].n_others) == (2, 2, 1)
    # An Other of the three shop labels; the one bank label stays as it is.
    assert (rows[5].n_labels, rows[5].n_docs, rows[5].n_others) == (3, 4, 1)
    assert rows[20].largest[0] == {"parent": "", "n_labels": 5, "n_docs": 20}


def test_weights(pairs, write):
    rows = audit_corpus(write(pairs)).weights
    assert [row.count for row in rows] == [60, 12, 4, 1, 1]
    for row in rows:
        assert row.weighted == pytest.approx(60 / row.count)
        assert row.logit_adjusted == pytest.approx(60 / row.count)
        effective = (1 - 0.999**60) / (1 - 0.999**row.count)
        assert row.class_balanced == pytest.approx(effective, rel=1e-5)


def test_words_that_the_vectors_know(write, tmp_path):
    """As often as they occur, without short ones, numbers and the case."""
    texts = ["Lost CARD, 1234 kortti", "the card is lost", "Rahakukkaro"]
    pairs = [(text, {label: 1.0}) for text, label in zip(texts, "aba")]
    facts = audit_corpus(write(pairs))
    assert facts.texts.known_share == 4 / 6
    assert "know 67% of the words" in " ".join(facts.advice)
    table = tmp_path / "table.jsonl"
    rows = [{"text": text, "label": label} for text, label in zip(texts, "aba")]
    srsly.write_jsonl(table, rows)
    assert audit_corpus(table).texts.known_share == 4 / 6
    pairs = [("12 + 7", {"a": 1.0}), ("is it", {"b": 1.0})]
    assert audit_corpus(write(pairs)).texts.known_share is None


def test_texts(write):
    pairs = [
        ("what is my card limit today", {"a": 1.0}),
        ("What  is my card limit TODAY", {"a": 1.0}),
        ("what is my card limit today", {"b": 1.0}),
        ("please tell me how I can close my old bank account", {"a": 1.0}),
        ("please tell me how I can close my old bank account now", {"b": 1.0}),
        ("  ", {"a": 1.0}),
        ("   ", {"b": 1.0}),
        ("word " * 513, {"a": 1.0}),
        ("nothing", {"a": 0.0}),
    ]
    facts = audit_corpus(write(pairs))
    texts = facts.texts
    assert facts.n_unlabelled == 1
    assert (texts.n_empty, texts.n_long, texts.longest) == (2, 1, 513)
    assert (texts.empty_rows, texts.long_rows) == ([5, 6], [7])
    assert texts.n_duplicates == 1
    assert texts.n_conflicts == 1
    assert texts.conflicts == [
        {
            "text": "what is my card limit today",
            "n_docs": 3,
            "labels": {"a": 2, "b": 1},
        }
    ]
    assert texts.n_near_conflicts == 1
    assert texts.near_conflicts[0]["texts"] == [pairs[3][0], pairs[4][0]]
    assert texts.near_conflicts[0]["labels"] == ["a", "b"]


def test_dev(pairs, write):
    dev = write([*pairs[:3], ("new", {"shop/new": 1.0})], name="dev.spacy")
    found = audit_corpus(write(pairs), dev=dev).dev
    assert (found.n_docs, found.n_shared, found.unseen) == (4, 3, ["shop/new"])
    assert found.n_missing == 5
    assert found.missing[0] == "bank/fee"


def test_every_form_of_a_corpus_gives_the_same(pairs, write, tmp_path):
    facts = audit_corpus(write(pairs)).to_dict()
    (tmp_path / "folder" / ".partial").mkdir(parents=True)
    write(pairs[:50], name="folder/0.spacy")
    write(pairs[50:], name="folder/1.spacy")
    write(pairs[50:], name="folder/.partial/2.spacy")
    records = [{"text": text, "label": next(iter(cats))} for text, cats in pairs]
    srsly.write_jsonl(tmp_path / "train.jsonl", records)
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text, _ in pairs]
    for doc, (_, cats) in zip(docs, pairs):
        doc.cats = {"bank/card": 0.0, **cats}
    DocBin(attrs=["ORTH", "TAG"], docs=docs).to_disk(tmp_path / "dense.spacy")
    for name in ("folder", "train.jsonl", "dense.spacy"):
        other = audit_corpus(tmp_path / name).to_dict()
        assert {**other, "path": facts["path"]} == facts


def test_examples_are_fetched_from_the_right_file(write, tmp_path):
    (tmp_path / "folder").mkdir()
    write([(f"first {i}", {"a": 1.0}) for i in range(5)], name="folder/0.spacy")
    last = [("second", {"a": 1.0}), ("It's here", {"a": 1.0}), ("it's HERE", {"b": 1})]
    write(last, name="folder/1.spacy")
    facts = audit_corpus(tmp_path / "folder")
    assert [row["text"] for row in facts.texts.conflicts] == ["It's here"]


def test_several_labels(write):
    pairs = [("one", {"a": 1.0, "b": 1.0}), ("two", {"a": 1.0}), ("three", {})]
    facts = audit_corpus(write(pairs))
    assert facts.max_labels == 2
    assert facts.counts == {"a": 2, "b": 1}
    assert facts.weights == []
    rows = {row.min_count: row for row in facts.pooling}
    assert rows[2].n_labels == 0 and rows[3].n_labels == 2
    assert any('missing = "negative"' in sentence for sentence in facts.advice)


def test_a_path_with_its_ancestors_is_one_label(write):
    pairs = [("one", {"a": 1.0, "a/b": 1.0}), ("two", {"a/c": 1.0})]
    facts = audit_corpus(write(pairs))
    assert facts.max_labels == 1
    assert facts.counts == {"a/b": 1, "a/c": 1}


def test_advice(pairs, write):
    pairs = [*pairs, ("card question 0", {"bank/fee": 1.0})]
    dev = write([*pairs[:3], ("new", {"shop/new": 1.0})], name="dev.spacy")
    advice = "\n".join(audit_corpus(write(pairs), dev=dev).advice)
    for part in (
        "4 of 6 labels have fewer than 5 documents: min_count = 3 pools 3",
        "The most frequent label has 60 times the documents of the rarest",
        "'shop/Gift_card' and 'shop/gift card' differ in their spelling only",
        "5 of 6 labels are missing from dev, for example 'bank/fee'",
        "1 label is in dev only, for example 'shop/new'",
        "3 of 4 dev documents have a text that is in the corpus as well",
        "1 texts have different labels in different documents",
    ):
        assert part in advice


def test_no_more_than_half_of_the_labels_are_pooled(write):
    pairs = [(f"{label} {i}", {label: 1.0}) for label in "abcd" for i in range(2)]
    pairs += [(f"e {i}", {"e": 1.0}) for i in range(20)]
    facts = audit_corpus(write(pairs))
    assert choose_pooling(facts, wanted=3).min_count == 2
    assert choose_pooling(facts, wanted=1).min_count == 0


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.xlsx"])
@pytest.mark.parametrize("is_dev", [False, True])
def test_a_table_without_a_row(write, tmp_path, name, is_dev):
    path = tmp_path / name
    if name == "a.xlsx":
        book = pytest.importorskip("openpyxl").Workbook()
        book.active.append(["text", "label"])
        book.save(path)
    else:
        path.write_text("text,label\n" if name == "a.csv" else "")
    train = write([("a card", {"a": 1.0}), ("a room", {"b": 1.0})])
    with pytest.raises(ValueError, match=r"\[L612\]"):
        audit_corpus(train if is_dev else path, dev=path if is_dev else None)


@pytest.mark.parametrize("value", [0.5, 2.0, float("nan"), "1", None])
def test_what_cannot_be_learned_from_is_no_label_and_is_said(write, value):
    pairs = [("a card", {"a": 1.0}), ("a room", {"b": 1.0, "odd": value})]
    facts = audit_corpus(write(pairs))
    assert facts.counts == {"a": 1, "b": 1}
    assert f"like {value!r} of 'odd', can't be learned from" in facts.advice[0]


def test_no_corpus(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    for name in ("", "none.spacy", "notes.txt"):
        with pytest.raises(ValueError, match=r"\[L640\]"):
            audit_corpus(tmp_path / name)


@pytest.mark.parametrize("data", [b"", b"no corpus", b"x\x9c+\xa9\x00\x00"])
def test_broken_corpus(tmp_path, data):
    (tmp_path / "bad.spacy").write_bytes(data)
    with pytest.raises(ValueError, match=r"\[L641\].*bad\.spacy"):
        audit_corpus(tmp_path / "bad.spacy")


def test_weights_are_those_of_scikit_learn(pairs, write):
    class_weight = pytest.importorskip("sklearn.utils.class_weight")
    labels = numpy.asarray([next(iter(cats)) for _, cats in pairs])
    names = numpy.unique(labels)
    balanced = class_weight.compute_class_weight("balanced", classes=names, y=labels)
    expected = dict(zip(names, balanced / balanced.min()))
    for row in audit_corpus(write(pairs)).weights:
        assert row.weighted == pytest.approx(expected[row.label], rel=1e-5)


@pytest.mark.slow
def test_the_page_says_what_the_data_say(data_dir, tmp_path):
    page = Path(__file__).parents[2] / "docs" / "commands" / "audit.md"
    convert_corpus([data_dir / "naics2012"], tmp_path / "corpus")
    facts = audit_corpus(tmp_path / "corpus" / "train.spacy")
    quoted = page.read_text(encoding="utf8").partition("other things:\n\n```\n")[2]
    lines = quoted.partition("\n```")[0].splitlines()
    assert len(lines) == 2
    assert set(lines) <= set(facts.advice)


@pytest.mark.parametrize("names", [("D/15/{}", "codes"), ("trade/shop{}x", "names")])
def test_labels_that_are_codes_want_titles(write, names):
    pairs = [(f"text {i}", {names[0].format(i % 4): 1.0}) for i in range(8)]
    facts = audit_corpus(write(pairs))
    said = [sentence for sentence in facts.advice if "--paths.descriptions" in sentence]
    assert facts.has_codes == (names[1] == "codes")
    assert [s[:26] for s in said] == ["4 of 4 labels are codes, w"] * facts.has_codes
