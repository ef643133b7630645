"""Work in a process of its own: its value, its steps, its errors and its end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kronmix.cli.beside import beside
from kronmix.progress import Advance


def squares(advance: Advance) -> list[int]:
    for i in range(3):
        advance(i + 1, 3, f"square of {i}")
    return [i * i for i in range(100_000)]  # more than a pipe holds


def raises(advance: Advance) -> None:
    raise ModuleNotFoundError("no such library", name="nothing")


def dies(advance: Advance) -> None:
    os._exit(3)


def sleeps(advance: Advance) -> None:
    time.sleep(60)


def threads(advance: Advance) -> set[int]:
    import scipy.linalg  # noqa: F401

    return {library["num_threads"] for library in threadpool_info()}


def test_blas_takes_one_thread_in_both_and_what_it_had_after() -> None:
    with threadpool_limits(3):
        before = threads(lambda *step: None)
        with beside(threads) as counted:
            assert threads(lambda *step: None) == counted(lambda *step: None) == {1}
        assert threads(lambda *step: None) == before == {3}


def test_what_it_returns_raises_and_tells_arrives() -> None:
    steps: list[tuple[object, ...]] = []
    with beside(squares) as squared, beside(raises) as raised, beside(dies) as died, beside(sleeps):
        assert squared(lambda *step: steps.append(step))[-1] == 99_999**2
        with pytest.raises(ModuleNotFoundError, match="no such library") as told:
            raised(lambda *step: None)
        assert "in raises" in told.value.__notes__[0]  # where it came from, in the other process
        with pytest.raises(RuntimeError, match=r"its process died \(exit code 3\)"):
            died(lambda *step: None)
    assert steps == [(1, 3, "square of 0"), (2, 3, "square of 1"), (3, 3, "square of 2")]
    assert not multiprocessing.active_children()


@pytest.mark.skipif(sys.platform == "win32", reason="has no signals to send")
def test_it_does_not_hear_an_interrupt_not_even_while_it_starts() -> None:
    with beside(squares) as squared:
        (child,) = multiprocessing.active_children()
        assert child.pid is not None
        for _ in range(20):
            os.kill(child.pid, signal.SIGINT)
            time.sleep(0.01)
        assert len(squared(lambda *step: None)) == 100_000
