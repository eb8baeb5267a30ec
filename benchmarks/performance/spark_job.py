"""One run of Spark over files of rows, in a process of its own, for spark.py."""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

# Of all processes of Linux: hundredths of a second.
TICKS = 100.0


def find_processes() -> Iterator[Tuple[int, str, int]]:
    """YIELDS (Tuple[int, str, int]): Id of this process and all that it has started,
    directly or not, its command, and its parent's id.
    """
    parents, commands = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            commands[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
    own = {os.getpid()}
    for _ in parents:
        more = {pid for pid, parent in parents.items() if parent in own} - own
        if not more:
            break
        own |= more
    yield from ((pid, commands[pid], parents[pid]) for pid in own if pid in parents)


def get_cpu(name: str = "") -> float:
    """RETURNS (float): Seconds of all processes that are there, or of those whose
    command has a name in it.
    """
    total = 0.0
    for pid, command, _ in find_processes():
        if name not in command:
            continue
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / TICKS
    return total


def get_megabytes() -> Dict[str, float]:
    """RETURNS (Dict[str, float]): Of the largest Python worker, and of the largest
    executor without it.
    """
    found = {"worker_mb": 0.0, "jvm_mb": 0.0}
    for pid, command, _ in find_processes():
        is_jvm = "CoarseGrainedExecutorBackend" in command
        if not is_jvm and "pyspark.daemon" not in command:
            continue
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        sizes = [line.split()[1] for line in lines if line.startswith("VmRSS")]
        key = "jvm_mb" if is_jvm else "worker_mb"
        found[key] = max(found[key], *(int(size) * 1024 / 1e6 for size in sizes))
    return found


def make_session(plan: Dict[str, Any]) -> Any:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.shuffle.partitions": "8",
        "spark.python.worker.reuse": str(plan.get("reuse", True)).lower(),
        "spark.sql.execution.arrow.maxRecordsPerBatch": plan.get("batch_size", 10000),
        "spark.executor.extraJavaOptions": plan.get("java", ""),
        # A task a file.
        "spark.sql.files.openCostInBytes": "134217728",
    }
    builder = SparkSession.builder.master("local-cluster[2,1,1024]")
    for name, value in settings.items():
        builder = builder.config(name, str(value))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def main() -> None:
    begin = time.perf_counter()
    plan = json.loads(sys.argv[1])
    session = make_session(plan)
    from pyspark.sql import Observation

    from spacy_longtail.spark import classify

    rows = session.read.parquet(plan["rows"])

    def label(frame: Any, output: str) -> None:
        observe = Observation("counts") if plan.get("observe") else None
        two = plan.get("two_phases", False)
        found = classify(frame, plan["pipeline"], observe=observe, two_phases=two)
        found.write.mode("overwrite").parquet(output)

    # Every worker starts and loads the pipeline, unless none is used again.
    label(rows.limit(64).repartition(8), f"{plan['output']}-start")
    start, cpu, worker_cpu = time.perf_counter(), get_cpu(), get_cpu("pyspark.daemon")
    label(rows, plan["output"])
    seconds = time.perf_counter() - start
    found = {"seconds": seconds, "start": start - begin, "cpu": get_cpu() - cpu}
    found["worker_cpu"] = get_cpu("pyspark.daemon") - worker_cpu
    print(json.dumps({**found, **get_megabytes()}))
    session.stop()
    shutil.rmtree(plan["output"])


if __name__ == "__main__":
    main()
