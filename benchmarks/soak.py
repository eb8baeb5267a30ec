"""Does a pipeline that predicts for hours need more and more memory?

    python benchmarks/soak.py [--minutes 10] [--plain-minutes 2]

Trains a pair of both stages, with character n-grams and two rankers, on a made-up
corpus, and streams texts through it: words that are new for ever, empty texts, and one
in 1,000 of 5,000 words. Every few seconds the memory of the process is noted, after
what is free has gone back to the system. Once in `nlp.memory_zone()`, a zone for a few
thousand texts, then the same texts through an empty pipeline, to see what spaCy itself
needs, and, for less long, the pair without a zone, where spaCy keeps each new word.
Each in a process of its own. The result is written to results/performance/soak.json, of
which tables.py makes docs/scaling.md and its plot.
"""

import argparse
import ctypes
import gc
import json
import os
import random
import subprocess
import sys
import time
from contextlib import nullcontext
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Dict, Iterator, List

from harness.pages import write_json
from harness.worker import describe_machine
from performance.made_up import Corpus, make_corpus

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "performance" / "soak.json"
N_LABELS, N_TEXTS, N_TOKENS = 300, 3000, 12
ZONE, BATCH_SIZE, LONG, N_LONG = 4096, 256, 1000, 5000
LETTERS = str.maketrans("0123456789", "ghijklmnop")
RANKERS = ("Prototype", "Lexical")


def make_pair(corpus: Corpus) -> Any:
    """RETURNS (Language): Both stages, trained for some steps."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    encoder = {
        "@architectures": "spacy-longtail.StaticBag.v1",
        "vectors": {"@misc": "spacy-longtail.BundledVectors.v2"},
        "ngram_width": 64,
    }
    nlp.add_pipe("longtail_textcat", config={"model": {"encoder": encoder}})
    rankers = {x: {"@misc": f"spacy-longtail.{x}Ranker.v1"} for x in RANKERS}
    ranker = {"@misc": "spacy-longtail.CombinedRanker.v1", "rankers": rankers}
    nlp.add_pipe("zero_shot_fallback", config={"ranker": ranker})
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {label: 1.0}})
        for text, label in zip(corpus.texts, corpus.gold)
    ]
    optimizer = nlp.initialize(lambda: examples)
    for start in range(0, len(examples), 128):
        nlp.update(examples[start : start + 128], sgd=optimizer)
    return nlp


def make_texts(known: List[str], seed: int) -> Iterator[str]:
    """YIELDS (str): Texts without end, always the same for a seed."""
    rng = random.Random(seed)
    for number, text in enumerate(cycle(known)):
        if number % 20 == 0:
            yield ""
            continue
        n_words = N_LONG if number % LONG == 1 else rng.randrange(1, 9)
        letters = rng.randbytes(4 * n_words).hex().translate(LETTERS)
        words = " ".join([letters[i : i + 8] for i in range(0, len(letters), 8)])
        yield words if number % 3 == 0 else f"{text} {words}"


def make_empty(corpus: Corpus) -> Any:
    import spacy

    return spacy.blank("en")


SYSTEMS = {"pair": make_pair, "empty": make_empty}


def get_megabytes() -> float:
    """RETURNS (float): Memory of this process that is in use now, on Linux."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def soak(plan: Dict[str, Any]) -> Dict[str, Any]:
    """Predict for a while.

    plan (Dict[str, Any]): "system", "zones", "seconds" or "n_docs" (when it ends),
        "every" (seconds between two notes) and "seed".
    RETURNS (Dict[str, Any]): The plan, and "points": seconds, documents, tokens and
        megabytes so far.
    """
    corpus = make_corpus(N_LABELS, N_TEXTS, N_TOKENS, plan["seed"])
    nlp = SYSTEMS[plan["system"]](corpus)
    texts = make_texts(corpus.texts, plan["seed"])
    start, noted, n_docs, n_tokens = time.perf_counter(), 0.0, 0, 0
    points = [(0.0, 0, 0, get_megabytes())]
    while not is_over(plan, *points[-1]):
        with nlp.memory_zone() if plan["zones"] else nullcontext():
            for doc in nlp.pipe(islice(texts, ZONE), batch_size=BATCH_SIZE):
                n_docs += 1
                n_tokens += len(doc)
                if doc.cats:
                    doc._.longtail.label  # noqa: B018 - as a user reads it
            # A Doc mustn't outlive its zone.
            doc = None
        seconds = time.perf_counter() - start
        if seconds - noted >= plan["every"] or is_over(plan, seconds, n_docs):
            noted = seconds
            points.append((seconds, n_docs, n_tokens, get_megabytes()))
    return {**plan, "points": points}


def is_over(plan: Dict[str, Any], seconds: float, n_docs: int, *_: Any) -> bool:
    return seconds >= plan.get("seconds", 1e9) or n_docs >= plan.get("n_docs", 1e18)


def run_alone(plan: Dict[str, Any]) -> Dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, "--plan", json.dumps(plan)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise SystemExit("A measurement has failed, see above")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--plain-minutes", type=float, default=2.0)
    parser.add_argument("--every", type=float, default=3.0, help="Seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--plan", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.plan is not None:
        print(json.dumps(soak(args.plan)))
        return
    runs: List[Dict[str, Any]] = []
    for system, zones, minutes in (
        ("pair", True, args.minutes),
        ("empty", True, None),
        ("pair", False, args.plain_minutes),
    ):
        plan: Dict[str, Any] = {"system": system, "zones": zones, "seed": args.seed}
        if minutes is None:
            # As many texts, in less time. So there are as many points.
            plan["n_docs"] = runs[0]["points"][-1][1]
            plan["every"] = args.every / 5
        else:
            plan.update(seconds=60.0 * minutes, every=args.every)
        runs.append(run_alone(plan))
        _, n_docs, _, megabytes = runs[-1]["points"][-1]
        print(f"{plan}: {n_docs:,} texts, {megabytes:.0f} MB", flush=True)
    write_json(args.out, {"runs": runs, **describe_machine("efficiency")})


if __name__ == "__main__":
    main()
