import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
OWN = {path.stem for path in BENCHMARKS.iterdir()}


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    """The folder is none of the package: its modules are found here only."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in OWN:
            del sys.modules[name]
