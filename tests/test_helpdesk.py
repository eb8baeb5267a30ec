"""The corpus that ships with the project is what its README says."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "helpdesk"
SPLITS = ["train", "dev", "test"]


def read(name):
    with (FOLDER / f"{name}.jsonl").open(encoding="utf8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def tickets():
    return {name: read(name) for name in SPLITS}


@pytest.fixture(scope="module")
def counts(tickets):
    return {
        name: Counter(record["label"] for record in records)
        for name, records in tickets.items()
    }


def test_sizes(tickets, counts):
    labels = set(counts["train"])
    assert sum(map(len, tickets.values())) >= 2000
    assert len(labels) >= 150
    assert len({label.split("/")[0] for label in labels}) >= 20


def test_training_counts_follow_a_long_tail(counts):
    train = sorted(counts["train"].values(), reverse=True)
    assert train[0] >= 80
    assert sum(count < 5 for count in train) >= len(train) / 3


@pytest.mark.parametrize("split", ["dev", "test"])
def test_every_category_is_in_dev_and_test_twice(counts, split):
    assert set(counts[split]) == set(counts["train"])
    assert min(counts[split].values()) >= 2


def test_every_category_has_one_description(counts):
    described = Counter(record["label"] for record in read("descriptions"))
    broad = {label.split("/")[0] for label in counts["train"]}
    assert set(described) == set(counts["train"]) | broad
    assert set(described.values()) == {1}


@pytest.mark.slow
def test_no_two_tickets_are_near_copies(tickets):
    """Compare sets of four characters: no pair shares more than half of them."""
    texts = [record["text"] for records in tickets.values() for record in records]
    shingles, rows, columns = {}, [], []
    for row, text in enumerate(texts):
        plain = re.sub(r"\W+", " ", text.lower()).strip()
        for i in range(max(1, len(plain) - 3)):
            rows.append(row)
            columns.append(shingles.setdefault(plain[i : i + 4], len(shingles)))
    present = numpy.zeros((len(texts), len(shingles)), dtype="float32")
    present[rows, columns] = 1.0
    sizes = present.sum(axis=1)
    shared = present @ present.T
    similar = shared / (sizes[:, None] + sizes[None, :] - shared)
    numpy.fill_diagonal(similar, 0.0)
    first, second = numpy.unravel_index(similar.argmax(), similar.shape)
    assert similar.max() <= 0.5, (texts[first], texts[second])
