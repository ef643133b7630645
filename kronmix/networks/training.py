"""Train a network by minibatches: progress, a clean stop, and a checkpoint from which a run goes on bit for bit."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..files import read_arrays, write_file
from ..optimizers import SGD, AdamW, Schedule, scheduled
from .history import Epoch, as_table, from_table, progress_line
from .losses import LOSSES, accuracy
from .network import Network
from .parts import Array
from .steps import Stepper, suitable_threads


class DivergedError(ArithmeticError):
    """The loss of a batch was not a finite number."""


@dataclass(frozen=True)
class Fit:
    """A trained network and its history.

    Attributes
    ----------
    network : Network
    history : tuple of Epoch
    reason : str
        "epochs" or "interrupted".
    """

    network: Network
    history: tuple[Epoch, ...] = field(default=())
    reason: str = "epochs"

    def __repr__(self) -> str:
        if not self.history:
            return f"Fit({self.network!r}, no epochs)"
        last = self.history[-1]
        return f"Fit({self.network.name}, {last.epoch} epochs, loss {last.loss:.4g}, stopped by {self.reason})"


def fit(
    network: Network,
    X: Any,
    y: Any,
    *,
    epochs: int = 10,
    batch: int = 64,
    loss: str = "cross_entropy",
    optimizer: SGD | AdamW | None = None,
    schedule: Schedule | float = 1e-3,
    seed: int = 0,
    threads: int | None = None,
    checkpoint: str | Path | None = None,
    progress: Callable[[Epoch, int], None] | None = None,
) -> Fit:
    """Train by minibatches, shuffled anew in every epoch.

    Parameters
    ----------
    network : Network
    X : array of shape (N, H, W, colours), (N, S, C) or (N, width)
    y : array of shape (N,) or (N, 1) of labels, or for squared loss (N, outputs), or images where the outputs are images
    epochs, batch : int
    loss : {"cross_entropy", "squared"}
    optimizer : SGD or AdamW
        Default: AdamW.
    schedule : float or function of the step
        Learning rate.
    seed : int
        Of the order of the samples: epoch e uses (seed, e), so that a run that goes on is the run that went through.
    threads : int, optional
        Among which the samples of a batch are dealt; more than one needs threadpoolctl. Default: one a core (or OMP_NUM_THREADS)
        where a step is long enough to share, else 1. Another number rounds sums in another order.
    checkpoint : str or Path, optional
        File written after every epoch; if it is there, training goes on from it.
    progress : function of (Epoch, epochs), optional
        Called after every epoch. Default: a ``ProgressLine`` where stderr is a terminal.

    Returns
    -------
    Fit
        After Ctrl-C, the last whole epoch's network, with ``reason == "interrupted"``.

    Raises
    ------
    DivergedError
        If a loss is not finite; names the epoch and the rate.
    ValueError
        If sizes do not fit, labels are out of range, or the checkpoint belongs to another network.

    Examples
    --------
    >>> X, y = km.datasets.digits(patch=2)
    >>> net = km.networks.s_mixer(16, 4, depth=1, classes=10)
    >>> found = km.networks.fit(net, X[:300], y[:300], epochs=3, schedule=1e-2)
    >>> found.history[-1].loss < found.history[0].loss
    True
    """
    if loss not in LOSSES:
        raise ValueError(f"loss={loss!r}: expected one of {sorted(LOSSES)}")
    if epochs < 0 or batch < 1:
        raise ValueError(f"epochs={epochs}, batch={batch}: expected epochs ≥ 0 and batch ≥ 1")
    stepper = AdamW() if optimizer is None else optimizer.fresh()
    rate = scheduled(schedule)
    dtype = np.result_type(np.float32, *network.factors)
    columns = network.patches.columns(X, dtype)
    outputs = network.body(columns[:, :1]).shape[0]
    targets = _checked_targets(network, outputs, y, columns.shape[1], loss, dtype)
    step = Stepper(network, loss, suitable_threads(network.connections * batch) if threads is None else threads)
    θ = step.vector(network.factors)
    history: list[Epoch] = []
    steps = 0
    if checkpoint is not None and Path(checkpoint).exists():
        θ, steps, history = _load_checkpoint(Path(checkpoint), θ, stepper)
    reached, reason = θ.copy(), "epochs"
    show = progress_line() if progress is None else progress
    try:
        with step.running(batch) as pool:
            for epoch in range(len(history), epochs):
                order = np.random.default_rng([seed, epoch]).permutation(columns.shape[1])
                total = hits = 0.0
                for start in range(0, order.size, batch):
                    chosen = order[start : start + batch]
                    value, gradient, outputs = step(θ, columns[:, chosen], targets[..., chosen], pool)
                    if not np.isfinite(value):
                        raise DivergedError(
                            f"the loss is {value} in epoch {epoch + 1} at a rate of {rate(steps):g}: take a smaller one"
                        )
                    stepper.step(θ, gradient, rate(steps), steps)
                    steps += 1
                    total += value * chosen.size
                    hits += accuracy(outputs, targets[chosen]) * chosen.size if loss == "cross_entropy" else np.nan
                if not np.isfinite(θ).all():
                    raise DivergedError(f"weights are not finite after epoch {epoch + 1}: take a smaller rate")
                history.append(Epoch(epoch + 1, total / order.size, hits / order.size))
                reached = θ.copy()
                if checkpoint is not None:
                    _save_checkpoint(Path(checkpoint), θ, steps, history, stepper)
                show(history[-1], epochs)
    except KeyboardInterrupt:
        reason = "interrupted"
    return Fit(network.with_factors(*step.arrays(reached)), tuple(history), reason)


def _checked_targets(network: Network, outputs: int, y: Any, samples: int, loss: str, dtype: Any) -> Array:
    """Labels, or targets of shape (outputs, samples) for squared loss."""
    given = np.asarray(y)
    if loss == "cross_entropy" and given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]  # a column of labels
    if len(given) != samples:
        raise ValueError(f"X holds {samples} samples and y {len(given)}: they must be equal")
    if loss == "squared":
        if given.ndim > 2:  # images for images
            given = network.patches.columns(given, dtype).T
        if given.shape != (samples, outputs):
            raise ValueError(f"y has shape {given.shape}: expected ({samples}, {outputs}) for squared loss")
        return np.ascontiguousarray(given.T, dtype=dtype)
    if given.ndim != 1 or given.dtype.kind not in "iu" or (samples and not 0 <= given.min() <= given.max() < outputs):
        raise ValueError(f"y: expected integer labels from 0 to {outputs - 1}, one for each sample")
    return given


def _save_checkpoint(file: Path, θ: Array, steps: int, history: list[Epoch], optimizer: SGD | AdamW) -> None:
    stream = io.BytesIO()
    state = {f"optimizer/{name}": array for name, array in optimizer.state.items()}
    np.savez(stream, theta=θ, steps=np.array(steps), history=as_table(history), **state)  # type: ignore[arg-type]
    write_file(file, stream.getvalue())


def _load_checkpoint(file: Path, θ: Array, optimizer: SGD | AdamW) -> tuple[Array, int, list[Epoch]]:
    """Parameters, steps done and history; the optimizer's state is restored in place."""
    arrays = read_arrays(file)
    if "theta" not in arrays or arrays["theta"].shape != θ.shape or arrays["theta"].dtype != θ.dtype:
        raise ValueError(f"{file}: not a checkpoint of this network, which has {θ.size} parameters of {θ.dtype}")
    for name, array in arrays.items():
        if name.startswith("optimizer/"):
            optimizer.state[name.removeprefix("optimizer/")] = array.copy()
    return arrays["theta"].copy(), int(arrays["steps"]), from_table(arrays["history"])
