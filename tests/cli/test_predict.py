import csv
import inspect
import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

from spacy_longtail.cli.predict import get_buffer

pytest.importorskip("pyarrow")

PIPELINES = Path(__file__).resolve().parents[1] / "data" / "pipelines"
MODEL = PIPELINES / "exclusive-2"
ROWS = "id,body\n01,I lost my card\n02,\n03,book a flight to Rome\n"


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(ROWS, encoding="utf8")
    return path


def test_predict(run, rows, tmp_path):
    result = run("predict", MODEL, rows, "-o", tmp_path / "out.csv")
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "Written Rows Labelled Abstained Failed" in words
    assert "The text is the column 'body'" in words
    assert "1 row failed, see 'error'. Row 2: [L706]" in words
    with (tmp_path / "out.csv").open(encoding="utf8", newline="") as file_:
        found = list(csv.DictReader(file_))
    assert [row["id"] for row in found] == ["01", "02", "03"]
    assert [row["label"] for row in found] == ["bank/card", "", "travel/flight"]


def test_json_is_all_that_is_printed(run, rows, tmp_path):
    result = run("predict", MODEL, rows, "-o", tmp_path / "out.csv", "--json")
    found = json.loads(result.stdout)
    assert (found["n_rows"], found["n_labelled"], found["n_failed"]) == (3, 2, 1)
    assert found["failures"] == [[2, "[L706] There is no text in this row."]]
    assert found["rows_per_second"] > 0


def test_options_reach_the_function(run, rows, tmp_path):
    options = ["--text", "id", "-t", "body", "--top", 1, "--several", "--prefix", "p_"]
    options += ["--two-phases", "--format", "jsonl", "--shard-size", 2]
    result = run("predict", MODEL, rows, "-o", tmp_path / "out", *options)
    assert result.exit_code == 0 and "Second stage" in result.stdout
    shards = sorted((tmp_path / "out").glob("*.jsonl"))
    lines = [line for path in shards for line in path.read_text().splitlines()]
    found = list(map(json.loads, lines))
    assert len(shards) == 2 and found[1]["p_label"] and "p_candidate_2" not in found[0]
    assert found[0]["p_labels"] == ["bank/card"]


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_stream_in_and_a_stream_out(run, rows, tmp_path, format):
    """Nothing else is printed there."""
    out = tmp_path / f"out.{format}"
    assert run("predict", MODEL, rows, "-o", out).exit_code == 0
    args = ["longtail", "predict", str(MODEL), "-", "-o", "-", "--shard-size", "2"]
    # The oldest Click mixes both streams unless it's told not to.
    mixes = "mix_stderr" in inspect.signature(CliRunner.__init__).parameters
    runner = CliRunner(**({"mix_stderr": False} if mixes else {}))
    found = runner.invoke(app, [*args, "--format", format], input=ROWS)
    assert found.exit_code == 0 and found.stdout_bytes == out.read_bytes()
    assert "[L706]" in " ".join(found.stderr.split())


def test_the_format_of_a_stream_is_that_of_the_input():
    args = ["longtail", "predict", str(MODEL), "-", "-o", "-", "-t", "body"]
    found = CliRunner().invoke(app, args, input='{"body": "gold", "n": [1]}\n')
    assert json.loads(found.stdout)["n"] == [1]
    found = CliRunner().invoke(app, args, input="n\tbody\n1\tgold\n")
    reader = csv.DictReader(io.StringIO(found.stdout), delimiter="\t")
    assert [row["n"] for row in reader] == ["1"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_read_like_stdin(run, rows, tmp_path):
    """Also what a shell names like /dev/fd/63."""
    os.mkfifo(tmp_path / "pipe")
    out, other = tmp_path / "out.csv", tmp_path / "other.csv"
    with ThreadPoolExecutor(1) as pool:
        pool.submit((tmp_path / "pipe").write_text, ROWS)
        assert run("predict", MODEL, tmp_path / "pipe", "-o", out).exit_code == 0
    assert run("predict", MODEL, rows, "-o", other).exit_code == 0
    assert out.read_bytes() == other.read_bytes()


@pytest.fixture
def fail(run, tmp_path):
    def run_to_fail(*args):
        result = run("predict", MODEL, *args)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
        return " ".join(result.output.split())

    return run_to_fail


def test_what_is_there_stays(fail, run, rows, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    assert "[L604]" in fail(rows, "-o", out)
    assert "[L603]" in fail(rows, "-o", rows, "--force")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.csv").write_text(ROWS)
    new = tmp_path / "data" / "new.csv"
    assert "[L603]" in fail(tmp_path / "data", "-o", new)
    assert "[L603]" in fail(f"{tmp_path}/data/*.csv", "-o", new)
    assert "[L603]" in fail(rows, "-o", MODEL / "out.csv")
    assert out.read_text() == "old" and rows.read_text() == ROWS
    assert run("predict", MODEL, rows, "-o", out, "--force").exit_code == 0
    assert out.read_text().startswith("id,body,label")


def test_a_stream_that_the_shell_has_closed():
    with pytest.raises(ValueError, match=r"\[L605\].*closed"):
        get_buffer(None)


def test_a_precision_of_no_review(fail, rows, tmp_path):
    said = fail(rows, "-o", tmp_path / "o.csv", "--review-precision", "0.9")
    assert "[L701] 'review'" in said


def test_a_name_that_looks_like_a_pattern(run, tmp_path):
    (tmp_path / "in[1].csv").write_text(ROWS)
    result = run("predict", MODEL, tmp_path / "in[1].csv", "-o", tmp_path / "in1.csv")
    assert result.exit_code == 0


def test_another_format(fail, rows, tmp_path):
    assert "[L716]" in fail(rows, "-o", tmp_path / "out.doc")
    assert "[L701] 'format'" in fail(rows, "-o", tmp_path / "out", "--format", "json")
    options = ["-o", tmp_path / "out.csv", "--format", "tsv"]
    assert "[L701] 'format'" in fail(rows, *options)


def test_a_pipeline_without_a_component_of_ours(run, rows, tmp_path):
    import spacy

    spacy.blank("en").to_disk(tmp_path / "blank")
    result = run("predict", tmp_path / "blank", rows, "-o", tmp_path / "out.csv")
    assert result.exit_code == 1 and "[L514]" in result.output
    assert not (tmp_path / "out.csv").exists()


def test_a_table_without_rows(run, tmp_path):
    (tmp_path / "in.csv").write_text("id,text\n")
    for name in ("out.csv", "out.parquet", "out"):
        result = run("predict", MODEL, tmp_path / "in.csv", "-o", tmp_path / name)
        assert result.exit_code == 0
    assert (tmp_path / "out.csv").read_text().startswith("id,text,label")


def test_more_rows_than_excel_has(fail, rows, tmp_path, monkeypatch):
    pytest.importorskip("openpyxl")
    monkeypatch.setattr("spacy_longtail.tables.excel.ExcelWriter.max_rows", 2)
    assert "[L717]" in fail(rows, "-o", tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx").exists()


COMMAND = [sys.executable, "-m", "spacy", "longtail", "predict", str(MODEL)]


def write_many(path, n_rows):
    texts = ["I lost my card", "lend me money for a house", "gold"]
    lines = [f"{i},{texts[i % 3]}" for i in range(n_rows)]
    path.write_text("\n".join(["id,text", *lines]) + "\n", encoding="utf8")
    return path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT")
def test_ctrl_c_stops_all_processes_and_says_how_to_go_on(tmp_path):
    table, out = write_many(tmp_path / "in.csv", 60_000), tmp_path / "out.csv"
    command = [*COMMAND, table, "-o", out, "--n-process", "2", "--shard-size", "500"]
    group = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    child = subprocess.Popen(command, **group)
    journal = tmp_path / "out.csv.parts" / "journal"
    while not journal.exists():
        assert child.poll() is None
        time.sleep(0.02)
    # Like a terminal does: all processes get it.
    os.killpg(child.pid, signal.SIGINT)
    said = child.communicate(timeout=30)[1]
    assert child.returncode == 130
    assert "goes on" in said and "Traceback" not in said and not out.exists()
    end = time.monotonic() + 10
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(child.pid, 0)
            time.sleep(0.02)
    again = subprocess.run([*command, "--json"], capture_output=True, check=True)
    found = json.loads(again.stdout)
    assert found["n_rows"] == 60_000 and 0 < found["n_before"] < 60_000


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no small disk")
def test_a_disk_that_is_full(tmp_path, request):
    """A limit on the size of files is as good as a full disk."""
    import resource

    table, out = write_many(tmp_path / "in.csv", 3000), tmp_path / "out.csv"

    def limit():
        # Python ignores the signal, and gets an error.
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    command = [*COMMAND, table, "-o", out, "--shard-size", "500"]
    failed = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    assert failed.returncode == 1 and "[L625]" in failed.stderr
    assert not out.exists() and (tmp_path / "out.csv.parts").is_dir()
    found = json.loads(subprocess.check_output([*command, "--json"]))
    assert found["n_before"] == 3000 and out.exists()
