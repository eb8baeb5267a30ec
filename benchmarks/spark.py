"""Rows a second that Spark labels, beside `spacy longtail predict` in two processes.

    python benchmarks/spark.py --data DIR [--pipeline DIR] [--rounds 3]

Needs the extra "spark", Java and two processors. Trains a pipeline the README's way
unless one is given, and makes rows of a data set's texts. Both read and write Parquet,
Spark in local-cluster[2,1,1024]: two executors of one core. Each is a process of its
own, and both are measured in turn; the median round counts. Spark is timed without its
start, in which workers load the pipeline; predict with and without its own. The result
is written to results/performance/spark.json, of which tables.py makes docs/scaling.md.
Wants a machine that does nothing else.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from common import get_parser
from harness.measure import Clock, get_disk_megabytes
from harness.pages import write_json
from harness.worker import describe_machine, get_version
from performance.rows import make_rows
from speed import train

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "performance" / "spark.json"
# Files of the rows: partitions, for Spark.
N_FILES = 8
USES: Dict[str, Dict[str, Any]] = {
    "predict": {},
    "spark": {},
    "spark_counted": {"observe": True},
    "spark_two_phases": {"two_phases": True},
    "spark_serial": {"java": "-XX:+UseSerialGC"},
    "spark_small_batches": {"batch_size": 1000},
    "spark_new_workers": {"reuse": False},
}


def write_files(folder: Path, source: Path, n_rows: int) -> None:
    """Write the rows as files of Parquet, all about as long."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir()
    numbers, texts = zip(*make_rows(source, n_rows))
    size = -(-n_rows // N_FILES)
    for index, start in enumerate(range(0, n_rows, size)):
        part = slice(start, start + size)
        rows = {"id": numbers[part], "text": texts[part]}
        parquet.write_table(pa.table(rows), folder / f"{index}.parquet")


def run(command: List[Any]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What it printed as JSON, with its seconds in all."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    with Clock() as clock:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *map(str, command)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
        )
    found = json.loads(done.stdout[done.stdout.index("{") :])
    return {"cpu": clock.cpu, **found, "all_seconds": clock.wall}


def measure(name: str, pipeline: Path, rows: Path, work: Path) -> Dict[str, Any]:
    if name != "predict":
        plan = {"pipeline": str(pipeline), "rows": str(rows), **USES[name]}
        plan["output"] = str(work / "labelled")
        return run(["-m", "performance.spark_job", json.dumps(plan)])
    command = ["-m", "spacy", "longtail", "predict", pipeline, rows, "--json"]
    return run([*command, "--n-process", 2, "--force", "--output", work / "out"])


def main() -> None:
    parser = get_parser(__doc__ or "")
    parser.add_argument("--dataset", default="naics2012")
    parser.add_argument("--pipeline", type=Path, help="A trained one")
    parser.add_argument("--n-rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--uses", nargs="+", default=list(USES))
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    data = args.data / args.dataset
    every: Dict[str, List[Dict[str, Any]]] = {use: [] for use in args.uses}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        pipeline = args.pipeline or train(data, work)
        write_files(work / "rows", data / "train.jsonl", args.n_rows)
        size = get_disk_megabytes(pipeline)
        for _ in range(args.rounds):
            for use in args.uses:
                found = measure(use, pipeline, work / "rows", work)
                own = found["seconds"]
                rest = f"{found['all_seconds']:.1f} s, {found['cpu']:.1f} s of CPU"
                print(f"{use}: {own:.1f} of {rest}", flush=True)
                every[use].append(found)
    keys = (
        "seconds",
        "all_seconds",
        "cpu",
        "worker_cpu",
        "start",
        "worker_mb",
        "jvm_mb",
    )
    uses = {}
    for use, rounds in every.items():
        # The median.
        own = sorted(rounds, key=lambda found: found["seconds"])[len(rounds) // 2]
        uses[use] = {key: own[key] for key in keys if key in own}
    about = describe_machine("efficiency")
    about["versions"]["pyspark"] = get_version("pyspark")
    about = {**about, "data": args.dataset, "n_rows": args.n_rows, "pipeline_mb": size}
    write_json(args.out, {**about, "uses": uses})


if __name__ == "__main__":
    main()
