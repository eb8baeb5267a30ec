"""A worker in this process, or one in each of several others.

A process has a pipe of its own to the parent. It ends as soon as the parent is gone,
however that has ended, and leaves Ctrl-C to it.
"""

import os
import pickle
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Any, Callable, Iterable, Iterator, List, Tuple

from ..errors import JobErrors

# A method of the worker and its arguments.
TaskT = Tuple[str, Tuple[Any, ...]]
# Tasks that a process has at a time: one is sent while another one is done.
DEPTH = 2
HINT = "Run the same command again: what is done isn't done again. "
HINTS = {
    -9: HINT + "If memory was short, take fewer processes or a smaller --shard-size.",
    1: HINT + "In a script, call it below: if __name__ == '__main__':",
}


class Serial:
    """A worker in this process.

    make (Callable[[], Any]): Makes the worker, which has a method "close".
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self.worker = make()

    def tell(self, method: str, *args: Any) -> Any:
        """Call a method of every worker.

        RETURNS (Any): The answer of the first.
        """
        return getattr(self.worker, method)(*args)

    def run(self, tasks: Iterable[TaskT]) -> Iterator[Any]:
        """YIELDS (Any): The answers, in any order."""
        return (self.tell(method, *args) for method, args in tasks)

    def close(self) -> None:
        """Leave nothing behind, and no process."""
        self.worker.close()


class Pool(Serial):
    """A worker in each of several processes, which start at once.

    make (Callable[[], Any]): Makes a worker there. It's sent to them.
    n_process (int): How many, at least 1.
    RAISES (ValueError): L718 in any method, if a process has ended.
    """

    def __init__(self, make: Callable[[], Any], n_process: int) -> None:
        # Forked ones could wait forever for a lock that a thread has here.
        context = get_context("spawn")
        # PyTorch would start as many threads as there are processors in each of them.
        n_threads = max((os.cpu_count() or 1) // n_process, 1)
        self.peers: List[_Peer] = []
        with _without_interrupts():
            for number in range(n_process):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_serve,
                    args=(theirs, make, n_threads, number > 0),
                    daemon=True,
                )
                process.start()
                theirs.close()
                self.peers.append(_Peer(process, ours))

    def tell(self, method: str, *args: Any) -> Any:
        for peer in self.peers:
            peer.send((method, args))
        return [peer.receive() for peer in self.peers][0]

    def run(self, tasks: Iterable[TaskT]) -> Iterator[Any]:
        left = iter(tasks)
        is_left = True
        while is_left or any(peer.n_tasks for peer in self.peers):
            peer = min(self.peers, key=lambda peer: peer.n_tasks)
            task = next(left, None) if is_left and peer.n_tasks < DEPTH else None
            if task is not None:
                peer.send(task)
                continue
            is_left = is_left and peer.n_tasks >= DEPTH
            busy = [peer for peer in self.peers if peer.n_tasks]
            ready = wait([peer.connection for peer in busy]) if busy else []
            yield from (peer.receive() for peer in busy if peer.connection in ready)

    def close(self) -> None:
        for peer in self.peers:
            peer.process.terminate()
        for peer in self.peers:
            peer.process.join()
            peer.connection.close()


class _Peer:
    """The parent's side of a process."""

    def __init__(self, process: Any, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.n_tasks = 0

    def send(self, task: TaskT) -> None:
        try:
            self.connection.send(task)
        except OSError:
            raise self._make_error() from None
        self.n_tasks += 1

    def receive(self) -> Any:
        try:
            is_done, answer = self.connection.recv()
        except (EOFError, OSError):
            raise self._make_error() from None
        self.n_tasks -= 1
        if not is_done:
            raise answer
        return answer

    def _make_error(self) -> ValueError:
        self.process.join(10)
        code = self.process.exitcode
        hint = HINTS.get(code, HINT)
        return ValueError(JobErrors.L718.format(code=code, hint=hint.strip()))


def _serve(
    connection: Connection, make: Callable[[], Any], n_threads: int, is_silent: bool
) -> None:
    """Do the tasks of a process, one after another.

    n_threads (int): For PyTorch, unless the environment says so.
    """
    torch: Any = sys.modules.get("torch")
    if torch is not None and "OMP_NUM_THREADS" not in os.environ:
        # Thinc has imported it, so that it doesn't read the environment any more.
        torch.set_num_threads(n_threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if is_silent:
        # The first process says the same.
        warnings.simplefilter("ignore")
    tasks: "SimpleQueue[TaskT]" = SimpleQueue()
    receiver = threading.Thread(target=_receive, args=(connection, tasks), daemon=True)
    receiver.start()
    worker, problem = None, None
    try:
        worker = make()
    except Exception as error:
        problem = error
    while True:
        method, args = tasks.get()
        try:
            if problem is not None:
                raise problem
            answer = True, getattr(worker, method)(*args)
        except Exception as error:
            answer = False, _make_portable(error)
        connection.send(answer)


def _receive(connection: Connection, tasks: "SimpleQueue[TaskT]") -> None:
    try:
        while True:
            tasks.put(connection.recv())
    except (EOFError, OSError):
        # The parent is gone: nobody waits for what is being done.
        os._exit(1)


def _make_portable(error: Exception) -> Exception:
    """RETURNS (Exception): It, or what it says if it can't be sent."""
    try:
        copy = pickle.loads(pickle.dumps(error))
        if type(copy) is type(error) and str(copy) == str(error):
            return error
    except Exception:
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let processes that start here ignore Ctrl-C from the start."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
