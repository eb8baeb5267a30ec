"""Rows a second of `spacy longtail predict`, beside nlp.pipe over the same texts in one
process, and what two phases save if the ranker is expensive.

    python benchmarks/predict.py --data DIR [--pipeline DIR] [--rounds 3] [--phases]

Trains a pipeline the README's way unless one is given, and makes rows of a data set's
texts. Each kind of use is a process of its own, in the environment as it is, and all
are measured in turn. The result is written to results/performance/predict.json, or
predict-phases.json: with --phases, MiniLM ranks what is routed, which needs the extra
"embeddings". tables.py makes docs/scaling.md of it. Wants a machine that does nothing
else.
"""

import json
import resource
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
# Shares of the rows that are to be routed.
SHARES = (0.01, 0.05, 0.2, 0.5, 1.0)
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
    its largest process in MB.
    """
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, command)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout[done.stdout.index("{") :])
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {**found, "all_seconds": time.perf_counter() - start, "mb": largest}


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


def find_thresholds(pipeline: Path, rows: Path) -> Dict[float, float]:
    """RETURNS (Dict[float, float]): Of each of SHARES, the 'route_threshold' by which
    that many rows are routed.
    """
    import csv

    import numpy
    import spacy

    nlp = spacy.load(pipeline)
    with rows.open(encoding="utf8") as lines:
        texts = [row["text"] for row in csv.DictReader(lines)][:5000]
    with nlp.select_pipes(disable=["zero_shot_fallback"]):
        masses = [doc._.longtail.other[1] for doc in nlp.pipe(texts)]
    return {share: float(numpy.quantile(masses, 1.0 - share)) for share in SHARES}


def measure_phases(pipeline: Path, rows: Path, out: Path) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Seconds in one and in two phases, at several
    shares of routed rows.
    """
    import spacy

    found = []
    for share, threshold in find_thresholds(pipeline, rows).items():
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
    parser.add_argument("--phases", action="store_true")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    data = args.data / args.dataset
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make = train_cascade if args.phases else train
        pipeline = args.pipeline or make(data, work)
        rows = work / "rows.csv"
        write_rows(rows, data / "test.jsonl", args.n_rows)
        found: Dict[str, Any]
        if args.phases:
            found = {"phases": measure_phases(pipeline, rows, work)}
        else:
            found = {"uses": measure(pipeline, rows, work, args.rounds)}
    found.update(describe_machine("efficiency"), data=args.dataset, n_rows=args.n_rows)
    write_json(args.out / f"predict{'-phases' if args.phases else ''}.json", found)


if __name__ == "__main__":
    main()
