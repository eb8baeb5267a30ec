"""The data sets: folders with train.jsonl, dev.jsonl and test.jsonl, whose lines have a
"text" and a "label", or "labels" where a text can have several.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, NamedTuple

SPLITS = ("train", "dev", "test")


class About(NamedTuple):
    """What the tables say of a data set. The tests are like the training data, unless
    the title says something else.
    """

    title: str
    lang: str = "en"


DATASETS: Dict[str, About] = {
    "clinc150_lt": About("150 intents, 100 to 1 texts each, balanced test file"),
    "naics2012": About("1,063 industries in 5 levels"),
    "msha": About("accident reports, 46 categories"),
    "fr_rome": About("French job titles, 532 codes", "fr"),
    "es_codiesp": About("Spanish clinical mentions, 2,114 codes", "es"),
    "en_tram": About("attack techniques, 50 codes"),
    "goemotions": About("28 emotions, several a text"),
    "nlupp": About("62 intents, several a text"),
    "naics2012_multi": About("1,063 industries, several a text, made up"),
    "clinc150": About("150 intents, balanced"),
}


@dataclass(frozen=True)
class Split:
    """Texts, and the labels of each: one, or any number of them."""

    texts: List[str]
    labels: List[List[str]]


@dataclass(frozen=True)
class Task:
    """What a system gets to learn from.

    folder (Path): Where the data set is.
    several (bool): Whether a text can have several labels.
    work (Path): An empty folder for whatever a system writes.
    """

    name: str
    lang: str
    seed: int
    folder: Path
    work: Path
    several: bool
    train: Split
    dev: Split

    @property
    def names(self) -> List[str]:
        """RETURNS (List[str]): All labels of the training texts."""
        return sorted({label for labels in self.train.labels for label in labels})


def read_split(path: Path) -> Split:
    with path.open(encoding="utf8") as lines:
        rows = [json.loads(line) for line in lines]
    labels = [sorted(r["labels"]) if "labels" in r else [r["label"]] for r in rows]
    return Split([row["text"] for row in rows], labels)


def read_task(folder: Path, lang: str, seed: int, work: Path) -> Task:
    with (folder / "train.jsonl").open(encoding="utf8") as lines:
        several = "labels" in json.loads(next(lines))
    train, dev = (read_split(folder / f"{name}.jsonl") for name in ("train", "dev"))
    return Task(folder.name, lang, seed, folder, work, several, train, dev)


def find_language(name: str) -> str:
    return DATASETS[name].lang if name in DATASETS else "en"
