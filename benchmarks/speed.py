"""Texts per second where users run it: parts of the pipeline, processes, kept results,
beside spaCy's textcat and fastText.

    python benchmarks/speed.py --data DIR [--pipeline DIR] [--rounds 3]

Trains a pipeline the README's way unless one is given. All kinds of use are measured in
turn, in processes of their own and the environment as it is, so that what counts, the
ratios, is from one run. Wants a machine that does nothing else. The result is written
to results/performance/speed.json, of which tables.py makes docs/scaling.md.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from common import get_parser
from harness.pages import write_json
from harness.worker import describe_machine
from systems import find_missing
from systems.commands import run_spacy

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "performance" / "speed.json"
FIRST, TOP = {"fallback": False}, {"top_k": 10}
# Kinds of use: what is measured, and in how many processes at a time.
USES: Dict[str, Dict[str, Any]] = {
    "empty": {"system": "empty"},
    "textcat": {"system": "textcat"},
    "first": {"system": "ours", **FIRST},
    "pair": {"system": "ours"},
    "first_top": {"system": "ours", **FIRST, **TOP},
    "pair_top": {"system": "ours", **TOP},
    "fasttext": {"system": "fasttext"},
    "fasttext_top": {"system": "fasttext", **TOP},
    "kept": {"system": "ours", "keeps": True},
    "two": {"system": "ours", "copies": 2},
    "four": {"system": "ours", "copies": 4},
    "pipe_two": {"system": "ours", "n_process": 2},
    "textcat_pipe_two": {"system": "textcat", "n_process": 2},
}
# What is compared with what.
RATIOS = {
    "two": "pair",
    "four": "pair",
    "kept": "pair",
    "pipe_two": "textcat_pipe_two",
    "first": "textcat",
    "pair": "textcat",
    "first_top": "textcat",
    "pair_top": "textcat",
}


def train(data: Path, work: Path) -> Path:
    """Train the README's way. RETURNS (Path): The pipeline."""
    config, corpus, out = work / "c.cfg", work / "corpus", work / "out"
    run_spacy("longtail", "convert", data, corpus)
    run_spacy("longtail", "init-config", corpus / "train.spacy", config)
    paths = [f"--paths.{x}={corpus / x}.spacy" for x in ("train", "dev")]
    run_spacy("train", config, "--output", out, *paths)
    return out / "model-best"


def call(module: str, plan: Dict[str, Any]) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module, json.dumps(plan)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
    )


def collect(processes: List["subprocess.Popen[str]"]) -> List[Any]:
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("A measurement has failed, see above")
    return [json.loads(output.splitlines()[-1]) for output in outputs]


def measure(plan: Dict[str, Any], rounds: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): "rates" by the clock and "cpu_rates" of each use, texts
    per second of all its processes in the best round; "shares".
    """
    rates: Dict[str, float] = {}
    cpu_rates: Dict[str, float] = {}
    skipped = {"fasttext", "fasttext_top"} if find_missing("fasttext") else set()
    for _ in range(rounds):
        for name, use in USES.items():
            if name in skipped:
                continue
            own = {**plan, **use}
            copies = own.pop("copies", 1)
            found = collect([call("performance.rates", own) for _ in range(copies)])
            rate, cpu_rate = (sum(part) for part in zip(*found))
            rates[name] = max(rates.get(name, 0.0), rate)
            cpu_rates[name] = max(cpu_rates.get(name, 0.0), cpu_rate)
            print(f"{name}: {rate:,.0f} texts a second", flush=True)
    shares = {
        name: collect([call("performance.shares", {**plan, **USES[name]})])[0]
        for name in ("first", "first_top", "pair", "pair_top")
    }
    return {"rates": rates, "cpu_rates": cpu_rates, "shares": shares}


def main() -> None:
    parser = get_parser(__doc__ or "")
    parser.add_argument("--dataset", default="clinc150_lt")
    parser.add_argument("--pipeline", type=Path, help="A trained one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--n-texts", type=int, default=12000)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    data = args.data / args.dataset
    with tempfile.TemporaryDirectory() as name:
        plan = {
            "pipeline": str(args.pipeline or train(data, Path(name))),
            "texts": str(data / "test.jsonl"),
            "train": str(data / "train.jsonl"),
            "work": name,
            "n_texts": args.n_texts,
            "n_rounds": 3,
        }
        found = measure(plan, args.rounds)
    found.update(describe_machine("efficiency"), data=args.dataset)
    write_json(args.out, found)
    for name, base in RATIOS.items():
        print(
            f"{name} beside {base}: {found['rates'][name] / found['rates'][base]:.2f}"
        )


if __name__ == "__main__":
    main()
