"""Commands of spaCy, in processes of their own as for a user."""

import subprocess
import sys
from typing import Any


def run_spacy(*words: Any) -> str:
    """RETURNS (str): What the command printed; shown if it fails."""
    command = [sys.executable, "-m", "spacy", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print((done.stdout + done.stderr)[-2000:], file=sys.stderr)
        done.check_returncode()
    return done.stdout
