"""Results: a file of lines for each data set, a line for each run."""

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Tuple

ResultT = Dict[str, Any]
KeyT = Tuple[str, int, str]


def get_key(result: ResultT) -> KeyT:
    """RETURNS (KeyT): System with its options, seed and split."""
    return result["system"], result["seed"], result["split"]


def read_results(out: Path, name: str) -> Dict[KeyT, ResultT]:
    path = out / f"{name}.jsonl"
    if not path.exists():
        return {}
    with path.open(encoding="utf8") as lines:
        results = map(json.loads, lines)
        return {get_key(result): result for result in results}


def read_all(out: Path) -> Dict[str, Dict[KeyT, ResultT]]:
    """RETURNS (Dict[str, Dict[KeyT, ResultT]]): The runs of each data set."""
    names = sorted(path.stem for path in out.glob("*.jsonl"))
    return {name: read_results(out, name) for name in names}


def add_result(out: Path, name: str, result: ResultT) -> None:
    """Write a result beside the others, in the place of an older one of its run."""
    results = {**read_results(out, name), get_key(result): result}
    lines = [json.dumps(results[key], sort_keys=True) + "\n" for key in sorted(results)]
    out.mkdir(parents=True, exist_ok=True)
    part = out / f"{name}.jsonl.part"
    part.write_text("".join(lines), encoding="utf8")
    os.replace(part, out / f"{name}.jsonl")


def round_floats(value: Any, digits: int = 4) -> Any:
    """Round all numbers in nested values, for lines that a person can read."""
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, dict):
        return {key: round_floats(x, digits) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        items: List[Any] = [round_floats(x, digits) for x in value]
        return items
    return value
