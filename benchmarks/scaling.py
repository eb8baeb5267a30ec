"""How time and memory grow with labels, tokens and documents, on made-up corpora.

    python benchmarks/scaling.py [--studies labels tokens docs] [--out FILE]

One process a measurement, in turn. What takes longer than --limit seconds of a
processor, or more memory than --memory, is noted as that, and the same system isn't
asked for more. The results are lines of JSON in --out, of which tables.py makes
docs/scaling.md. With the environment as it is.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from harness.results import round_floats
from harness.worker import describe_machine
from performance.systems import SYSTEMS
from performance.worker import MARK

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "performance" / "scaling.jsonl"
USUAL = {"n_labels": 150, "n_texts": 6000, "n_tokens": 12, "n_streamed": 4096}
# What each study changes, and in which steps.
STUDIES: Dict[str, Dict[str, List[int]]] = {
    "labels": {"n_labels": [100, 300, 1000, 3000, 8000, 20000, 50000]},
    "tokens": {"n_tokens": [10, 30, 100, 300, 1000, 3000, 5000]},
    "docs": {"n_streamed": [1000, 10000, 100000, 1000000]},
}


def make_plans(study: str, system: str) -> Iterator[Dict[str, Any]]:
    """YIELDS (Dict[str, Any]): From the smallest to the largest."""
    for key, values in STUDIES[study].items():
        for value in values:
            plan = {"study": study, "system": system, **USUAL, key: value}
            if study == "labels":
                # 60,000 texts at most, and at least one a label.
                plan["n_texts"] = min(max(20 * value, 2000), 60000)
            if study == "tokens":
                plan["n_texts"] = 1000
                plan["n_streamed"] = max(200000 // value, 256)
            yield plan


def run_alone(plan: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """RETURNS (Optional[Dict[str, Any]]): The result, None if it has failed."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "performance.worker"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
    )
    found = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    own = {key: plan[key] for key in plan if key not in ("limit", "memory_gb")}
    if found:
        return json.loads(found[-1][len(MARK) :])
    if done.returncode == -signal.SIGXCPU:
        return {**own, "over": f"{plan['limit']} s"}
    # Libraries in C++ abort, or crash, where there's no more memory.
    crashes = (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV)
    if done.returncode in crashes or "MemoryError" in done.stderr:
        return {**own, "over": f"{plan['memory_gb']} GB"}
    print(done.stderr[-2000:], file=sys.stderr)
    return None


def main(words: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--most", type=int, default=10**9, help="Largest step")
    parser.add_argument("--limit", type=int, default=300, help="Seconds of a processor")
    parser.add_argument("--memory", type=float, default=12.0, help="GB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(words)
    failed, more = 0, {"limit": args.limit, "memory_gb": args.memory}
    for study in args.studies:
        plans = [list(make_plans(study, system)) for system in args.systems]
        stopped = set()
        for plan in (plan for step in zip(*plans) for plan in step):
            key = next(iter(STUDIES[study]))
            if plan["system"] in stopped or plan[key] > args.most:
                continue
            result = run_alone({**plan, "seed": args.seed, **more})
            if result is None or "over" in result:
                stopped.add(plan["system"])
            failed += result is None
            if result is not None:
                result.update(describe_machine("efficiency"))
                add_result(args.out, key, round_floats(result))
                print_result(key, result)
    return min(failed, 1)


def add_result(out: Path, key: str, result: Dict[str, Any]) -> None:
    """Write a result in the place of an older one of the same study and step."""

    def identify(found: Dict[str, Any]) -> Any:
        return [found[name] for name in ("study", "system", *USUAL, "seed")]

    old = [json.loads(line) for line in out.open()] if out.exists() else []
    kept = [found for found in old if identify(found) != identify(result)]
    lines = sorted([*kept, result], key=identify)
    out.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    out.write_text(text, encoding="utf8")


def print_result(key: str, result: Dict[str, Any]) -> None:
    text = f"over {result['over']}" if "over" in result else f"{result['ms']:.3f} ms"
    more = {name: round(result[name], 1) for name in result if name.endswith("_mb")}
    epoch = result.get("epoch_s")
    seconds = "" if epoch is None else f", epoch {epoch:.1f} s"
    print(f"{key} {result[key]:,}, {result['system']}: {text}{seconds} {more}")


if __name__ == "__main__":
    sys.exit(main())
