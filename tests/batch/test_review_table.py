import csv

import pytest
import spacy

from spacy_longtail.batch import predict
from spacy_longtail.convert import add_to_corpus, convert_corpus
from spacy_longtail.tables.source import open_source

TEXTS = [
    "I lost my card",
    "xyzzy",
    "book a flight to Rome and a room",
    "gold",
    "",
    "my order 12 hasn't come yet and I want it",
    "which papers do I need to enter China",
    "My order 7 hasn't come yet, and I want it!",
    "what does an account cost",
]


@pytest.fixture
def unsure(pipeline, tmp_path):
    """A pipeline that abstains from what no label is close to."""
    nlp = spacy.load(pipeline)
    fallback = nlp.get_pipe("zero_shot_fallback")
    fallback.remove_label("bank/gold")
    fallback.settings.abstain_threshold = 0.3
    nlp.to_disk(tmp_path / "nlp")
    return tmp_path / "nlp"


def write_csv(path, rows):
    with path.open("w", encoding="utf8", newline="") as file_:
        writer = csv.DictWriter(file_, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def table(tmp_path):
    rows = [
        {"id": f"{i:03d}", "text": text, "label": "given"}
        for i, text in enumerate(TEXTS)
    ]
    return write_csv(tmp_path / "in.csv", rows)


def read(path):
    (chunk,) = open_source([path]).chunks(1000)
    return list(chunk.records())


def get_abstained(path):
    """The rows of a result that have neither a label nor an error, by their number."""
    rows = dict(enumerate(read(path), start=1))
    names = ("predicted_label", "predicted_error")
    return {n: row for n, row in rows.items() if not any(row[name] for name in names)}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".jsonl", ".parquet"])
def test_what_has_no_label_is_to_be_reviewed(unsure, table, tmp_path, suffix):
    out, review = tmp_path / "out.csv", tmp_path / f"review{suffix}"
    options = {"prefix": "predicted_", "shard_size": 2}
    found = predict(unsure, table, out, review=review, **options)
    left = get_abstained(out)
    rows = read(review)
    names = list(rows[0])
    several = "predicted_labels" in read(out)[0]
    assert names[:4] == [
        "text",
        "labels" if several else "label",
        "candidate_1",
        "candidate_1_probability",
    ]
    # One of them is a near copy of another.
    assert found.review.n_rows == len(left) == found.n_abstained > 2
    assert found.review.n_written == len(rows) == len(left) - 1
    for row in rows:
        expected = left[int(row["row"])]
        assert row["text"] == expected["text"] and row["id"] == expected["id"]
        assert not row[names[1]]
        assert row["input_label"] == "given"
        assert row["candidate_1"] == expected["predicted_candidate_1"]
        number = float(expected["predicted_candidate_1_probability"])
        # Excel has 15 digits.
        assert float(row["candidate_1_probability"]) == pytest.approx(number, 1e-12)
        assert row["model_version"] == expected["predicted_model_version"]
    copies = {int(row["row"]): int(row["copies"]) for row in rows}
    assert copies[6] == 2 and 8 not in copies


@pytest.mark.parametrize("n_process", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_review_depends_on_no_shard(unsure, table, tmp_path, n_process):
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    options = {"review_precision": 0.9, "force": True}
    out = tmp_path / "out.csv"
    predict(unsure, table, out, review=whole, **options)
    options.update(shard_size=2, n_process=n_process)
    predict(unsure, table, out, review=parts, two_phases=True, **options)
    assert parts.read_bytes() == whole.read_bytes()


def test_labels_are_reviewed_until_the_others_are_sure(unsure, table, tmp_path):
    out, review = tmp_path / "out.jsonl", tmp_path / "review.jsonl"
    found = predict(unsure, table, out, review=review, review_precision=0.99)
    rows, reviewed = read(out), {row["row"] for row in read(review)}
    left = [
        row["predicted_probability"]
        for n, row in enumerate(rows, start=1)
        if row["predicted_label"]
        and row["predicted_probability"] is not None
        and row["predicted_probability"] >= found.review.threshold
    ]
    assert 0 < len(left) < found.n_labelled
    assert sum(left) / len(left) > 0.99
    assert found.review.n_rows == len(get_abstained(out)) + found.n_labelled - len(left)
    remarks = " ".join(remark.text for remark in found.remarks())
    assert "99% of the labels should be right" in remarks
    assert f"{len(reviewed)} rows in {review}" in remarks


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".jsonl"])
def test_what_a_person_fills_in_joins_a_corpus(unsure, table, tmp_path, suffix):
    corpus, review = tmp_path / "corpus", tmp_path / f"review{suffix}"
    predict(unsure, table, tmp_path / "out.csv", review=review)
    rows = read(review)
    name = list(rows[0])[1]
    write_csv(tmp_path / "old.csv", [{"text": "a card", name: "bank/card"}])
    convert_corpus([tmp_path / "old.csv"], corpus, dev=0.0, test=0.0)
    # All but the last one, which nobody has looked at.
    for row in rows[:-1]:
        row[name] = "bank/gold"
    filled = write_csv(tmp_path / "filled.csv", rows)
    found = add_to_corpus([filled], corpus, corpus)
    assert found.docs == {"train": len(rows)}
    assert found.changes["train"]["new"] == len(rows) - 1
    assert found.counts == {"bank/gold": len(rows) - 1, "bank/card": 1}


def test_a_review_that_is_there_is_kept(unsure, table, tmp_path):
    review = tmp_path / "review.csv"
    review.write_text("mine")
    out = tmp_path / "out.csv"
    with pytest.raises(ValueError, match=r"\[L604\].*review.csv"):
        predict(unsure, table, out, review=review)
    assert review.read_text() == "mine" and not out.exists()
    predict(unsure, table, out, review=review, force=True)
    assert len(read(review)) > 1


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"review": "out.csv"}, r"\[L701\] 'review' .*another file"),
        ({"review": "r.txt"}, r"\[L716\].*r.txt"),
        ({"review": "r.csv", "top": 0}, r"\[L701\] 'top' .*at least 1"),
        ({"review": "r.csv", "review_precision": 1.5}, r"\[L701\] 'review_precision'"),
        ({"review": "r.csv", "review_precision": 0.0}, r"\[L701\] 'review_precision'"),
        ({"review": "r.csv", "review_rows": 0}, r"\[L701\] 'review_rows'"),
        ({"review": "in.csv"}, r"\[L603\].*in.csv"),
    ],
)
def test_options_of_a_review_are_checked(unsure, table, tmp_path, options, problem):
    options = {**options, "review": tmp_path / options["review"]}
    with pytest.raises(ValueError, match=problem):
        predict(unsure, table, tmp_path / "out.csv", **options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "nlp"]


def test_nothing_to_review_is_an_empty_table(pipeline, table, tmp_path):
    review = tmp_path / "review.csv"
    nlp = spacy.load(pipeline)
    name = nlp.pipe_names[0]
    nlp.get_pipe(name).thresholds = {}
    if nlp.get_pipe(name).kind.allows_several:
        nlp.get_pipe(name).settings.threshold = 0.001
    nlp.to_disk(tmp_path / "sure")
    found = predict(tmp_path / "sure", table, tmp_path / "out.csv", review=review)
    assert found.review.n_rows == 0
    lines = review.read_text().splitlines()
    assert len(lines) == 1 and lines[0].startswith("text,label")
