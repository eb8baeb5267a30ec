"""Rows like those of a data set, as many as you like, for what labels tables."""

import csv
import json
import random
from pathlib import Path
from typing import Iterator, List, Tuple

# Share of the words of a text that are those of another one.
MIXED = 0.3


def read_words(path: Path) -> List[List[str]]:
    with path.open(encoding="utf8") as lines:
        return [json.loads(line)["text"].split() for line in lines]


def make_rows(path: Path, n_rows: int, seed: int = 0) -> Iterator[Tuple[str, str]]:
    """YIELDS (Tuple[str, str]): An id and a text. Each is one of the file's, some words
    of which are another one's; one in five has a number that no other has.
    """
    rng, texts = random.Random(seed), read_words(path)
    for number in range(n_rows):
        own, other = rng.choice(texts), rng.choice(texts)
        words = [
            rng.choice(other) if other and rng.random() < MIXED else word
            for word in own
        ]
        if number % 5 == 0:
            words.append(f"{number:07d}")
        yield f"{number:09d}", " ".join(words) or "nothing"


def write_rows(path: Path, source: Path, n_rows: int, seed: int = 0) -> None:
    """Write them as CSV, with an id and a column that nobody asks for."""
    with path.open("w", encoding="utf8", newline="") as file_:
        writer = csv.writer(file_)
        writer.writerow(["id", "text", "received"])
        for number, text in make_rows(source, n_rows, seed):
            writer.writerow([number, text, "2026-11-27"])
