"""What texts that `suggest` chooses bring, beside as many random ones.

    python benchmarks/suggest.py --data DIR [--names clinc150_lt fr_rome]

Trains a pipeline the README's way without tune, lets it choose 200 texts of a pool,
gives them the labels that the data set has for them, and trains again; the same with
the texts whose two most probable labels are closest, and with random ones, for several
seeds. The pool of clinc150_lt is what clinc150 has beyond it, that of any other data
set a part of its training texts, which is held out. Scored are always the labels that
were rare before, on dev and on the test file; choices between ways are made on dev,
which is all that is printed. The result is written to results/suggest/NAME.json, and
tables.py makes docs/commands/suggest.md of it.
"""

import json
import random
import sys
import tempfile
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any, Dict, List, Sequence

import spacy
from common import get_parser
from harness.corpus import DATASETS
from harness.pages import write_json
from harness.worker import describe_machine
from systems.commands import run_spacy

from spacy_longtail.suggest import suggest
from spacy_longtail.texts import hash_text

OUT = Path(__file__).resolve().parent / "results" / "suggest"
N, MID = 200, 10
SEEDS = range(3)
# Of the training texts that are held out.
SHARE = 0.6
RowT = Dict[str, Any]


def read(path: Path) -> List[RowT]:
    with path.open(encoding="utf8") as lines:
        return [json.loads(line) for line in lines]


def write(path: Path, rows: Sequence[RowT]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf8")
    return path


def make_pool(data: Path, name: str) -> Dict[str, List[RowT]]:
    """RETURNS (Dict[str, List[RowT]]): Rows of "train", "dev", "test" and "pool"."""
    found = {x: read(data / name / f"{x}.jsonl") for x in ("train", "dev", "test")}
    rows = found["train"]
    if name == "clinc150_lt":
        rows = [*rows, *read(data / "clinc150" / "train.jsonl")]
    else:
        rows = sorted(rows, key=lambda row: sha256(row["text"].encode()).digest())
        n_own = Counter(row["label"] for row in rows)
        taken: Dict[str, int] = Counter()
        found["train"] = []
        for row in rows:
            # At least one text of each label stays.
            if taken[row["label"]] < max(round((1 - SHARE) * n_own[row["label"]]), 1):
                taken[row["label"]] += 1
                found["train"].append(row)
    seen = {hash_text(row["text"]) for own in found.values() for row in own}
    pool = {hash_text(row["text"]): row for row in rows}
    found["pool"] = [row for key, row in pool.items() if key not in seen]
    return found


def train(
    rows: Dict[str, List[RowT]], more: Sequence[RowT], work: Path, lang: str
) -> Path:
    """RETURNS (Path): The folder of a pipeline."""
    write(work / "raw" / "train.jsonl", [*rows["train"], *more])
    write(work / "raw" / "dev.jsonl", rows["dev"])
    corpus, config = work / "corpus", work / "config.cfg"
    run_spacy("longtail", "convert", work / "raw", corpus, "--lang", lang, "--force")
    own = corpus / "train.spacy"
    run_spacy("longtail", "init-config", own, config, "--lang", lang, "--force")
    paths = ["--paths.train", own, "--paths.dev", corpus / "dev.spacy"]
    run_spacy("train", config, "--output", work / "out", *paths)
    return work / "out" / "model-best"


def score(
    pipeline: Path, rows: Dict[str, List[RowT]], rare: Sequence[str]
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Scores on dev and test."""
    nlp: Any = spacy.load(pipeline)
    return {split: score_rows(nlp, rows[split], rare) for split in ("dev", "test")}


def score_rows(nlp: Any, rows: Sequence[RowT], rare: Sequence[str]) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): macro-F1 of all labels and of the rare ones."""
    docs = nlp.pipe([row["text"] for row in rows])
    given = [doc._.longtail.label for doc in docs]
    gold = [row["label"] for row in rows]
    right = Counter(a for a, b in zip(given, gold) if a == b)
    total = Counter(given) + Counter(gold)
    f = {label: 2 * right[label] / total[label] for label in set(gold)}
    tail = [f[label] for label in rare if label in f]
    return {"macro_f": sum(f.values()) / len(f), "tail_f": sum(tail) / len(tail)}


def choose(pipeline: Path, pool: Path) -> Dict[str, List[str]]:
    """RETURNS (Dict[str, List[str]]): The texts of each way to choose them."""
    texts = [row["text"] for row in read(pool)]
    found = {f"random {i}": random.Random(i).sample(texts, N) for i in SEEDS}
    nlp: Any = spacy.load(pipeline)
    margins = {}
    for doc in nlp.pipe(texts):
        first, second = sorted(doc.cats.values())[-1:-3:-1]
        margins[doc.text] = first - second
    found["margin"] = sorted(margins, key=lambda text: margins[text])[:N]
    suggestions = suggest(pipeline, pool, N, "tail").rows
    found["suggest"] = [row["text"] for row in suggestions]
    return found


def measure(data: Path, name: str) -> Dict[str, Any]:
    rows = make_pool(data, name)
    counts = Counter(row["label"] for row in rows["train"])
    rare = [label for label, n in counts.items() if n < MID]
    lang = DATASETS[name].lang
    labels = {row["text"]: row for row in rows["pool"]}
    result: Dict[str, Any] = {
        "n_train": len(rows["train"]),
        "n_pool": len(rows["pool"]),
        "n_labels": len(counts),
        "n_rare": len(rare),
        "n": N,
        "ways": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        base = train(rows, [], work / "base", lang)
        result["before"] = score(base, rows, rare)
        pool = write(work / "pool.jsonl", [{"text": text} for text in labels])
        for way, texts in choose(base, pool).items():
            more = [labels[text] for text in texts]
            found = score(train(rows, more, work / way, lang), rows, rare)
            found["of_rare"] = sum(row["label"] in rare for row in more)
            result["ways"][way] = found
            print(name, way, found["dev"], flush=True)
    return result


def main() -> int:
    parser = get_parser(__doc__)
    parser.add_argument("--names", nargs="*", default=["clinc150_lt", "fr_rome"])
    args = parser.parse_args()
    for name in args.names:
        result = measure(args.data, name)
        result["machine"] = describe_machine("efficiency")
        write_json(OUT / f"{name}.json", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
