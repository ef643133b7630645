"""One training step: the loss of a minibatch and its gradient in all parameters, shared among threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import numpy as np

from ..checks import integer
from .losses import LOSSES
from .memory import Reserve
from .network import Network
from .parts import Array
from .threads import available_threads, workers

#: Multiply-adds of a step from which threads gain more than they wait for each other.
_WORTH_SHARING = 5e7

#: Arrays of a layer's output that live at once in a step, at most: value, derivative, norm, their gradients, temporaries.
_ARRAYS_A_LAYER = 8


def suitable_threads(multiply_adds: float) -> int:
    """Threads for a step: all that are available, 1 where the step is short."""
    return available_threads() if multiply_adds >= _WORTH_SHARING else 1


class Stepper:
    """Loss and gradient of minibatches of a network.

    The samples of a batch are dealt to threads, each with one BLAS thread, because NumPy's elementwise work uses one core only.
    Gradients are added in the order of the threads: the same number of threads gives the same bits.

    Parameters
    ----------
    network : Network
    loss : {"cross_entropy", "squared"}
    threads : int
    """

    def __init__(self, network: Network, loss: str, threads: int = 1) -> None:
        integer(threads, "threads")
        self.network, self.loss, self.threads = network, LOSSES[loss], threads
        ends = np.cumsum([0, *(f.size for f in network.factors)]).tolist()
        self._places = [(*cut, f.shape) for cut, f in zip(pairwise(ends), network.factors, strict=True)]

    def vector(self, arrays: Sequence[Array]) -> Array:
        """All parameters in one vector."""
        return np.concatenate([np.ravel(a) for a in arrays])

    def arrays(self, θ: Array) -> tuple[Array, ...]:
        """The parameters of a vector, each in its shape."""
        return tuple(θ[start:stop].reshape(shape) for start, stop, shape in self._places)

    @contextmanager
    def running(self, samples: int = 64) -> Iterator[ThreadPoolExecutor | None]:
        """Threads, and memory that is not handed back between steps of so many samples."""
        size = self._step_bytes(-(-samples // self.threads))
        reserve = [Reserve(size)]
        try:
            if self.threads == 1:
                yield None
                return
            with workers(self.threads - 1, lambda: Reserve(size)) as pool:
                yield pool
        finally:
            reserve.clear()  # also where an error keeps this frame alive

    def _step_bytes(self, samples: int) -> int:
        """More than a step of so many samples takes: a few arrays of its output for each part."""
        rows = [op.shape[0] for op in self.network.layers()]
        return _ARRAYS_A_LAYER * sum(rows) * samples * self.network.factors[0].itemsize

    def __call__(
        self, θ: Array, X: Array, targets: Array, pool: ThreadPoolExecutor | None = None
    ) -> tuple[float, Array, Array]:
        """Mean loss, gradient and outputs (rows, batch) of columns X."""
        body, total = self.network.body.with_factors(*self.arrays(θ)), X.shape[1]

        def part(start: int, stop: int) -> tuple[float, Array, Array]:
            with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges shows in its loss
                outputs, pull = body.vjp(np.ascontiguousarray(X[:, start:stop]))
                value, outputs_bar = self.loss(outputs, targets[..., start:stop], total)
                gradients, _ = pull(outputs_bar, False)
                return value, self.vector(gradients), outputs

        if pool is None or total < self.threads:
            return part(0, total)
        cuts = [total * i // self.threads for i in range(self.threads + 1)]
        others = [pool.submit(part, *cut) for cut in pairwise(cuts[1:])]
        parts = [part(0, cuts[1]), *(other.result() for other in others)]
        values, gradients, outputs = zip(*parts, strict=True)
        gradient = gradients[0]
        for other in gradients[1:]:
            gradient += other
        return float(sum(values)), gradient, np.concatenate(outputs, axis=1)
