"""Rows a second of `spacy longtail predict`, beside nlp.pipe over the same texts in one
process, and what two phases save if the ranker is expensive.

    python benchmarks/predict.py --data DIR [--pipeline DIR] [--rounds 3]
    python benchmarks/predict.py --data DIR --phases --n-rows 8000
    python benchmarks/predict.py --data DIR --memory

Trains a pipeline the README's way unless one is given, and makes rows of a data set's
texts. Each kind of use is a process of its own, in the environment as it is, and all
are measured in turn. The result is written to results/performance/predict.json. With
--phases, MiniLM ranks what is routed, which needs the extra "embeddings", and the
result is predict-phases.json; with --memory, tables are longer and longer, up to two
million rows, and it's predict-memory.json. tables.py makes docs/scaling.md of them.
Wants a machine that does nothing else.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List

from common import get_parser
from harness.pages import write_json
from harness.worker import describe_machine
from performance.rows import write_rows
from speed import train
from systems.commands import run_spacy

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "performance"
# Rows of tables whose memory is measured.
LENGTHS = (100_000, 500_000, 1_000_000, 2_000_000)
# Shares of the rows that are to be routed.
SHARES = (0.01, 0.05, 0.2, 1.0)
PIPE = """
import csv, json, sys, time
import spacy
texts = [row["text"] for row in csv.DictReader(open(sys.argv[2], encoding="utf8"))]
nlp = spacy.load(sys.argv[1])
next(nlp.pipe(["one"]))
start = time.perf_counter()
for doc in nlp.pipe(texts):
    pass
print(json.dumps({"seconds": time.perf_counter() - start}))
"""


def run(command: List[Any]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What it printed as JSON, with the seconds in all and
    the MB of its largest process.
    """
    start, python = time.perf_counter(), [sys.executable, "-W", "ignore"]
    with subprocess.Popen([*python, *map(str, command)], stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        printed = job.stdout.read().decode()
        _, status, usage = os.wait4(job.pid, 0)
        job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise SystemExit(f"{command} ended with {job.returncode}")
    found = json.loads(printed[printed.index("{") :])
    sizes = {"all_seconds": time.perf_counter() - start, "mb": usage.ru_maxrss / 1000}
    return {**found, **sizes}


def predict(pipeline: Path, rows: Path, out: Path, *options: Any) -> Dict[str, Any]:
    command = ["-m", "spacy", "longtail", "predict", pipeline, rows, "--json"]
    return run([*command, "--force", "--output", out / "out.csv", *options])


def measure(pipeline: Path, rows: Path, out: Path, rounds: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Of each use, its best round."""
    uses = {
        "pipe": lambda: run(["-c", PIPE, pipeline, rows]),
        "one": lambda: predict(pipeline, rows, out),
        "two": lambda: predict(pipeline, rows, out, "--n-process", 2),
    }
    best: Dict[str, Any] = {}
    for _ in range(rounds):
        for name, use in uses.items():
            found = use()
            seconds = found["seconds"]
            print(f"{name}: {seconds:.1f} of {found['all_seconds']:.1f} s", flush=True)
            if name not in best or seconds < best[name]["seconds"]:
                keys = ("seconds", "all_seconds", "mb")
                best[name] = {key: found[key] for key in keys}
    return best


def sort_rows(pipeline: Path, rows: Path) -> Dict[float, float]:
    """Put the rows first that need the second stage most, as those of one source often
    stand together.

    RETURNS (Dict[float, float]): Of each of SHARES, the 'route_threshold' by which that
        many rows are routed.
    """
    import csv

    import numpy
    import spacy

    nlp = spacy.load(pipeline)
    with rows.open(encoding="utf8", newline="") as lines:
        header, *found = csv.reader(lines)
    texts = [row[header.index("text")] for row in found]
    with nlp.select_pipes(disable=["zero_shot_fallback"]):
        masses = [doc._.longtail.other[1] for doc in nlp.pipe(texts)]
    order = numpy.argsort(masses, kind="stable")[::-1]
    with rows.open("w", encoding="utf8", newline="") as file_:
        csv.writer(file_).writerows([header, *(found[i] for i in order)])
    return {share: float(numpy.quantile(masses, 1.0 - share)) for share in SHARES}


def measure_phases(pipeline: Path, rows: Path, out: Path) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Seconds in one and in two phases, at several
    shares of routed rows.
    """
    import spacy

    # As on a cluster: a processor for each process.
    os.environ["OMP_NUM_THREADS"] = "1"
    found = []
    for share, threshold in sort_rows(pipeline, rows).items():
        nlp, own = spacy.load(pipeline), out / f"routed-{share}"
        nlp.get_pipe("zero_shot_fallback").settings.route_threshold = threshold
        nlp.to_disk(own)
        row: Dict[str, Any] = {"wanted": share}
        for name, options in (("one", []), ("two", ["--two-phases"])):
            for n_process in (1, 2):
                result = predict(own, rows, out, "--n-process", n_process, *options)
                row[f"{name}_{n_process}"] = result["seconds"]
                row["share"] = (result["n_routed"] or 0) / result["n_rows"]
        print(row, flush=True)
        found.append(row)
    return found


def measure_memory(pipeline: Path, data: Path, out: Path) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Seconds, and MB of the largest process, of tables
    of so many rows, one in five of which has a word that no other has.
    """
    found = []
    for n_rows in LENGTHS:
        rows = out / "rows.csv"
        write_rows(rows, data / "test.jsonl", n_rows)
        row: Dict[str, Any] = {"rows": n_rows, "file_mb": rows.stat().st_size / 1e6}
        for n_process in (1, 2):
            result = predict(pipeline, rows, out, "--n-process", n_process)
            row[f"seconds_{n_process}"] = result["seconds"]
            row[f"mb_{n_process}"] = result["mb"]
        print(row, flush=True)
        found.append(row)
    return found


def train_cascade(data: Path, work: Path) -> Path:
    """RETURNS (Path): A pipeline whose ranker is MiniLM."""
    config, corpus, out = work / "c.cfg", work / "corpus", work / "out"
    run_spacy("longtail", "convert", data, corpus)
    training = corpus / "train.spacy"
    run_spacy("longtail", "init-config", training, config, "--optimize", "cascade")
    paths = [f"--paths.{x}={corpus / x}.spacy" for x in ("train", "dev")]
    run_spacy("train", config, "--output", out, *paths)
    return out / "model-best"


def main() -> None:
    parser = get_parser(__doc__ or "")
    parser.add_argument("--dataset", default="clinc150_lt")
    parser.add_argument("--pipeline", type=Path, help="A trained one")
    parser.add_argument("--n-rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--phases", action="store_true")
    kinds.add_argument("--memory", action="store_true")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    data = args.data / args.dataset
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make = train_cascade if args.phases else train
        pipeline = args.pipeline or make(data, work)
        rows = work / "rows.csv"
        found: Dict[str, Any]
        name, found = "predict", {"n_rows": args.n_rows}
        if args.memory:
            name = "predict-memory"
            found = {"lengths": measure_memory(pipeline, data, work)}
        else:
            write_rows(rows, data / "test.jsonl", args.n_rows)
            if args.phases:
                name = "predict-phases"
                found["phases"] = measure_phases(pipeline, rows, work)
            else:
                found["uses"] = measure(pipeline, rows, work, args.rounds)
    found.update(describe_machine("efficiency"), data=args.dataset)
    write_json(args.out / f"{name}.json", found)


if __name__ == "__main__":
    main()
