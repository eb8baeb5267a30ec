import csv
import json
import random

import numpy
import pytest
import srsly

from spacy_longtail.audit import audit_corpus
from spacy_longtail.audit.contents import read_contents
from spacy_longtail.audit.crossfit import CrossFit, Gold
from spacy_longtail.audit.facts import render_audit
from spacy_longtail.audit.judge import Judgement
from spacy_longtail.audit.suspects import SuspectFinder
from spacy_longtail.audit.validation import write_suspects
from spacy_longtail.convert import Columns, add_to_corpus, convert_corpus

WORDS = {
    "bank/card": "card debit chip terminal contactless plastic wallet swipe",
    "bank/loan": "loan mortgage borrow rate instalment credit interest lender",
    "trip/flight": "flight plane airport runway pilot boarding gate seat",
    "trip/hotel": "hotel room breakfast lobby pillow suite booking reception",
}


def make_rows(n=10, several=False, seed=0):
    """Texts of three words of their label each, and of two labels where several."""
    chance, names, rows = random.Random(seed), list(WORDS), []
    for label in names:
        for _ in range(n):
            labels = [label]
            if several and chance.random() < 0.5:
                labels.append(chance.choice([name for name in names if name != label]))
            words = [chance.sample(WORDS[name].split(), 3) for name in labels]
            text = " ".join(word for part in words for word in part)
            rows.append({"text": text, "labels": labels})
    return rows


@pytest.fixture
def check(tmp_path):
    """Cross-validate rows."""

    def validate(rows, n_folds=5, **settings):
        path = tmp_path / "rows.jsonl"
        if all(len(row["labels"]) == 1 for row in rows):
            rows = [{"text": row["text"], "label": row["labels"][0]} for row in rows]
        srsly.write_jsonl(path, rows)
        return audit_corpus(path, n_folds=n_folds, **settings).cross_validation

    return validate


@pytest.mark.parametrize("several", [False, True])
def test_wrong_labels_are_found(check, several):
    rows = make_rows(several=several)
    for row, wrong in ((3, "trip/hotel"), (15, "trip/flight"), (37, "bank/card")):
        rows[row] = {"text": rows[row]["text"], "labels": [wrong]}
    found = check(rows)
    assert (found.several, found.n_folds) == (several, 5)
    first = found.suspects[:3]
    assert {suspect.row for suspect in first} == {3, 15, 37}
    assert all(suspect.text == rows[suspect.row]["text"] for suspect in first)
    for suspect in first:
        assert suspect.given == rows[suspect.row]["labels"]
        assert suspect.suggested[0] in make_rows(several=several)[suspect.row]["labels"]
        assert suspect.given_probability < 0.05 < suspect.suggested_probability
    # All others are right: nearly none of them is accused.
    assert len(found.suspects) <= 5


def test_reason_says_whether_another_label_is_sure():
    ones, labels = numpy.ones(3, dtype="int64"), numpy.zeros(3, dtype="int64")
    gold = Gold(numpy.arange(3), ones, labels, ["a", "b", "c", "d"])
    found = Judgement(
        given=numpy.log([0.001, 0.002, 0.2]),
        other=ones,
        other_log=numpy.log([0.9, 0.4, 0.8]),
        needed=numpy.full(4, 0.9),
        usual=numpy.full(4, 0.1),
        is_blank=labels > 0,
    )
    findings = SuspectFinder(gold, found, ones.astype("uint64").cumsum()).find(
        several=False
    )
    assert [finding.row for finding in findings] == [0, 1]
    assert [finding.suggested for finding in findings] == [(1,), (1,)]
    first, second = (finding.reason for finding in findings)
    assert first.startswith("no more like its label")
    assert second.endswith("it may only be hard to tell")


def test_labels_that_are_never_very_probable_come_later():
    ones, labels = numpy.ones(2, dtype="int64"), numpy.asarray([0, 1])
    gold = Gold(numpy.arange(2), ones, labels, ["general", "special", "c"])
    found = Judgement(
        given=numpy.log([0.001, 0.0015]),
        other=numpy.full(2, 2),
        other_log=numpy.log([0.9, 0.9]),
        needed=numpy.asarray([0.1, 0.9, 0.9]),
        usual=numpy.full(3, 0.1),
        is_blank=labels < 0,
    )
    finder = SuspectFinder(gold, found, ones.astype("uint64").cumsum())
    assert [finding.row for finding in finder.find(several=False)] == [1, 0]


def test_reason_names_the_label_that_is_wrong_beside_a_right_one():
    """Of two texts with two labels, the first has a wrong one."""
    twos = numpy.full(2, 2)
    names, columns = ["a", "b", "c", "d"], numpy.asarray([0, 1, 2, 3])
    gold = Gold(numpy.asarray([0, 2]), twos, columns, names)
    found = Judgement(
        given=numpy.log([0.5, 0.001, 0.4, 0.5]),
        other=numpy.asarray([2, 0]),
        other_log=numpy.log([0.3, 0.05]),
        needed=numpy.full(4, 0.9),
        usual=numpy.full(4, 0.1),
        is_blank=numpy.zeros(2, dtype="bool"),
    )
    (finding,) = SuspectFinder(gold, found, twos.astype("uint64").cumsum()).find(
        several=True
    )
    suspect = finding.show(names, "some text")
    assert (suspect.given, suspect.suggested) == (["a", "b"], ["a"])
    assert suspect.reason == "no more like b than texts without it"


CODES = dict(zip(WORDS, ["B/1", "B/2", "T/1", "T/2"]))


def test_codes_are_shown_with_what_they_are_called(tmp_path):
    rows = [{**row, "label": CODES[row["labels"][0]]} for row in make_rows()]
    rows[3]["label"] = "T/2"
    srsly.write_jsonl(tmp_path / "rows.jsonl", rows)
    titles = ["B/1,Cards", "B/2,Loans", "T/1,Flights", "T/2,Hotels"]
    path = tmp_path / "codes.csv"
    path.write_text("\n".join(["code,title", *titles]), encoding="utf8")
    columns = Columns(label=["label"])
    settings = {"columns": columns, "n_folds": 5, "descriptions": path}
    facts = audit_corpus(tmp_path / "rows.jsonl", **settings)
    (table,) = [x for x in facts.tables() if x.title.startswith("Labels to look")]
    assert table.rows[0][1:3] == ("T/2 Hotels", "B/1 Cards")
    written = write_suspects(facts.cross_validation, facts.titles)
    first = next(csv.DictReader(written.splitlines()))
    assert (first["given_label"], first["given_title"]) == ("T/2", "Hotels")
    assert first["suggested_title"] == "Cards"
    page = render_audit(facts)
    assert "<b>T/2 Hotels</b>" in page and "<b>B/1 Cards</b>" in page


def test_clean_labels_are_left_alone(check):
    found = check(make_rows())
    assert found.suspects == []
    assert found.n_judged == 40
    assert "No label is in doubt" in found.get_sentences()[0]


def test_lacking_labels_are_found(check):
    rows = make_rows(n=25, several=True)
    double = [row for row in rows if len(row["labels"]) == 2]
    double[0]["labels"] = double[0]["labels"][:1]
    found = check(rows)
    lacking = [row for row in found.suspects if len(row.suggested) > len(row.given)]
    assert double[0]["text"] in [row.text for row in lacking]
    for row in lacking:
        assert set(row.given) < set(row.suggested)


def test_label_with_two_texts_is_never_accused(check):
    """However much its texts are like those of another one."""
    rows = make_rows()
    rare = [row["text"] + " now" for row in rows[:2]]
    rows += [{"text": text, "labels": ["bank/rare"]} for text in rare]
    found = check(rows)
    assert found.suspects == []
    assert (found.n_rare, found.n_unjudged) == (1, 2)
    assert "1 label of the corpus has fewer than 3" in found.get_sentences()[1]
    # Copies are no more texts.
    copies = [row for row in rows if row["labels"] == ["bank/rare"]] * 3
    assert check([*rows, *copies]).n_rare == 1
    # With more of them, it's another matter.
    more = [row["text"] + " now" for row in rows[2:8]]
    rows += [{"text": text, "labels": ["bank/rare"]} for text in more]
    assert check(rows).n_rare == 0


def test_copies_of_a_rare_text_are_evidence(check):
    rows = [*make_rows(), {"text": "some thing", "labels": ["bank/rare"]}]
    rows += [{"text": "Some thing", "labels": ["bank/card"]}] * 2
    (suspect,) = check(rows).suspects
    assert (suspect.row, suspect.n_docs) == (40, 3)
    assert suspect.given == ["bank/rare", "bank/card"]
    assert suspect.suggested == ["bank/card"]
    assert suspect.reason.startswith("labelled otherwise")


def compare(path, n_folds=5):
    contents = read_contents(path, Columns(), "/", False, {})
    names = list(contents.count_labels())
    sets = [names.index(labels[0]) for labels in contents.label_sets]
    columns = numpy.asarray(sets)[contents.sets]
    n = len(columns)
    gold = Gold(numpy.arange(n), numpy.ones(n, dtype="int64"), columns, names)
    fit = CrossFit(gold, contents.prints.hashes, n_folds)
    logits = numpy.zeros((n, len(names)))
    for found in fit.compare(
        contents.source, 0.8, [n.split("/")[1] for n in names], False
    ):
        logits[found.rows] = found.logits
    return fit, names, logits


def test_text_and_its_copies_are_not_learned_from(tmp_path):
    """What they are like doesn't depend on their own labels."""
    rows = [{"text": r["text"], "label": r["labels"][0]} for r in make_rows()]
    rows.append({**rows[0], "text": rows[0]["text"].upper()})
    path = tmp_path / "rows.jsonl"
    srsly.write_jsonl(path, rows)
    fit, names, before = compare(path)
    assert fit.folds[0] == fit.folds[40]
    rows[0]["label"] = rows[40]["label"] = "trip/hotel"
    srsly.write_jsonl(path, rows)
    _, after_names, after = compare(path)
    order = [after_names.index(name) for name in names]
    numpy.testing.assert_allclose(after[0, order], before[0], atol=1e-4)
    others = fit.folds != fit.folds[0]
    assert numpy.abs(after[others][:, order] - before[others]).max() > 0.1


def test_fold_of_a_text_stays_when_others_come():
    gold = Gold(*numpy.ones((3, 6), dtype="int64"), ["a", "b"])
    hashes = numpy.asarray([5, 3, 2**63, 11, 7, 5], dtype="uint64")
    folds = CrossFit(gold, hashes, 5).folds
    assert folds[0] == folds[5]
    assert len(set(folds.tolist())) > 1
    less = CrossFit(Gold(*numpy.ones((3, 2), dtype="int64"), ["a", "b"]), hashes[:2], 5)
    assert less.folds.tolist() == folds[:2].tolist()


def test_labels_that_cannot_be_told_apart(check):
    rows, chance = make_rows(n=20), random.Random(1)
    for row in rows[:20]:
        row["labels"] = [chance.choice(["bank/card", "bank/pin"])]
    (pair,) = check(rows).confusions
    assert set(pair.labels) == {"bank/card", "bank/pin"}
    assert pair.are_siblings
    assert sum(pair.n_docs) == 20
    assert pair.share > 0.25
    assert "merge them" in " ".join(check(rows).get_sentences())


def test_few_confused_texts_say_nothing(check):
    rows = make_rows(n=20)
    rows += [{**row, "labels": ["bank/pin"]} for row in make_rows(n=3)[:3]]
    assert check(rows).confusions == []


def test_texts_that_teach_nothing(check):
    rows = make_rows()
    long = "please tell me how I can pay with this debit card abroad"
    rows += [{"text": f"{long} {end}", "labels": ["bank/card"]} for end in ("", "now")]
    rows += [{"text": long, "labels": ["bank/card"]}]
    rows += [{"text": "ꙮꙮꙮ", "labels": ["bank/card"]}]
    found = check(rows)
    assert found.n_near_copies == 1
    copies = {"text": long, "labels": "bank/card", "n_docs": 2}
    assert [
        {**group, "text": group["text"].strip()} for group in found.near_copies
    ] == [copies]
    assert found.n_unknown == 1
    assert all("ꙮ" not in suspect.text for suspect in found.suspects)


@pytest.mark.parametrize("several", [False, True])
def test_table_of_suspects_is_taken_back(check, tmp_path, several):
    """By convert --add: what a person has filled in, and nothing else."""
    rows = make_rows(several=several)
    long = " ".join([*WORDS["bank/card"].split() * 9, '"quoted",\nand', "a line"])
    rows[3] = {"text": long, "labels": ["trip/hotel"]}
    rows[15] = {"text": rows[15]["text"], "labels": ["trip/flight"]}
    found = check(rows)
    corpus = tmp_path / "corpus"
    convert_corpus([tmp_path / "rows.jsonl"], corpus, dev=0.0, test=0.0)
    name = "labels" if several else "label"
    path = tmp_path / "suspects.csv"
    path.write_text(write_suspects(found), encoding="utf8")
    with path.open(encoding="utf8", newline="") as lines:
        table = list(csv.DictReader(lines))
    assert list(table[0])[:4] == ["text", name, f"given_{name}", f"suggested_{name}"]
    assert {row[name] for row in table} == {""}
    filled = {row["text"]: row for row in table}[long]
    filled[name] = filled[f"suggested_{name}"]
    with path.open("w", encoding="utf8", newline="") as lines:
        writer = csv.DictWriter(lines, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    done = add_to_corpus([path], corpus, corpus)
    assert done.changes["train"]["corrected"] == 1
    assert done.corrections == [("trip/hotel", "bank/card", 1)]
    assert (done.docs, done.docs_before) == ({"train": 40}, {"train": 40})
    assert done.dropped == {"no_label": len(table) - 1}


def test_spacy_files_and_tables_agree(check, tmp_path):
    rows = make_rows()
    rows[3]["labels"] = ["trip/hotel"]
    found = check(rows)
    table = tmp_path / "rows.jsonl"
    convert_corpus([table], tmp_path / "corpus", dev=0.0, test=0.0)
    other = audit_corpus(tmp_path / "corpus" / "train.spacy", n_folds=5)
    assert [row.text for row in other.cross_validation.suspects] == [rows[3]["text"]]
    assert [row.text for row in found.suspects] == [rows[3]["text"]]


def test_result_is_json_and_tables(check):
    rows = make_rows()
    rows[3]["labels"] = ["trip/hotel"]
    found = check(rows)
    suspects, confusions = found.tables()
    assert suspects.title == "Labels to look at, 1 of 1 texts"
    assert suspects.rows[0][1:3] == ("trip/hotel", "bank/card")
    assert confusions.rows == []
    assert json.loads(json.dumps(found.suspects[0].given)) == ["trip/hotel"]


def test_it_is_not_done_unless_wished(check):
    assert check(make_rows(), n_folds=None) is None


@pytest.mark.parametrize("n_folds", [0, 1, 101, 2.5, True])
def test_folds_that_cannot_be(check, n_folds):
    with pytest.raises(ValueError, match=r"\[L745\].*2 to 100"):
        check(make_rows(), n_folds=n_folds)


def test_nothing_to_compare(check):
    rows = [{"text": f"text {a} {i}", "labels": [a]} for a in "abc" for i in "12"]
    with pytest.raises(ValueError, match=r"\[L747\].*more than 2 different"):
        check(rows)


@pytest.mark.slow
def test_flipped_labels_of_real_texts(check, data_dir):
    """3 % of the labels, to any other."""
    rows = list(srsly.read_jsonl(data_dir / "clinc150_lt" / "train.jsonl"))
    names = sorted({row["label"] for row in rows})
    chance = numpy.random.RandomState(0)
    flipped = set(chance.permutation(len(rows))[: round(0.03 * len(rows))].tolist())
    labels = [row["label"] for row in rows]
    for i in flipped:
        step = chance.randint(1, len(names))
        labels[i] = names[(names.index(labels[i]) + step) % len(names)]
    rows = [{"text": r["text"], "labels": [n]} for r, n in zip(rows, labels)]
    found = check(rows)
    hits = sum(suspect.row in flipped for suspect in found.suspects[:100])
    assert hits >= 75
    assert len(found.suspects) < 120
