"""Locks for what only one thread or only one run at a time may do. For threads there
is one for all, so that no two can wait for each other; a thread that has it can take it
again.
"""

import os
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import RLock
from typing import Iterator, Optional

LOCK = RLock()
if hasattr(os, "register_at_fork"):
    # It is free in a process that is forked, whatever other threads are doing then.
    free = {"after_in_parent": LOCK.release, "after_in_child": LOCK.release}
    os.register_at_fork(before=LOCK.acquire, **free)


@contextmanager
def lock_path(path: Path, max_wait: float = 0.0) -> Iterator[Optional[bool]]:
    """Lock a file, which is made, or a folder against other runs, until the end of the
    block or of the process.

    max_wait (float): Seconds to wait while another run has locked it.
    YIELDS (Optional[bool]): Whether it's locked: False if another run has locked or
        removed it, None if the system or the disk knows no locks.
    """
    if sys.platform == "win32":
        yield None
        return
    import fcntl

    end = time.monotonic() + max_wait
    is_locked = None
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    with ExitStack() as stack:
        try:
            holder = os.open(path, flags, 0o666)
            stack.callback(os.close, holder)
            while not is_locked:
                try:
                    fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    is_locked = os.path.samestat(os.fstat(holder), os.stat(path))
                    break
                except BlockingIOError:
                    is_locked = False
                    if time.monotonic() >= end:
                        break
                    time.sleep(0.01)
        except FileNotFoundError:
            is_locked = False
        except OSError:
            pass
        yield is_locked
