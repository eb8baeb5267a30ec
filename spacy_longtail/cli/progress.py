from functools import partial
from typing import Any


def get_progress() -> Any:
    """RETURNS (Any): Shows a bar on stderr for what it iterates over, if that is a
    terminal.
    """
    from tqdm import tqdm

    return partial(tqdm, disable=None, leave=False, unit=" docs")
