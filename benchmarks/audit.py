"""Time and memory of `spacy longtail audit`, on made-up texts.

python benchmarks/audit.py --rows 1000000 --labels 1000 --format csv
python benchmarks/audit.py --rows 1000000 --labels 1000 --format spacy
python benchmarks/audit.py --rows 50000 --labels 1000 --cross-validate 5
"""

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from itertools import accumulate, islice
from pathlib import Path

import spacy
from common import print_setting
from spacy.tokens import DocBin

from spacy_longtail.convert.shards import make_shard

N_WORDS = 30_000
SHARD = 20_000


def make_rows(n_rows, n_labels, seed):
    """Texts of 5 to 19 words, words and labels with Zipf's distribution."""
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    sizes = [chance.randint(2, 9) for _ in range(N_WORDS)]
    words = ["".join(chance.choices(letters, k=size)) for size in sizes]
    word_weights = list(accumulate(1 / (rank + 10) for rank in range(N_WORDS)))
    labels = [f"area {i % 20}/topic {i}" for i in range(n_labels)]
    label_weights = list(accumulate(1 / (rank + 1) for rank in range(n_labels)))
    for _ in range(n_rows):
        n_words = chance.randint(5, 19)
        text = " ".join(chance.choices(words, cum_weights=word_weights, k=n_words))
        yield text, chance.choices(labels, cum_weights=label_weights)[0]


def write_csv(rows, folder):
    path = folder / "corpus.csv"
    with path.open("w", encoding="utf8", newline="") as file_:
        writer = csv.writer(file_)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return path


def write_spacy(rows, folder):
    nlp = spacy.blank("en")
    number = 0
    while items := [(text, (label,)) for text, label in islice(rows, SHARD)]:
        content = make_shard(nlp, items, DocBin(attrs=["ORTH"]), nlp.lang)
        (folder / f"{number:05d}.spacy").write_bytes(content)
        number += 1
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--format", choices=["csv", "spacy"], default="spacy")
    parser.add_argument("--cross-validate", help="Folds, none by default")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print_setting(args.seed)
    with tempfile.TemporaryDirectory() as name:
        rows = make_rows(args.rows, args.labels, args.seed)
        write = write_csv if args.format == "csv" else write_spacy
        corpus = write(rows, Path(name))
        command = [sys.executable, "-m", "spacy", "longtail", "audit", str(corpus)]
        if args.cross_validate:
            command += ["--cross-validate", args.cross_validate]
        start = time.perf_counter()
        child = subprocess.run([*command, "--json"], check=True, capture_output=True)
        seconds = time.perf_counter() - start
    facts = json.loads(child.stdout)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{facts['n_docs']:,} documents, {facts['n_labels']:,} labels, {args.format}: "
        f"{seconds:.1f} s ({usage.ru_utime + usage.ru_stime:.1f} s of a processor), "
        f"{usage.ru_maxrss / 1024:,.0f} MB"
    )


if __name__ == "__main__":
    main()
