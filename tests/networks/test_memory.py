"""Training leaves the process as it found it, and takes no fresh pages in every step."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

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
