import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy.training import Corpus

from spacy_longtail.audit import audit_corpus
from spacy_longtail.convert import Columns, convert_corpus, shards
from spacy_longtail.convert import convert as module
from spacy_longtail.convert.convert import find_sources
from spacy_longtail.texts import hash_text

NAMES = ["dev.spacy", "test.spacy", "train.spacy"]


def read(path):
    nlp = spacy.blank("en")
    return [(eg.reference.text, eg.reference.cats) for eg in Corpus(path)(nlp)]


def test_a_corpus_for_spacy(tickets, tmp_path):
    result = convert_corpus([tickets], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES
    found = [pair for path in result.paths for pair in read(path)]
    assert len(found) == result.n_rows == sum(result.docs.values()) == 60
    assert dict(found)[("ticket number 7")] == {"area 1/topic 1": 1.0}
    assert sum(result.docs.values()) == 60 and 0 < result.docs["dev"] < 15
    assert result.labels["train"] == 6 and result.missing["train"] == []
    assert result.labels["dev"] + len(result.missing["dev"]) == 6
    assert result.remarks() == []
    json.dumps(result.to_dict())


def test_the_same_seed_gives_the_same_files(tickets, tmp_path):
    contents = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        convert_corpus([tickets], tmp_path / name, seed=seed)
        contents.append([(tmp_path / name / n).read_bytes() for n in NAMES])
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.slow
def test_many_shards_read_like_one_file(tickets, tmp_path, monkeypatch):
    convert_corpus([tickets], tmp_path / "one")
    monkeypatch.setattr(shards, "MAX_DOCS", 7)
    convert_corpus([tickets], tmp_path / "many")
    n_docs = len(read(tmp_path / "one" / "train.spacy"))
    assert len(list((tmp_path / "many" / "train.spacy").iterdir())) == -(-n_docs // 7)
    for name in NAMES:
        assert read(tmp_path / "one" / name) == read(tmp_path / "many" / name)


def test_a_shard_is_full_by_characters_too(tickets, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "MAX_CHARS", 100)
    convert_corpus([tickets], tmp_path / "out")
    assert len(list((tmp_path / "out" / "train.spacy").iterdir())) > 1


def test_folder_of_splits_keeps_them(tmp_path):
    for name, text in (("train", "a"), ("valid", "b"), ("test", "A"), ("more", "c")):
        record = {"text": text, "label": "x"}
        srsly.write_jsonl(tmp_path / f"{name}.jsonl", [record, {"text": text + text}])
    result = convert_corpus([tmp_path], tmp_path / "out")
    assert result.docs == {"train": 1, "dev": 1}
    assert result.dropped == {"no_label": 3, "in_earlier_split": 1}
    assert result.remarks()[0].text.startswith(
        "Dropped 1 of 6 rows whose text is in an"
    )


def test_split_column(tmp_path):
    records = [
        {"text": str(i), "label": "a", "fold": fold}
        for i, fold in enumerate(["train", "train", "dev", "test"])
    ]
    srsly.write_jsonl(tmp_path / "all.jsonl", records)
    columns = Columns(split="fold")
    result = convert_corpus([tmp_path / "all.jsonl"], tmp_path / "out", columns=columns)
    assert result.docs == {"train": 2, "dev": 1, "test": 1}


def test_several_labels(tmp_path):
    records = [{"text": str(i), "labels": ["a", "b"][: i % 3]} for i in range(30)]
    srsly.write_jsonl(tmp_path / "all.jsonl", records)
    result = convert_corpus([tmp_path / "all.jsonl"], tmp_path / "out", test=0.0)
    assert result.has_lists
    found = dict(pair for path in result.paths for pair in read(path))
    assert [found[str(i)] for i in range(3)] == [{}, {"a": 1.0}, {"a": 1.0, "b": 1.0}]


def test_dense_or_not_the_cats_are_sparse(tickets, tmp_path):
    convert_corpus([tickets], tmp_path / "out")
    assert {len(cats) for _, cats in read(tmp_path / "out" / "train.spacy")} == {1}


def test_nothing_left_to_convert(tmp_path):
    srsly.write_jsonl(tmp_path / "a.jsonl", [{"text": "", "label": "a"}])
    with pytest.raises(ValueError, match=r"\[L626\].*among 1 rows.*no_text: 1"):
        convert_corpus([tmp_path / "a.jsonl"], tmp_path / "out")


def test_inputs_that_differ(tmp_path):
    srsly.write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "label": "a"}])
    srsly.write_jsonl(tmp_path / "b.jsonl", [{"text": "a", "labels": ["a"]}])
    with pytest.raises(ValueError, match=r"\[L629\].*a\.jsonl and .*b\.jsonl"):
        convert_corpus([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], tmp_path / "out")


@pytest.mark.parametrize("names", [["a"], ["dev"], ["train", "Train"], []])
def test_folder_without_one_train_file(tmp_path, names):
    for name in names:
        (tmp_path / f"{name}.csv").write_text("text,label\n")
    (tmp_path / "train.jsonl").write_text("{}") if "train" in names else None
    with pytest.raises(ValueError, match=r"\[L630\]"):
        find_sources([tmp_path], encoding="utf-8", delimiter=None)


def test_an_old_split_would_stay(tickets, tmp_path):
    convert_corpus([tickets], tmp_path / "out")
    with pytest.raises(ValueError, match=r"\[L624\].*test\.spacy"):
        convert_corpus([tickets], tmp_path / "out", test=0.0)


@pytest.mark.parametrize("before, after", [(100, 7), (7, 100), (7, 8)])
def test_a_new_corpus_replaces_the_old(tickets, tmp_path, monkeypatch, before, after):
    for max_docs in (before, after):
        monkeypatch.setattr(shards, "MAX_DOCS", max_docs)
        convert_corpus([tickets], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES
    assert sum(len(read(tmp_path / "out" / name)) for name in NAMES) == 60


def test_a_text_keeps_its_split_when_files_are_added(tmp_path):
    """In another order, with other spaces and letters, and with another label."""
    weeks = [
        [(f"Ticket  {i}", f"topic {i % 7}") for i in range(start, start + 200)]
        for start in (0, 200)
    ]
    weeks[1] += [(f"ticket {i}", f"topic {(i + 1) % 7}") for i in range(0, 200, 3)]
    for name, rows in zip("ab", weeks):
        lines = [f"{text},{label}" for text, label in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *lines]))
    first = convert_corpus([tmp_path / "a.csv"], tmp_path / "first")
    files = [tmp_path / "b.csv", tmp_path / "a.csv"]
    second = convert_corpus(files, tmp_path / "second")
    splits = [
        {
            hash_text(text): split
            for split, path in zip(result.docs, result.paths)
            for text, _ in read(path)
        }
        for result in (first, second)
    ]
    assert len(splits[0]) == 200 and len(splits[1]) == 400
    assert splits[0].items() <= splits[1].items()
    assert second.notes == {"conflict": 67, "duplicate": 67}


def test_what_has_to_be_known_about_the_split(tmp_path):
    rows = [{"text": f"ticket {i}", "label": str(i)} for i in range(30)]
    srsly.write_jsonl(tmp_path / "rare.jsonl", rows)
    result = convert_corpus([tmp_path / "rare.jsonl"], tmp_path / "out", dev=0.4)
    assert result.docs == {"train": 30} and result.empty == ["dev", "test"]
    needed, *empty = result.remarks()
    assert "because a label has no other text there" in needed.text
    assert ["--dev 0.3" in empty[0].text, "--test 0.3" in empty[1].text] == [True, True]


def test_audit_finds_no_duplicate_that_convert_left(tmp_path):
    """There is one notion of the same text."""
    texts = ["don't go", "don 't  GO", "Straße", "STRASSE", "x\u200by", "xy"]
    rows = [{"text": text, "label": "a"} for text in texts * 40]
    rows += [{"text": f"text {i}", "label": "bc"[i % 2]} for i in range(200)]
    srsly.write_jsonl(tmp_path / "all.jsonl", rows)
    result = convert_corpus([tmp_path / "all.jsonl"], tmp_path / "out", test=0.0)
    train, dev = result.paths
    found = [audit_corpus(path, dev=dev) for path in (train, dev)]
    assert found[0].dev.n_shared == 0
    assert sum(facts.texts.n_duplicates for facts in found) == result.notes["duplicate"]
    table = audit_corpus(tmp_path / "all.jsonl")
    assert table.texts.n_duplicates == result.notes["duplicate"] == 6 * 40 - 3


class Interrupted(BaseException):
    """Like KeyboardInterrupt, no Exception."""


@pytest.mark.parametrize(
    "error, raised, message",
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            ValueError,
            r"\[L625\].*No sp",
        ),
        (Interrupted("stop"), Interrupted, "stop"),
    ],
)
def test_nothing_partial_is_left(
    tickets, tmp_path, monkeypatch, error, raised, message
):
    convert_corpus([tickets], tmp_path / "out", seed=1)
    old = (tmp_path / "out" / "train.spacy").read_bytes()
    monkeypatch.setattr(shards, "MAX_DOCS", 7)
    made = []
    real = shards.make_shard

    def fail_later(*args):
        made.append(args)
        if len(made) == 4:
            raise error
        return real(*args)

    monkeypatch.setattr(shards, "make_shard", fail_later)
    with pytest.raises(raised, match=message):
        convert_corpus([tickets], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES
    assert (tmp_path / "out" / "train.spacy").read_bytes() == old


RUN = """
import sys
from pathlib import Path
from spacy_longtail.convert import convert_corpus, shards
shards.MAX_DOCS = 20
{setup}
convert_corpus([Path(sys.argv[1])], Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_full_disk(tickets, tmp_path):
    """A limit on the size of files stands in for it: the system refuses to write."""
    setup = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    command = [sys.executable, "-c", RUN.format(setup=setup), tickets, tmp_path / "out"]
    child = subprocess.run(command, capture_output=True, text=True)
    assert "[L625]" in child.stderr
    assert list(tmp_path.iterdir()) == [tickets]


# Quick ones: test_nothing_partial_is_left, and in the tests of files a killed run.
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize("stop, n_left", [("SIGINT", 0), ("SIGKILL", 1)])
def test_stopped_in_the_middle(tmp_path, stop, n_left):
    rows = [f"ticket number {i},topic {i % 5}" for i in range(100_000)]
    table = tmp_path / "tickets.csv"
    table.write_text("\n".join(["text,label", *rows]))
    out = tmp_path / "out"
    command = [sys.executable, "-c", RUN.format(setup=""), table, out]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.rglob("*.spacy"))) < 3:
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.Signals[stop])
    assert child.wait() != 0
    names = sorted(os.listdir(tmp_path))
    assert [name[:10] for name in names] == [".longtail-"] * n_left + ["tickets.cs"]
    # The next run cleans up.
    table.write_text("\n".join(["text,label", *rows[:60]]))
    convert_corpus([table], out)
    assert sorted(path.name for path in out.iterdir()) == NAMES
    assert sorted(os.listdir(tmp_path)) == ["out", "tickets.csv"]


def test_an_input_that_changes_between_the_two_readings(tickets, tmp_path, monkeypatch):
    real = module.make_plan

    def make_plan(*args, **kwargs):
        tickets.write_text("text,label\nother,label\n")
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "make_plan", make_plan)
    with pytest.raises(ValueError, match=r"\[L607\].*tickets\.csv"):
        convert_corpus([tickets], tmp_path / "out")
    assert list(tmp_path.iterdir()) == [tickets]


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_something_else_has_written_is_replaced_on_request(
    tickets, tmp_path, is_folder
):
    """Annotations, for example, can't be made again."""
    corpus = DocBin(docs=[spacy.blank("en")("annotated by hand")])
    path = tmp_path / "out" / "train.spacy"
    path.parent.mkdir()
    if is_folder:
        path.mkdir()
        path = path / "00000.spacy"
    corpus.to_disk(path)
    with pytest.raises(ValueError, match=r"\[L604\].*train\.spacy"):
        convert_corpus([tickets], tmp_path / "out")
    assert len(DocBin().from_disk(path)) == 1
    for force in (True, False):
        convert_corpus([tickets], tmp_path / "out", force=force)
        assert sorted(os.listdir(tmp_path / "out")) == NAMES


URIS = [f"<http://urn.fi/URN:NBN:fi:au:ykl:{i}>" for i in range(4)]


def test_labels_that_are_uris_are_whole_or_an_error(tmp_path):
    """They were cut at the first empty level, so that all of them were one label."""
    path = tmp_path / "a.tsv"
    rows = [f"text {i}\t{URIS[i % 4]}" for i in range(40)]
    path.write_text("\n".join(rows), encoding="utf8")
    columns = Columns(text=("1",), label=("2",))
    with pytest.raises(ValueError, match=r"\[L638\].*line 1: .*--separator '\|'"):
        convert_corpus([path], tmp_path / "out", columns=columns, header=False)
    assert not (tmp_path / "out").exists()
    columns = Columns(text=("1",), label=("2",), separator="|")
    result = convert_corpus([path], tmp_path / "out", columns=columns, header=False)
    assert sorted(audit_corpus(tmp_path / "out", separator="|").counts) == URIS
    assert result.labels["train"] == 4


def test_notes_say_where_something_was_first(tmp_path):
    rows = [{"text": f"text {i}", "label": f"{i % 2}"} for i in range(20)]
    rows += [{"text": "x", "label": "N/A"}, {"text": "y", "label": "None"}]
    srsly.write_jsonl(tmp_path / "a.jsonl", rows)
    result = convert_corpus([tmp_path / "a.jsonl"], tmp_path / "out")
    assert result.notes == {"mark": 2}
    assert result.dropped == {"no_label": 2}
    assert result.first == {"mark": f"{tmp_path / 'a.jsonl'}, line 21"}
    assert "--keep-na" in result.remarks()[1].text
    assert "a.jsonl, line 21" in result.remarks()[1].text
    assert "--keep-na" in audit_corpus(tmp_path / "a.jsonl").remarks()[0].text


def test_rows_that_an_annotator_rejected_are_counted(tmp_path):
    answers = ["accept"] * 20 + ["reject", "ignore", "ignore"]
    rows = [
        {"text": f"text {i}", "label": f"{i % 2}", "answer": answer}
        for i, answer in enumerate(answers)
    ]
    srsly.write_jsonl(tmp_path / "a.jsonl", rows)
    result = convert_corpus([tmp_path / "a.jsonl"], tmp_path / "out")
    assert result.dropped == {"rejected": 1, "ignored": 2}
    assert result.n_rows == 23 and sum(result.docs.values()) == 20
    assert not result.notes
    assert audit_corpus(tmp_path / "a.jsonl").n_docs == 20
