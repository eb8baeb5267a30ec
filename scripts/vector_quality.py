"""Measure what rounding word vectors to 8 bits costs. Used by build_vectors.py."""

import json
from pathlib import Path
from typing import Dict, List

import numpy
import spacy
from thinc.types import Floats2d
from wasabi import msg

from spacy_longtail.vectors.table import StaticTable


def compare(exact: Floats2d, table: StaticTable) -> None:
    """Print how well the rounded vectors preserve the exact ones."""
    rounded = table.get(numpy.arange(len(table)))
    error = numpy.linalg.norm(rounded - exact) / numpy.linalg.norm(exact)
    msg.info(f"Reconstruction error: {error:.3%} of the length")
    sample = numpy.random.RandomState(0).permutation(len(exact))[:2000]
    top = [_neighbours(X, sample) for X in (exact, rounded)]
    first = (top[0][:, 0] == top[1][:, 0]).mean()
    shared = numpy.mean([len(set(a) & set(b)) / 10 for a, b in zip(*top, strict=True)])
    msg.info(f"Same nearest neighbour: {first:.2%}, of ten nearest: {shared:.2%}")


def _neighbours(X: Floats2d, sample: numpy.ndarray) -> numpy.ndarray:
    X = X / numpy.linalg.norm(X, axis=1, keepdims=True)
    similarities = X[sample] @ X.T
    similarities[numpy.arange(len(sample)), sample] = -2
    return numpy.argsort(-similarities, axis=1, kind="stable")[:, :10]


def evaluate(folder: Path, exact: Floats2d, table: StaticTable) -> None:
    """Print macro-F1 on dev of shrunken prototypes, without any training."""
    texts: Dict[str, List[str]] = {}
    golds: Dict[str, List[str]] = {}
    for split in ("train", "dev"):
        lines = (folder / f"{split}.jsonl").read_text(encoding="utf8").splitlines()
        examples = [json.loads(line) for line in lines]
        texts[split] = [eg["text"] for eg in examples]
        golds[split] = [eg["label"] for eg in examples]
    labels = sorted(set(golds["train"]))
    names = [label.split("/")[-1].replace("_", " ") for label in labels]
    rounded = table.get(numpy.arange(len(table)))
    for bits, vectors in ((32, exact), (8, rounded)):
        train, dev, named = (
            _bags(t, vectors, table) for t in (texts["train"], texts["dev"], names)
        )
        sums = named.copy()
        numpy.add.at(sums, [labels.index(gold) for gold in golds["train"]], train)
        guesses = [labels[i] for i in (dev @ _unit(sums).T).argmax(axis=1)]
        score = _macro_f(guesses, golds["dev"], labels)
        msg.info(f"{folder.name}, {bits} bits: macro-F1 {score:.4f} on dev")


def _bags(texts: List[str], vectors: Floats2d, table: StaticTable) -> Floats2d:
    tokenizer = spacy.blank("en").tokenizer
    bags = numpy.zeros((len(texts), vectors.shape[1]), dtype="float32")
    for bag, doc in zip(bags, tokenizer.pipe(texts), strict=True):
        for token in doc:
            rows = list(table.find(token.lower_))
            if rows:
                bag += vectors[rows].mean(axis=0)
    return _unit(bags)


def _unit(X: Floats2d) -> Floats2d:
    return X / numpy.maximum(numpy.linalg.norm(X, axis=1, keepdims=True), 1e-9)


def _macro_f(guesses: List[str], golds: List[str], labels: List[str]) -> float:
    scores = []
    for label in sorted(set(golds) & set(labels)):
        hits = sum(a == b == label for a, b in zip(guesses, golds, strict=True))
        scores.append(2 * hits / (guesses.count(label) + golds.count(label)))
    return float(numpy.mean(scores))
