"""One run in a process of its own: train, save, load, predict, measure.

Started by run.py, with what to do as JSON on stdin. Prints the result as JSON, in a
line of its own that starts with MARK.
"""

import json
import platform
import resource
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Dict, List

from systems import SYSTEMS, make_system, parse_name

from .corpus import read_split, read_task
from .measure import (
    Clock,
    get_disk_megabytes,
    get_peak_megabytes,
    mean,
    measure_speed,
    score,
)
from .results import ResultT, round_floats

ROOT = Path(__file__).resolve().parents[2]
MARK = "RESULT "


def run(plan: Dict[str, Any]) -> ResultT:
    """Do one run.

    plan (Dict[str, Any]): "data" (the folder of the data set), "lang", "system",
        "seed" and "split".
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        task = read_task(Path(plan["data"]), plan["lang"], plan["seed"], work)
        test = read_split(task.folder / f"{plan['split']}.jsonl")
        system = make_system(plan["system"])
        system.prepare(task)
        with Clock() as training:
            system.fit(task)
        peak = get_peak_megabytes()
        saved = work / "saved"
        saved.mkdir()
        system.save(saved)
        disk = get_disk_megabytes(saved)
        system.load(saved)
        with Clock() as loading:
            system.load(saved)
        scores = score(system.predict(test.texts), test.labels, task.train)
        speed = measure_speed(system.predict, test.texts)
    result = {
        "data": task.name,
        **{key: plan[key] for key in ("system", "seed", "split")},
        "settings": system.settings,
        "scores": {**scores, "gold_per_doc": mean(map(len, test.labels))},
        "train": {"cpu_s": training.cpu, "wall_s": training.wall, **system.costs},
        "memory_mb": peak,
        "disk_mb": disk,
        "load_cpu_s": loading.cpu,
        "docs_per_cpu_s": speed,
        "n": {
            "train": len(task.train.texts),
            "test": len(test.texts),
            "labels": len(task.names),
        },
        **describe_machine(parse_name(plan["system"])[0]),
    }
    return round_floats(result)


def describe_machine(system: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What a figure depends on beside the settings."""
    packages: List[str] = [*SYSTEMS[system].packages, "numpy"]
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(git, capture_output=True, text=True)
    return {
        "date": str(date.today()),
        "commit": found.stdout.strip() or "unknown",
        "machine": f"{platform.system()} {platform.machine()}, {read_processor()}",
        "versions": {
            "python": platform.python_version(),
            **{name: get_version(name) for name in sorted(packages)},
        },
    }


def get_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def read_processor() -> str:
    """RETURNS (str): The name of the processor, where Linux tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return f"{names[0].strip()} × {len(names)}" if names else platform.processor()


def main() -> None:
    plan = json.load(sys.stdin)
    if plan["limit"]:
        # The process ends with a signal when it has used up its time.
        resource.setrlimit(resource.RLIMIT_CPU, (plan["limit"], plan["limit"] + 10))
    print(MARK + json.dumps(run(plan)), flush=True)


if __name__ == "__main__":
    main()
