import sys
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable, Iterator

from wasabi import Printer


@contextmanager
def clean_exit() -> Iterator[None]:
    """Print an error that the user can do something about, without a traceback, to
    stderr, and exit with 1; with 130 after Ctrl-C.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        print(Printer(no_print=True).fail(str(error)), file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt as error:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(130) from error


def get_progress(**settings: Any) -> Callable:
    """RETURNS (Callable): Shows a bar on stderr for what it iterates over, if that is
    a terminal.
    """
    from tqdm import tqdm

    return partial(tqdm, disable=None, leave=False, unit=" docs", **settings)
