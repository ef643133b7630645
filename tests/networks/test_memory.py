"""Training leaves the process as it found it, and takes no fresh pages in every step."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kronmix import networks as nn
from kronmix.networks.steps import Stepper

PROGRAM = """
import json, resource
import numpy as np
import kronmix as km
from kronmix.networks.steps import Stepper

def faults(work, times=10):
    for _ in range(3):
        work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / times

def ordinary():
    np.ones(2**18) + 1.0

before = faults(ordinary)
net = km.networks.mlp_mixer((16, 16, 3), patch=4, channels=64, depth=1, classes=10)
rng = np.random.default_rng(0)
X, y = rng.normal(size=(64, 16, 16, 3)).astype(np.float32), rng.integers(0, 10, 64)
km.networks.fit(net, X, y, epochs=1, threads=1)
after = faults(ordinary)
stepper = Stepper(net, "cross_entropy")
theta, columns = stepper.vector(net.factors), net.patches.columns(X, np.float32)
with stepper.running() as pool:
    step = faults(lambda: stepper(theta, columns, y, pool))
print(json.dumps({"before": before, "after": after, "step": step}))
"""


LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults of glibc")


def counted() -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@LINUX
def test_ordinary_work_after_training_is_as_it_was() -> None:
    found = counted()
    assert found["after"] <= found["before"] + 5  # 513 where the C library's rules were changed


@LINUX
@pytest.mark.nightly  # alone on the machine: beside a whole test run the heap does not keep its pages
def test_a_step_takes_no_fresh_pages() -> None:
    assert counted()["step"] <= 50  # thousands where each step takes its memory from the kernel anew


def threads() -> tuple[list[int], set[threading.Thread]]:
    """Of BLAS and OpenMP, in each library; and Python's."""
    return [int(library["num_threads"]) for library in threadpool_info()], set(threading.enumerate())


def ends(epoch: nn.Epoch, epochs: int) -> None:
    pass


def is_stopped(epoch: nn.Epoch, epochs: int) -> None:
    raise KeyboardInterrupt


def fails(epoch: nn.Epoch, epochs: int) -> None:
    raise RuntimeError


@pytest.mark.parametrize("progress", [ends, is_stopped, fails])
@pytest.mark.parametrize("number", [1, 2])
def test_threads_after_training_are_as_they_were(number: int, progress: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 4)), rng.integers(0, 2, 64)
    during = []
    step = Stepper.__call__

    def watched(self: Stepper, *args: Any) -> Any:
        during.append(threads())
        return step(self, *args)

    monkeypatch.setattr(Stepper, "__call__", watched)
    with threadpool_limits(3):
        before = threads()
        assert set(before[0]) == {3}
        with suppress(RuntimeError):
            nn.fit(nn.mlp(4, [3], 2), X, y, epochs=1, batch=16, threads=number, progress=progress)
        assert threads() == before
    limits, running = during[-1]
    assert limits == (before[0] if number == 1 else [1] * len(limits))  # so that there was something to put back
    assert len(running - before[1]) == number - 1
