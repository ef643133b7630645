"""Executors of cells: this process, or several; when one of those ends early, only its own cell is lost."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any


class WorkerDiedError(RuntimeError):
    """A process ended before its cell was done."""


class Here(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The finished future."""
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


class Processes(Executor):
    """``count`` processes, each with a pipe of its own: a closed pipe shows which cell was lost with its process."""

    def __init__(self, count: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._threads = ThreadPoolExecutor(count)
        self._idle: SimpleQueue[tuple[Any, Any] | None] = SimpleQueue()
        self._started: list[Any] = []
        for _ in range(count):
            self._idle.put(None)  # started when it is needed

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run in a process; the future raises ``WorkerDiedError`` if that ends early."""
        return self._threads.submit(self._run_in_worker, function, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes, and what they run."""
        for process in self._started:
            process.terminate()
        self._threads.shutdown(wait, cancel_futures=True)

    def _run_in_worker(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a function in an idle process, which is started if there is none; WorkerDiedError if it ends."""
        process, pipe = self._idle.get() or self._start()
        try:
            pipe.send((function, args, kwargs))
            result = pipe.recv()
        except (EOFError, OSError):
            process.join()
            self._idle.put(None)
            raise WorkerDiedError(f"its process died (exit code {process.exitcode})") from None
        self._idle.put((process, pipe))
        return result

    def _start(self) -> tuple[Any, Any]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve_calls, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        self._started.append(process)
        return process, ours


def _serve_calls(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this process ends it
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except EOFError:
            return
        pipe.send(function(*args, **kwargs))
