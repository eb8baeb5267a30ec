"""Compare systems on data sets: one process a run, in turn, and go on where it stopped.

    python benchmarks/run.py --data DIR --datasets clinc150_lt fr_rome
        --systems efficiency linear_svc --seeds 0 1 2

A system can have options: "linear_svc:C=10", "efficiency:loss=focal,tune=false". A data
set is a folder in DIR, for a language other than English with it: "my_texts=fi". The
results are lines of JSON in --out, from which tables.py makes the pages.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any, Dict, List, Optional

from harness.corpus import DATASETS, find_language, read_task
from harness.results import ResultT, add_result, get_key, read_results
from harness.worker import MARK
from systems import SYSTEMS, find_missing, parse_name

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
REQUIREMENTS = "pip install -r benchmarks/requirements-peers.txt"
# One thread, so that all systems have the same.
SETTING = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def parse_arguments(words: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("LONGTAIL_DATA", HERE.parent / "data")),
        help="Folder with NAME/{train,dev,test}.jsonl; or set LONGTAIL_DATA",
    )
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS)[:-1])
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument(
        "--limit", type=int, default=900, help="Seconds of a processor; 0 for no limit"
    )
    parser.add_argument("--force", action="store_true", help="Run what is there again")
    return parser.parse_args(words)


def main(words: Optional[List[str]] = None) -> int:
    args = parse_arguments(words)
    systems = [name for name in args.systems if is_installed(name)]
    failed = 0
    # The systems in turn, so that they share whatever else the machine does.
    for seed, where, system in product(args.seeds, args.datasets, systems):
        name, _, lang = where.partition("=")
        entry = SYSTEMS[parse_name(system)[0]]
        plan = {
            "data": str(args.data / name),
            "lang": lang or find_language(name),
            "system": system,
            "seed": seed,
            "split": args.split,
            "limit": args.limit,
        }
        first = entry.seeded or seed == args.seeds[0]
        if not first or not is_needed(plan, name, args) or not fits(plan, entry.kinds):
            continue
        result = run_alone(plan)
        failed += result is None
        if result is not None:
            add_result(args.out, name, result)
    return min(failed, 1)


def is_installed(system: str) -> bool:
    missing = find_missing(system)
    if missing:
        print(f"{system}: skipped, without {', '.join(missing)}. {REQUIREMENTS}")
    return not missing


def is_needed(plan: Dict[str, Any], name: str, args: argparse.Namespace) -> bool:
    return args.force or get_key(plan) not in read_results(args.out, name)


def fits(plan: Dict[str, Any], kinds: str) -> bool:
    """RETURNS (bool): Whether a system can do with one or several labels a text."""
    if kinds == "both":
        return True
    several = read_task(Path(plan["data"]), "en", 0, HERE).several
    return several == (kinds == "several")


def run_alone(plan: Dict[str, Any]) -> Optional[ResultT]:
    """Do a run in a process of its own.

    RETURNS (Optional[ResultT]): The result; None if it failed, which has been printed.
    """
    title = f"{Path(plan['data']).name}, {plan['system']}, seed {plan['seed']}"
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "harness.worker"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        env={**os.environ, **SETTING, "PYTHONPATH": path.rstrip(os.pathsep)},
    )
    seconds = time.perf_counter() - start
    found = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if found:
        result = json.loads(found[-1][len(MARK) :])
        macro, cpu = result["scores"]["macro"], result["train"]["cpu_s"]
        print(f"{title}: {macro:.3f}, {cpu:.1f} s of {seconds:.0f} s", flush=True)
        return result
    if was_too_slow(done):
        print(f"{title}: over {plan['limit']} s", flush=True)
        keys = ("system", "seed", "split")
        own = {"data": Path(plan["data"]).name, **{key: plan[key] for key in keys}}
        return {**own, "over_cpu_s": plan["limit"], "date": str(date.today())}
    print(f"{title}: failed\n{done.stderr[-2000:]}", flush=True)
    return None


def was_too_slow(done: "subprocess.CompletedProcess[str]") -> bool:
    """RETURNS (bool): Whether the process, or one that it started, ran out of time."""
    stopped = -signal.SIGXCPU
    return done.returncode == stopped or f"died with {signal.SIGXCPU!r}" in done.stderr


if __name__ == "__main__":
    sys.exit(main())
