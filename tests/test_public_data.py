"""The scripts of the project, on files as their publishers wrote them."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import srsly

ROOT = Path(__file__).resolve().parent.parent
CODES = {
    "31-33": {"title": "Manufacturing"},
    "311": {"title": "Food"},
    "3111": {"title": "Animal Food"},
    "31111": {"title": "Animal Food"},
    "311111": {
        "title": "Dog/Cat Food",
        "description": ["Makes food.", "For pets."],
        "index": ["Cat food manufacturing", "Dog food, canned"],
    },
    "325": {"title": "Chemicals"},
    "3251": {"title": "Basic Chemicals"},
    "32511": {"title": "Petrochemicals"},
    "325110": {"title": "Petrochemicals", "index": ["Benzene made"]},
}


def run_script(*arguments):
    command = [sys.executable, ROOT / "scripts" / "public_data.py", *arguments]
    subprocess.run(list(map(str, command)), check=True)


@pytest.mark.slow
def test_naics_becomes_a_table_of_levels(tmp_path):
    srsly.write_json(tmp_path / "codes.json", CODES)
    run_script("naics", tmp_path / "codes.json", tmp_path / "out")
    with (tmp_path / "out" / "naics2012.csv").open(encoding="utf8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["text", "sector", "subsector", "group", "industry", "national"]
    path = ["Manufacturing", "Food", "Animal Food", "Animal Food", "Dog, Cat Food"]
    assert rows[1:3] == [[text, *path] for text in CODES["311111"]["index"]]
    assert rows[3][:3] == ["Benzene made", "Manufacturing", "Chemicals"]
    descriptions = list(
        srsly.read_jsonl(tmp_path / "out" / "naics2012_descriptions.jsonl")
    )
    expected = {"label": "/".join(path), "description": "Makes food. For pets."}
    assert descriptions == [expected]


def test_long_tail_of_clinc150_is_that_of_the_benchmarks(data_dir, tmp_path):
    domains, original = {}, {}
    names = {"train": "train", "dev": "val", "test": "test"}
    names.update(oos_train="oos_train", oos_dev="oos_val", oos_test="oos_test")
    for name, key in names.items():
        original[key] = []
        for record in srsly.read_jsonl(data_dir / "clinc150" / f"{name}.jsonl"):
            domain, _, intent = record["label"].partition("/")
            original[key].append([record["text"], intent or domain])
            if intent and intent not in domains.setdefault(domain, []):
                domains[domain].append(intent)
    srsly.write_json(tmp_path / "full.json", original)
    srsly.write_json(tmp_path / "domains.json", domains)
    run_script("clinc150", tmp_path / "full.json", tmp_path / "domains.json", tmp_path)
    for folder in ("clinc150", "clinc150_lt"):
        for name in names:
            path = Path(folder) / f"{name}.jsonl"
            made = list(srsly.read_jsonl(tmp_path / path))
            assert made == list(srsly.read_jsonl(data_dir / path))
