import csv

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_longtail.convert import convert_corpus
from spacy_longtail.suggest import suggest
from spacy_longtail.suggest.suggest import find_focus
from spacy_longtail.tables.whole import write_whole

pytest.importorskip("pyarrow")

# Of a frequent label, of rare ones, of two of them, and ones that differ by a number.
SURE = ["my debit card and chip", "the pin of a card", "chip pin debit"]
RARE = ["my visa passport and embassy border", "my oven and sink"]
MIXED = ["my visa and kitchen", "my hotel and tax form", "the border of my garden"]
COPIES = [f"my passport and fee number {i} of my refund" for i in range(9)]
TEXTS = [*SURE, *RARE, *MIXED, *COPIES]


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("\n".join(["text", *TEXTS]) + "\n", encoding="utf8")
    return path


@pytest.fixture
def pipeline(kind_dir):
    return kind_dir / "model"


def get_texts(found):
    return [row["text"] for row in found.rows]


def test_texts_that_teach_rare_labels_come_first(pipeline, pool):
    found = suggest(pipeline, pool, 4)
    texts = get_texts(found)
    assert not set(texts) & set(SURE)
    assert set(texts) & set(MIXED)
    rare = find_rare(pipeline)
    assert (found.n_texts, found.n_focus) == (len(TEXTS), len(rare))
    assert set(found.labels) <= set(rare)
    assert all("training text" in row["reason"] for row in found.rows)


def find_rare(pipeline):
    tree = spacy.load(pipeline).pipeline[-1][1].taxonomy
    return [leaf for leaf, n in zip(tree.leaves, tree.counts) if n < 10]


def test_of_near_copies_there_is_one(pipeline, pool):
    found = suggest(pipeline, pool, len(TEXTS))
    (row,) = (row for row in found.rows if row["text"] in COPIES)
    assert row["copies"] == len(COPIES)
    assert len(found.rows) == len(TEXTS) - len(COPIES) + 1
    assert any("8 texts left out" in remark.text for remark in found.remarks())


def test_texts_that_are_labelled_are_left_out_with_their_copies(pipeline, pool):
    found = suggest(pipeline, pool, 100, "all", labelled=pool)
    assert (found.rows, found.n_labelled) == ([], len(TEXTS))
    copy = pool.with_name("labelled.csv")
    copy.write_text(f"text,label\n{COPIES[3]},a\n{SURE[0]},b\n", encoding="utf8")
    found = suggest(pipeline, pool, 100, "all", labelled=copy)
    assert found.n_labelled == 2
    assert not set(get_texts(found)) & {*COPIES, SURE[0]}


def test_texts_that_were_trained_on_are_said(kind_dir, kind_seen, tmp_path):
    path = tmp_path / "seen.csv"
    texts = [eg.reference.text for eg in kind_seen]
    path.write_text("\n".join(["text", *texts]), encoding="utf8")
    found = suggest(kind_dir / "model", path, focus="all")
    assert found.n_trained == len(found.rows) > 0
    assert any("--labelled" in remark.text for remark in found.remarks())
    again = suggest(kind_dir / "model", path, focus="all", labelled=path)
    assert (again.n_trained, again.rows) == (0, [])


def test_texts_for_a_category(pipeline, pool):
    found = suggest(pipeline, pool, 3, "travel")
    assert found.n_focus == 3
    assert all(label.startswith("travel/") for label in found.labels)
    assert suggest(pipeline, pool, 3, "travel/visa").n_focus == 1


def test_a_corpus_gives_the_same_as_a_table(pipeline, pool, tmp_path):
    nlp = spacy.blank("xx")
    DocBin(docs=map(nlp.make_doc, TEXTS)).to_disk(tmp_path / "pool.spacy")
    found = suggest(pipeline, tmp_path / "pool.spacy", 4)
    assert found.rows == suggest(pipeline, pool, 4).rows


def test_filled_in_table_is_one_that_convert_reads(pipeline, pool, tmp_path, kind):
    found = suggest(pipeline, pool, 3)
    path = tmp_path / "to_label.csv"
    write_whole(path, found.to_arrow())
    with path.open(encoding="utf8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    several = kind == "multilabel"
    target = "labels" if several else "label"
    assert [row["text"] for row in rows] == get_texts(found)
    assert {row[target] for row in rows} == {""}
    assert list(rows[0]) == [
        *("text", target),
        *("candidate_1", "candidate_1_probability"),
        *("candidate_2", "candidate_2_probability"),
        *("candidate_3", "candidate_3_probability"),
        *("known", "reason"),
    ]
    for row in rows[:2]:
        row[target] = "home/garden;travel/visa" if several else "home/garden"
    with path.open("w", encoding="utf8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    # Without a corpus to add to. Who hasn't answered hasn't said that there is none.
    result = convert_corpus([path], tmp_path / "corpus", dev=0.0, test=0.0)
    assert result.dropped == {"no_label": 1}
    docs = DocBin().from_disk(tmp_path / "corpus" / "train.spacy")
    cats = [doc.cats for doc in docs.get_docs(spacy.blank("en").vocab)]
    assert [set(own) >= {"home/garden"} for own in cats] == [True] * 2


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".tsv", ".json", ".xlsx"])
def test_every_format(tickets_dir, pool, tmp_path, suffix):
    from spacy_longtail.tables import open_table

    found = suggest(tickets_dir / "model", pool, 3)
    path = tmp_path / f"to_label{suffix}"
    write_whole(path, found.to_arrow())
    table = open_table(path)
    assert [values[0] for _, values in table.rows(["text"])] == get_texts(found)


def test_rows_without_a_text_are_counted(pipeline, tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text('text\nmy visa\n""\nmy oven\n', encoding="utf8")
    found = suggest(pipeline, path, 5)
    assert (found.n_texts, found.n_failed, len(found.rows)) == (3, 1, 2)
    assert [row["number"] for row in found.rows] in ([1, 3], [3, 1])


def test_errors(tickets_dir, pool, tmp_path):
    with pytest.raises(ValueError, match=r"\[L770\].*'bank/card'"):
        suggest(tickets_dir / "model", pool, 3, "bank/card")
    with pytest.raises(ValueError, match=r"\[L665\]"):
        suggest(tickets_dir / "model", pool, 0)
    with pytest.raises(ValueError, match=r"\[L771\].*'b' has the fewest, 10"):
        find_focus({"a": 12, "b": 10}, "tail", "/")
    with pytest.raises(ValueError, match=r"\[L716\]"):
        write_whole(tmp_path / "a.doc", None)
    DocBin().to_disk(tmp_path / "none.spacy")
    with pytest.raises(ValueError, match=r"\[L772\]"):
        suggest(tickets_dir / "model", tmp_path / "none.spacy")
