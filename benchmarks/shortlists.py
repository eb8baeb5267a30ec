"""Does a shortlist of labels pay? Time and recall of the ten best, beside all labels.

    python benchmarks/shortlists.py [--labels 50000]

On the weights and the documents of a made-up corpus, on one core. The result is written
to results/performance/shortlists.json, of which tables.py makes a table.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import numpy
from harness.pages import write_json
from harness.worker import describe_machine
from performance.made_up import make_corpus
from performance.systems import Longtail

from spacy_longtail.encoders import contract
from spacy_longtail.ops import top_columns, unit_rows
from spacy_longtail.products import multiply_rows, pack_rows

OUT = Path(__file__).resolve().parent / "results" / "performance" / "shortlists.json"
K, N_DOCS, BATCH_SIZE = 10, 512, 64
FindT = Callable[[numpy.ndarray], numpy.ndarray]


def make_exact(W: numpy.ndarray) -> FindT:
    packed = pack_rows(W)
    return lambda X: top_columns(multiply_rows(X, packed), K)


def rank(X: numpy.ndarray, W: numpy.ndarray, columns: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The best of each document's columns, exactly."""
    scores = numpy.stack([W[own] @ x for x, own in zip(X, columns)])
    best = numpy.argsort(-scores, axis=1, kind="stable")[:, :K]
    return numpy.take_along_axis(columns, best, axis=1)


def make_axes(n_axes: int, n_best: int) -> Callable[[numpy.ndarray], FindT]:
    """Compare all labels along the principal axes of the weights, the best exactly."""

    def make(W: numpy.ndarray) -> FindT:
        _, axes = numpy.linalg.eigh(W.T @ W)
        leading = numpy.ascontiguousarray(axes[:, : -n_axes - 1 : -1])
        packed = pack_rows(W @ leading)

        def find(X: numpy.ndarray) -> numpy.ndarray:
            rough = multiply_rows(X @ leading, packed)
            columns = numpy.argpartition(rough, -n_best, axis=1)[:, -n_best:]
            return rank(X, W, columns)

        return find

    return make


def make_clusters(share: float) -> Callable[[numpy.ndarray], FindT]:
    """Compare with the labels of the closest clusters only, by k-means on the unit
    sphere, as many clusters as a cluster has labels.
    """

    def make(W: numpy.ndarray) -> FindT:
        rng, n = numpy.random.default_rng(0), int(len(W) ** 0.5)
        U = unit_rows(W)
        centers = U[rng.choice(len(W), n, replace=False)]
        for _ in range(5):
            owners = numpy.concatenate(
                [(part @ centers.T).argmax(axis=1) for part in numpy.array_split(U, 50)]
            )
            sums = numpy.zeros_like(centers)
            numpy.add.at(sums, owners, U)
            centers = unit_rows(sums)
        members = [numpy.flatnonzero(owners == cluster) for cluster in range(n)]

        def find(X: numpy.ndarray) -> numpy.ndarray:
            closest = numpy.argsort(-(X @ centers.T), axis=1)[:, : int(share * n)]
            return numpy.stack([search(x, own) for x, own in zip(X, closest)])

        def search(x: numpy.ndarray, clusters: numpy.ndarray) -> numpy.ndarray:
            columns = numpy.concatenate([members[i] for i in clusters.tolist()])
            return rank(x[None], W, columns[None])[0]

        return find

    return make


WAYS: Dict[str, Callable[[numpy.ndarray], FindT]] = {
    "all labels, exactly": make_exact,
    "64 axes, the best 512 exactly": make_axes(64, 512),
    "128 axes, the best 128 exactly": make_axes(128, 128),
    "128 axes, the best 512 exactly": make_axes(128, 512),
    "the closest tenth of the clusters": make_clusters(0.1),
}


def measure(W: numpy.ndarray, X: numpy.ndarray) -> List[Dict[str, Any]]:
    exact = make_exact(W)(X)
    rows = []
    for title, make in WAYS.items():
        find, best = make(W), float("inf")
        for _ in range(3):
            start = time.process_time()
            parts = [find(part) for part in numpy.split(X, N_DOCS // BATCH_SIZE)]
            best = min(best, time.process_time() - start)
        found = numpy.concatenate(parts)
        recall = (found[:, :, None] == exact[:, None, :]).any(axis=1).mean()
        rows.append({"way": title, "us": 1e6 * best / N_DOCS, "recall": float(recall)})
        print(f"{title}: {rows[-1]['us']:.0f} µs a text, recall {recall:.3f}")
    return rows


def main(words: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=int, default=50000)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(words)
    corpus = make_corpus(args.labels, max(2 * N_DOCS, min(20 * args.labels, 60000)), 12)
    system = Longtail()
    system.start(corpus)
    model = system.pipe.model
    W, _ = contract.get_linear(model.get_ref("output"))
    docs = list(map(system.nlp.make_doc, corpus.texts[:N_DOCS]))
    X = contract.encode(model.get_ref("encoder"), docs)
    found = {"n_labels": len(W), "width": W.shape[1], "ways": measure(W, X)}
    found.update(describe_machine("efficiency"))
    write_json(args.out, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
