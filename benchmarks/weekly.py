"""Is a pipeline that is updated week by week as good as one that is trained anew?

    python benchmarks/weekly.py --data DIR [--seeds 0 1]

Cuts the training texts of clinc150_lt in five weeks. Which texts belong to which week,
and which 30 of the 150 categories arrive after the first one, depends on hashes of
texts and labels alone. The first week is trained from scratch, with the efficiency
config, and `update` trains each later one on all texts so far. At the end stand the
scores of the last update, and beside them those of trainings from scratch on all texts:
as the config says, and with as few steps as an update. Other settings of `update` are
scored on dev only, which is what its defaults were chosen by.

The result is written to results/performance/weekly.json, of which tables.py makes
docs/commands/update.md.
"""

import argparse
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

from common import CONFIG, get_parser, read_examples, train, write_corpus
from harness.measure import Clock
from harness.pages import write_json
from harness.worker import describe_machine
from spacy.util import load_model_from_path

from spacy_longtail.updating import update_pipeline

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "performance" / "weekly.json"
NAME, N_WEEKS, N_LATE = "clinc150_lt", 5, 30
SPLITS = ("train", "dev", "test")
# Shares of what was learned.
KEPT = (0.0, 1.0)
METRICS = {x: f"longtail_{x}_f" for x in ("macro", "head", "mid", "tail")}
METRICS["accuracy"] = "longtail_accuracy"
RowsT = List[Dict[str, str]]


def draw(*parts: Any) -> int:
    """RETURNS (int): Always the same number for the same parts."""
    text = "|".join(map(str, parts)).encode("utf8")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def cut(splits: Dict[str, RowsT], seed: int) -> List[Dict[str, RowsT]]:
    """Cut a data set in weeks.

    RETURNS (List[Dict[str, RowsT]]): All texts so far, week by week; of dev and test
        those of categories that have arrived.
    """
    labels = {row["label"] for row in splits["train"]}
    late = sorted(labels, key=lambda label: draw(seed, "label", label))[:N_LATE]
    first = {label: 2 + i % (N_WEEKS - 1) for i, label in enumerate(late)}
    weeks = []
    for week in range(1, N_WEEKS + 1):
        rows = []
        for row in splits["train"]:
            start = first.get(row["label"], 1)
            arrival = start + draw(seed, row["text"]) % (N_WEEKS + 1 - start)
            rows += [row] if arrival <= week else []
        known = {row["label"] for row in rows}
        found = {"train": rows}
        for name in SPLITS[1:]:
            found[name] = [row for row in splits[name] if row["label"] in known]
        weeks.append(found)
    return weeks


def write_weeks(data: Path, folder: Path, seed: int) -> List[Path]:
    """RETURNS (List[Path]): A folder for each week, with .jsonl and .spacy files."""
    splits = {
        name: [json.loads(line) for line in (data / NAME / f"{name}.jsonl").open()]
        for name in SPLITS
    }
    folders = []
    for week, found in enumerate(cut(splits, seed), 1):
        folders.append(folder / f"week{week}")
        folders[-1].mkdir()
        for name, rows in found.items():
            path = folders[-1] / f"{name}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            write_corpus(path, path.with_suffix(".spacy"))
    return folders


def score(nlp: Any, path: Path) -> Dict[str, float]:
    found = nlp.evaluate(read_examples(nlp, path))
    return {key: found[name] for key, name in METRICS.items()}


def train_new(folder: Path, seed: int, **more: Any) -> Tuple[Any, float]:
    """RETURNS (Tuple[Language, float]): Trained from scratch, and the CPU seconds."""
    with Clock() as clock:
        settings = {"system.seed": seed, **more}
        nlp, _ = train(folder, settings, config=CONFIG, use="model-last")
    return nlp, clock.cpu


def update_all(
    start: Path, folders: List[Path], out: Path, seed: int, **settings: Any
) -> Tuple[Path, List[Dict[str, Any]]]:
    """RETURNS (Tuple[Path, List[Dict[str, Any]]]): The last pipeline, and what each
    update said and took.
    """
    weeks = []
    for week, folder in enumerate(folders[1:], 2):
        target = out / f"updated{week}"
        with Clock() as clock:
            result = update_pipeline(
                str(start), folder, target, seed=seed, force=True, **settings
            )
        scores = {key: s.after.value for key, s in result.scores.items()}
        weeks.append(
            {
                "week": week,
                "cpu_s": clock.cpu,
                "n_docs": result.n_docs,
                "n_new": result.n_new,
                "steps": result.steps,
                "dev": scores,
                "n_worse": len(result.worse),
            }
        )
        start = target
        print(weeks[-1], flush=True)
    return start, weeks


def run(data: Path, seed: int, *, has_variants: bool) -> Dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        folders = write_weeks(data, work, seed)
        test, dev = (folders[-1] / f"{name}.jsonl" for name in ("test", "dev"))
        first, _ = train_new(folders[0], seed)
        first.to_disk(work / "first")
        end, weeks = update_all(work / "first", folders, work, seed)
        nlp = load_model_from_path(end)
        steps = weeks[-1]["steps"]
        found: Dict[str, Any] = {"seed": seed, "weeks": weeks, "steps": steps}
        found["update"] = {"cpu_s": weeks[-1]["cpu_s"], "test": score(nlp, test)}
        found["update"]["dev"] = score(nlp, dev)
        few = {
            "training.max_steps": steps,
            "training.eval_frequency": steps,
            "training.optimizer.learn_rate.total_steps": steps,
        }
        for key, more in (("scratch", {}), ("scratch_few", few)):
            nlp, seconds = train_new(folders[-1], seed, **more)
            scores = {"dev": score(nlp, dev), "test": score(nlp, test)}
            found[key] = {"cpu_s": seconds, **scores}
            print(key, found[key], flush=True)
        found["variants"] = {}
        for keep in KEPT if has_variants else ():
            end, _ = update_all(work / "first", folders, work, seed, keep=keep)
            scores = score(load_model_from_path(end), dev)
            found["variants"][f"keep {keep}"] = scores
            print(keep, scores, flush=True)
        return found


def main() -> None:
    parser: argparse.ArgumentParser = get_parser(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    runs = []
    for i, seed in enumerate(args.seeds):
        is_last = i == len(args.seeds) - 1
        runs.append(run(args.data, seed, has_variants=is_last))
        write_json(OUT, {**describe_machine("efficiency"), "runs": runs})


if __name__ == "__main__":
    main()
