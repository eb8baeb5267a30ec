"""Turn the public originals of the benchmark data into what `longtail convert` reads.

    python scripts/public_data.py clinc150 DATA_FULL.json DOMAINS.json FOLDER
    python scripts/public_data.py naics CODES.json FOLDER

The first writes FOLDER/clinc150 and FOLDER/clinc150_lt, its training set cut to a long
tail, with files of {"text", "label"}. The second writes FOLDER/naics2012.csv, one row
per index entry with the five levels of its code, and its descriptions.jsonl.
"""

import csv
import hashlib
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, List

import srsly

from spacy_longtail.files import write_folder

SPLITS = {"train": "train", "dev": "val", "test": "test"}
OUT_OF_SCOPE = {"oos_train": "oos_train", "oos_dev": "oos_val", "oos_test": "oos_test"}
LARGEST, SMALLEST = 100, 1
# Digits of a code at each level, from sector to national industry.
LEVELS = {"sector": 2, "subsector": 3, "group": 4, "industry": 5, "national": 6}
# Sectors that share a title have their codes in a range.
RANGES = {"32": "31", "33": "31", "45": "44", "49": "48"}


def convert_clinc150(data: Path, domains: Path, folder: Path) -> None:
    found = srsly.read_json(data)
    domain_of = {
        intent: domain
        for domain, intents in srsly.read_json(domains).items()
        for intent in intents
    }
    splits = {
        name: [
            {"text": text, "label": f"{domain_of[intent]}/{intent}"}
            for text, intent in found[key]
        ]
        for name, key in SPLITS.items()
    }
    for name, key in OUT_OF_SCOPE.items():
        splits[name] = [{"text": text, "label": "oos"} for text, _ in found[key]]
    for target in ("clinc150", "clinc150_lt"):
        with write_folder(folder / target) as new:
            for name, records in splits.items():
                if (target, name) == ("clinc150_lt", "train"):
                    records = cut_to_long_tail(records)
                srsly.write_jsonl(new / f"{name}.jsonl", records)


def cut_to_long_tail(records: Iterable[Dict[str, str]]) -> List[Dict[str, str]]:
    """Cut the labels, in random order, to sizes that fall from 100 to 1 exponentially.

    Which texts stay depends on their hashes only: a smaller size is a subset.
    """
    by_label: Dict[str, List[Dict[str, str]]] = defaultdict(list)
    for record in records:
        by_label[record["label"]].append(record)
    labels = sorted(by_label, key=lambda label: label.split("/")[1])
    random.Random(0).shuffle(labels)
    left = []
    for rank, label in enumerate(labels):
        share = (SMALLEST / LARGEST) ** (rank / (len(labels) - 1))
        size = max(SMALLEST, int(LARGEST * share + 0.5))
        ordered = sorted(by_label[label], key=lambda r: get_hash("0", r["text"]))
        left += ordered[:size]
    return sorted(left, key=lambda record: get_hash("order", record["text"]))


def get_hash(salt: str, text: str) -> str:
    normal = " ".join(text.lower().split())
    return hashlib.sha256(f"{salt}|{normal}".encode()).hexdigest()


def convert_naics(codes: Path, folder: Path) -> None:
    entries: Dict[str, Dict[str, Any]] = srsly.read_json(codes)
    titles = {
        code.split("-")[0]: entry["title"].replace("/", ", ").strip()
        for code, entry in entries.items()
    }
    descriptions, rows = {}, [["text", *LEVELS]]
    for code in sorted(entries):
        if len(code) != LEVELS["national"]:
            continue
        prefixes = [code[:n_digits] for n_digits in LEVELS.values()]
        path = [titles[RANGES.get(prefix, prefix)] for prefix in prefixes]
        text = " ".join(entries[code].get("description", ()))
        if text:
            descriptions["/".join(path)] = text
        rows += [[entry, *path] for entry in entries[code].get("index", ())]
    with write_folder(folder) as new:
        with (new / "naics2012.csv").open("w", encoding="utf8", newline="") as file:
            csv.writer(file).writerows(rows)
        srsly.write_jsonl(
            new / "naics2012_descriptions.jsonl",
            [{"label": k, "description": v} for k, v in sorted(descriptions.items())],
        )


def main() -> None:
    name, *paths = sys.argv[1:]
    commands = {"clinc150": convert_clinc150, "naics": convert_naics}
    commands[name](*map(Path, paths))


if __name__ == "__main__":
    main()
