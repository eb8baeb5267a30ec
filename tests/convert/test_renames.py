import os

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_longtail.convert import Columns, add_to_corpus, convert_corpus
from spacy_longtail.convert.renames import Rename, Renames
from spacy_longtail.descriptions import make_label_descriptions

COUNTS = {"bank/card": 6, "bank/cash": 4, "bank/loan/car": 3, "travel/visa": 5}


@pytest.fixture
def corpus(tmp_path):
    """18 texts of four categories."""
    rows = [
        {"text": f"{label} {i}", "label": label}
        for label, n in COUNTS.items()
        for i in range(n)
    ]
    srsly.write_jsonl(tmp_path / "old.jsonl", rows)
    convert_corpus([tmp_path / "old.jsonl"], tmp_path / "corpus", dev=0.3)
    return tmp_path / "corpus"


def write_renames(path, *pairs):
    lines = ["old,new", *(f'"{old}","{new}"' for old, new in pairs)]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def rename(corpus, *pairs, **options):
    path = write_renames(corpus.with_name("renames.csv"), *pairs)
    return add_to_corpus([], corpus, corpus, rename=path, **options)


def read_labels(corpus):
    vocab = spacy.blank("en").vocab
    return {
        doc.text: set(doc.cats)
        for name in sorted(os.listdir(corpus))
        if name.endswith(".spacy")
        for doc in DocBin().from_disk(corpus / name).get_docs(vocab)
    }


@pytest.mark.parametrize(
    "pairs, expected",
    [
        ([("bank/card", "bank/credit card")], {"bank/credit card": 6}),
        # Of two categories one.
        (
            [("bank/card", "bank/pay"), ("bank/cash", "bank/pay")],
            {"bank/pay": 10},
        ),
        ([("bank/cash", "bank/card")], {"bank/card": 10}),
        # At the same time, so that they swap their names, or one makes room.
        (
            [("bank/card", "bank/cash"), ("bank/cash", "bank/card")],
            {"bank/cash": 6, "bank/card": 4},
        ),
        (
            [("bank/card", "bank/cash"), ("bank/cash", "bank/coins")],
            {"bank/cash": 6, "bank/coins": 4},
        ),
        # All that is below a node, but for what has a name of its own.
        (
            [("bank", "money/bank"), ("bank/cash", "cash")],
            {"money/bank/card": 6, "money/bank/loan/car": 3, "cash": 4},
        ),
        ([("bank", "money"), ("bank/cash", "bank/cash")], {"bank/cash": 4}),
    ],
)
def test_new_names(corpus, pairs, expected):
    texts = set(read_labels(corpus))
    result = rename(corpus, *pairs)
    assert expected.items() <= result.counts.items()
    assert sum(result.counts.values()) == 18
    found = read_labels(corpus)
    assert set(found) == texts
    names = Renames([Rename(*pair, "") for pair in pairs])
    for text, labels in found.items():
        assert labels == {names.translate(text.rpartition(" ")[0])}
    assert sum(c["corrected"] for c in result.changes.values()) == 0


def test_what_is_said_of_new_names(corpus):
    pairs = [("bank/cash", "bank/card"), ("travel/visa", "abroad/visa")]
    result = rename(corpus, *pairs)
    assert result.merged == {"bank/card": ["bank/cash"]}
    assert result.moved["travel/visa"] == "abroad/visa"
    assert result.similar == {}
    changes = {row[0]: row[1:] for row in result.tables()[1].rows}
    assert changes["bank/card"] == ("6", "10", "with 'bank/cash'")
    assert changes["abroad/visa"] == ("0", "5", "was 'travel/visa'")
    assert "travel/visa" not in changes and "bank/cash" not in changes
    # It can be done again, for example by a script.
    again = rename(corpus, *pairs)
    assert again.done == ["bank/cash", "travel/visa"] and not again.get_changes()


def test_names_that_move_on_are_said_to_be_the_old_ones(corpus):
    """Also where as many documents have the name as before."""
    result = rename(corpus, ("bank/card", "bank/cash"), ("bank/cash", "bank/coins"))
    changes = {row[0]: row[1:] for row in result.tables()[1].rows}
    assert changes == {
        "bank/cash": ("4", "6", "was 'bank/card'"),
        "bank/coins": ("0", "4", "was 'bank/cash'"),
    }


@pytest.mark.parametrize(
    "pairs",
    [
        [("bank/card", "bank/cash"), ("bank/cash", "bank/coins")],
        [("travel", "bank"), ("bank", "money")],
    ],
)
def test_names_that_move_on_do_so_once(corpus, pairs):
    """What has its new name already isn't put together with what had it before."""
    rename(corpus, *pairs)
    labels = read_labels(corpus)
    with pytest.raises(ValueError, match=r"\[L744\].*line 2.*applied before"):
        rename(corpus, *pairs)
    assert read_labels(corpus) == labels


def test_what_is_below_a_name_moves_on_once():
    rows = [Rename("bank", "travel", "line 2"), Rename("travel/visa", "visa", "line 3")]
    names = Renames(rows)
    assert names.drop_unknown({"bank/visa", "travel/visa"}, set()) == []
    assert names.translate("bank/visa") == "travel/visa"
    with pytest.raises(ValueError, match=r"\[L744\] line 2.*'travel/visa' gets"):
        Renames(rows).drop_unknown({"travel/visa", "visa"}, set())


def test_a_category_goes_below_its_old_name_once(corpus):
    pair = ("travel/visa", "travel/visa/abroad")
    assert rename(corpus, pair).counts["travel/visa/abroad"] == 5
    again = rename(corpus, pair)
    assert again.done == ["travel/visa"] and not again.get_changes()
    # There is something else by now.
    srsly.write_jsonl(corpus.with_name("new.jsonl"), [{"text": "x", "label": pair[0]}])
    add_to_corpus([corpus.with_name("new.jsonl")], corpus, corpus)
    with pytest.raises(ValueError, match=r"\[L744\].*'travel/visa/abroad,travel/"):
        rename(corpus, pair)
    assert rename(corpus, pair, (pair[1], pair[1])).counts["travel/visa/abroad"] == 6


def test_new_texts_get_the_new_names_too(corpus):
    rows = [{"text": f"more {i}", "label": "bank/card"} for i in range(5)]
    srsly.write_jsonl(corpus.with_name("new.jsonl"), rows)
    path = write_renames(corpus.with_name("renames.csv"), ("bank", "money"))
    inputs = [corpus.with_name("new.jsonl")]
    result = add_to_corpus(inputs, corpus, corpus, rename=path)
    assert result.counts["money/card"] == 11 and "bank/card" not in result.counts
    assert result.similar == {}


def test_descriptions_have_the_new_names(corpus, tmp_path):
    texts = {"bank": "Money.", "bank/card": "Cards.", "bank/cash": "Coins."}
    texts["travel/visa"] = "Visas."
    records = [{"label": label, "description": t} for label, t in texts.items()]
    srsly.write_jsonl(tmp_path / "descriptions.jsonl", records)
    pairs = [("bank/card", "bank/pay"), ("bank/cash", "bank/pay"), ("bank", "money")]
    options = {"descriptions": tmp_path / "descriptions.jsonl"}
    result = rename(corpus, *pairs, **options)
    path = corpus / "descriptions.jsonl"
    assert result.descriptions == [str(path)]
    assert {d["label"]: d["description"] for d in make_label_descriptions(path)} == {
        "money": "Money.",
        "bank/pay": "Cards. Coins.",
        "travel/visa": "Visas.",
    }
    # From now on they are there. One that keeps its name keeps its description.
    rename(corpus, ("travel/visa", "money"), descriptions=path)
    found = {d["label"]: d["description"] for d in make_label_descriptions(path)}
    assert found["money"] == "Money."
    with pytest.raises(ValueError, match=r"\[L604\].*descriptions\.jsonl"):
        rename(corpus, ("bank/pay", "pay"), **options)


def test_titles_stay_with_their_descriptions(corpus, tmp_path):
    """Also those of a category that has no text."""
    records = [
        {"label": "bank/card", "description": "A", "title": "Cards", "above": "Bank"},
        {"label": "bank/cash", "description": "B", "title": "Coins", "above": "Bank"},
        {"label": "pets/dog", "description": "C", "title": "Dogs"},
    ]
    path = tmp_path / "descriptions.jsonl"
    srsly.write_jsonl(path, records)
    names = {"bank/card": "bank/1", "bank/cash": "bank/1", "pets": "animals"}
    rename(corpus, *names.items(), descriptions=path)
    assert list(srsly.read_jsonl(corpus / path.name)) == [
        {
            "label": "bank/1",
            "description": "A B",
            "title": "Cards Coins",
            "above": "Bank",
        },
        {"label": "animals/dog", "description": "C", "title": "Dogs"},
    ]


def test_codes_have_no_new_names(corpus, tmp_path):
    (tmp_path / "codes.csv").write_text("code,title\n1,One\n")
    with pytest.raises(ValueError, match=r"\[L739\].*JSON lines"):
        rename(corpus, ("bank", "b"), descriptions=tmp_path / "codes.csv")


def test_what_a_document_has_not(corpus, tmp_path):
    """That it hasn't a merged label is known if it hasn't any of its parts."""
    docs = DocBin()
    nlp = spacy.blank("en")
    cats = [{"a": 0.0, "b": 1.0, "c": 0.0}, {"a": 0.0, "b": 0.0, "c": 1.0}]
    cats += [{"a": 0.0, "c": 1.0}]
    for i, found in enumerate(cats):
        doc = nlp(str(i))
        doc.cats = found
        docs.add(doc)
    docs.to_disk(corpus / "train.spacy")
    rename(corpus, ("a", "ab"), ("b", "ab"))
    docs = DocBin().from_disk(corpus / "train.spacy")
    expected = [{"ab": 1.0, "c": 0.0}, {"ab": 0.0, "c": 1.0}, {"c": 1.0}]
    assert docs.cats == expected


def test_old_names_can_be_spelled_in_any_way(tmp_path):
    """To bring together labels that look the same is what it's used for, too."""
    docs = DocBin()
    for i, label in enumerate(["a  b", "a b", "a\u200bb"]):
        doc = spacy.blank("en")(str(i))
        doc.cats = {label: 1.0}
        docs.add(doc)
    (tmp_path / "corpus").mkdir()
    docs.to_disk(tmp_path / "corpus" / "train.spacy")
    result = rename(tmp_path / "corpus", ("a  b", "a b"), ("a\u200bb", "a b"))
    assert result.counts == {"a b": 3}


def test_an_unknown_category(corpus):
    with pytest.raises(ValueError, match=r"\[L736\].*line 2.*'bank/crad'.*bank/card"):
        rename(corpus, ("bank/crad", "bank/pay"))


def test_two_new_names(corpus):
    pairs = [("bank/card", "bank/debit"), ("bank/card", "bank/credit")]
    with pytest.raises(ValueError, match=r"\[L737\].*line 3.*its texts with their new"):
        rename(corpus, *pairs)


@pytest.mark.parametrize("pair", [("bank", ""), ("", "bank"), ("bank", "a//b")])
def test_half_a_row(corpus, pair):
    with pytest.raises(ValueError, match=r"\[L735\].*line 2"):
        rename(corpus, pair)


def test_a_table_without_the_columns(corpus, tmp_path):
    (tmp_path / "names.csv").write_text("from,to\na,b\n")
    with pytest.raises(ValueError, match=r"\[L734\].*'old'.*'from', 'to'"):
        add_to_corpus([], corpus, corpus, rename=tmp_path / "names.csv")


def test_paths_are_written_as_in_the_tables(corpus, tmp_path):
    (tmp_path / "names.csv").write_text("old;new\nbank > card;bank > cards\n")
    result = add_to_corpus(
        [],
        corpus,
        corpus,
        rename=tmp_path / "names.csv",
        columns=Columns(path_separator=" > "),
    )
    assert result.counts["bank/cards"] == 6
