"""What the pages say about other engines and a web server runs as it is printed."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import spacy

pa = pytest.importorskip("pyarrow")

from spacy_longtail import batch  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = ROOT / "tests" / "data" / "pipelines" / "exclusive-2"
TEXTS = ["I lost my card", None, "book a flight to Rome", "gold", "what does it cost"]
NO_SPARK = {"PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"}


def get_block(page, library):
    text = (ROOT / f"{page}.md").read_text(encoding="utf8")
    (block,) = re.findall(rf"```python requires={library}\n(.*?)```", text, re.DOTALL)
    return block


@pytest.fixture
def folder(tmp_path):
    """Where a page's code is run: with a trained pipeline, and a table of tickets."""
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "training").mkdir()
    shutil.copytree(PIPELINE, tmp_path / "training" / "model-best")
    rows = {"id": list(range(50)), "text": TEXTS * 10}
    parquet.write_table(pa.table(rows), tmp_path / "tickets.parquet")
    return tmp_path


def run_block(folder, page, library, *before):
    """RETURNS (str): What the block has printed, as a script of its own."""
    pytest.importorskip(library)
    if library == "pyspark" and not shutil.which("java"):
        pytest.skip("Spark needs Java")
    (folder / "label.py").write_text(get_block(page, library), encoding="utf8")
    command = [*(before or [sys.executable]), "label.py"]
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **NO_SPARK, "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frame_is_labelled_by_one_call(folder, library):
    said = run_block(folder, "docs/scaling", library)
    assert "bank/card" in said and "travel/flight" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "library, before",
    [
        ("ray", []),
        ("dask", []),
        ("pyspark", ["spark-submit", "--master", "local-cluster[2,1,1024]"]),
    ],
)
def test_engine_gives_what_one_process_gives(folder, library, before):
    scripts = Path(sys.executable).parent
    before = [str(scripts / before[0]), *before[1:]] if before else []
    said = run_block(folder, "docs/scaling", library, *before)
    found = pa.parquet.read_table(folder / "labelled").to_pylist()
    read = pa.parquet.read_table(folder / "tickets.parquet")
    own = pa.Table.from_batches(batch.classify(read, PIPELINE)).to_pylist()
    assert sorted(found, key=lambda row: row["id"]) == own
    if library == "pyspark":
        assert "'rows': 50, " in said and "'failed': 10}" in said


@contextmanager
def serve(folder, port):
    """Run what the page says, but on a port that is free."""
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf8")
    (line,) = re.findall(r"^uvicorn (.*)$", page, re.MULTILINE)
    command = [sys.executable, "-m", "uvicorn", *line.split(), "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        yield
    finally:
        server.terminate()
        server.wait(timeout=30)


def ask(port, text, max_wait=120):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/label",
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    end = time.monotonic() + max_wait
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


@pytest.mark.slow
def test_service_answers_over_http(folder):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    block = get_block("docs/serving", "fastapi")
    assert len(block.strip().splitlines()) <= 15
    assert block == get_block("README", "fastapi")
    (folder / "service.py").write_text(block, encoding="utf8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nlp = spacy.load(PIPELINE)
    with serve(folder, port):
        for text in ("I lost my card", "book a flight to Rome"):
            expected = nlp(text)._.longtail
            assert ask(port, text) == {
                "label": expected.label,
                "probability": expected.probability,
            }
