"""Threads that share work, each with one BLAS thread: NumPy's elementwise and small-matrix work uses one core only."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec

from ..extras import needed


def available_threads() -> int:
    """One a core, or OMP_NUM_THREADS; 1 where threadpoolctl is not installed, without which BLAS would bring its own to each."""
    if find_spec("threadpoolctl") is None:
        return 1
    wished = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(wished) if wished.isdecimal() and int(wished) > 0 else cores


@contextmanager
def workers(count: int, belongings: Callable[[], object] = lambda: None) -> Iterator[ThreadPoolExecutor]:
    """``count`` threads; inside the block BLAS uses one thread wherever it is called.

    What ``belongings`` returns is made in each thread and kept as long as the thread lives.
    """
    with needed("work in several threads"):
        from threadpoolctl import threadpool_limits

    own = threading.local()

    def begin() -> None:
        own.belongings = belongings()

    with threadpool_limits(1), ThreadPoolExecutor(count, initializer=begin) as pool:
        yield pool
