import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spacy_longtail.batch.pool import Pool, Serial

pytestmark = pytest.mark.slow


class Adder:
    """A worker. It is sent to another process by its name in this module."""

    def __init__(self, first=0):
        self.total = first

    def add(self, number):
        self.total += number
        return self.total

    def close(self):
        pass

    def add_alone(self, number):
        return os.getpid(), number + 1

    def fail(self, what):
        raise what

    def refuse(self):
        class Unknown(Exception):
            pass

        raise Unknown("strange")

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def wait(self, path):
        Path(path).write_text(str(os.getpid()))
        time.sleep(60)


def make_serial():
    return Serial(Adder)


def make_pool():
    return Pool(Adder, 2)


@pytest.fixture(params=[make_serial, make_pool])
def workers(request):
    workers = request.param()
    yield workers
    workers.close()


def test_all_tasks_are_done_and_all_workers_are_told(workers):
    assert workers.tell("add", 5) == 5
    found = list(workers.run(("add_alone", (i,)) for i in range(40)))
    assert sorted(number for _, number in found) == list(range(1, 41))
    n_processes = len({process for process, _ in found})
    assert n_processes == (1 if type(workers) is Serial else 2)
    assert workers.tell("add", 1) == 6
    assert list(workers.run([])) == []


def test_an_error_is_that_of_the_worker(workers):
    with pytest.raises(ValueError, match="a reason"):
        list(workers.run([("fail", (ValueError("a reason"),))]))
    with pytest.raises(Exception, match="strange"):
        workers.tell("refuse")


@pytest.fixture
def pool():
    pool = make_pool()
    yield pool
    pool.close()


def test_a_process_that_is_killed(pool):
    tasks = [("add_alone", (1,)), ("die", ()), *[("add_alone", (1,))] * 9]
    with pytest.raises(ValueError, match=r"\[L718\].*-9.*fewer processes"):
        list(pool.run(tasks))


def is_there(process):
    return Path(f"/proc/{process}").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_processes_end_when_the_parent_is_killed(tmp_path):
    path = tmp_path / "process"
    code = f"""
from tests.batch.test_pool import make_pool
make_pool().tell("wait", {str(path)!r})
"""
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    parent = subprocess.Popen([sys.executable, "-c", code], env=env)
    while not (path.exists() and path.read_text()):
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    end = time.monotonic() + 10
    while is_there(path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from spacy_longtail.batch.pool import Pool\nPool(dict, 1).tell('copy')\n"
    )
    child = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60
    )
    assert "[L718]" in child.stderr and "__main__" in child.stderr
