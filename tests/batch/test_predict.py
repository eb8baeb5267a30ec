import csv
import json
import random
import shutil
import sys

import pytest
import spacy

from spacy_longtail.batch import predict
from spacy_longtail.batch.shards import Parts
from spacy_longtail.batch.stages import JobStages, choose_shard_size
from spacy_longtail.batch.work import Worker
from spacy_longtail.files import hold_folder

pq = pytest.importorskip("pyarrow.parquet")

WORDS = "lost my card lend money house flight Rome room papers China account gold xyzzy"


def make_rows(n_rows):
    """Rows with codes, texts, some of them empty, and what quotes are needed for."""
    rng = random.Random(0)
    return [
        {
            "id": f"{i:04d}",
            "text": " ".join(rng.choices(WORDS.split(), k=5)) if i % 7 else "",
            "note": '=1+1, "or\nnot"',
        }
        for i in range(n_rows)
    ]


def write_csv(path, rows):
    with path.open("w", encoding="utf8", newline="") as file_:
        writer = csv.DictWriter(file_, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path):
    with path.open(encoding="utf8", newline="") as file_:
        return list(csv.DictReader(file_))


@pytest.fixture
def table(tmp_path):
    return write_csv(tmp_path / "in.csv", make_rows(60))


def test_rows_come_out_as_they_are_with_labels(pipeline, table, tmp_path):
    found = predict(pipeline, table, tmp_path / "out.csv")
    rows, expected = read_csv(tmp_path / "out.csv"), make_rows(60)
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert found.n_rows == 60 and found.n_failed == 9
    failed = [row["id"] for row in rows if row["error"]]
    assert failed == [f"{i:04d}" for i in range(0, 60, 7)]
    assert found.n_labelled == sum(row["label"] != "" for row in rows)
    assert found.n_labelled + found.n_abstained + found.n_failed == 60
    assert all(row["model_version"] for row in rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("suffix, two_phases", [(".csv", False), (".parquet", True)])
def test_the_result_depends_on_no_size(pipeline, table, tmp_path, suffix, two_phases):
    whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"
    predict(pipeline, table, whole)
    predict(pipeline, table, parts, shard_size=7, two_phases=two_phases)
    assert parts.read_bytes() == whole.read_bytes()


@pytest.fixture
def tickets(tickets_dir, table):
    """A pipeline, a table and an output."""
    return tickets_dir / "model", table, table.with_name("out.csv")


def test_without_the_library_nothing_begins(tickets, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"\[L719\].*pyarrow.*files"):
        predict(*tickets)
    assert [*tmp_path.iterdir()] == [tickets[1]]


def test_an_input_that_is_written_meanwhile(tickets, monkeypatch):
    real = JobStages.run

    def run(self, update):
        real(self, update)
        tickets[1].write_text("id,text\n1,a\n")

    monkeypatch.setattr(JobStages, "run", run)
    with pytest.raises(ValueError, match=r"\[L607\].*in\.csv"):
        predict(*tickets)
    assert not tickets[2].exists()
    with pytest.raises(ValueError, match=r"\[L714\].*another content of .*in\.csv"):
        predict(*tickets)


def test_a_pipeline_that_splits_texts_otherwise_by_now(tickets, monkeypatch):
    """What its components have learned is the same."""
    pipeline, table, out = tickets
    model = shutil.copytree(pipeline, table.with_name("model"))
    monkeypatch.setattr(Parts, "drop", lambda self: None)
    predict(model, table, out)
    nlp = spacy.load(model)
    nlp.tokenizer.add_special_case("card", [{"ORTH": "ca"}, {"ORTH": "rd"}])
    nlp.to_disk(model)
    with pytest.raises(ValueError, match=r"\[L714\].*other files of the pipeline"):
        predict(model, table, out)


def test_another_run_is_noticed_before_any_work(tickets, monkeypatch):
    pytest.importorskip("fcntl")
    pipeline, table, out = tickets
    parts = out.with_name("out.csv.parts")
    parts.mkdir()
    with hold_folder(parts), pytest.raises(ValueError, match=r"\[L715\]"):
        predict("none", table, out)
    parts.rmdir()
    real = Worker.load

    def load(self, *args):
        out.write_text("of another run")
        return real(self, *args)

    monkeypatch.setattr(Worker, "load", load)
    monkeypatch.delattr(JobStages, "run")
    with pytest.raises(ValueError, match=r"\[L606\]"):
        predict(*tickets)
    assert out.read_text() == "of another run"


def test_what_is_in_the_way_is_said(tickets):
    pipeline, table, out = tickets
    with pytest.raises(ValueError, match=r"\[L665\].*n_process"):
        predict(*tickets, n_process=0)
    with pytest.raises(ValueError, match=r"\[L613\].*'id', 'text', 'note'"):
        predict(*tickets, text=["body"])
    with pytest.raises(ValueError, match=r"\[L702\]"):
        write_csv(table, [{"text": "a", "label": "b"}])
        predict(*tickets, prefix="")
    found = predict(*tickets)
    assert found.n_rows == 1 and "predicted_label" in read_csv(out)[0]


def test_texts_that_are_none_are_errors_of_their_rows(tickets):
    pipeline, table, out = tickets
    path = table.with_name("in.jsonl")
    texts = ["my card", ["a"], None, 12, "half \ud800", True]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    found = predict(pipeline, [path], out)
    codes = [row["error"][:6] for row in read_csv(out)]
    assert codes == ["", "[L635]", "[L706]", "", "[L636]", "[L635]"]
    assert found.n_failed == 4 and found.failures[0][0] == 2


def test_what_is_remarkable_about_the_table_is_said(tickets):
    pipeline, table, out = tickets
    table.write_text('body,n\n"my card,\nlost",1\n')
    found = predict(*tickets)
    said = [remark.text for remark in found.remarks()]
    assert "line ends" in said[0] and "'body'" in said[1]


def test_a_small_table_has_work_for_several_processes(pipeline, tmp_path):
    assert [choose_shard_size(n) for n in (0, 9000, 10**7)] == [250, 563, 10_000]
    table = write_csv(tmp_path / "in.csv", [{"text": ""}, {"text": "card"}] * 300)
    predict(pipeline, table, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [shard["rows"] for shard in manifest["shards"]] == [250, 250, 100]


def test_shards_and_a_manifest_in_a_folder(pipeline, table, tmp_path):
    predict(pipeline, table, tmp_path / "out", shard_size=25)
    paths = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert paths[0] == "manifest.json" and len(paths) == 4
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["is_complete"] and manifest["n_rows"] == 60
    assert [shard["rows"] for shard in manifest["shards"]] == [25, 25, 10]
    assert pq.read_table(tmp_path / "out" / paths[1]).num_rows == 25
