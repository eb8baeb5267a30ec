import os
from threading import Event, Thread

import pytest

from spacy_longtail.locks import LOCK


def test_one_thread_at_a_time_and_as_often_as_it_likes():
    found = []
    with LOCK, LOCK:
        thread = Thread(target=lambda: found.append(LOCK.acquire(timeout=0.01)))
        thread.start()
        thread.join()
    assert found == [False]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_is_free_in_a_forked_process():
    has_it, may_end = Event(), Event()

    def hold():
        with LOCK:
            has_it.set()
            may_end.wait(0.05)

    thread = Thread(target=hold)
    thread.start()
    has_it.wait()
    process = os.fork()
    if process == 0:
        os._exit(0 if LOCK.acquire(timeout=1) else 1)
    assert os.waitpid(process, 0)[1] == 0
    may_end.set()
    thread.join()
