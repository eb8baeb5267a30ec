"""Where the time of a prediction goes: samples of the stack, by parts of a pipeline."""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Dict, List, Optional, Tuple

from .rates import load_ours, make_run, read_texts

INTERVAL = 0.001
# The first that fits the innermost frames decides: end of a file's path, its functions
# (all if there are none), and the part. Some are of earlier versions, to compare with.
PARTS: List[Tuple[str, Tuple[str, ...], str]] = [
    ("pipeline/fallback/", (), "fallback"),
    ("rankers/", (), "fallback"),
    ("static_bag/sums.py", (), "sums"),
    ("static_bag/architecture.py", ("predict_sums",), "sums"),
    ("static_bag/row_table.py", ("get",), "sums"),
    ("static_bag/features.py", ("average",), "sums"),
    ("static_bag/", (), "lookup"),
    ("outputs/", (), "product"),
    ("spacy_longtail/products.py", (), "product"),
    ("spacy_longtail/ops.py", ("normalize_rows",), "sums"),
    ("spacy_longtail/ops.py", ("multiply_rows", "unit_rows"), "product"),
    ("spacy_longtail/ops.py", ("softmax", "sigmoid"), "softmax"),
    ("kinds/", ("get_probabilities",), "softmax"),
    ("pipeline/textcat.py", ("apply_settings",), "softmax"),
    ("pipeline/decision_writer.py", ("write_cats", "take_columns"), "writing doc.cats"),
    ("pipeline/decision.py", ("write_cats",), "writing doc.cats"),
    ("pipeline/", (), "decision"),
    ("spacy_longtail/ops.py", (), "decision"),
    ("spacy/language.py", (), "tokenizer"),
]
ORDER = [
    "tokenizer",
    "lookup",
    "sums",
    "product",
    "softmax",
    "decision",
    "writing doc.cats",
    "fallback",
    "rest",
]


def find_part(frame: Optional[FrameType]) -> str:
    """RETURNS (str): Of the innermost frame that a part has, or of the fallback if that
    is anywhere above it.
    """
    found = None
    while frame is not None:
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        part = look_up(path, name)
        if part == "fallback":
            return part
        found = found or part
        frame = frame.f_back
    return found or "rest"


def look_up(path: str, name: str) -> Optional[str]:
    # Each component waits in it for what is before it.
    if name in ("pipe", "minibatch"):
        return None
    for place, functions, part in PARTS:
        if place in path and (not functions or name in functions):
            return part
    return None


def measure(plan: Dict[str, Any]) -> Dict[str, float]:
    """RETURNS (Dict[str, float]): The share of each part of the processor's time."""
    run = make_run(plan, load_ours(plan))
    texts = read_texts(Path(plan["texts"]), plan["n_texts"])
    for _ in run(texts[:1000]):
        pass
    counts: Counter = Counter()

    def sample(number: int, frame: Optional[FrameType]) -> None:
        counts[find_part(frame)] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    for _ in range(plan["n_rounds"]):
        for _ in run(texts):
            pass
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    total = sum(counts.values())
    return {part: counts[part] / total for part in ORDER}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))), flush=True)
