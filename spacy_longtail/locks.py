"""A lock for what only one thread at a time may do. There is one for all, so that
no two threads can wait for each other; a thread that has it can take it again.
"""

import os
from threading import RLock

LOCK = RLock()
if hasattr(os, "register_at_fork"):
    # It is free in a process that is forked, whatever other threads are doing then.
    free = {"after_in_parent": LOCK.release, "after_in_child": LOCK.release}
    os.register_at_fork(before=LOCK.acquire, **free)
