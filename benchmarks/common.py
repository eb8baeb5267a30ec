"""What the benchmarks share: reading data, training by config, printing."""

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from spacy.util import load_config, load_model_from_path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs" / "efficiency.cfg"
MULTILABEL_CONFIG = ROOT / "configs" / "multilabel.cfg"
MULTILABEL_PIPE = "longtail_textcat_multilabel"
PIPE = "components.longtail_textcat"
COLUMNS = {
    "macro-F1": "longtail_macro_f",
    "head": "longtail_head_f",
    "mid": "longtail_mid_f",
    "tail": "longtail_tail_f",
    "accuracy": "longtail_accuracy",
}


def get_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the arguments that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    default = os.environ.get("LONGTAIL_DATA", ROOT / "data")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(default),
        help="Folder with NAME/{train,dev,test}.jsonl; or set LONGTAIL_DATA",
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


def print_setting(seed: int) -> None:
    """Print what a figure depends on beside the code."""
    cores = os.cpu_count()
    print(
        f"{date.today()}, {platform.machine()}, {cores} cores, Python "
        f"{platform.python_version()}, spaCy {spacy.__version__}, seed {seed}"
    )


def read_examples(nlp: Language, path: Path) -> List[Example]:
    """Read a JSONL file of "text" and "label"."""
    examples = []
    with path.open(encoding="utf8") as lines:
        for line in lines:
            record = json.loads(line)
            doc = nlp.make_doc(record["text"])
            cats = {"cats": {record["label"]: 1.0}}
            examples.append(Example.from_dict(doc, cats))
    return examples


def read_pairs(path: Path) -> List[Tuple[str, List[str]]]:
    """Read a JSONL file of "text" and "labels"."""
    return [(record["text"], record["labels"]) for record in srsly.read_jsonl(path)]


def read_multilabel(nlp: Language, path: Path) -> List[Example]:
    """Read a JSONL file of "text" and "labels" for a pipeline."""
    return [
        Example.from_dict(nlp.make_doc(text), {"cats": dict.fromkeys(labels, 1.0)})
        for text, labels in read_pairs(path)
    ]


ReadT = Callable[[Language, Path], List[Example]]


def write_corpus(
    source: Path, target: Path, read: ReadT = read_examples, lang: str = "en"
) -> None:
    """Convert a JSONL file to a .spacy file."""
    nlp = spacy.blank(lang)
    docs = DocBin()
    for example in read(nlp, source):
        doc = example.predicted
        doc.cats = example.reference.cats
        docs.add(doc)
    docs.to_disk(target)


def train(
    data: Path,
    overrides: Dict[str, Any],
    *,
    config: Path = CONFIG,
    use: str = "model-best",
    read: ReadT = read_examples,
) -> Tuple[Language, float]:
    """Train on train.jsonl, choose the best model on dev.jsonl, and load it.

    use (str): "model-best", or "model-last" to take it as it is after the last step.
    read (ReadT): Reads a JSONL file.
    RETURNS (Tuple[Language, float]): The pipeline, and the seconds from reading the
        corpus to having saved the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in ("train", "dev"):
            target = Path(folder) / f"{name}.spacy"
            lang = overrides.get("nlp.lang", "en")
            write_corpus(data / f"{name}.jsonl", target, read, lang)
        paths = {
            "paths.train": f"{folder}/train.spacy",
            "paths.dev": f"{folder}/dev.spacy",
        }
        start = time.perf_counter()
        loaded = load_config(
            config, overrides={**paths, **overrides}, interpolate=False
        )
        nlp = init_nlp(loaded)
        out = Path(folder) / "out"
        out.mkdir()
        with open(os.devnull, "w") as null:
            train_nlp(nlp, out, stdout=null, stderr=null)
        seconds = time.perf_counter() - start
        return load_model_from_path(out / use), seconds


def format_row(name: str, scores: Dict[str, Any], *more: str) -> str:
    """Format one row of a Markdown table of COLUMNS."""
    cells = [
        "–" if scores[key] is None else f"{scores[key]:.3f}" for key in COLUMNS.values()
    ]
    return f"| {name} | {' | '.join([*cells, *more])} |"


def format_header(first: str, *more: str) -> str:
    """Format the head of the table of format_row."""
    header = f"| {' | '.join([first, *COLUMNS, *more])} |"
    return f"{header}\n|{'---|' * (header.count('|') - 1)}"
