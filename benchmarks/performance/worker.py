"""One measurement in a process of its own, for scaling.py: a plan as JSON on stdin, the
result as JSON in a line that starts with MARK.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict

from harness.measure import Clock, get_disk_megabytes, get_peak_megabytes

from .made_up import Corpus, make_corpus
from .systems import BATCH_SIZE, SYSTEMS, cut_batches

MARK = "RESULT "
N_STEPS, N_TEXTS = 10, 2048


def measure(plan: Dict[str, Any]) -> Dict[str, Any]:
    """Train for a few steps, predict, save.

    plan (Dict[str, Any]): "system", "n_labels", "n_texts" (for training), "n_tokens",
        "n_streamed" (texts to predict), "seed".
    RETURNS (Dict[str, Any]): The plan, and "start_s", "epoch_s" (of a processor),
        "memory_mb" (the peak of training, without what imports need), "peak_mb" (in the
        end), "disk_mb", "ms" (a text) and "wall_ms".
    """
    corpus = make_corpus(
        plan["n_labels"], plan["n_texts"], plan["n_tokens"], plan["seed"]
    )
    system, found = SYSTEMS[plan["system"]](), dict(plan)
    import spacy  # noqa: F401  Isn't part of what the system needs.

    before = get_peak_megabytes()
    with Clock() as clock:
        system.start(corpus)
    found["start_s"] = clock.cpu
    if hasattr(system, "update"):
        found["epoch_s"] = time_epoch(system, corpus)
    found["memory_mb"] = get_peak_megabytes() - before
    texts = (corpus.texts * (1 + plan["n_streamed"] // plan["n_texts"]))[
        : plan["n_streamed"]
    ]
    del corpus
    system.predict(texts[:256])
    found.update(time_prediction(system, texts))
    with tempfile.TemporaryDirectory() as name:
        system.save(Path(name) / "saved")
        found["disk_mb"] = get_disk_megabytes(Path(name) / "saved")
    found["peak_mb"] = get_peak_megabytes()
    return found


def time_epoch(system: Any, corpus: Corpus) -> float:
    """RETURNS (float): Seconds of a processor for as many steps as an epoch has."""
    seconds = []
    batches = list(cut_batches(corpus.texts, corpus.gold))[: N_STEPS + 1]
    for texts, gold in batches:
        step = system.update(texts, gold)
        with Clock() as clock:
            step()
        seconds.append(clock.cpu)
    # The first step allocates.
    seconds = seconds[1:] or seconds
    return sum(seconds) / len(seconds) * len(corpus.texts) / BATCH_SIZE


def time_prediction(system: Any, texts: Any) -> Dict[str, float]:
    """The best of three rounds; one where it takes long."""
    best = {"ms": float("inf"), "wall_ms": float("inf")}
    for _ in range(3):
        start = time.perf_counter()
        with Clock() as clock:
            system.predict(texts)
        wall = time.perf_counter() - start
        best["ms"] = min(best["ms"], 1000.0 * clock.cpu / len(texts))
        best["wall_ms"] = min(best["wall_ms"], 1000.0 * wall / len(texts))
        if wall > 10.0:
            break
    return best


def main() -> None:
    plan = json.load(sys.stdin)
    limit, memory = plan.pop("limit"), plan.pop("memory_gb")
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 10))
    resource.setrlimit(resource.RLIMIT_AS, (int(memory * 1e9),) * 2)
    try:
        found = measure(plan)
    except MemoryError:
        found = {**plan, "over": f"{memory} GB"}
    print(MARK + json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
