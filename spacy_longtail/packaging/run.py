"""Run what builds packages, as a process of its own of the same Python."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..errors import JobErrors

N_LINES = 15


def run_module(name: str, *words: Any) -> str:
    """Run a module, with what it says kept.

    RETURNS (str): What it has said.
    RAISES (ValueError): L740 if it has failed, with its last lines.
    """
    command = [sys.executable, "-m", name, *map(str, words)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf8",
        errors="replace",
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-N_LINES:])
        shown = " ".join(["python", "-m", name, *map(str, words)])
        text = JobErrors.L740.format(
            command=shown, status=done.returncode, said=last or "nothing"
        )
        raise ValueError(text)
    return done.stdout


def check_builder() -> None:
    """RAISES (ValueError): L741 if the library that builds packages isn't installed."""
    try:
        # A folder named build may be what an import finds.
        version("build")
    except PackageNotFoundError:
        raise ValueError(JobErrors.L741) from None
