"""Work that is done in a process of its own, beside what this process does."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from importlib.util import find_spec
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TypeVar

from ..extras import needed
from ..progress import Advance

Result = TypeVar("Result")
Work = Callable[[Advance], Result]


class Event(Enum):
    """What the process sends."""

    MOVED, RAISED, RETURNED = range(3)


@contextmanager
def beside(work: Work[Result]) -> Iterator[Work[Result]]:
    """Start work in a process of its own; call what is given to wait for it and have what it returns or raises.

    At the end of the block the process is ended, done or not. Both processes use one BLAS thread, where threadpoolctl is installed:
    their threads would wait for each other's cores.

    Parameters
    ----------
    work : function of an ``Advance``
        Importable by its name, as ``multiprocessing`` needs it.

    Raises
    ------
    RuntimeError
        From the call, if the process died.

    Examples
    --------
    >>> from kronmix.cli.beside import beside
    >>> from kronmix.cli.report import verdicts
    >>> with beside(verdicts) as proven:
    ...     "train meanwhile"
    'train meanwhile'
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(work, theirs), daemon=True)
    with _interrupt_held():  # which it inherits: whoever started it ends it
        process.start()
    theirs.close()

    def wait(advance: Advance) -> Result:
        try:
            while (told := ours.recv())[0] is Event.MOVED:
                advance(*told[1])
        except EOFError:
            process.join()
            raise RuntimeError(f"its process died (exit code {process.exitcode})") from None
        happened, value = told
        if happened is Event.RAISED:
            raise value
        return value

    try:
        with _one_blas_thread():
            yield wait
    finally:
        process.kill()
        process.join()
        ours.close()


@contextmanager
def _interrupt_held() -> Iterator[None]:
    """Ctrl-C waits for the end of the block, where the system can hold it."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # else it starts with the first process, and lets go of what is held
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread inside the block, if threadpoolctl is installed."""
    if find_spec("threadpoolctl") is None:
        yield
        return
    import scipy.linalg  # noqa: F401  # with NumPy's and SciPy's BLAS, of which only what is loaded is limited

    with needed("work in two processes"):
        from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def _serve(work: Work[Result], pipe: Connection) -> None:
    """In the child process: do the work and send its progress, then its result or error, to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # also where it is not inherited
    try:
        with _one_blas_thread():
            value = work(lambda *step: pipe.send((Event.MOVED, step)))
    except Exception as error:  # raised again where it is waited for, which does not know where it came from
        error.add_note("".join(traceback.format_exception(error)))
        pipe.send((Event.RAISED, error))
    else:
        pipe.send((Event.RETURNED, value))
