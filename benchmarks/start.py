"""What a list of codes is worth, by itself and with a few texts a label.

    python benchmarks/start.py --data DIR [--systems efficiency accuracy]

Starts a pipeline from the titles and descriptions of naics2012, and trains it further
on 1, 2 and 5 texts of each label, as 'spacy train' does with 'source'. Beside it stands
the same config trained on the same texts and descriptions from nothing. Results are
written to results/starting/naics2012.json, of which tables.py makes a table.
"""

import io
import json
import random
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import spacy
from common import ROOT, get_parser, print_setting
from harness.pages import write_json
from harness.worker import describe_machine
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from spacy.util import load_config

from spacy_longtail.starting import start_pipeline

OUT = ROOT / "benchmarks" / "results" / "starting" / "naics2012.json"
N_TEXTS = (1, 2, 5)
PIPES = ("longtail_textcat", "zero_shot_fallback")
TextsT = List[Tuple[str, str]]


def read(path: Path) -> TextsT:
    with path.open(encoding="utf8") as lines:
        return [(r["text"], r["label"]) for r in map(json.loads, lines)]


def write_list(data: Path, path: Path) -> Path:
    """Write what is known of the labels, a list of codes and a file of descriptions."""
    known = json.loads((data / "codes_and_descriptions.json").read_text("utf8"))
    records = [
        {"label": label, "description": " ".join(known[label]["description"])}
        for label in sorted({label for _, label in read(data / "train.jsonl")})
    ]
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf8")
    return path


def sample(texts: TextsT, n: int, seed: int) -> TextsT:
    """RETURNS (TextsT): As many texts of each label, if it has them."""
    texts, found = texts.copy(), Counter()
    random.Random(seed).shuffle(texts)
    chosen = []
    for text, label in texts:
        found[label] += 1
        if found[label] <= n:
            chosen.append((text, label))
    return chosen


def train(texts: TextsT, system: str, folder: Path, **more: Any) -> Language:
    """Train on texts, from a pipeline that is there or from nothing.

    more (Any): The path of the "source", or that of "descriptions".
    """
    blank, docs = spacy.blank("en"), DocBin()
    for text, label in texts:
        doc = blank.make_doc(text)
        doc.cats = {label: 1.0}
        docs.add(doc)
    path = str(folder / "train.spacy")
    docs.to_disk(path)
    overrides = {"paths.train": path, "paths.dev": path}
    overrides["training.eval_frequency"] = 100_000
    source: Optional[Path] = more.get("source")
    if source is None:
        overrides["paths.descriptions"] = str(more["descriptions"])
    config = load_config(ROOT / "configs" / f"{system}.cfg", overrides=overrides)
    if source is not None:
        config["nlp"]["pipeline"] = list(PIPES)
        config["components"] = {name: {"source": str(source)} for name in PIPES}
        config["initialize"]["components"] = {}
        # What is compared, not trained, is ready after the first.
        config["training"]["max_steps"] = 2
    nlp = init_nlp(config)
    return train_nlp(nlp, None, stdout=io.StringIO(), stderr=io.StringIO())[0]


def score(nlp: Language, texts: TextsT) -> Dict[str, Any]:
    examples = []
    for text, label in texts:
        example = Example(nlp.make_doc(text), nlp.make_doc(text))
        example.reference.cats = {label: 1.0}
        examples.append(example)
    found = nlp.evaluate(examples, batch_size=128)
    keys = {"macro": "longtail_macro_f", "accuracy": "longtail_accuracy"}
    return {name: round(found[key], 4) for name, key in keys.items()}


def measure(system: str, args: Any) -> List[Dict[str, Any]]:
    data, results = args.data / "naics2012", []
    known, asked = read(data / "train.jsonl"), read(data / f"{args.split}.jsonl")
    shared = {"system": system, "split": args.split, "date": str(date.today())}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        codes = write_list(data, folder / "codes.jsonl")
        for way, n in [("start", 0), *((w, n) for n in args.texts for w in args.ways)]:
            start = time.process_time()
            if not n:
                nlp = start_pipeline(codes, folder / "start", optimize=system)[1]
            elif way == "start":
                texts = sample(known, n, args.seed)
                nlp = train(texts, system, folder, source=folder / "start")
            else:
                texts = sample(known, n, args.seed)
                nlp = train(texts, system, folder, descriptions=codes)
            cpu_s = round(time.process_time() - start, 1)
            scores = score(nlp, asked)
            results.append({"way": way, "n": n, "cpu_s": cpu_s, **scores, **shared})
            print(results[-1], flush=True)
    return results


def main() -> None:
    parser = get_parser(str(__doc__).splitlines()[0])
    parser.add_argument("--systems", nargs="+", default=["efficiency", "accuracy"])
    parser.add_argument("--texts", nargs="+", type=int, default=list(N_TEXTS))
    parser.add_argument("--ways", nargs="+", default=["start", "nothing"])
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    print_setting(args.seed)
    before = json.loads(args.out.read_text("utf8"))["runs"] if args.out.exists() else []
    for system in args.systems:
        runs = measure(system, args)
        keys = [(r["system"], r["way"], r["n"], r["split"]) for r in runs]
        before = [
            r for r in before if (r["system"], r["way"], r["n"], r["split"]) not in keys
        ] + runs
        args.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(args.out, {**describe_machine("efficiency"), "runs": before})


if __name__ == "__main__":
    main()
