import json
import random

import pytest

pytest.importorskip("pyarrow")

from spacy_longtail.monitor import monitor  # noqa: E402

LABELS = [f"{a}/{b}" for a in ("bank", "home", "trip") for b in range(4)]


@pytest.fixture
def write_answers(tmp_path, kind):
    """Write a table as predict does."""

    def write(name, labels, has_texts=False, **more):
        path = tmp_path / f"{name}.jsonl"
        rng = random.Random(name)
        with path.open("w", encoding="utf8") as lines:
            for label in labels:
                row = {"label": label, "known": rng.random(), "stage": "first"}
                row["error"] = None
                if has_texts:
                    row["text"] = f"about {rng.choice('abcdef')}word {rng.random()}"
                if kind == "multilabel":
                    both = [label, "trip/0"] if rng.random() < 0.3 else [label]
                    row["labels"] = both if label else []
                lines.write(json.dumps({**row, **more}) + "\n")
        return path

    return write


@pytest.fixture
def compare(kind_nlp):
    """Compare two tables."""

    def compare(reference, period, **options):
        return monitor(kind_nlp, reference, period, **options)

    return compare


@pytest.fixture
def draw():
    """Draw labels, all equally frequent but for those that are named."""

    def draw(n, seed=0, **weights):
        named = {name.replace("_", "/"): value for name, value in weights.items()}
        rng = random.Random(seed)
        labels = [*LABELS, *(name for name in named if name not in LABELS)]
        return rng.choices(labels, [named.get(label, 1.0) for label in labels], k=n)

    return draw
