import json
import os

import openpyxl
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus

from spacy_longtail.convert import Columns, add_to_corpus, convert_corpus, shards
from spacy_longtail.convert import add as module
from spacy_longtail.convert.known import StoredShard, build_texts

NAMES = ["dev.spacy", "test.spacy", "train.spacy"]


def read(folder):
    """The text and the cats of each document, by split."""
    nlp = spacy.blank("en")
    return {
        name: [(eg.reference.text, eg.reference.cats) for eg in Corpus(path)(nlp)]
        for name in ("train", "dev", "test")
        if (path := folder / f"{name}.spacy").exists()
    }


def where(folder):
    return {text: name for name, docs in read(folder).items() for text, _ in docs}


def cats_of(folder):
    return {text: cats for docs in read(folder).values() for text, cats in docs}


def write_rows(path, *rows):
    srsly.write_jsonl(path, rows)
    return path


def row(text, label, **more):
    return {"text": text, "label": label, **more}


@pytest.fixture
def corpus(tickets, tmp_path):
    """60 tickets, in six categories."""
    convert_corpus([tickets], tmp_path / "corpus", dev=0.2, test=0.2)
    return tmp_path / "corpus"


def add(corpus, *rows, output=None, **options):
    path = write_rows(corpus.with_name("new.jsonl"), *rows)
    return add_to_corpus([path], corpus, output or corpus, **options)


@pytest.mark.parametrize(
    "max_docs", [20, *(pytest.param(n, marks=pytest.mark.slow) for n in (100, 7))]
)
def test_the_week_after(corpus, tmp_path, monkeypatch, max_docs):
    """Known texts stay where they are, new ones join, and the labels are corrected,
    whether splits are files or folders of shards.
    """
    monkeypatch.setattr(shards, "MAX_DOCS", max_docs)
    monkeypatch.setattr(module, "MAX_DOCS", max_docs)
    before, old = where(corpus), cats_of(corpus)
    new = [row(f"new ticket {i}", "area 0/new topic") for i in range(30)]
    corrections = [row(f"TICKET number  {i}", "area 1/topic 1") for i in (0, 1, 6)]
    result = add(corpus, *new, *corrections)
    assert sorted(os.listdir(corpus)) == NAMES
    after, cats = where(corpus), cats_of(corpus)
    assert before.items() <= after.items() and len(after) == 90
    assert {after[f"new ticket {i}"] for i in range(30)} == {"train", "dev", "test"}
    for i in range(60):
        text = f"ticket number {i}"
        right = {"area 1/topic 1": 1.0} if i in (0, 6) else old[text]
        assert cats[text] == right
    assert result.docs == {name: len(docs) for name, docs in read(corpus).items()}
    assert sum(c["new"] for c in result.changes.values()) == 30
    assert sum(c["corrected"] for c in result.changes.values()) == 2
    assert sum(c["repeated"] for c in result.changes.values()) == 1
    assert result.new_labels == ["area 0/new topic"] and not result.vanished
    assert result.corrections == [("area 0/topic 0", "area 1/topic 1", 2)]
    assert result.get_changes() == [
        ("area 0/new topic", 0, 30),
        ("area 0/topic 0", 10, 8),
        ("area 1/topic 1", 10, 12),
    ]
    json.dumps(result.to_dict())
    again = add(corpus, *new, *corrections)
    assert where(corpus) == after and cats_of(corpus) == cats
    assert sum(c["repeated"] for c in again.changes.values()) == 33
    assert again.get_changes() == []


def test_to_another_folder_the_corpus_stays(corpus, tmp_path):
    old = {name: (corpus / name).read_bytes() for name in NAMES}
    add(corpus, row("x", "area 0/topic 0"), output=tmp_path / "second")
    assert {name: (corpus / name).read_bytes() for name in NAMES} == old
    assert len(where(tmp_path / "second")) == 61


def test_a_label_that_is_new_is_in_train(corpus):
    """Also one whose only text belongs to dev, as for a known label of which none is in
    train any more; but no known text moves.
    """
    place = where(corpus)
    in_dev = next(text for text, split in place.items() if split == "dev")
    result = add(corpus, row(in_dev, "other/known"), *_rare(20))
    assert where(corpus)[in_dev] == "dev"
    assert result.missing["train"] == ["other/known"]
    assert "known texts stay where they are" in result.remarks()[-1].text
    train = {label for _, cats in read(corpus)["train"] for label in cats}
    assert {f"rare/{i}" for i in range(20)} <= train
    assert result.notes["needed"] > 0


def _rare(n):
    return [row(f"rare text {i}", f"rare/{i}") for i in range(n)]


def test_where_rows_say_their_split_new_texts_are_there(corpus):
    place = where(corpus)
    known = next(text for text, split in place.items() if split == "dev")
    rows = [row(f"new {i}", "area 0/topic 0", fold="test") for i in range(9)]
    rows.append(row(known, "area 0/topic 0", fold="train"))
    add(corpus, *rows, columns=Columns(split="fold"))
    after = where(corpus)
    assert {after[f"new {i}"] for i in range(9)} == {"test"}
    assert after[known] == "dev"


def test_a_corpus_without_a_test_split_gets_none(tickets, tmp_path):
    convert_corpus([tickets], tmp_path / "corpus", test=0.0)
    rows = [row(f"new {i}", "area 0/topic 0") for i in range(50)]
    result = add(tmp_path / "corpus", *rows)
    assert list(result.docs) == ["train", "dev"]
    result = add(tmp_path / "corpus", row("x", "a"), *rows, test=0.5, dev=0.0)
    assert list(result.docs) == ["train", "dev"]  # Known texts stay.
    more = [row(f"more {i}", "area 0/topic 0") for i in range(50)]
    assert add(tmp_path / "corpus", *more, test=0.5, dev=0.0).docs["test"] > 15


def test_the_last_row_of_a_text_is_right(corpus):
    rows = [row("a new one", "x/1"), row("A  new one", "x/2"), row("other", "x/1")]
    rows += [row("ticket number 3", "x/1"), row("ticket number 3", "x/2")]
    result = add(corpus, *rows)
    cats = cats_of(corpus)
    assert "a new one" not in cats
    assert cats["A  new one"] == cats["ticket number 3"] == {"x/2": 1.0}
    assert result.notes["conflict"] == 2


def test_delete_and_reject(corpus):
    """'reject' says that this label is wrong: a text that has it has none, then. One
    that has another is right.
    """
    label = "area 0/topic 0"
    rows = [
        row("ticket number 0", label, answer="reject"),
        row("ticket number 1", label, answer="Reject"),
        row("ticket number 2", None, answer="delete"),
        row("ticket number 3", None, answer="ignore"),
        row("nowhere", None, answer="delete"),
        row("ticket number 6", label, answer="reject"),
        row("ticket number 6", "area 1/topic 1"),
        row("never there", label),
        row("never there", label, answer="reject"),
    ]
    result = add(corpus, *rows)
    cats = cats_of(corpus)
    assert {f"ticket number {i}" for i in range(60)} - set(cats) == {
        "ticket number 0",
        "ticket number 2",
    }
    assert len(cats) == 58 and cats["ticket number 6"] == {"area 1/topic 1": 1.0}
    assert sum(c["removed"] for c in result.changes.values()) == 2
    assert result.dropped == {"ignored": 1} and result.n_rows == 9
    assert result.notes["without_effect"] == 3


def test_words_of_deleted_texts_are_gone(corpus):
    add(corpus, row("Meier owes 42", "a"), row("Meier pays", "b"))
    add(corpus, row("meier owes 42", None, answer="delete"))
    found = [StoredShard(corpus / name).docs.strings for name in NAMES]
    assert "Meier" in set().union(*found) and "42" in set().union(*found)
    place = {"Meier owes 42", "owes"}
    assert not place & set().union(*found)


def write_review(path):
    """As `predict --review` writes it, filled in for two of four rows."""
    header = ["text", "label", "candidate_1", "candidate_1_probability", "known"]
    rows = [
        ["ticket number 7", "area 0/topic 2", "area 1/topic 1", 0.4, 0.2],
        ["ticket number 8", None, "area 0/topic 2", 0.4, 0.2],
        ["not; seen, before", "area 0/topic 2", "area 1/topic 1", 0.3, 0.1],
        ["nor this", " ", "area 1/topic 1", 0.3, 0.1],
    ]
    table = [[*header, "reason"], *([*cells, "low"] for cells in rows)]
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for cells in table:
            book.active.append(cells)
        book.save(path)
        return
    delimiter = ";" if "semicolon" in path.stem else ","
    cells = ([_quote(cell) for cell in cells] for cells in table)
    text = "\r\n".join(map(delimiter.join, cells))
    path.write_text(text + "\r\n", encoding="utf-8-sig")


def _quote(cell):
    text = "" if cell is None else str(cell)
    return f'"{text}"' if {",", ";"} & set(text) else text


@pytest.mark.parametrize("name", ["review.csv", "review.xlsx", "semicolon.csv"])
def test_a_corrected_review_is_taken_as_it_is(corpus, tmp_path, name):
    write_review(tmp_path / name)
    result = add_to_corpus([tmp_path / name], corpus, corpus)
    cats = cats_of(corpus)
    assert len(cats) == 61 and "nor this" not in cats
    assert cats["ticket number 7"] == cats["not; seen, before"]
    assert cats["ticket number 8"] == {"area 0/topic 2": 1.0}
    assert result.dropped == {"no_label": 2}
    assert "Left out 2 of 4 rows without a label" in result.remarks()[0].text
    assert result.new_labels == []


def test_labels_that_nobody_has_checked_are_said(corpus):
    """The table of predict itself, in place of its review."""
    found = {"known": 0.9, "stage": "longtail_textcat"}
    rows = [row(f"new {i}", "area 0/topic 0", **found) for i in range(2)]
    result = add(corpus, *rows, row("new 3", None, **found))
    assert result.notes["predicted"] == 2
    assert any("--review" in remark.text for remark in result.remarks())
    del rows[0]["stage"], rows[1]["stage"]
    assert "predicted" not in add(corpus, *rows).notes


@pytest.fixture
def tagged(tmp_path):
    """30 texts with up to two labels, some of which say which ones they haven't."""
    nlp = spacy.blank("en")
    for split in ("train", "dev"):
        docs = DocBin(store_user_data=True)
        for i in range(15):
            doc = nlp(f"{split} text {i}")
            doc.cats = {"a": 1.0, "b": float(i % 2)}
            docs.add(doc)
        (tmp_path / "tags").mkdir(exist_ok=True)
        docs.to_disk(tmp_path / "tags" / f"{split}.spacy")
    return tmp_path / "tags"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_several_labels(tagged, tmp_path, suffix):
    path = tmp_path / f"review{suffix}"
    texts = ["train text 0", "train text 1", "dev text 2", "dev text 3"]
    labels = [["b", "c"], ["a"], None, []]
    if suffix == ".csv":
        cells = ["b;c", "a", "", "[]"]
        lines = [f"{text},{cell},a" for text, cell in zip(texts, cells)]
        path.write_text("\n".join(["text,labels,candidate_1", *lines]) + "\n")
    else:
        rows = [{"text": t, "labels": found} for t, found in zip(texts, labels)]
        srsly.write_jsonl(path, rows)
    result = add_to_corpus([path], tagged, tagged)
    cats = cats_of(tagged)
    assert cats["train text 0"] == {"a": 0.0, "b": 1.0, "c": 1.0}
    # It didn't say of any label that it hasn't it.
    assert cats["train text 1"] == {"a": 1.0}
    assert cats["dev text 2"] == {"a": 1.0, "b": 0.0}
    assert cats["dev text 3"] == {}
    assert result.dropped == {"no_label": 1}


def test_one_label_does_not_replace_several(tagged):
    with pytest.raises(ValueError, match=r"\[L738\].*up to 2 labels.*new\.jsonl"):
        add(tagged, row("train text 0", "a"))


def test_rejected_labels_of_several(tagged):
    rows = [
        {"text": "train text 1", "labels": ["b"], "answer": "reject"},
        {"text": "train text 2", "labels": ["a"], "answer": "reject"},
    ]
    add(tagged, *rows)
    cats = cats_of(tagged)
    assert cats["train text 1"] == {"a": 1.0}
    assert cats["train text 2"] == {"a": 0.0, "b": 0.0}


def test_documents_keep_what_they_have(tmp_path):
    """Tokens of another tokenizer, tags, spans, user data, and the files of splits in
    which nothing changes byte by byte.
    """
    vocab = spacy.blank("en").vocab
    docs = DocBin(store_user_data=True, attrs=["TAG", "LEMMA", "SENT_START"])
    for i in range(4):
        words = ["un", "usual", str(i)]
        spaces, tags = [False, True, False], ["A", "B", "C"]
        doc = Doc(vocab, words=words, spaces=spaces, tags=tags, lemmas=["l"] * 3)
        doc.spans["found"] = [doc[0:2]]
        doc.user_data["id"] = i
        doc.cats = {"a": 1.0, "b": 0.0}
        docs.add(doc)
    (tmp_path / "corpus").mkdir()
    for name in ("train.spacy", "dev.spacy"):
        docs.to_disk(tmp_path / "corpus" / name)
    old = docs.to_bytes()
    rows = [row("unusual 1", "b"), row("unusual 2", None, answer="delete")]
    rows += [row(f"wholly new {i}", "a") for i in range(3)]
    rows = [{**found, "split": "train"} for found in rows]
    add(tmp_path / "corpus", *rows, columns=Columns(split="split"))
    found = DocBin().from_disk(tmp_path / "corpus" / "train.spacy")
    docs = {doc.text: doc for doc in found.get_docs(vocab)}
    assert list(docs) == [f"unusual {i}" for i in (0, 1, 3)] + [
        f"wholly new {i}" for i in range(3)
    ]
    assert docs["unusual 0"].cats == {"a": 1.0, "b": 0.0}
    assert docs["unusual 1"].cats == {"a": 0.0, "b": 1.0}
    for i in (0, 1, 3):
        doc = docs[f"unusual {i}"]
        assert [t.text for t in doc] == ["un", "usual", str(i)]
        assert [t.tag_ for t in doc] == ["A", "B", "C"] and doc[0].lemma_ == "l"
        assert doc.user_data == {"id": i} and doc.spans["found"][0].text == "unusual"
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "train.spacy").write_bytes(old)
    add(tmp_path / "again", row("unusual 1", "a"), output=tmp_path / "same")
    assert (tmp_path / "same" / "train.spacy").read_bytes() == old


def test_texts_are_those_of_the_documents():
    nlp = spacy.blank("en")
    docs = [nlp("X marks  the spot"), nlp(""), Doc(nlp.vocab, words=["NOUN", "b"])]
    found = list(build_texts(DocBin(docs=docs)))
    assert found == [doc.text for doc in docs]


def test_the_language_is_that_of_the_corpus(tmp_path):
    path = write_rows(tmp_path / "old.jsonl", row("don't", "a"), row("can't", "a"))
    convert_corpus([path], tmp_path / "corpus", lang="xx", dev=0.0, test=0.0)
    add(tmp_path / "corpus", row("won't", "a"))
    docs = StoredShard(tmp_path / "corpus" / "train.spacy").docs
    assert list(map(len, docs.tokens)) == [1, 1, 1]
    with pytest.raises(ValueError, match=r"\[L733\].*'xx'.*'en'"):
        add(tmp_path / "corpus", row("x", "a"), lang="en")


def test_labels_that_may_be_misspelled(corpus):
    new = ["arrea 0/topic 0", "AREA 1/TOPIC 3", "topic 4", "area 2/drones"]
    result = add(corpus, *(row(f"text {i}", label) for i, label in enumerate(new)))
    assert result.similar == {
        "arrea 0/topic 0": "area 0/topic 0",
        "AREA 1/TOPIC 3": "area 1/topic 3",
        "topic 4": "area 0/topic 4",
    }
    said = " ".join(remark.text for remark in result.remarks())
    assert "'topic 4' is new (1 document). Did you mean 'area 0/topic 4'?" in said


def test_codes_and_other_names_are_not_misspelled(corpus):
    """Codes are all alike, another digit is another name, and so is a short one below
    the same long one.
    """
    add(corpus, *(row(f"code {i}", f"{a}/1{i}/06") for i, a in enumerate("ABC")))
    add(corpus, row("gas", "auto and commute/gas"))
    new = ["D/10/06", "A/11/06", "area 0/topic 9", "auto and commute/distance"]
    result = add(corpus, *(row(f"text {i}", label) for i, label in enumerate(new)))
    assert result.new_labels == sorted(new) and result.similar == {}


@pytest.mark.parametrize("content", [None, ["x.txt"]])
def test_no_corpus_to_add_to(tmp_path, content):
    for name in content or ():
        (tmp_path / "corpus").mkdir()
        (tmp_path / "corpus" / name).write_text("")
    with pytest.raises(ValueError, match=r"\[L732\].*without --add"):
        add(tmp_path / "corpus", row("x", "a"))


def test_nothing_to_do(corpus):
    with pytest.raises(ValueError, match=r"\[L731\]"):
        add_to_corpus([], corpus, corpus)


def test_a_damaged_corpus(corpus):
    (corpus / "dev.spacy").write_bytes(b"no corpus")
    with pytest.raises(ValueError, match=r"\[L641\].*dev\.spacy"):
        add(corpus, row("x", "a"))


def test_a_corpus_that_changes_meanwhile(corpus, monkeypatch):
    real = module.decide

    def decide(*args, **kwargs):
        (corpus / "dev.spacy").write_bytes((corpus / "train.spacy").read_bytes())
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "decide", decide)
    with pytest.raises(ValueError, match=r"\[L607\].*dev\.spacy"):
        add(corpus, row("x", "a"))
